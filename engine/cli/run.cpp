#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "base/encodings.h"
#include "base/error.h"
#include "cli/interrupts.h"
#include "cli/object_name.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

Value request_body(Server& server, const RunOptions& options) {
    Value body;
    body["action"] = options.action;
    if (!options.object.empty()) {
        const ObjectName object = parse_object_name(options.object);
        const auto type = server.type(object.kind);
        Value& subject = body["subject"];
        subject["group"] = type.type.group;
        subject["apiVersion"] = type.type.version;
        subject["resource"] = type.type.resource;
        subject["name"] = object.name;
        if (type.is_namespaced) subject["namespace"] = options.ns;
    } else if (options.from.empty()) {
        throw UsageError("what should '" + options.action + "' be run on?",
                         "give --object KIND/NAME, or --from ID to use that action's object");
    }
    if (!options.blueprint.empty()) body["blueprint"] = options.blueprint;
    if (!options.from.empty()) body["from"] = options.from;
    if (!options.timeout.empty()) body["timeout"] = options.timeout;
    if (!options.profile.empty()) {
        const NamespacedName profile = parse_namespaced_name(options.profile, "");
        body["profile"]["name"] = profile.name;
        if (!profile.ns.empty()) body["profile"]["namespace"] = profile.ns;
    }
    for (const auto& option : options.options) {
        const std::size_t equals = option.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw UsageError("--option " + option + " has no value", "write --option KEY=VALUE");
        }
        body["options"][option.substr(0, equals)] = option.substr(equals + 1);
    }
    return body;
}

std::string duration_of(const Value& phase) {
    if (!phase["startedAt"].is_string()) return {};
    const SystemTime start = parse_rfc3339(phase["startedAt"].as_string());
    const SystemTime end =
        phase["endedAt"].is_string() ? parse_rfc3339(phase["endedAt"].as_string()) : SystemClock().now();
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::max(end - start, SystemTime::duration{0}));
    return format_duration(took < std::chrono::seconds(10) ? took : took / 100 * 100);
}

Colour colour_of(const std::string& state) {
    if (state == "complete") return Colour::kGreen;
    if (state == "failed" || state == "cancelled") return Colour::kRed;
    return state == "running" ? Colour::kYellow : Colour::kDim;
}

std::string mark_of(const std::string& state) {
    if (state == "complete") return "✓";
    if (state == "failed" || state == "cancelled") return "✗";
    if (state == "running") return "▸";
    return state == "skipped" ? "-" : "·";
}

// "  12.3 MB, 45.6 MB/s" where the phase has told how much has passed.
std::string bytes_of(const Value& phase) {
    const Value& progress = phase["progress"];
    const std::int64_t bytes =
        std::max(progress["sizeUploadedB"].int_or(0), progress["sizeDownloadedB"].int_or(0));
    if (bytes <= 0 || !phase["startedAt"].is_string()) return {};
    const SystemTime end =
        phase["endedAt"].is_string() ? parse_rfc3339(phase["endedAt"].as_string()) : SystemClock().now();
    const double seconds =
        std::chrono::duration<double>(end - parse_rfc3339(phase["startedAt"].as_string())).count();
    const double megabytes = static_cast<double>(bytes) / 1e6;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.1f MB, %.1f MB/s", megabytes,
                  seconds > 0 ? megabytes / seconds : 0.0);
    return text.data();
}

// Tells how an action goes: redrawn in place on a terminal, a line for each change elsewhere.
class Progress {
  public:
    void show(const Value& action) {
        if (is_terminal(1)) {
            draw(action);
        } else {
            tell(action);
        }
    }

  private:
    void draw(const Value& action) {
        std::vector<std::string> lines;
        for (const Value& phase : action["phases"].list_or_empty()) {
            const std::string state = phase["state"].string_or("pending");
            lines.push_back("  " + paint(mark_of(state), colour_of(state)) + " " +
                            phase["name"].string_or("") + "  " +
                            paint(state + " " + duration_of(phase) + "  " + bytes_of(phase), Colour::kDim));
        }
        live_.draw(lines);
    }

    void tell(const Value& action) {
        for (const Value& phase : action["phases"].list_or_empty()) {
            const std::string name = phase["name"].string_or("");
            const std::string state = phase["state"].string_or("pending");
            std::string& last = told_[phase["action"].string_or("") + "/" + name];
            if (last == state || state == "pending") continue;
            last = state;
            const std::string took = state == "running" ? "" : duration_of(phase);
            print("phase " + name + ": " + state + (took.empty() ? "" : " in " + took) + "\n");
        }
    }

    LiveLines live_;
    std::map<std::string, std::string> told_;
};

void print_end(const Value& action) {
    const std::string state = action["state"].string_or("");
    const std::string id = action["id"].string_or("");
    print(paint(id + " is " + state, colour_of(state)) + "\n");
    if (state == "complete") {
        for (const auto& [name, artifact] : action["artifacts"].map_or_empty()) {
            print("artifact " + name + ": " + to_json(artifact, {.escape_html = false, .indent = ""}) + "\n");
        }
        return;
    }
    const std::string message = action.get("error", "message").string_or("");
    if (!message.empty()) print_error(paint("error: ", Colour::kRed, 2) + message + "\n");
    print_error("  fencepost logs " + id + "   shows what its phases wrote\n");
}

bool has_ended(const Value& action) {
    const std::string state = action["state"].string_or("");
    return state == "complete" || state == "failed" || state == "cancelled";
}

int exit_code(const Value& action) {
    const std::string state = action["state"].string_or("");
    return state == "complete" ? kDone : state == "cancelled" ? kCancelled : kFailed;
}

}  // namespace

int run_action(Server& server, const RunOptions& options) {
    const bool wants_json = options.output == "json";
    Value action = server.send("POST", "/v1/actions", request_body(server, options));
    const std::string id = action["id"].string_or("");
    const std::string path = "/v1/actions/" + url_encode(id);
    if (!wants_json) {
        print(id + " runs " + action["action"].string_or("") + " of the blueprint " +
              action["blueprint"].string_or("") + " (" + action["bindingReason"].string_or("") + ")\n");
    }
    if (!options.detach) {
        const Interrupts interrupts([&] {
            print_error("cancelling " + id +
                        "; its deferPhase still runs. Press Ctrl-C again to leave it alone.\n");
            try {
                server.send("POST", path + "/cancel", {});
            } catch (const Error& error) {
                print_error(std::string("error: ") + error.what() + "\n");
            }
        });
        Progress progress;
        while (true) {
            if (!wants_json) progress.show(action);
            if (has_ended(action)) break;
            action = server.get(path + (is_terminal(1) ? "?wait=300ms" : "?wait=1s"));
        }
    }
    if (wants_json) {
        print(to_json(action, {.escape_html = false, .indent = "  "}) + "\n");
    } else if (!options.detach) {
        print_end(action);
    }
    return options.detach ? kDone : exit_code(action);
}

}  // namespace fencepost::cli
