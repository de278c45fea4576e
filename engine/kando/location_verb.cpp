#include <fcntl.h>
#include <unistd.h>

#include "base/command.h"
#include "base/error.h"
#include "kando/artifact.h"
#include "kando/meter.h"
#include "kando/streams.h"
#include "kando/verbs.h"

namespace fencepost::kando {
namespace {

const std::vector<Flag> kFlags = {{"profile", 'p'},        {"path", 's'},         {"output-name", 'o'},
                                  {"kopia-snapshot", 'k'}, {"exec", '\0', false}, {"repository-server", 'r'}};

void only(const CommandLine& line, const std::string& verb, const std::vector<std::string_view>& allowed) {
    for (const auto& [name, value] : line.flags) {
        bool known = name == "profile" || name == "path" || name == "verbosity";
        for (const std::string_view flag : allowed) known = known || name == flag;
        if (!known) {
            throw Error(ErrorKind::kInvalid, "kando location " + verb + " takes no --" + name,
                        "see kando location --help");
        }
    }
    if (line.has_rest && !line.has("exec")) {
        throw Error(ErrorKind::kInvalid, "what follows \"--\" is a command, which only push --exec runs");
    }
}

std::string one_word(const CommandLine& line, const std::string& verb, std::string_view what) {
    if (line.words.size() != 2) {
        throw Error(ErrorKind::kInvalid,
                    "kando location " + verb + " takes one " + std::string(what) + ", got " +
                        std::to_string(line.words.size() - 1),
                    "see kando location --help");
    }
    return line.words[1];
}

// Where the bytes come from; it lives as long as the push.
struct PushInput {
    UniqueFd file;
    std::optional<Input> input;
    std::optional<CommandOutput> command;

    [[nodiscard]] location::Source source() {
        return [this](char* buffer, std::size_t size) {
            return command ? command->read(buffer, size) : input->read(buffer, size);
        };
    }
};

void open_input(PushInput& from, const CommandLine& line, const World& world) {
    if (line.has("exec")) {
        if (line.words.size() != 1 || line.rest.empty()) {
            throw Error(ErrorKind::kInvalid,
                        "--exec takes its command behind \"--\", and no source beside it",
                        "kando location push --path P --exec -- pg_dump mydb");
        }
        from.command.emplace(Command{.words = line.rest, .environment = {}}, world.err, world.cancel);
        return;
    }
    const std::string source = one_word(line, "push", "source");
    if (source != "-") {
        from.file = open_file(source, O_RDONLY);
        from.input.emplace(from.file.get(), world.cancel);
        return;
    }
    if (::isatty(world.in) != 0) {
        throw Error(ErrorKind::kInvalid, "the source is '-', but nothing is piped in",
                    "pg_dump mydb | kando location push --path P -");
    }
    from.input.emplace(world.in, world.cancel);
}

void push(const CommandLine& line, const World& world, Log& log) {
    only(line, "push", {"output-name", "exec"});
    const std::string name = line.has("output-name") ? line.get("output-name") : "kandoOutput";
    static_cast<void>(output_marker(name, ""));  // a bad name is refused before anything runs
    ArtifactStore store(given_profile(line, world, log), world.http, world.clock);
    PushInput from;
    open_input(from, line, world);
    Meter meter(world, "uploadedBytes");
    const location::Source metered = [&meter, source = from.source()](char* buffer, std::size_t size) {
        const std::size_t count = source(buffer, size);
        meter.add(count);
        return count;
    };
    const auto reference = store.push(line.get("path"), metered, world.cancel);
    meter.tell();
    if (reference) {
        print(world, output_marker(name, reference->to_json()));
    }
}

void pull(const CommandLine& line, const World& world, Log& log) {
    only(line, "pull", {"kopia-snapshot"});
    const std::string target = one_word(line, "pull", "target");
    ArtifactStore store(given_profile(line, world, log), world.http, world.clock);
    write_target(target, world.out, [&](const location::Sink& sink) {
        store.pull(line.get("path"), line.get("kopia-snapshot"), sink, world.cancel);
    });
}

void remove(const CommandLine& line, const World& world, Log& log) {
    only(line, "delete", {"kopia-snapshot"});
    if (line.words.size() != 1) throw Error(ErrorKind::kInvalid, "kando location delete takes flags only");
    ArtifactStore store(given_profile(line, world, log), world.http, world.clock);
    for (const std::string& note : store.remove(line.get("path"), line.get("kopia-snapshot"), world.cancel))
        log.info(note);
}

}  // namespace

void location_verb(const std::vector<std::string>& args, const World& world, Log& log) {
    const CommandLine line = parse_flags(args, kFlags);
    const std::string verb = line.words.empty() ? "" : line.words.front();
    if (line.has("help") || (verb.empty() && line.flags.empty())) return print(world, help_text("location"));
    if (line.has("repository-server")) {
        throw Error(ErrorKind::kUnsupported, "--repository-server: repository servers are not supported",
                    "use a profile with a repository key");
    }
    if (verb == "push") return push(line, world, log);
    if (verb == "pull") return pull(line, world, log);
    if (verb == "delete") return remove(line, world, log);
    throw Error(ErrorKind::kInvalid, "unknown command '" + verb + "' for kando location",
                "there are push, pull and delete");
}

}  // namespace fencepost::kando
