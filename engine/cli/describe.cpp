#include <cctype>

#include "base/encodings.h"
#include "base/error.h"
#include "cli/follow.h"
#include "cli/manifests.h"
#include "cli/object_name.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

void print_fact(const std::string& name, const std::string& value) {
    const std::string label = name + ":";
    print(label + std::string(label.size() < 14 ? 14 - label.size() : 1, ' ') +
          (value.empty() ? "<none>" : value) + "\n");
}

std::string pairs_of(const Value& map) {
    std::string text;
    for (const auto& [key, value] : map.map_or_empty()) {
        // Copies of the object itself, and of what a Secret holds.
        if (key == kLastApplied || key == "fencepost.io/record") continue;
        text += (text.empty() ? "" : "\n" + std::string(14, ' ')) + key + "=" + value.string_or("");
    }
    return text;
}

void print_section(std::string_view title, const std::string& body) {
    print("\n" + paint(title, Colour::kBold) + "\n" + body);
}

// A Secret's values stay hidden.
Value sizes_of(const Value& data) {
    Value sizes{Map{}};
    for (const auto& [key, value] : data.map_or_empty())
        sizes[key] = std::to_string(base64_decode(value.string_or("")).size()) + " bytes";
    return sizes;
}

void print_body(const Value& object, bool is_secret) {
    for (const auto& [key, value] : object.map_or_empty()) {
        if (key == "apiVersion" || key == "kind" || key == "metadata") continue;
        if (value.is_nil()) continue;
        std::string title = key;
        title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
        const bool is_hidden = is_secret && (key == "data" || key == "stringData");
        print_section(title, indent(to_yaml(is_hidden ? sizes_of(value) : value)));
    }
}

void print_phases(const Value& action) {
    std::vector<std::vector<std::string>> rows;
    for (const Value& phase : action["phases"].list_or_empty()) {
        rows.push_back({phase["name"].string_or(""), phase["state"].string_or(""),
                        phase_facts(phase, SystemClock().now()), phase["error"].string_or("")});
    }
    if (!rows.empty()) print_section("Phases", indent(table({"NAME", "STATE", "TOOK", "ERROR"}, rows)));
}

void print_obligations(Server& server, const std::string& id) {
    std::vector<std::vector<std::string>> rows;
    const Value obligations = server.get("/v1/obligations?state=all");
    for (const Value& item : obligations["items"].list_or_empty()) {
        if (item["action"].string_or("") != id) continue;
        rows.push_back({item["id"].string_or(""), item["kind"].string_or(""), item["state"].string_or(""),
                        item["deadline"].string_or(""), item["description"].string_or("")});
    }
    if (!rows.empty())
        print_section("Obligations", indent(table({"ID", "KIND", "STATE", "DEADLINE", "WHAT"}, rows)));
}

void print_events(Server& server, const Value& object) {
    const auto type = server.type("events");
    const std::string ns = cluster::namespace_of(object);
    const Value events = server.get(object_path(type, ns, "") + "?fieldSelector=" +
                                    url_encode("involvedObject.uid=" + cluster::uid_of(object)));
    const SystemTime now = SystemClock().now();
    std::vector<std::vector<std::string>> rows;
    for (const Value& event : events["items"].list_or_empty()) {
        const std::string last = event["lastTimestamp"].string_or("");
        rows.push_back(
            {event["type"].string_or(""), event["reason"].string_or(""),
             age(last.empty() ? event.get("metadata", "creationTimestamp").string_or("") : last, now),
             event["message"].string_or("")});
    }
    print_section("Events",
                  rows.empty() ? "  <none>\n" : indent(table({"TYPE", "REASON", "AGE", "MESSAGE"}, rows)));
}

void describe_one(Server& server, const cluster::ResourceDescription& type, const Value& object) {
    const Value& metadata = object["metadata"];
    const std::string created = metadata["creationTimestamp"].string_or("");
    print_fact("Name", cluster::name_of(object));
    if (type.is_namespaced) print_fact("Namespace", cluster::namespace_of(object));
    print_fact("Kind", type.kind + ", " + object["apiVersion"].string_or(""));
    print_fact("Labels", pairs_of(metadata["labels"]));
    print_fact("Annotations", pairs_of(metadata["annotations"]));
    print_fact("Created", created + " (" + age(created, SystemClock().now()) + " ago)");
    if (const std::string deleted = metadata["deletionTimestamp"].string_or(""); !deleted.empty())
        print_fact("Deleted", deleted);
    if (type.type == cluster::types::kActionSets) {
        if (const auto action = server.find(action_path(cluster::name_of(object)))) print_phases(*action);
        print_obligations(server, cluster::name_of(object));
    }
    print_body(object, type.type == cluster::types::kSecrets);
    print_events(server, object);
}

}  // namespace

int describe(Server& server, const DescribeOptions& options) {
    const auto [kind, names] = kind_and_names(options.kind, options.names);
    const auto type = server.type(kind);
    const std::string ns = type.is_namespaced ? options.ns : "";
    List objects;
    for (const std::string& name : names) objects.push_back(server.get(object_path(type, ns, name)));
    if (names.empty()) objects = server.get(object_path(type, ns, ""))["items"].list_or_empty();
    for (std::size_t i = 0; i < objects.size(); ++i) {
        if (i > 0) print("\n" + std::string(60, '-') + "\n\n");
        describe_one(server, type, objects[i]);
    }
    if (objects.empty()) print_error("No " + type.type.resource + " found.\n");
    return kDone;
}

}  // namespace fencepost::cli
