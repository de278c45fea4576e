// One request on its way: what the calling thread and the thread that serves libcurl share. Uploads and
// downloads pass through buffers of at most kWindow bytes; a full (or empty) one pauses the libcurl side.
// Thread safety: `request` is read-only once submitted; `easy` belongs to the serving thread; `state` has its
// lock. Lifetime: the calling thread keeps `request` alive until State::done.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/guarded.h"
#include "net/http_client.h"

namespace fencepost::net {

inline constexpr std::size_t kWindow = std::size_t{256} * 1024;

struct Transfer {
    struct State {
        std::string up;  // bytes of body_source that libcurl has not taken
        std::size_t up_taken = 0;
        bool up_ended = false;
        bool up_paused = false;
        std::string down;  // bytes that the sink has not seen
        bool down_paused = false;
        HttpResponse response;
        bool too_large = false;
        bool cancelled = false;
        bool done = false;
        int result = 0;  // a CURLcode
        SteadyTime last_activity = std::chrono::steady_clock::now();
    };

    explicit Transfer(const HttpRequest& what) noexcept : request(what) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer();

    // Makes `easy` ready for the multi handle. Throws Error{kInvalid} for a request that cannot be sent.
    void prepare();
    [[nodiscard]] bool has_body() const noexcept;
    [[nodiscard]] std::string name() const;  // "GET http://host/path", without the query, for messages
    [[nodiscard]] Error failure(int result) const;

    const HttpRequest& request;
    Guarded<State> state;
    void* easy = nullptr;         // CURL*
    void* header_list = nullptr;  // curl_slist*
    void* connect_to = nullptr;   // curl_slist*
    std::size_t body_sent = 0;    // of request.body; the serving thread's
    char error_text[256] = {};    // CURL_ERROR_SIZE
};

}  // namespace fencepost::net
