// Cancellation: a CancelSource asks, every holder of its CancelToken hears. Anything that can wait takes a
// CancelToken. A token may have a parent: cancelling the parent cancels the child, with the parent's reason.
// `Cancelled` is thrown by throw_if_cancelled(); it is not an Error, and only action runner, HTTP handler,
// CLI main and reconnect loops catch it.
//
//     CancelSource source(parent.token());
//     auto stop = source.token().on_cancel([&] { socket.shutdown(); });   // runs once, at once if already
//     cancelled
//
// Thread safety: all members may be called from any thread. A callback runs on the cancelling thread, without
// locks held; it must not throw. Destroying a CancelCallback waits for a callback that is running in another
// thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace fencepost {

enum class CancelReason { kUser, kDeadline, kShutdown, kOverload };
[[nodiscard]] std::string_view to_string(CancelReason reason) noexcept;

class Cancelled {
  public:
    explicit Cancelled(CancelReason reason) noexcept : reason_(reason) {}
    [[nodiscard]] CancelReason reason() const noexcept { return reason_; }

  private:
    CancelReason reason_;
};

struct CancelState;

class CancelCallback {
  public:
    CancelCallback() noexcept;
    CancelCallback(CancelCallback&&) noexcept;
    CancelCallback& operator=(CancelCallback&&) noexcept;
    ~CancelCallback();

  private:
    friend class CancelToken;
    CancelCallback(std::shared_ptr<CancelState> state, unsigned long id) noexcept;
    std::shared_ptr<CancelState> state_;
    unsigned long id_ = 0;
};

class CancelToken {
  public:
    CancelToken() noexcept = default;  // never cancelled
    [[nodiscard]] bool is_cancelled() const noexcept;
    [[nodiscard]] std::optional<CancelReason> reason() const noexcept;
    void throw_if_cancelled() const;
    // Sleeps until `until` or cancellation; true if the whole time passed, false if cancelled.
    [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point until) const;
    [[nodiscard]] bool wait_for(std::chrono::nanoseconds duration) const;
    [[nodiscard]] CancelCallback on_cancel(std::function<void()> callback) const;

  private:
    friend class CancelSource;
    explicit CancelToken(std::shared_ptr<CancelState> state) noexcept;
    std::shared_ptr<CancelState> state_;
};

class CancelSource {
  public:
    CancelSource();
    explicit CancelSource(const CancelToken& parent);
    CancelSource(const CancelSource&) = delete;
    CancelSource& operator=(const CancelSource&) = delete;
    ~CancelSource();

    void cancel(CancelReason reason) noexcept;  // the first reason stays
    [[nodiscard]] CancelToken token() const noexcept;

  private:
    std::shared_ptr<CancelState> state_;
    CancelCallback parent_link_;
};

}  // namespace fencepost
