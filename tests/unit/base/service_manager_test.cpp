#include "base/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"

using namespace fencepost;

namespace {

// A socket as systemd would listen on it; a name that begins with '@' is of the abstract namespace.
UniqueFd listen_at(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
    return fd;
}

std::string received(const UniqueFd& fd) {
    std::array<char, 256> buffer{};
    const auto size = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

TEST_CASE("the service manager is told through the socket that the environment names") {
    const auto folder =
        std::filesystem::temp_directory_path() / ("fencepost-notify-" + random_name_suffix(8));
    std::filesystem::create_directories(folder);
    for (const std::string& name :
         {(folder / "socket").string(), "@fencepost-notify-" + random_name_suffix(8)}) {
        CAPTURE(name);
        const UniqueFd fd = listen_at(name);
        ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
        const ServiceManager manager;
        CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
        manager.tell("READY=1\nSTATUS=fine");
        CHECK(received(fd) == "READY=1\nSTATUS=fine");
    }
    std::filesystem::remove_all(folder);
}

TEST_CASE("without a service manager nothing is told; one that is not there is an error") {
    ::unsetenv("NOTIFY_SOCKET");
    CHECK_NOTHROW(ServiceManager().tell("READY=1"));
    for (const char* wrong : {"/nowhere/socket", "relative"}) {
        ::setenv("NOTIFY_SOCKET", wrong, 1);
        const ServiceManager manager;
        CHECK_THROWS_AS(manager.tell("READY=1"), Error);
    }
    ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
    CHECK_THROWS_AS(ServiceManager().tell("READY=1"), Error);
}
