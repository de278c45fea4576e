#include "cluster/kube/watch.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <random>

#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "value/json.h"

namespace fencepost::cluster::kube {
namespace {

constexpr std::size_t kMaxEventBytes = std::size_t{64} << 20U;
// The server sends a bookmark every minute: a connection that is silent for longer is dead.
constexpr std::chrono::milliseconds kIdle{150'000};
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{10'000};

WatchEvent::Type type_of(const std::string& word) {
    if (word == "ADDED") return WatchEvent::Type::kAdded;
    if (word == "MODIFIED") return WatchEvent::Type::kModified;
    if (word == "DELETED") return WatchEvent::Type::kDeleted;
    if (word == "BOOKMARK") return WatchEvent::Type::kBookmark;
    throw Error(ErrorKind::kInternal, "the API server sent an event of an unknown type: " + word);
}

// Some minutes, not the same for all, so that a restarted server is not asked by all at once.
std::string connection_seconds() {
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::to_string(std::uniform_int_distribution<int>(300, 600)(random));
}

class KubeWatch final : public Watch {
  public:
    KubeWatch(ApiClient& client, const ResourceType& type, WatchOptions options,
              std::vector<WatchEvent> present, const std::vector<WatchedPlace>& places)
        : client_(client), options_(std::move(options)) {
        for (const WatchedPlace& place : places)
            connections_.push_back({object_path(type, place.ns, ""), place.resource_version});
        for (WatchEvent& event : present) state_.lock()->events.push_back(std::move(event));
        for (Connected& connection : connections_) readers_.spawn([this, &connection] { read(connection); });
    }
    KubeWatch(const KubeWatch&) = delete;
    KubeWatch& operator=(const KubeWatch&) = delete;
    ~KubeWatch() override {
        stop_.cancel(CancelReason::kShutdown);
        state_.lock().notify_all();
        readers_.join();
    }

    std::optional<WatchEvent> next(const CancelToken& cancel, Deadline deadline) override {
        const CancelCallback wake = cancel.on_cancel([this] { state_.lock().notify_all(); });
        auto state = state_.lock();
        const auto is_ready = [&] {
            return cancel.is_cancelled() || !state->events.empty() || state->failure != nullptr;
        };
        if (deadline == kNoDeadline)
            state.wait(is_ready);
        else if (!state.wait_until(deadline, is_ready))
            return std::nullopt;
        cancel.throw_if_cancelled();
        if (state->events.empty()) std::rethrow_exception(state->failure);
        WatchEvent event = std::move(state->events.front());
        state->events.pop_front();
        state.notify_all();
        return event;
    }

  private:
    struct State {
        std::deque<WatchEvent> events;
        std::exception_ptr failure;  // thrown once the events before it are taken
    };

    struct Connected {
        std::string path;
        std::string position;
    };

    // The reconnect loop.
    void read(Connected& connection) {
        std::chrono::milliseconds pause = kFirstPause;
        try {
            while (!stop_.token().is_cancelled()) {
                const std::string before = connection.position;
                try {
                    connect(connection);
                } catch (const Error& e) {
                    if (!e.is_transient() && e.kind() != ErrorKind::kExhausted) throw;
                }
                pause = connection.position == before ? std::min(pause * 2, kLongestPause) : kFirstPause;
                if (!stop_.token().wait_for(pause)) return;
            }
        } catch (const Cancelled&) {
            return;
        } catch (...) {
            auto state = state_.lock();
            if (state->failure == nullptr) state->failure = std::current_exception();
            state.notify_all();
        }
    }

    void connect(Connected& connection) {
        std::string line;  // what has come of the next event
        const auto take = [&](std::string_view bytes) {
            for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
                line += bytes.substr(0, end);
                bytes.remove_prefix(end + 1);
                if (!line.empty()) take_event(connection, parse_json(line));
                line.clear();
            }
            line += bytes;
            if (line.size() > kMaxEventBytes)
                throw Error(ErrorKind::kTooLarge,
                            connection.path + ": an event of the watch has more than 64 MiB");
        };
        client_.stream({.path = connection.path + Query()
                                                      .add("watch", "true")
                                                      .add("allowWatchBookmarks", "true")
                                                      .add("labelSelector", options_.label_selector)
                                                      .add("fieldSelector", options_.field_selector)
                                                      .add("resourceVersion", connection.position)
                                                      .add("timeoutSeconds", connection_seconds())
                                                      .text(),
                        .accept = accepted_form(options_.metadata_only)},
                       take, kIdle, stop_.token());
    }

    void take_event(Connected& connection, Value event) {
        const std::string word = event["type"].string_or("");
        Value& object = event["object"];
        if (word == "ERROR") throw refusal(static_cast<int>(object["code"].int_or(500)), object);
        const WatchEvent::Type type = type_of(word);
        if (type != WatchEvent::Type::kBookmark || (options_.allow_bookmarks && connections_.size() == 1)) {
            auto state = state_.lock();
            state.wait([&] { return state->events.size() < kMaxQueued || stop_.token().is_cancelled(); });
            stop_.token().throw_if_cancelled();
            state->events.push_back({type, options_.metadata_only ? metadata_of(object) : object});
            state.notify_all();
        }
        connection.position = resource_version_of(object);
    }

    ApiClient& client_;
    const WatchOptions options_;
    std::vector<Connected> connections_;  // each is its reader's, but for their number
    CancelSource stop_;
    Guarded<State> state_;
    TaskGroup readers_;
};

}  // namespace

std::unique_ptr<Watch> open_watch(ApiClient& client, const ResourceType& type, const WatchOptions& options,
                                  std::vector<WatchEvent> present, const std::vector<WatchedPlace>& places) {
    return std::make_unique<KubeWatch>(client, type, options, std::move(present), places);
}

}  // namespace fencepost::cluster::kube
