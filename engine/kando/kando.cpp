#include "kando/kando.h"

#include <unistd.h>

#include "archive/wal.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "kando/verbs.h"
#include "value/json.h"

namespace fencepost::kando {
namespace {

// Those that end with 0 or throw.
using VerbOfLog = void (*)(const std::vector<std::string>&, const World&, Log&);
constexpr std::pair<std::string_view, VerbOfLog> kVerbs[] = {{"location", &location_verb},
                                                             {"repository", &repository_verb},
                                                             {"chronicle", &chronicle_verb},
                                                             {"basebackup", &basebackup_verb}};

int dispatch(std::vector<std::string> args, const World& world, Log& log) {
    // Kanister's global flag may stand in front of the verb.
    while (!args.empty() && (args[0] == "-v" || args[0].starts_with("--verbosity"))) {
        const std::size_t words = args[0].find('=') == std::string::npos ? 2 : 1;
        args.erase(args.begin(), args.begin() + static_cast<std::ptrdiff_t>(std::min(words, args.size())));
    }
    if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
        print(world, help_text(args.size() > 1 ? args[1] : ""));
        return 0;
    }
    const std::string verb = args[0];
    args.erase(args.begin());
    if (verb == "wal") return wal_verb(args, world, log);
    for (const auto& [name, work] : kVerbs) {
        if (name != verb) continue;
        work(args, world, log);
        return 0;
    }
    if (verb == "output") {
        output_verb(args, world);
    } else if (verb == "version" || verb == "--version") {
        print(world, "kando (Fencepost) " + world.version + "\n");
    } else {
        throw Error(ErrorKind::kInvalid, "unknown command '" + verb + "' for kando", "see kando --help");
    }
    return 0;
}

}  // namespace

void print(const World& world, std::string_view text) { write_all(world.out, text); }

location::ResolvedProfile read_profile(const std::string& json, Log& log) {
    Value value;
    try {
        value = parse_json(json);
    } catch (Error& error) {
        error.add_trace("the profile is no JSON");
        throw;
    }
    const auto profile = location::ResolvedProfile::from_json(value);
    log.redact(profile.secret_access_key.reveal());
    log.redact(profile.session_token.reveal());
    log.redact(profile.repository_key.reveal());
    return profile;
}

location::ResolvedProfile given_profile(const CommandLine& line, const World& world, Log& log) {
    if (line.has("profile")) return read_profile(line.get("profile"), log);
    const auto variable = world.environment("FENCEPOST_PROFILE");
    if (!variable || variable->empty()) {
        throw Error(ErrorKind::kInvalid, "there is no profile",
                    "set FENCEPOST_PROFILE to {{ toJson .Profile }}, or give --profile");
    }
    return read_profile(*variable, log);
}

int run(const std::vector<std::string>& args, const World& world) noexcept {
    try {
        Log log(world.err, ::isatty(world.err) != 0 ? Log::Format::kText : Log::Format::kJson,
                LogLevel::kWarning);
        try {
            return dispatch(args, world, log);
        } catch (const Error& error) {
            if (error.hint().empty()) {
                log.error(error.what(), {{"kind", std::string(to_string(error.kind()))}});
            } else {
                log.error(error.what(),
                          {{"kind", std::string(to_string(error.kind()))}, {"hint", error.hint()}});
            }
        } catch (const Cancelled& cancelled) {
            log.error("cancelled: nothing was stored",
                      {{"reason", std::string(to_string(cancelled.reason()))}});
        } catch (const std::exception& error) {
            log.error(error.what());
        }
    } catch (...) {  // not even the log could be written
    }
    return archive::fetch_failure_code(args).value_or(kExitFailure);
}

}  // namespace fencepost::kando
