#include "cluster/kube/logs.h"

#include <algorithm>
#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/overdue.h"

namespace fencepost::cluster::kube {
namespace {

// A log that is quiet for so long is asked for again: nothing else tells of a node that is gone.
constexpr std::chrono::minutes kQuiet{1};
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5'000};
constexpr std::size_t kMaxHeld = std::size_t{1} << 20U;  // of a line whose end has not come

std::string path_of(std::string_view ns, std::string_view pod) { return object_path(types::kPods, ns, pod); }

Query query_of(const LogOptions& options) {
    Query query;
    query.add("container", options.container).add("previous", options.previous ? "true" : "");
    if (options.tail_lines) query.add("tailLines", std::to_string(*options.tail_lines));
    if (options.limit_bytes) query.add("limitBytes", std::to_string(*options.limit_bytes));
    return query;
}

// Puts lines together, each of which begins with its time, and knows which were given, so that the same log
// can be read to it again from somewhat before the place where it broke off.
class Lines {
  public:
    Lines(bool with_times, const std::function<void(std::string_view)>& sink)
        : with_times_(with_times), sink_(sink) {}

    void begin_again() {
        line_.clear();
        seen_at_last_ = 0;
    }

    void add(std::string_view bytes) {
        for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
            line_ += bytes.substr(0, end + 1);
            bytes.remove_prefix(end + 1);
            give_line();
        }
        line_ += bytes;
        if (line_.size() > kMaxHeld) give_part();
    }

    void end() {
        if (!line_.empty()) give_line();
    }

    // "" before the first line.
    [[nodiscard]] const std::string& last_time() const noexcept { return last_time_; }

  private:
    [[nodiscard]] std::string_view time() const { return std::string_view(line_).substr(0, line_.find(' ')); }
    // The kubelet writes all times with nine digits and in UTC: they compare as texts.
    [[nodiscard]] bool is_given() {
        if (time() != last_time_) return time() < last_time_;
        return seen_at_last_++ < given_at_last_;
    }
    [[nodiscard]] std::string_view shown() const {
        std::string_view text = line_;
        if (!with_times_) text.remove_prefix(std::min(text.size(), text.find(' ') + 1));
        return text;
    }

    void give_line() {
        if (!is_given()) {
            const std::string_view text = shown();
            sink_(text.substr(std::min(part_given_, text.size())));
            part_given_ = 0;
            if (time() != last_time_) {
                last_time_ = time();
                given_at_last_ = 0;
            }
            seen_at_last_ = ++given_at_last_;
        }
        line_.clear();
    }

    // The line stays, cut to its time, and what is given of it is counted.
    void give_part() {
        if (time() < last_time_) return;
        const std::string_view text = shown();
        const std::size_t given = std::min(part_given_, text.size());
        sink_(text.substr(given));
        part_given_ = text.size();
    }

    const bool with_times_;
    const std::function<void(std::string_view)>& sink_;
    std::string line_;
    std::string last_time_;
    std::size_t given_at_last_ = 0;  // lines of that time
    std::size_t seen_at_last_ = 0;   // of these, in this reading
    std::size_t part_given_ = 0;     // bytes of the next line
};

enum class ContainerState { kWaiting, kRunning, kOver };

ContainerState state_of(const Value& pod, const std::string& container) {
    const std::string phase = pod.get("status", "phase").string_or("");
    if (phase == "Succeeded" || phase == "Failed") return ContainerState::kOver;
    for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
        for (const Value& status : pod["status"][list].list_or_empty()) {
            if (!container.empty() && status["name"].string_or("") != container) continue;
            if (!status["state"]["terminated"].is_nil()) return ContainerState::kOver;
            return status["state"]["running"].is_nil() ? ContainerState::kWaiting : ContainerState::kRunning;
        }
    }
    return ContainerState::kWaiting;
}

// nullopt where the Pod is gone, or should be, or another one of its name has come.
std::optional<ContainerState> look(ApiClient& client, std::string_view ns, std::string_view pod,
                                   const std::string& container, const std::string& uid) {
    try {
        const Value object = client.get(path_of(ns, pod));
        const std::optional<SystemTime> overdue = overdue_from(object);
        if (uid_of(object) != uid || (overdue && *overdue <= client.clock().now())) return std::nullopt;
        return state_of(object, container);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        return std::nullopt;
    }
}

void follow(ApiClient& client, std::string_view ns, std::string_view pod, LogOptions options,
            const std::function<void(std::string_view)>& sink, const CancelToken& cancel) {
    Lines lines(options.timestamps, sink);
    const std::string uid = uid_of(client.get(path_of(ns, pod)));
    std::string since = options.since ? format_rfc3339(*options.since) : "";
    for (std::chrono::milliseconds pause = kFirstPause;;) {
        const std::string before = lines.last_time();
        bool is_cut = false;
        try {
            client.stream(
                {.path = path_of(ns, pod) + "/log" +
                         query_of(options)
                             .add("follow", "true")
                             .add("timestamps", "true")
                             .add("sinceTime", since)
                             .text()},
                [&](std::string_view bytes) { lines.add(bytes); }, kQuiet, cancel);
        } catch (const Error& e) {
            is_cut = e.is_transient() || e.kind() == ErrorKind::kExhausted;
            // kInvalid: so a server refuses the log of a container that does not run yet, or that its node
            // has cleared away, log and all.
            if (!is_cut && (e.kind() != ErrorKind::kInvalid ||
                            look(client, ns, pod, options.container, uid) == ContainerState::kRunning))
                throw;
        }
        // Without a cut, the stream's end is the container's, or that of a server in between.
        const auto now = look(client, ns, pod, options.container, uid);
        if (!now || (*now == ContainerState::kOver && !is_cut)) break;
        pause = lines.last_time() == before ? std::min(pause * 2, kLongestPause) : kFirstPause;
        if (!cancel.wait_for(pause)) cancel.throw_if_cancelled();
        if (!lines.last_time().empty()) {
            since = lines.last_time();
            options.tail_lines.reset();
        }
        lines.begin_again();
    }
    lines.end();
}

}  // namespace

void read_logs(ApiClient& client, std::string_view ns, std::string_view pod, const LogOptions& options,
               const std::function<void(std::string_view)>& sink, const CancelToken& cancel) {
    if (options.follow) return follow(client, ns, pod, options, sink, cancel);
    client.stream({.path = path_of(ns, pod) + "/log" +
                           query_of(options)
                               .add("timestamps", options.timestamps ? "true" : "")
                               .add("sinceTime", options.since ? format_rfc3339(*options.since) : "")
                               .text()},
                  sink, kQuiet, cancel);
}

}  // namespace fencepost::cluster::kube
