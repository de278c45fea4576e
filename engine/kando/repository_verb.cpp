#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "kando/artifact.h"
#include "kando/meter.h"
#include "kando/verbs.h"
#include "location/repository.h"
#include "value/json.h"

namespace fencepost::kando {
namespace {

constexpr std::uint64_t kMostWarnings = 20;  // of files that not everything could be set of

const std::vector<Flag> kFlags = {
    {"profile", 'p'}, {"tag", 't'}, {"host", '\0'}, {"snapshot", '\0'}, {"path", 's'}};

void only(const CommandLine& line, const std::vector<std::string_view>& allowed) {
    const std::string& verb = line.words.front();
    for (const auto& [name, value] : line.flags) {
        bool known = name == "profile" || name == "verbosity";
        for (const std::string_view flag : allowed) known = known || name == flag;
        if (!known) {
            throw Error(ErrorKind::kInvalid, "kando repository " + verb + " takes no --" + name,
                        "see kando repository --help");
        }
    }
    if (line.words.size() != 2 || line.has_rest) {
        throw Error(ErrorKind::kInvalid, "kando repository " + verb + " takes one folder",
                    "see kando repository --help");
    }
}

// The repository of a profile, and what it stands on.
struct Opened {
    std::unique_ptr<location::Location> location;
    std::unique_ptr<location::Repository> repository;
};

Opened open(const CommandLine& line, const World& world, Log& log, bool create) {
    const location::ResolvedProfile profile = given_profile(line, world, log);
    if (profile.repository_key.is_empty()) {
        throw Error(ErrorKind::kInvalid, "the profile has no repository key",
                    "folders are kept in a repository, which is always encrypted");
    }
    Opened opened{.location = location::open_location(profile, world.http, world.clock), .repository = {}};
    opened.repository = location::Repository::open(*opened.location, world.clock, profile.repository_key,
                                                   create, world.cancel);
    return opened;
}

std::string absolute(const std::string& folder) {
    std::string path = std::filesystem::absolute(folder).lexically_normal().string();
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

void backup(const CommandLine& line, const World& world, Log& log) {
    only(line, {"tag", "host"});
    const Opened opened = open(line, world, log, true);
    Meter meter(world, "uploadedBytes");
    location::FolderBackupOptions options{
        .path = absolute(line.words[1]),
        .host = line.has("host") ? line.get("host") : host_name(),
        .on_progress = [&meter](std::uint64_t bytes) { meter.advance_to(bytes); }};
    if (line.has("tag")) options.tags = {line.get("tag")};
    const auto stats = opened.repository->backup_folder(options, world.cancel);
    meter.tell();
    print(world, to_json(Map{{"message_type", "summary"},
                             {"snapshot_id", stats.snapshot_id},
                             {"total_files_processed", stats.files},
                             {"total_bytes_processed", stats.logical_bytes},
                             {"files_unmodified", stats.unchanged_files},
                             {"data_added", stats.stored_bytes}}) +
                     "\n");
}

// The newest snapshot that has the tag.
std::string tagged(location::Repository& repository, const std::string& tag, const CancelToken& cancel) {
    std::string id;
    for (const location::SnapshotRecord& record : repository.snapshots(cancel)) {
        if (std::find(record.tags.begin(), record.tags.end(), tag) != record.tags.end()) id = record.id;
    }
    if (id.empty()) throw Error(ErrorKind::kNotFound, "no snapshot has the tag '" + tag + "'");
    return id;
}

void restore(const CommandLine& line, const World& world, Log& log) {
    only(line, {"tag", "snapshot", "path"});
    if (line.has("tag") == line.has("snapshot")) {
        throw Error(ErrorKind::kInvalid, "give either --snapshot or --tag", "see kando repository --help");
    }
    const Opened opened = open(line, world, log, false);
    const std::string id =
        line.has("tag") ? tagged(*opened.repository, line.get("tag"), world.cancel) : line.get("snapshot");
    Meter meter(world, "downloadedBytes");
    std::uint64_t warnings = 0;
    const auto size = opened.repository->restore_folder(
        id,
        {.inner = line.get("path"),
         .target = absolute(line.words[1]),
         .on_progress = [&meter](std::uint64_t bytes) { meter.advance_to(bytes); },
         .on_warning =
             [&](const std::string& what) {
                 if (++warnings <= kMostWarnings) log.warning(what);
             }},
        world.cancel);
    meter.tell();
    print(world, to_json(Map{{"message_type", "summary"},
                             {"files_restored", size.files},
                             {"bytes_restored", size.bytes},
                             {"warnings", warnings}}) +
                     "\n");
}

}  // namespace

void repository_verb(const std::vector<std::string>& args, const World& world, Log& log) {
    const CommandLine line = parse_flags(args, kFlags);
    const std::string verb = line.words.empty() ? "" : line.words.front();
    if (line.has("help") || (verb.empty() && line.flags.empty()))
        return print(world, help_text("repository"));
    if (verb == "backup") return backup(line, world, log);
    if (verb == "restore") return restore(line, world, log);
    throw Error(ErrorKind::kInvalid, "unknown command '" + verb + "' for kando repository",
                "there are backup and restore");
}

}  // namespace fencepost::kando
