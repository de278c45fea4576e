#include <algorithm>
#include <map>

#include "archive/base.h"
#include "archive/base_objects.h"
#include "base/error.h"
#include "value/json.h"

namespace fencepost::archive {
namespace {

// A name that cannot lead anywhere else.
void check_name(const std::string& name) {
    const bool fits = !name.empty() && name.size() <= 100 && name.front() != '.' &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 c == '-' || c == '_' || c == '.';
                      });
    if (!fits)
        throw Error(ErrorKind::kInvalid, "'" + name + "' is no name of a base backup",
                    "basebackup list has them");
}

BaseRecord read_record(const Store& store, const std::string& name, const CancelToken& cancel) {
    const std::string key = base_key(store, name, kRecord);
    const std::string text = store.location().get_bytes(key, cancel);
    try {
        BaseRecord record = BaseRecord::from_value(parse_json(text));
        if (record.name != name) throw Error(ErrorKind::kDataLoss, "it is that of '" + record.name + "'");
        return record;
    } catch (const Error& error) {
        throw Error(ErrorKind::kDataLoss,
                    "the record " + key + " in " + store.location().description() +
                        " cannot be read: " + error.what(),
                    "the backup's data may be whole; move the record away to leave the backup out");
    }
}

}  // namespace

std::vector<BaseRecord> list_bases(const Store& store, const CancelToken& cancel) {
    struct Found {
        bool has_record = false, has_mark = false;
    };
    std::map<std::string, Found> found;
    store.location().list(
        store.key("base/"),
        [&](const location::ObjectStat& object) {
            const std::string path = store.path(object.key).substr(sizeof("base/") - 1);
            const std::size_t slash = path.find('/');
            if (slash == std::string::npos) return;
            Found& base = found[path.substr(0, slash)];
            const std::string_view file = std::string_view(path).substr(slash + 1);
            if (file == kRecord) base.has_record = true;
            if (file == kKeepMark) base.has_mark = true;
        },
        cancel);
    std::vector<BaseRecord> bases;
    for (const auto& [name, objects] : found) {
        if (!objects.has_record) continue;
        bases.push_back(read_record(store, name, cancel));
        bases.back().is_protected = objects.has_mark;
    }
    std::stable_sort(bases.begin(), bases.end(),
                     [](const BaseRecord& a, const BaseRecord& b) { return a.finished < b.finished; });
    return bases;
}

BaseRecord find_base(const Store& store, const std::string& name, const std::optional<SystemTime>& before,
                     const CancelToken& cancel) {
    if (name != "latest") {
        check_name(name);
        try {
            BaseRecord record = read_record(store, name, cancel);
            record.is_protected = store.location().stat(base_key(store, name, kKeepMark), cancel).has_value();
            return record;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kNotFound) throw;
            throw Error(ErrorKind::kNotFound,
                        "there is no base backup '" + name + "' in " + store.description(),
                        "basebackup list shows those that are there");
        }
    }
    std::optional<BaseRecord> newest;
    for (BaseRecord& base : list_bases(store, cancel)) {
        if (!before || base.finished <= *before) newest = std::move(base);
    }
    if (newest) return *newest;
    throw Error(ErrorKind::kNotFound,
                "no base backup in " + store.description() + (before ? " was finished by that time" : ""),
                "basebackup list shows those that are there; recovery goes forward from one alone");
}

void protect_base(const Store& store, const std::string& name, bool is_protected, const CancelToken& cancel) {
    static_cast<void>(find_base(store, name, std::nullopt, cancel));
    const std::string key = base_key(store, name, kKeepMark);
    if (is_protected) {
        static_cast<void>(store.put_new(key, "kept\n", cancel));
    } else if (!store.remove(key, cancel)) {
        throw Error(ErrorKind::kForbidden, "the store holds " + key + " back", "is it under an object lock?");
    }
}

}  // namespace fencepost::archive
