#include <map>

#include "base/encodings.h"
#include "base/error.h"
#include "cli/follow.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

constexpr const char* kActionSets = "/apis/cr.kanister.io/v1alpha1/actionsets?watch=true";

// One line for an ActionSet as it is now.
std::string line_of(const Value& action_set) {
    const List& actions = action_set.get("spec", "actions").list_or_empty();
    const Value first = actions.empty() ? Value() : actions.front();
    const Value& object = first["object"];
    const Value& status = action_set["status"];
    const std::string state = status["state"].string_or("pending");
    std::string line = cluster::name_of(action_set) + "  " + first["name"].string_or("") + " of " +
                       object["namespace"].string_or("") + "/" + object["name"].string_or("") + "  " +
                       paint(state, colour_of_state(state));
    if (const std::string phase = status.get("progress", "runningPhase").string_or(""); !phase.empty())
        line += "  phase " + phase;
    if (const std::string percent = status.get("progress", "percentCompleted").string_or("");
        !percent.empty())
        line += "  " + percent + "%";
    if (const std::int64_t bytes = status.get("progress", "sizeUploadedB").int_or(0); bytes > 0)
        line += "  " + bytes_text(static_cast<double>(bytes));
    return line;
}

// Takes the watch's lines, whatever the pieces they come in.
class Events {
  public:
    explicit Events(const Output& output) : output_(output) {}

    void feed(std::string_view bytes) {
        rest_ += bytes;
        for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
            take(parse_json(std::string_view(rest_).substr(0, end)));
            rest_.erase(0, end + 1);
        }
    }

    // Where the next watch goes on; "" from the beginning.
    [[nodiscard]] std::string position() const { return position_; }
    void forget_position() { position_.clear(); }
    void begin() { rest_.clear(); }

  private:
    void take(const Value& event) {
        const std::string type = event["type"].string_or("");
        const Value& object = event["object"];
        if (type == "ERROR") {
            if (object["code"].int_or(0) == 410) return forget_position();
            throw Error(ErrorKind::kUnavailable, object["message"].string_or("the server ended the watch"));
        }
        position_ = cluster::resource_version_of(object);
        if (type == "BOOKMARK") return;
        const std::string id = cluster::namespace_of(object) + "/" + cluster::name_of(object);
        std::string line = line_of(object) + (type == "DELETED" ? "  deleted" : "");
        std::string& last = told_[id];
        if (line == last && output_.is_table()) return;
        print(output_.is_table()
                  ? line + "\n"
                  : output_.text(object, {"actionset.cr.kanister.io/" + cluster::name_of(object)}) +
                        std::string(output_.separator()));
        last = std::move(line);
        if (type == "DELETED") told_.erase(id);
    }

    const Output& output_;
    std::string rest_, position_;
    std::map<std::string, std::string> told_;
};

[[noreturn]] void watch_all(Server& server, const Output& output) {
    Events events(output);
    while (true) {
        const std::string position = events.position();
        events.begin();
        try {
            server.stream(std::string(kActionSets) +
                              (position.empty() ? "" : "&resourceVersion=" + url_encode(position)),
                          [&](std::string_view bytes) { events.feed(bytes); }, {});
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kGone) throw;
            events.forget_position();
        }
    }
}

}  // namespace

int watch(Server& server, const WatchOptions& options) {
    const Output output(options.output);
    if (options.id.empty()) watch_all(server, output);
    return follow_action(server, server.get(action_path(options.id)), output, OnInterrupt::kLeave);
}

}  // namespace fencepost::cli
