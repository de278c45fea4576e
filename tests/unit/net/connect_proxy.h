// An HTTP proxy on loopback that makes tunnels (CONNECT) and does nothing else, and keeps what passes: the
// heads of the requests for tunnels, and the first bytes that each client sent through its own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"

namespace fencepost::net {

class ConnectProxy {
  public:
    struct Tunnel {
        std::string head;
        std::string first_bytes;
    };

    // `refusal`: the status line for every tunnel, where there is one.
    explicit ConnectProxy(std::string refusal = {})
        : refusal_(std::move(refusal)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(listener_.get(), 10) == 0);
        REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        authority = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        acceptor_ = std::thread([this] { accept(); });
    }
    ConnectProxy(const ConnectProxy&) = delete;
    ConnectProxy& operator=(const ConnectProxy&) = delete;
    ~ConnectProxy() {
        stops_ = true;
        acceptor_.join();
        for (std::thread& carrier : carriers_) carrier.join();
    }
    [[nodiscard]] std::vector<Tunnel> tunnels() {
        auto seen = seen_.lock();
        return {seen->begin(), seen->end()};
    }

    std::string authority;

  private:
    static sockaddr_in loopback(int port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        return address;
    }
    // False once the proxy stops.
    bool await(pollfd* fds, nfds_t count) const {
        while (!stops_) {
            if (::poll(fds, count, 5) > 0) return true;
        }
        return false;
    }
    void accept() {
        pollfd wait{listener_.get(), POLLIN, 0};
        while (await(&wait, 1)) {
            const int client = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            carriers_.emplace_back([this, client] { serve(UniqueFd(client)); });
        }
    }
    void serve(const UniqueFd& client) {
        Tunnel* tunnel = &seen_.lock()->emplace_back();
        std::string head;
        pollfd wait{client.get(), POLLIN, 0};
        while (!head.ends_with("\r\n\r\n")) {
            char byte = 0;
            if (!await(&wait, 1) || ::recv(client.get(), &byte, 1, 0) != 1) return;
            head += byte;
        }
        {
            const auto seen = seen_.lock();
            tunnel->head = head;
        }
        if (!refusal_.empty()) return write_all(client.get(), refusal_ + "\r\nContent-Length: 0\r\n\r\n");
        // "CONNECT 127.0.0.2:1234 HTTP/1.1"
        const std::size_t colon = head.find(':');
        sockaddr_in address = loopback(std::stoi(head.substr(colon + 1)));
        ::inet_pton(AF_INET, head.substr(8, colon - 8).c_str(), &address.sin_addr);
        const UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            return write_all(client.get(), "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        write_all(client.get(), "HTTP/1.1 200 Connection established\r\n\r\n");
        carry(client, server, *tunnel);
    }
    void carry(const UniqueFd& client, const UniqueFd& server, Tunnel& tunnel) {
        std::array<pollfd, 2> waits{pollfd{client.get(), POLLIN, 0}, pollfd{server.get(), POLLIN, 0}};
        while (await(waits.data(), waits.size())) {
            for (std::size_t i = 0; i < 2; ++i) {
                if (waits.at(i).revents == 0) continue;
                std::array<char, 65536> buffer;
                const ssize_t got = ::recv(waits.at(i).fd, buffer.data(), buffer.size(), 0);
                if (got <= 0) return;
                const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
                {
                    const auto seen = seen_.lock();
                    if (i == 0 && tunnel.first_bytes.empty()) tunnel.first_bytes = bytes;
                }
                try {
                    write_all(waits.at(1 - i).fd, bytes);
                } catch (const Error&) {
                    return;  // the other one has gone
                }
            }
        }
    }

    const std::string refusal_;
    UniqueFd listener_;
    std::atomic<bool> stops_{false};
    Guarded<std::list<Tunnel>> seen_;
    std::thread acceptor_;
    std::list<std::thread> carriers_;  // the acceptor's while it runs
};

}  // namespace fencepost::net
