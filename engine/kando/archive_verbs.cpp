// kando wal and kando basebackup: the archive of a PostgreSQL cluster, as `fencepost wal` and `fencepost
// basebackup` keep it, for Pods that have kando alone.
#include "archive/base.h"
#include "archive/wal.h"
#include "base/encodings.h"
#include "base/error.h"
#include "kando/marker.h"
#include "kando/meter.h"
#include "kando/verbs.h"
#include "location/address.h"
#include "value/json.h"

namespace fencepost::kando {
namespace {

const std::vector<Flag> kPlaceFlags = {{"profile", 'p'}, {"location", '\0'}, {"prefix", '\0'},
                                       {"region", '\0'}, {"endpoint", '\0'}, {"credentials-file", '\0'}};
const std::vector<Flag> kBaseFlags = {{"dbname", 'd'},          {"with-wal", '\0', false},
                                      {"protect", '\0', false}, {"recover-to", '\0'},
                                      {"timeline", '\0'},       {"keep", '\0'},
                                      {"off", '\0', false},     {"restore-command", '\0'}};

// A verb's command line, checked: so many words behind it, and no flags but those of the place and these.
struct Verb {
    CommandLine line;
    std::string group, name;

    Verb(const char* of, const std::vector<std::string>& args, const std::vector<Flag>& flags) : group(of) {
        std::vector<Flag> known = kPlaceFlags;
        known.insert(known.end(), flags.begin(), flags.end());
        line = parse_flags(args, known);
        name = line.words.empty() ? "" : line.words.front();
    }
    [[nodiscard]] bool asks_for_help() const {
        return line.has("help") || (name.empty() && line.flags.empty());
    }
    void takes(std::size_t words, const std::vector<std::string_view>& flags) const {
        for (const auto& [flag, value] : line.flags) {
            bool is_known = flag == "verbosity";
            for (const Flag& place : kPlaceFlags) is_known = is_known || flag == place.name;
            for (const std::string_view own : flags) is_known = is_known || flag == own;
            if (!is_known) refuse("takes no --" + flag);
        }
        if (line.words.size() != words + 1 || line.has_rest)
            refuse("takes " + std::to_string(words) + " words, got " + std::to_string(line.words.size() - 1));
    }
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ErrorKind::kInvalid, "kando " + group + " " + name + " " + why,
                    "see kando " + group + " --help");
    }
};

class Place {
  public:
    Place(const CommandLine& line, const World& world, Log& log)
        : location_(location::open_location(profile_of(line, world, log), world.http, world.clock)),
          store_(*location_, line.get("prefix")) {}
    [[nodiscard]] const archive::Store& store() const noexcept { return store_; }

  private:
    static location::ResolvedProfile profile_of(const CommandLine& line, const World& world, Log& log) {
        const location::Address address{.profile = line.get("profile"),
                                        .uri = line.get("location"),
                                        .region = line.get("region"),
                                        .endpoint = line.get("endpoint"),
                                        .credentials_file = line.get("credentials-file")};
        const location::ResolvedProfile profile = location::resolve(address, world.environment);
        log.redact(profile.secret_access_key.reveal());
        log.redact(profile.session_token.reveal());
        archive::check_plain(profile);
        return profile;
    }
    std::unique_ptr<location::Location> location_;
    archive::Store store_;
};

// Without the profile, whose secrets have no place in a settings file: FENCEPOST_PROFILE has to be there when
// the server starts.
std::string restore_command(const CommandLine& line) {
    std::vector<std::string> words{"kando", "wal", "fetch"};
    for (const Flag& flag : kPlaceFlags) {
        if (flag.name != "profile" && line.has(flag.name))
            words.insert(words.end(), {"--" + std::string(flag.name), line.get(flag.name)});
    }
    return archive::restore_command_of(words);
}

void push_base(const Verb& verb, const World& world, Log& log) {
    verb.takes(0, {"dbname", "with-wal", "protect"});
    const Place place(verb.line, world, log);
    Meter meter(world, "uploadedBytes");
    const Value base =
        archive::push_base(place.store(), world.clock,
                           {.connection = verb.line.get("dbname"),
                            .with_wal = verb.line.has("with-wal"),
                            .is_protected = verb.line.has("protect"),
                            .fencepost_version = world.version,
                            .err = world.err,
                            .on_progress = [&](std::uint64_t bytes) { meter.advance_to(bytes); }},
                           world.cancel)
            .described();
    meter.tell();
    for (const char* key : {"name", "systemIdentifier", "timeline", "startLsn", "stopLsn", "startWal",
                            "stopWal", "bytes", "storedBytes", "finished"}) {
        const Value& value = base[key];
        print(world,
              output_marker(key, value.is_string() ? value.as_string() : std::to_string(value.int_or(0))));
    }
}

void fetch_base(const Verb& verb, const World& world, Log& log) {
    verb.takes(2, {"recover-to", "timeline", "restore-command"});
    const CommandLine& line = verb.line;
    const std::string to = line.has("recover-to") ? line.get("recover-to") : "latest";
    std::optional<archive::Recovery> recovery;
    if (to != "none") {
        recovery = {.restore_command =
                        line.has("restore-command") ? line.get("restore-command") : restore_command(line)};
        if (to != "latest") recovery->target = parse_rfc3339(to);
        if (line.has("timeline")) recovery->timeline = line.get("timeline");
    }
    const Place place(line, world, log);
    const archive::BaseRecord base = archive::find_base(
        place.store(), line.words[1], recovery ? recovery->target : std::nullopt, world.cancel);
    Meter meter(world, "downloadedBytes");
    archive::fetch_base(
        place.store(), base, line.words[2], recovery, [&](std::uint64_t bytes) { meter.advance_to(bytes); },
        world.cancel);
    meter.tell();
    print(world, output_marker("name", base.name));
}

void delete_bases(const Verb& verb, const World& world, Log& log) {
    const bool keeps = verb.line.has("keep");
    verb.takes(keeps ? 0 : 1, {"keep"});
    const std::string keep = verb.line.get("keep");
    if (keeps &&
        (keep.empty() || keep.size() > 6 || keep.find_first_not_of("0123456789") != std::string::npos))
        verb.refuse("--keep takes a number");
    const Place place(verb.line, world, log);
    const archive::DeleteReport report =
        keeps ? archive::keep_bases(place.store(), world.clock, std::stoul(keep), {}, world.cancel)
              : archive::delete_base(place.store(), world.clock, verb.line.words[1], world.cancel);
    print(world, to_json(report.to_value()) + "\n");
}

void list_bases(const Verb& verb, const World& world, Log& log) {
    verb.takes(0, {});
    const Place place(verb.line, world, log);
    List items;
    for (const archive::BaseRecord& base : archive::list_bases(place.store(), world.cancel))
        items.push_back(base.described());
    print(world, to_json(Map{{"archive", place.store().description()}, {"items", std::move(items)}}) + "\n");
}

void protect_base(const Verb& verb, const World& world, Log& log) {
    verb.takes(1, {"off"});
    const Place place(verb.line, world, log);
    archive::protect_base(place.store(), verb.line.words[1], !verb.line.has("off"), world.cancel);
}

}  // namespace

int wal_verb(const std::vector<std::string>& args, const World& world, Log& log) {
    const Verb verb("wal", args, {});
    if (verb.asks_for_help()) {
        print(world, help_text("wal"));
        return 0;
    }
    if (verb.name == "push") {
        verb.takes(1, {});
        const Place place(verb.line, world, log);
        archive::push_wal(place.store(), verb.line.words[1], world.cancel);
        return 0;
    }
    if (verb.name != "fetch") verb.refuse("is no command: there are push and fetch");
    verb.takes(2, {});
    const Place place(verb.line, world, log);
    const bool is_there =
        archive::fetch_wal(place.store(), verb.line.words[1], verb.line.words[2], {}, world.cancel);
    return is_there ? 0 : archive::kExitAbsent;
}

void basebackup_verb(const std::vector<std::string>& args, const World& world, Log& log) {
    const Verb verb("basebackup", args, kBaseFlags);
    if (verb.asks_for_help()) return print(world, help_text("basebackup"));
    if (verb.name == "push") return push_base(verb, world, log);
    if (verb.name == "list") return list_bases(verb, world, log);
    if (verb.name == "fetch") return fetch_base(verb, world, log);
    if (verb.name == "delete") return delete_bases(verb, world, log);
    if (verb.name == "protect") return protect_base(verb, world, log);
    verb.refuse("is no command: there are push, list, fetch, delete and protect");
}

}  // namespace fencepost::kando
