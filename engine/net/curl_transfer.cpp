#include "net/curl_transfer.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/ascii.h"
#include "base/error.h"

namespace fencepost::net {
namespace {

// --- libcurl's callbacks, on the serving thread. They are noexcept: nothing may unwind through C.

std::size_t take_upload(char* buffer, std::size_t item, std::size_t count, void* user) noexcept {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::size_t room = item * count;
    auto state = transfer.state.lock();
    state->last_activity = std::chrono::steady_clock::now();
    if (!transfer.request.body_source) {
        const std::string& body = transfer.request.body;
        const std::size_t piece = std::min(room, body.size() - transfer.body_sent);
        std::memcpy(buffer, body.data() + transfer.body_sent, piece);
        transfer.body_sent += piece;
        return piece;
    }
    const std::size_t piece = std::min(room, state->up.size() - state->up_taken);
    if (piece == 0) {
        if (state->up_ended) return 0;
        state->up_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    std::memcpy(buffer, state->up.data() + state->up_taken, piece);
    state->up_taken += piece;
    if (state->up_taken == state->up.size()) {
        state->up.clear();
        state->up_taken = 0;
    }
    state.notify_all();
    return piece;
}

int rewind_upload(void* user, curl_off_t offset, int origin) noexcept {
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.request.body_source || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    if (offset < 0 || static_cast<std::size_t>(offset) > transfer.request.body.size())
        return CURL_SEEKFUNC_FAIL;
    transfer.body_sent = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

void keep_header(HttpResponse& response, std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // an interim 1xx answer, or another one: start afresh
        response.headers.clear();
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    response.headers.emplace_back(line.substr(0, colon), value);
}

std::size_t take_header(char* bytes, std::size_t item, std::size_t count, void* user) noexcept {
    auto& transfer = *static_cast<Transfer*>(user);
    try {
        auto state = transfer.state.lock();
        state->last_activity = std::chrono::steady_clock::now();
        keep_header(state->response, {bytes, item * count});
    } catch (...) {
        return 0;  // out of memory: libcurl ends the transfer
    }
    return item * count;
}

std::size_t take_download(char* bytes, std::size_t item, std::size_t count, void* user) noexcept {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::size_t size = item * count;
    try {
        long status = 0;
        curl_easy_getinfo(static_cast<CURL*>(transfer.easy), CURLINFO_RESPONSE_CODE, &status);
        auto state = transfer.state.lock();
        state->last_activity = std::chrono::steady_clock::now();
        if (!transfer.request.body_sink || status < 200 || status > 299) {
            state->too_large = state->response.body.size() + size > kMaxResponseBody;
            if (state->too_large) return 0;
            state->response.body.append(bytes, size);
            return size;
        }
        if (!state->down.empty() && state->down.size() + size > kWindow) {
            state->down_paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        state->down.append(bytes, size);
        state.notify_all();
    } catch (...) {
        return 0;
    }
    return size;
}

curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// --- setting up

struct Target {
    std::string url;
    std::string unix_socket;
};

Target split_target(const std::string& url) {
    if (!url.starts_with("unix:")) return {url, {}};
    const std::size_t colon = url.find(':', 5);
    if (colon == std::string::npos || colon == 5) {
        throw Error(ErrorKind::kInvalid, "'" + url + "' is no URL: expected unix:/path/to/socket:/path");
    }
    return {"http://localhost" + url.substr(colon + 1), url.substr(5, colon - 5)};
}

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part_of(const Url& url, CURLUPart what, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url.get(), what, &text, flags) != CURLUE_OK) return {};
    std::string part = text;
    curl_free(text);
    return part;
}

// A proxy from the environment is for other hosts, never for this one.
bool is_loopback(const Url& url) {
    const std::string name = part_of(url, CURLUPART_HOST);
    return name == "localhost" || name == "[::1]" || name.starts_with("127.");
}

void set_proxy(CURL* easy, const std::string& proxy, bool is_for_this_host) {
    if (!proxy.empty()) {
        curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());
        curl_easy_setopt(easy, CURLOPT_PROXYPORT, 80L);  // where it names none; libcurl's own idea is 1080
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    } else if (is_for_this_host) {
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
}

void set_blob(CURL* easy, CURLoption option, const std::string& pem) {
    curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, option, &blob);
}

void set_tls(CURL* easy, const TlsOptions& tls) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    // The blob replaces the system's bundle file, not its certificate folder: both are trusted.
    if (!tls.ca_bundle_pem.empty()) set_blob(easy, CURLOPT_CAINFO_BLOB, tls.ca_bundle_pem);
    if (!tls.client_certificate_pem.empty()) set_blob(easy, CURLOPT_SSLCERT_BLOB, tls.client_certificate_pem);
    if (!tls.client_key_pem.empty()) set_blob(easy, CURLOPT_SSLKEY_BLOB, tls.client_key_pem);
}

// libcurl takes the name to ask for and to verify from the URL: it gets that one, and the connection (or the
// proxy's tunnel) goes where it went.
curl_slist* set_server_name(CURL* easy, const Url& url, const std::string& name,
                            const std::string& authority) {
    if (curl_url_set(url.get(), CURLUPART_HOST, name.c_str(), 0) != CURLUE_OK)
        throw Error(ErrorKind::kInvalid, "'" + name + "' is no name of a TLS server");
    curl_easy_setopt(easy, CURLOPT_URL, part_of(url, CURLUPART_URL).c_str());
    curl_slist* connect_to = curl_slist_append(nullptr, ("::" + authority).c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);
    return connect_to;
}

void set_timeouts(CURL* easy, const HttpRequest& request) {
    const auto connect = std::max<long>(1, static_cast<long>(request.connect_timeout.count()));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    // Without it, giving up during a DNS look-up would block the serving thread until the resolver answers.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

curl_slist* header_lines(const Headers& headers, bool has_body) {
    curl_slist* lines = nullptr;
    const auto add = [&lines](const std::string& line) {
        curl_slist* longer = curl_slist_append(lines, line.c_str());
        if (longer == nullptr) {
            curl_slist_free_all(lines);
            throw Error(ErrorKind::kExhausted, "out of memory for HTTP headers");
        }
        lines = longer;
    };
    if (has_body) add("Expect:");  // no round trip before each upload
    for (const auto& [name, value] : headers) {
        if ((name + value).find_first_of(std::string("\r\n\0", 3)) != std::string::npos || name.empty()) {
            curl_slist_free_all(lines);
            throw Error(ErrorKind::kInvalid, "the HTTP header '" + name + "' has a line break or no name");
        }
        if (equal_without_case(name, "content-length")) continue;  // libcurl writes the true one
        add(value.empty() ? name + ";" : name + ": " + value);
    }
    return lines;
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
        if (equal_without_case(key, name)) return value;
    }
    return {};
}

Transfer::~Transfer() {
    if (easy != nullptr) curl_easy_cleanup(static_cast<CURL*>(easy));
    curl_slist_free_all(static_cast<curl_slist*>(header_list));
    curl_slist_free_all(static_cast<curl_slist*>(connect_to));
}

bool Transfer::has_body() const noexcept {
    return request.body_source || !request.body.empty() || request.method == "PUT" ||
           request.method == "POST" || request.method == "PATCH";
}

void Transfer::prepare() {
    static_assert(sizeof(error_text) >= CURL_ERROR_SIZE);
    const Target target = split_target(request.url);
    CURL* handle = curl_easy_init();
    if (handle == nullptr) throw Error(ErrorKind::kExhausted, "out of memory for an HTTP request");
    easy = handle;
    const Url url(curl_url(), &curl_url_cleanup);
    if (const CURLUcode failed = curl_url_set(url.get(), CURLUPART_URL, target.url.c_str(), CURLU_PATH_AS_IS))
        throw Error(ErrorKind::kInvalid, name() + ": " + curl_url_strerror(failed));

    curl_easy_setopt(handle, CURLOPT_URL, target.url.c_str());
    set_proxy(handle, request.proxy, is_loopback(url) || !target.unix_socket.empty());
    Headers headers = request.headers;
    if (!request.tls.server_name.empty()) {
        const std::string authority =
            part_of(url, CURLUPART_HOST) + ":" + part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        headers.emplace_back("Host", authority);
        connect_to = set_server_name(handle, url, request.tls.server_name, authority);
    }
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!target.unix_socket.empty()) {
        curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, target.unix_socket.c_str());
    }
    // HTTP/1.1: an HTTP/2 stream that is paused goes on buffering up to its 32 MiB window.
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "fencepost");
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 64L * 1024);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error_text);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_download);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    set_tls(handle, request.tls);
    set_timeouts(handle, request);

    if (has_body()) {
        const curl_off_t size = !request.body_source ? static_cast<curl_off_t>(request.body.size())
                                : request.body_size  ? static_cast<curl_off_t>(*request.body_size)
                                                     : -1;
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, size);
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, &take_upload);
        curl_easy_setopt(handle, CURLOPT_READDATA, this);
        curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, &rewind_upload);
        curl_easy_setopt(handle, CURLOPT_SEEKDATA, this);
    } else if (request.method == "HEAD") {
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    header_list = header_lines(headers, has_body());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(header_list));
}

std::string Transfer::name() const {
    return request.method + " " + request.url.substr(0, request.url.find('?'));
}

Error Transfer::failure(int result) const {
    const auto code = static_cast<CURLcode>(result);
    const std::string why = error_text[0] != '\0' ? error_text : curl_easy_strerror(code);
    switch (code) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_SSL_CERTPROBLEM:
            return {ErrorKind::kInvalid, name() + ": " + why};
        case CURLE_OPERATION_TIMEDOUT:
            return {ErrorKind::kTimeout, name() + ": " + why};
        case CURLE_OUT_OF_MEMORY:
            return {ErrorKind::kExhausted, name() + ": " + why};
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return {ErrorKind::kForbidden, name() + ": the server's certificate does not verify: " + why,
                    "give the CA that signed it, or check the host name"};
        case CURLE_SSL_CACERT_BADFILE:
            return {ErrorKind::kInvalid, name() + ": the CA certificate cannot be read: " + why};
        default:
            return {ErrorKind::kUnavailable, name() + ": " + why};
    }
}

}  // namespace fencepost::net
