#include "run/listed_entry.h"

#include <algorithm>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::run {

namespace {

const cluster::WriteOptions kAsFencepost{.field_manager = "fencepost"};

std::string mark_of(const std::string& obligation) { return "fencepost.io/" + obligation; }

bool is_marked(const Value& object, const std::string& obligation) {
    return !object.get("metadata", "annotations", mark_of(obligation)).is_nil();
}

bool is_listed(const Value& object, const ListedEntry& entry) {
    const auto entries = listed_in(object, entry.annotation);
    return std::find(entries.begin(), entries.end(), entry.entry) != entries.end();
}

// An empty list goes altogether: to some readers it is not the same as none.
void write_list(Value& object, const std::string& annotation, std::vector<std::string> entries) {
    Value& annotations = object["metadata"]["annotations"];
    if (entries.empty()) {
        annotations.erase(annotation);
        return;
    }
    std::sort(entries.begin(), entries.end());
    annotations[annotation] = to_json(Value(List(entries.begin(), entries.end())));
}

void require_same(const Value& object, const ListedEntry& entry) {
    if (cluster::uid_of(object) == entry.uid) return;
    throw Error(ErrorKind::kFailedPrecondition, to_string(entry.object) + " has been replaced meanwhile");
}

Error already_listed(const ListedEntry& entry) {
    return {ErrorKind::kFailedPrecondition,
            entry.entry + " is listed already in " + entry.annotation + " of " + to_string(entry.object) +
                ", by somebody else",
            "it stays as it is: only who listed it knows when it may go"};
}

}  // namespace

Value ListedEntry::to_value() const {
    Value value;
    value["group"] = object.type.group;
    value["version"] = object.type.version;
    value["resource"] = object.type.resource;
    value["namespace"] = object.ns;
    value["name"] = object.name;
    value["uid"] = uid;
    value["annotation"] = annotation;
    value["entry"] = entry;
    return value;
}

ListedEntry ListedEntry::from_value(const Value& value) {
    const auto text = [&](const char* member) { return value[member].string_or(""); };
    return {.object = {{text("group"), text("version"), text("resource")}, text("namespace"), text("name")},
            .uid = text("uid"),
            .annotation = text("annotation"),
            .entry = text("entry")};
}

std::vector<std::string> listed_in(const Value& object, std::string_view annotation) {
    const Value& text = object.get("metadata", "annotations", annotation);
    if (text.is_nil()) return {};
    std::vector<std::string> entries;
    try {
        const Value parsed = parse_json(text.string_or(""));
        for (const Value& entry : parsed.as_list()) entries.push_back(entry.as_string());
    } catch (const Error&) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "annotation " + std::string(annotation) + " of " + cluster::name_of(object) +
                        " is not a JSON array of strings: " + text.string_or(""),
                    R"(write it like ["pg-2"], or remove it)");
    }
    return entries;
}

void list_entry(cluster::Cluster& cluster, const ListedEntry& entry, const std::string& obligation,
                const CancelToken& cancel) {
    update(
        cluster, entry.object,
        [&](Value& object) {
            require_same(object, entry);
            if (is_listed(object, entry)) throw already_listed(entry);
            object["metadata"]["annotations"][mark_of(obligation)] = entry.entry;
            return true;
        },
        cancel, kAsFencepost);
    bool is_tried = false;  // a write that seems refused may have been done: then the entry is ours
    bool is_others = false;
    update(
        cluster, entry.object,
        [&](Value& object) {
            require_same(object, entry);
            if (!is_marked(object, obligation)) {
                if (is_others) return false;
                throw Error(ErrorKind::kFailedPrecondition,
                            "the fence of " + entry.entry + " was lifted while it was being placed");
            }
            auto entries = listed_in(object, entry.annotation);
            if (is_listed(object, entry)) {
                if (is_tried) return false;
                is_others = true;
                object["metadata"]["annotations"].erase(mark_of(obligation));
                return true;
            }
            is_tried = true;
            is_others = false;
            entries.push_back(entry.entry);
            write_list(object, entry.annotation, std::move(entries));
            return true;
        },
        cancel, kAsFencepost);
    if (is_others) throw already_listed(entry);
}

bool is_still_listed(const Value& object, const ListedEntry& entry, const std::string& obligation) {
    return cluster::uid_of(object) == entry.uid && is_marked(object, obligation) && is_listed(object, entry);
}

void take_off(cluster::Cluster& cluster, const ListedEntry& entry, const CancelToken& cancel) {
    try {
        update(
            cluster, entry.object,
            [&](Value& object) {
                if (cluster::uid_of(object) != entry.uid || !is_listed(object, entry)) return false;
                auto entries = listed_in(object, entry.annotation);
                std::erase(entries, entry.entry);
                write_list(object, entry.annotation, std::move(entries));
                return true;
            },
            cancel, kAsFencepost);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

std::string unlist_entry(cluster::Cluster& cluster, const ListedEntry& entry, const std::string& obligation,
                         const CancelToken& cancel) {
    std::string proof;
    try {
        bool is_tried = false;
        update(
            cluster, entry.object,
            [&](Value& object) {
                if (cluster::uid_of(object) != entry.uid) {
                    proof = to_string(entry.object) + " (uid " + entry.uid + ") is gone";
                    return false;
                }
                if (!is_marked(object, obligation)) {
                    if (!is_tried)
                        proof = "the mark of " + obligation + " on " + to_string(entry.object) + " is gone";
                    return false;
                }
                auto entries = listed_in(object, entry.annotation);
                const bool was_listed = std::erase(entries, entry.entry) > 0;
                proof = was_listed ? ""
                                   : entry.entry + " in " + entry.annotation + " of " +
                                         to_string(entry.object) + " is gone";
                if (was_listed) write_list(object, entry.annotation, std::move(entries));
                object["metadata"]["annotations"].erase(mark_of(obligation));
                is_tried = true;
                return true;
            },
            cancel, kAsFencepost);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        proof = to_string(entry.object) + " is gone";
    }
    return proof;
}

}  // namespace fencepost::run
