#include <algorithm>
#include <map>
#include <set>

#include "archive/base.h"
#include "archive/base_objects.h"
#include "archive/wal.h"
#include "base/error.h"

namespace fencepost::archive {
namespace {

// A push writes its record minutes after its tar at most.
constexpr std::chrono::hours kHalfWritten{1};

bool remove_objects(const Store& store, const std::string& name, const CancelToken& cancel) {
    // The record first: without it, what is left counts for nothing and is swept. Its lock ends last.
    for (const std::string_view object : {kRecord, kTar, kKeepMark}) {
        if (!store.remove(base_key(store, name, object), cancel)) return false;
    }
    return true;
}

List to_list(const std::vector<std::string>& names) {
    List list;
    for (const std::string& name : names) list.emplace_back(name);
    return list;
}

// What lies before the first segment that any base needs which is still there. By position in the WAL,
// whatever the timeline: a base needs nothing that lies before its start.
void delete_wal(const Store& store, const std::vector<BaseRecord>& bases, DeleteReport& report,
                const CancelToken& cancel) {
    if (bases.empty()) return;  // WAL of which no base is known: nobody can say what it is good for
    const std::uint64_t segment_bytes = bases.front().segment_bytes;
    std::uint64_t first = bases.front().first_segment();
    for (const BaseRecord& base : bases) first = std::min(first, base.first_segment());
    std::vector<WalName> unneeded;
    for_each_wal(
        store,
        [&](const WalName& name, std::uint64_t) {
            if (name.kind != WalKind::kHistory && name.number(segment_bytes) < first)
                unneeded.push_back(name);
        },
        cancel);
    std::set<std::uint32_t> locked;  // the older is unlocked first: behind one that is not, none is
    for (const WalName& name : unneeded) {
        if (!locked.contains(name.timeline) && store.remove(store.wal_key(name), cancel)) {
            ++report.wal_deleted;
        } else {
            locked.insert(name.timeline);
            ++report.wal_retained;
        }
    }
}

DeleteReport delete_bases(const Store& store, Clock& clock, const std::vector<BaseRecord>& bases,
                          const std::set<std::string>& unneeded, const CancelToken& cancel) {
    sweep_bases(store, clock, cancel);
    DeleteReport report;
    std::vector<BaseRecord> left;
    for (const BaseRecord& base : bases) {
        if (!unneeded.contains(base.name)) {
            report.kept.push_back(base.name);
            left.push_back(base);
        } else if (remove_objects(store, base.name, cancel)) {
            report.deleted.push_back(base.name);
        } else {
            report.retained.push_back(base.name);
            left.push_back(base);
        }
    }
    delete_wal(store, left, report, cancel);
    return report;
}

}  // namespace

Value DeleteReport::to_value() const {
    return Map{{"deleted", to_list(deleted)},
               {"retained", to_list(retained)},
               {"kept", to_list(kept)},
               {"walFilesDeleted", wal_deleted},
               {"walFilesRetained", wal_retained}};
}

DeleteReport keep_bases(const Store& store, Clock& clock, std::size_t keep,
                        const std::vector<std::string>& protect, const CancelToken& cancel) {
    if (keep == 0) {
        throw Error(ErrorKind::kInvalid, "--keep 0 would delete every base backup",
                    "name one to delete the last: basebackup delete NAME");
    }
    const std::vector<BaseRecord> bases = list_bases(store, cancel);
    for (const std::string& name : protect) {
        const bool is_known = std::any_of(bases.begin(), bases.end(),
                                          [&](const BaseRecord& base) { return base.name == name; });
        if (!is_known) throw Error(ErrorKind::kNotFound, "there is no base backup '" + name + "' to protect");
    }
    std::set<std::string> unneeded;
    for (std::size_t i = 0; i + keep < bases.size(); ++i) {
        const bool is_spared = bases[i].is_protected ||
                               std::find(protect.begin(), protect.end(), bases[i].name) != protect.end();
        if (!is_spared) unneeded.insert(bases[i].name);
    }
    return delete_bases(store, clock, bases, unneeded, cancel);
}

DeleteReport delete_base(const Store& store, Clock& clock, const std::string& name,
                         const CancelToken& cancel) {
    const std::vector<BaseRecord> bases = list_bases(store, cancel);
    for (const BaseRecord& base : bases) {
        if (base.name == name && base.is_protected) {
            throw Error(ErrorKind::kFailedPrecondition, "the base backup '" + name + "' is protected",
                        "basebackup protect " + name + " --off ends that");
        }
    }
    return delete_bases(store, clock, bases, {name}, cancel);
}

void sweep_bases(const Store& store, Clock& clock, const CancelToken& cancel) {
    struct Found {
        bool has_record = false;
        SystemTime newest{};
        std::vector<std::string> keys;
    };
    std::map<std::string, Found> found;
    store.location().list(
        store.key("base/"),
        [&](const location::ObjectStat& object) {
            const std::string folder = object.key.substr(0, object.key.rfind('/'));
            Found& base = found[folder];
            base.has_record = base.has_record || object.key == folder + "/" + std::string(kRecord);
            base.newest = std::max(base.newest, object.modified);
            base.keys.push_back(object.key);
        },
        cancel);
    for (const auto& [folder, base] : found) {
        if (base.has_record || clock.now() - base.newest < kHalfWritten) continue;
        for (const std::string& key : base.keys) static_cast<void>(store.remove(key, cancel));
    }
}

}  // namespace fencepost::archive
