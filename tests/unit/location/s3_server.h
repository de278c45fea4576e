// A real S3 server (versitygw, its posix backend in a temporary folder) on a free port of 127.0.0.1, for
// tests. It dies with the test program. `S3Server::executable()` is empty where none is installed.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "location/location.h"
#include "tests/unit/eventually.h"

namespace fencepost::testing {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "fencepost-test.XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

inline int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool good = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(fd);
    if (!good) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

inline bool is_listening(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool good = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return good;
}

class S3Server {
  public:
    static constexpr const char* kBucket = "backups";

    struct Tls {
        std::string certificate_file, key_file;
    };

    explicit S3Server(const Tls& tls = {}) : port_(free_port()) {
        std::filesystem::create_directories(folder_.path() / kBucket);
        std::vector<std::string> words = {executable(), "--quiet", "--port",
                                          "127.0.0.1:" + std::to_string(port_)};
        if (!tls.certificate_file.empty()) {
            words.insert(words.end(), {"--cert", tls.certificate_file, "--key", tls.key_file});
        }
        words.insert(words.end(),
                     {"posix", "--versioning-dir", versions_.path().string(), folder_.path().string()});
        start(words);
        if (!eventually([&] { return is_listening(port_); }))
            throw std::runtime_error("the S3 server does not start");
    }
    S3Server(const S3Server&) = delete;
    S3Server& operator=(const S3Server&) = delete;
    ~S3Server() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    [[nodiscard]] static std::string executable() {
        const char* path = std::getenv("PATH");
        std::string folders = path == nullptr ? "" : path;
        if (const char* home = std::getenv("HOME")) folders += std::string(":") + home + "/go/bin";
        for (std::size_t at = 0; at <= folders.size();) {
            const std::size_t end = std::min(folders.find(':', at), folders.size());
            const std::string candidate = folders.substr(at, end - at) + "/versitygw";
            if (::access(candidate.c_str(), X_OK) == 0) return candidate;
            at = end + 1;
        }
        return {};
    }

    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] std::filesystem::path bucket_folder() const { return folder_.path() / kBucket; }
    [[nodiscard]] location::ResolvedProfile profile(const std::string& prefix, bool tls = false) const {
        location::ResolvedProfile profile;
        profile.type = "s3Compliant";
        profile.bucket = kBucket;
        profile.endpoint = (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
        profile.prefix = prefix;
        profile.region = "us-east-1";
        profile.access_key_id = "fencepost";
        profile.secret_access_key = Secret("fencepost-secret-key");
        return profile;
    }

  private:
    void start(const std::vector<std::string>& words) {
        std::vector<char*> argv;
        for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        ::setenv("ROOT_ACCESS_KEY", "fencepost", 1);
        ::setenv("ROOT_SECRET_KEY", "fencepost-secret-key", 1);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int null = ::open("/dev/null", O_RDWR);
            ::dup2(null, 0);
            ::dup2(null, 1);
            ::dup2(null, 2);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
    }

    TemporaryFolder folder_, versions_;
    int port_;
    pid_t pid_ = -1;
};

}  // namespace fencepost::testing
