#include "location/location.h"

#include "base/encodings.h"
#include "location/file_location.h"
#include "location/s3_location.h"

namespace fencepost::location {

std::string Removal::note(std::string_view key) const {
    if (!retained_until) return {};
    return "the store's object lock retains " + std::string(key) + " until " +
           format_rfc3339(*retained_until) + (is_held ? ", and refuses to hide it" : "");
}

std::vector<std::string> remove_with_below(Location& location, const std::string& key,
                                           const CancelToken& cancel) {
    std::vector<std::string> keys{key}, notes;
    location.list(key + "/", [&](const ObjectStat& object) { keys.push_back(object.key); }, cancel);
    for (const std::string& each : keys) {
        std::string note = location.remove(each, cancel).note(each);
        if (!note.empty()) notes.push_back(std::move(note));
    }
    return notes;
}

std::unique_ptr<Location> open_location(const ResolvedProfile& profile, net::HttpClient& http, Clock& clock) {
    if (profile.type == "filestore") return open_file_location(profile.file_path, profile.prefix);
    return open_s3_location(profile, http, clock);
}

}  // namespace fencepost::location
