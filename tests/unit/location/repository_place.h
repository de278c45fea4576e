// What the repository's tests share: a repository in a folder or on a real S3 server, stock restic beside it,
// dumps, and a location that tells a test about every write.
#pragma once

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <iostream>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "location/repository.h"
#include "tests/unit/location/error_of.h"
#include "tests/unit/location/s3_server.h"

namespace fencepost::testing {

using namespace fencepost::location;

inline const CancelToken kNever;
inline const Secret kPassword("a-password-of-the-tests");

inline bool have_restic() { return std::system("command -v restic > /dev/null 2>&1") == 0; }

inline S3Server& server() {
    static S3Server server;
    return server;
}

// A location, and how stock restic names it.
struct Place {
    TemporaryFolder folder;
    SystemClock clock;
    std::unique_ptr<net::HttpClient> http = net::make_http_client();
    std::unique_ptr<Location> location;
    std::string restic_name;

    explicit Place(const std::string& kind = "file") {
        ResolvedProfile profile;
        if (kind == "file") {
            profile.type = "filestore";
            profile.file_path = folder.path().string();
            restic_name = folder.path().string();
        } else {
            static int count = 0;
            const std::string prefix = "repository/" + std::to_string(++count);
            profile = server().profile(prefix);
            restic_name = "s3:http://127.0.0.1:" + std::to_string(server().port()) + "/" + S3Server::kBucket +
                          "/" + prefix;
        }
        location = open_location(profile, *http, clock);
    }

    [[nodiscard]] std::unique_ptr<Repository> open(bool create = true) {
        return Repository::open(*location, clock, kPassword, create, kNever);
    }

    struct Restic {
        int code = -1;
        std::string out;
    };
    Restic restic(const std::string& arguments, const std::string& redirect = "") const {
        TemporaryFolder work;
        const std::string out = (work.path() / "out").string();
        const std::string command =
            "AWS_ACCESS_KEY_ID=fencepost AWS_SECRET_ACCESS_KEY=fencepost-secret-key RESTIC_PASSWORD='" +
            kPassword.reveal() + "' timeout 60 restic --no-cache -r " + restic_name + " " + arguments +
            " > " + out + (redirect.empty() ? " 2>&1" : " " + redirect);
        const int status = std::system(command.c_str());
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out, std::size_t{1} << 30U)};
    }
    void check() const {
        const Restic ran = restic("check --read-data");
        CAPTURE(ran.out);
        CHECK(ran.code == 0);
        CHECK(ran.out.find("no errors were found") != std::string::npos);
    }
    [[nodiscard]] std::size_t count(std::string_view prefix) const {
        std::size_t found = 0;
        location->list(prefix, [&](const ObjectStat&) { ++found; }, kNever);
        return found;
    }
};

// A dump's text: compressible, not repeating.
inline std::string dump_text(std::size_t size, unsigned seed = 1) {
    std::mt19937_64 random(seed);
    std::string text;
    text.reserve(size + 200);
    for (std::uint64_t row = 0; text.size() < size; ++row) {
        text += std::to_string(row) + "\tcustomer-" + std::to_string(random() % 100'000) + "\t" +
                std::to_string(random()) + "\tsome text that every row has\n";
    }
    text.resize(size);
    return text;
}

inline Source source_of(std::string_view bytes) {
    return [bytes](char* buffer, std::size_t size) mutable {
        const std::size_t piece = bytes.copy(buffer, std::min<std::size_t>(size, 65'536));
        bytes.remove_prefix(piece);
        return piece;
    };
}

inline std::string pull(Repository& repository, const std::string& id, const std::string& path = "") {
    std::string bytes;
    const std::uint64_t size =
        repository.pull(id, path, [&](std::string_view piece) { bytes += piece; }, kNever);
    CHECK(size == bytes.size());
    return bytes;
}

inline bool skip(const std::string& kind) {
    if (kind == "s3" && S3Server::executable().empty()) {
        std::cout << "SKIPPED: repositories in S3 (versitygw is not installed)\n";
        return true;
    }
    if (!have_restic()) {
        std::cout << "SKIPPED: what stock restic says (it is not installed)\n";
        return true;
    }
    return false;
}

// Calls a hook before and after each write, with the write's number; where it is told so, each removal is
// one.
class HookedLocation final : public Location {
  public:
    using Hook = std::function<void(int write, bool is_after)>;
    HookedLocation(Location& under, Hook hook, bool with_removals = false)
        : under_(under), hook_(std::move(hook)), with_removals_(with_removals) {}
    [[nodiscard]] std::string description() const override { return under_.description(); }
    ObjectStat put(std::string_view key, const Source& source, const PutOptions& options,
                   const CancelToken& cancel) override {
        return hooked([&] { return under_.put(key, source, options, cancel); });
    }
    ObjectStat put_bytes(std::string_view key, std::string_view bytes, const PutOptions& options,
                         const CancelToken& cancel) override {
        return hooked([&] { return under_.put_bytes(key, bytes, options, cancel); });
    }
    void get(std::string_view key, const Sink& sink, const CancelToken& cancel, std::uint64_t offset,
             std::uint64_t length) override {
        under_.get(key, sink, cancel, offset, length);
    }
    [[nodiscard]] std::string get_bytes(std::string_view key, const CancelToken& cancel, std::uint64_t offset,
                                        std::uint64_t length) override {
        return under_.get_bytes(key, cancel, offset, length);
    }
    [[nodiscard]] std::optional<ObjectStat> stat(std::string_view key, const CancelToken& cancel) override {
        return under_.stat(key, cancel);
    }
    void list(std::string_view prefix, const std::function<void(const ObjectStat&)>& visit,
              const CancelToken& cancel) override {
        under_.list(prefix, visit, cancel);
        if (after_list) after_list();
    }
    Removal remove(std::string_view key, const CancelToken& cancel) override {
        if (!with_removals_) return under_.remove(key, cancel);
        (void)hooked([&] {
            under_.remove(key, cancel);
            return ObjectStat{};
        });
        return {};
    }
    Protection protect(const CancelToken& cancel) override { return under_.protect(cancel); }
    [[nodiscard]] bool check_protection(const CancelToken& cancel) override {
        return under_.check_protection(cancel);
    }

    std::function<void()> after_list;

  private:
    template <typename Write>
    ObjectStat hooked(Write write) {
        const int number = writes_.fetch_add(1);
        hook_(number, false);
        ObjectStat stat = write();
        hook_(number, true);
        return stat;
    }
    Location& under_;
    Hook hook_;
    const bool with_removals_;
    std::atomic<int> writes_{0};
};

// Does the work in a process of its own, which may kill itself; true if it did. What it throws fails the
// test.
inline bool is_killed_in_a_process(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            work();
        } catch (...) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) CHECK(WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

}  // namespace fencepost::testing
