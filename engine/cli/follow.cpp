#include "cli/follow.h"

#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/interrupts.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

void show_logs(Server& server, const Value& action) {
    const std::string path = action_path(action["id"].string_or("")) + "/logs?phase=";
    for (const Value& phase : action["phases"].list_or_empty()) {
        if (phase["state"].string_or("") != "failed") continue;
        const std::string name = phase["name"].string_or("");
        print_error("The log of the phase '" + name + "':\n");
        server.stream(path + url_encode(name), [](std::string_view bytes) { print_error(bytes); }, {});
    }
}

void print_end(const Value& action) {
    const std::string state = action["state"].string_or("");
    const std::string id = action["id"].string_or("");
    print(paint(id + " is " + state, colour_of_state(state)) + "\n");
    if (state == "complete") {
        for (const auto& [name, artifact] : action["artifacts"].map_or_empty()) {
            print("artifact " + name + ": " + to_json(artifact, {.escape_html = false, .indent = ""}) + "\n");
        }
        return;
    }
    const std::string message = action.get("error", "message").string_or("");
    if (!message.empty()) print_error(paint("error: ", Colour::kRed, 2) + message + "\n");
}

}  // namespace

int exit_code(const Value& action) {
    const std::string state = action["state"].string_or("");
    return state == "complete" ? kDone : state == "cancelled" ? kCancelled : kFailed;
}

std::string action_path(std::string_view id) { return "/v1/actions/" + url_encode(id); }

std::vector<std::string> action_names(const Value& action) {
    return {"actionset.cr.kanister.io/" + action["id"].string_or("")};
}

int follow_action(Server& server, Value action, const Output& output, OnInterrupt on_interrupt,
                  OnFailure on_failure) {
    const std::string id = action["id"].string_or("");
    const std::string path = action_path(id);
    std::optional<Interrupts> interrupts;
    if (on_interrupt == OnInterrupt::kCancelAction) {
        interrupts.emplace([&server, id, path] {
            print_error("cancelling " + id +
                        "; its deferPhase still runs. Press Ctrl-C again to leave it alone.\n");
            server.send("POST", path + "/cancel", {});
        });
    }
    Progress progress;
    while (true) {
        if (output.is_table()) progress.show(action);
        if (has_ended(action)) break;
        action = server.get(path + (is_terminal(1) ? "?wait=300ms" : "?wait=1s"));
    }
    if (output.is_table()) {
        print_end(action);
    } else {
        print(output.text(action, action_names(action)));
    }
    const int code = exit_code(action);
    if (code == kDone) return code;
    if (on_failure == OnFailure::kShowLog) {
        show_logs(server, action);
    } else if (output.is_table()) {
        print_error("  fencepost logs " + id + "   shows what its phases wrote\n");
    }
    return code;
}

int follow_new_action(Server& server, const Value& action, const Output& output, bool detach,
                      OnFailure on_failure) {
    if (output.is_table()) {
        print(action["id"].string_or("") + " runs " + action["action"].string_or("") + " of the blueprint " +
              action["blueprint"].string_or("") + " (" + action["bindingReason"].string_or("") + ")\n");
    }
    if (!detach) return follow_action(server, action, output, OnInterrupt::kCancelAction, on_failure);
    if (!output.is_table()) print(output.text(action, action_names(action)));
    return kDone;
}

}  // namespace fencepost::cli
