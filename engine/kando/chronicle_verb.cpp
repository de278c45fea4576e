// kando chronicle: the output of a command, pushed again and again. Each round's object has a number; the
// object <path> itself only names the newest, and is written last.
#include <filesystem>

#include "base/command.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/human.h"
#include "kando/artifact.h"
#include "kando/streams.h"
#include "kando/verbs.h"

namespace fencepost::kando {
namespace {

const std::vector<Flag> kPushFlags = {
    {"profile-path", 'p'}, {"artifact-path", 's'}, {"env-dir", 'e'}, {"frequency", 'f'}};
const std::vector<Flag> kPullFlags = {{"profile", 'p'}, {"artifact-path", 's'}, {"path", '\0'}};
constexpr std::size_t kMaxManifest = 4096;

std::string trimmed(std::string text) {
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
    while (!text.empty() && is_space(text.back())) text.pop_back();
    while (!text.empty() && is_space(text.front())) text.erase(0, 1);
    return text;
}

// A folder of daemontools' envdir: a file a variable, whose first line is the value.
std::map<std::string, std::string> read_env_dir(const std::string& folder) {
    std::map<std::string, std::string> variables;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
        const std::string name = entry.path().filename().string();
        if (!entry.is_regular_file() || name.starts_with('.')) continue;
        const std::string text = read_file(entry.path());
        variables[name] = trimmed(text.substr(0, text.find('\n')));
    }
    if (failed) throw Error(ErrorKind::kNotFound, "--env-dir " + folder + ": " + failed.message());
    return variables;
}

std::optional<std::string> read_manifest(location::Location& location, const std::string& path,
                                         const CancelToken& cancel) {
    const auto stat = location.stat(path, cancel);
    if (!stat) return std::nullopt;
    if (stat->size > kMaxManifest) {
        throw Error(ErrorKind::kInvalid, "'" + path + "' is no chronicle: it is too long to name an object");
    }
    return trimmed(location.get_bytes(path, cancel));
}

// The number behind the last '-' of a round's name; 0 where there is none.
std::uint64_t round_of(const std::string& path, const std::string& name) {
    if (!name.starts_with(path + "-")) return 0;
    const std::string digits = name.substr(path.size() + 1);
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos)
        return 0;
    return std::stoull(digits);
}

class Chronicle {
  public:
    Chronicle(const CommandLine& line, const World& world, Log& log)
        : world_(world),
          log_(log),
          profile_file_(line.get("profile-path")),
          path_file_(line.get("artifact-path")),
          env_dir_(line.get("env-dir")) {
        std::vector<std::string> words = line.words;
        words.erase(words.begin());
        words.insert(words.end(), line.rest.begin(), line.rest.end());
        command_ = joined(words, " ");
        if (command_.empty() || profile_file_.empty() || path_file_.empty()) {
            throw Error(ErrorKind::kInvalid,
                        "kando chronicle push needs --profile-path, --artifact-path and a command",
                        "see kando chronicle --help");
        }
    }

    void round() {
        if (!std::filesystem::exists(profile_file_))
            return;  // not configured yet: the next round looks again
        const auto profile = read_profile(read_file(profile_file_), log_);
        const std::string path = location::join_key("", trimmed(read_file(path_file_)));
        if (path.empty()) throw Error(ErrorKind::kInvalid, "the file " + path_file_ + " names no path");
        const auto location = location::open_location(profile, world_.http, world_.clock);
        const std::optional<std::string> before = read_manifest(*location, path, world_.cancel);
        const std::string name = path + "-" + std::to_string(round_of(path, before.value_or("")) + 1);
        Command command{.words = {"sh", "-c", command_}, .environment = {}};
        if (!env_dir_.empty()) command.environment = read_env_dir(env_dir_);
        CommandOutput output(std::move(command), world_.err, world_.cancel);
        location->put(
            name, [&](char* buffer, std::size_t size) { return output.read(buffer, size); }, {},
            world_.cancel);
        location->put_bytes(path, name, {}, world_.cancel);
        if (before && round_of(path, *before) > 0) location->remove(*before, world_.cancel);
    }

  private:
    const World& world_;
    Log& log_;
    std::string profile_file_, path_file_, env_dir_, command_;
};

void push(const std::vector<std::string>& args, const World& world, Log& log) {
    const CommandLine line = parse_flags(args, kPushFlags);
    if (line.has("help")) return print(world, help_text("chronicle"));
    const auto frequency = parse_duration(line.has("frequency") ? line.get("frequency") : "1m");
    if (frequency <= std::chrono::nanoseconds{0})
        throw Error(ErrorKind::kInvalid, "--frequency must be above 0");
    Chronicle chronicle(line, world, log);
    while (true) {
        chronicle.round();
        try {
            world.clock.sleep(frequency, world.cancel);
        } catch (const Cancelled&) {
            return;  // asked to end while nothing is under way
        }
    }
}

void pull(const std::vector<std::string>& args, const World& world, Log& log) {
    const CommandLine line = parse_flags(args, kPullFlags);
    if (line.has("help")) return print(world, help_text("chronicle"));
    if (line.words.size() != 2) throw Error(ErrorKind::kInvalid, "kando chronicle pull takes one target");
    const std::string path =
        location::join_key("", line.has("path") ? line.get("path") : line.get("artifact-path"));
    if (path.empty()) throw Error(ErrorKind::kInvalid, "kando chronicle pull needs --artifact-path");
    const auto location = location::open_location(given_profile(line, world, log), world.http, world.clock);
    const auto name = read_manifest(*location, path, world.cancel);
    if (!name)
        throw Error(ErrorKind::kNotFound,
                    "there is no chronicle '" + path + "' in " + location->description());
    if (round_of(path, *name) == 0) {
        throw Error(ErrorKind::kInvalid, "'" + path + "' is no chronicle: it names '" + *name + "'");
    }
    write_target(line.words[1], world.out,
                 [&](const location::Sink& sink) { location->get(*name, sink, world.cancel); });
}

}  // namespace

void chronicle_verb(const std::vector<std::string>& args, const World& world, Log& log) {
    const std::string verb = args.empty() ? "" : args.front();
    if (verb.empty() || verb == "--help" || verb == "-h") return print(world, help_text("chronicle"));
    if (verb == "push") return push(args, world, log);
    if (verb == "pull") return pull(args, world, log);
    throw Error(ErrorKind::kInvalid, "unknown command '" + verb + "' for kando chronicle",
                "there are push and pull");
}

}  // namespace fencepost::kando
