#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "net/curl_transfer.h"

namespace fencepost::net {
namespace {

constexpr long kKeptConnections = 64;
constexpr int kLongestPollMs = 60'000;
constexpr std::size_t kPiece = std::size_t{64} * 1024;

// Serves libcurl's multi handle on its own thread. Everything that touches a CURL* after submission happens
// there.
class Driver {
  public:
    enum class What { kAdd, kResume, kAbort, kStop };

    Driver() : multi_(curl_multi_init()) {
        if (multi_ == nullptr) throw Error(ErrorKind::kExhausted, "out of memory for the HTTP client");
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kKeptConnections);
        thread_.spawn([this] { serve(); });
    }
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    ~Driver() {
        submit(What::kStop, nullptr);
        thread_.join();
        curl_multi_cleanup(multi_);
    }

    void submit(What what, std::shared_ptr<Transfer> transfer) {
        commands_.lock()->emplace_back(what, std::move(transfer));
        curl_multi_wakeup(multi_);
    }

  private:
    using Command = std::pair<What, std::shared_ptr<Transfer>>;

    void serve() {
        bool stopping = false;
        while (!stopping) {
            int running = 0;
            stopping = obey();
            curl_multi_perform(multi_, &running);
            int left = 0;
            while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
                if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
            }
            if (!stopping) curl_multi_poll(multi_, nullptr, 0, kLongestPollMs, nullptr);
        }
        while (!running_.empty()) finish(running_.begin()->first, CURLE_ABORTED_BY_CALLBACK);
    }

    bool obey() {
        std::vector<Command> commands;
        commands_.lock()->swap(commands);
        bool stop = false;
        for (auto& [what, transfer] : commands) {
            switch (what) {
                case What::kAdd: {
                    CURL* easy = static_cast<CURL*>(transfer->easy);
                    running_.emplace(easy, transfer);
                    if (curl_multi_add_handle(multi_, easy) != CURLM_OK) finish(easy, CURLE_FAILED_INIT);
                    break;
                }
                case What::kResume:
                    if (running_.contains(transfer->easy)) resume(*transfer);
                    break;
                case What::kAbort:
                    if (running_.contains(transfer->easy)) finish(transfer->easy, CURLE_ABORTED_BY_CALLBACK);
                    break;
                case What::kStop:
                    stop = true;
                    break;
            }
        }
        return stop;
    }

    static void resume(Transfer& transfer) {
        {
            auto state = transfer.state.lock();
            state->up_paused = false;
            state->down_paused = false;
            state->last_activity = std::chrono::steady_clock::now();
        }
        curl_easy_pause(static_cast<CURL*>(transfer.easy), CURLPAUSE_CONT);
    }

    void finish(void* easy, CURLcode result) {
        const std::shared_ptr<Transfer> transfer = running_.at(easy);
        running_.erase(easy);
        long status = 0;
        curl_easy_getinfo(static_cast<CURL*>(easy), CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(multi_, static_cast<CURL*>(easy));
        auto state = transfer->state.lock();
        state->response.status = static_cast<int>(status);
        state->result = result;
        state->done = true;
        state.notify_all();
    }

    CURLM* multi_;
    Guarded<std::vector<Command>> commands_;
    std::unordered_map<void*, std::shared_ptr<Transfer>> running_;  // the serving thread's
    TaskGroup thread_;
};

// The calling thread's side of one request.
class Caller {
  public:
    Caller(Driver& driver, const HttpRequest& request)
        : driver_(driver), transfer_(std::make_shared<Transfer>(request)) {
        transfer_->prepare();
    }

    HttpResponse run(const CancelToken& cancel) {
        const CancelCallback stop = cancel.on_cancel([transfer = transfer_] {
            auto state = transfer->state.lock();
            state->cancelled = true;
            state.notify_all();
        });
        driver_.submit(Driver::What::kAdd, transfer_);
        try {
            while (step(cancel)) {
            }
        } catch (...) {
            abandon();
            throw;
        }
        auto state = transfer_->state.lock();
        if (state->too_large) {
            throw Error(ErrorKind::kTooLarge, transfer_->name() + ": the answer has more than " +
                                                  std::to_string(kMaxResponseBody >> 20U) + " MiB");
        }
        if (state->result != CURLE_OK) throw transfer_->failure(state->result);
        return std::move(state->response);
    }

  private:
    using State = Transfer::State;

    [[nodiscard]] bool wants_upload(const State& state) const noexcept {
        return transfer_->request.body_source && !state.up_ended &&
               state.up.size() - state.up_taken < kWindow;
    }

    // Waits for something to do and does it; false once the request is over.
    bool step(const CancelToken& cancel) {
        std::string bytes;
        bool resume = false;
        {
            auto state = transfer_->state.lock();
            await(state);
            if (state->done && state->down.empty()) return false;
            if (state->cancelled) {
                throw Cancelled(cancel.reason().value_or(CancelReason::kUser));
            }
            bytes.swap(state->down);
            resume = state->down_paused && !bytes.empty();
        }
        if (resume) driver_.submit(Driver::What::kResume, transfer_);
        if (!bytes.empty()) {
            transfer_->request.body_sink(bytes);
            return true;
        }
        upload_piece();
        return true;
    }

    void await(Guarded<State>::Locked& state) const {
        const HttpRequest& request = transfer_->request;
        const auto is_ready = [&] {
            return state->done || state->cancelled || !state->down.empty() || wants_upload(*state);
        };
        while (true) {
            const auto idle_at = std::max(state->last_activity, returned_) + request.idle_timeout;
            const bool ready = state.wait_until(std::min(idle_at, request.deadline), is_ready);
            const auto now = std::chrono::steady_clock::now();
            if (!state->done && now >= request.deadline) {
                throw Error(ErrorKind::kTimeout, transfer_->name() + ": the deadline has passed");
            }
            if (ready) return;
            if (now >= std::max(state->last_activity, returned_) + request.idle_timeout) {
                throw Error(ErrorKind::kTimeout, transfer_->name() + ": nothing was sent or received for " +
                                                     std::to_string(request.idle_timeout.count()) + " ms");
            }
        }
    }

    void upload_piece() {
        piece_.resize(kPiece);
        const std::size_t size = transfer_->request.body_source(piece_.data(), piece_.size());
        given_ += size;
        const auto& announced = transfer_->request.body_size;
        if (announced && (given_ > *announced || (size == 0 && given_ < *announced))) {
            throw Error(ErrorKind::kInvalid, transfer_->name() + ": the body has " + std::to_string(given_) +
                                                 (size == 0 ? "" : " or more") + " bytes, announced were " +
                                                 std::to_string(*announced));
        }
        bool resume = false;
        {
            auto state = transfer_->state.lock();
            if (size == 0) state->up_ended = true;
            if (state->up_taken > 0) {
                state->up.erase(0, state->up_taken);
                state->up_taken = 0;
            }
            state->up.append(piece_.data(), size);
            resume = state->up_paused;
        }
        if (resume) driver_.submit(Driver::What::kResume, transfer_);
        returned_ = std::chrono::steady_clock::now();
    }

    // The request ends before the transfer does: nobody may touch the caller's memory after that.
    void abandon() {
        driver_.submit(Driver::What::kAbort, transfer_);
        auto state = transfer_->state.lock();
        state.wait([&] { return state->done; });
    }

    Driver& driver_;
    std::shared_ptr<Transfer> transfer_;
    std::string piece_;
    std::uint64_t given_ = 0;
    SteadyTime returned_ = std::chrono::steady_clock::now();  // the caller's own slowness is no idleness
};

class CurlClient final : public HttpClient {
  public:
    HttpResponse request(HttpRequest request, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        return Caller(driver_, request).run(cancel);
    }

  private:
    Driver driver_;
};

}  // namespace

ErrorKind error_kind_of(int status) noexcept {
    switch (status) {
        case 401:
            return ErrorKind::kUnauthorized;
        case 403:
            return ErrorKind::kForbidden;
        case 404:
            return ErrorKind::kNotFound;
        case 405:
        case 406:
        case 415:
        case 501:
            return ErrorKind::kUnsupported;
        case 409:
        case 412:
            return ErrorKind::kConflict;
        case 410:
            return ErrorKind::kGone;
        case 413:
            return ErrorKind::kTooLarge;
        case 429:
        case 507:
            return ErrorKind::kExhausted;
        case 504:
            return ErrorKind::kTimeout;
        default:
            return status >= 500 ? ErrorKind::kUnavailable : ErrorKind::kInvalid;
    }
}

std::unique_ptr<HttpClient> make_http_client() {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialised != CURLE_OK) throw Error(ErrorKind::kInternal, curl_easy_strerror(initialised));
    return std::make_unique<CurlClient>();
}

}  // namespace fencepost::net
