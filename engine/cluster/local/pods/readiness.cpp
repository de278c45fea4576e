#include "cluster/local/pods/readiness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/files.h"

namespace fencepost::cluster::local {
namespace {

using SteadyClock = std::chrono::steady_clock;

bool wait_for(int fd, short events, SteadyClock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()).count();
    pollfd wait{fd, events, 0};
    return left > 0 && ::poll(&wait, 1, static_cast<int>(left)) == 1;
}

// A number, or the name of one of the container's ports.
int port_of(const Value& port, const Value& container) {
    if (port.is_number()) return static_cast<int>(port.as_int());
    const std::string name = port.string_or("");
    for (const Value& known : container["ports"].list_or_empty()) {
        if (known["name"].string_or("") == name) return static_cast<int>(known["containerPort"].int_or(0));
    }
    int number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number;
}

UniqueFd connect_to(const std::string& host, int port, SteadyClock::time_point until) {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const std::string ip = host.empty() || host == "localhost" ? "127.0.0.1" : host;
    if (port <= 0 || port > 65535 || ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1) return {};
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return socket;
    if (errno != EINPROGRESS || !wait_for(socket.get(), POLLOUT, until)) return {};
    int failed = 0;
    socklen_t size = sizeof failed;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0) return {};
    return socket;
}

bool http_get(const Value& get, const Value& container, SteadyClock::time_point until) {
    const UniqueFd socket = connect_to(get["host"].string_or(""), port_of(get["port"], container), until);
    if (!socket.is_open()) return false;
    if (get["scheme"].string_or("HTTP") == "HTTPS")
        return true;  // it listens; certificates are not its readiness
    std::string request =
        "GET " + get["path"].string_or("/") + " HTTP/1.0\r\nUser-Agent: fencepost-probe\r\nAccept: */*\r\n";
    for (const Value& header : get["httpHeaders"].list_or_empty()) {
        request += header["name"].string_or("") + ": " + header["value"].string_or("") + "\r\n";
    }
    request += "\r\n";
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        return false;
    std::string answer;
    std::array<char, 512> buffer;
    while (answer.size() < 12) {
        if (!wait_for(socket.get(), POLLIN, until)) return false;
        const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got <= 0) return false;
        answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return answer.starts_with("HTTP/1.") && (answer[9] == '2' || answer[9] == '3');
}

}  // namespace

ProbeTiming probe_timing(const Value& probe) {
    ProbeTiming timing;
    timing.initial_delay = std::chrono::seconds(probe["initialDelaySeconds"].int_or(0));
    timing.period = std::chrono::seconds(std::max<std::int64_t>(1, probe["periodSeconds"].int_or(10)));
    timing.timeout = std::chrono::seconds(std::max<std::int64_t>(1, probe["timeoutSeconds"].int_or(1)));
    timing.success_threshold = static_cast<int>(probe["successThreshold"].int_or(1));
    timing.failure_threshold = static_cast<int>(probe["failureThreshold"].int_or(3));
    return timing;
}

bool run_probe(const Value& probe, const Value& container,
               const std::function<int(const std::vector<std::string>&)>& run) {
    const SteadyClock::time_point until = SteadyClock::now() + probe_timing(probe).timeout;
    if (probe.find("exec") != nullptr) {
        std::vector<std::string> command;
        for (const Value& word : probe.get("exec", "command").list_or_empty())
            command.push_back(word.string_or(""));
        return run(command) == 0;
    }
    if (const Value* socket = probe.find("tcpSocket")) {
        return connect_to((*socket)["host"].string_or(""), port_of((*socket)["port"], container), until)
            .is_open();
    }
    if (const Value* get = probe.find("httpGet")) return http_get(*get, container, until);
    return false;
}

}  // namespace fencepost::cluster::local
