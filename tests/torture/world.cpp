// The world as the daemon meets it through the C library, in the hands of a test. Preloaded into the shipped
// fencepost program (LD_PRELOAD), it sees each call that makes something durable or acts on the world below
// the data folder: write, pwrite, fsync, fdatasync, ftruncate, rename, unlink, mkdir, and every fork (a Pod's
// start, a command in a Pod, a guard). Each such call is a point, numbered from 1 since the test last set
// `count` to 0; the test and the program share the numbers in one small mapped file:
//
//     kill_at     at this point the process kills itself (SIGKILL) before the call; 0: never
//     is_torn     ... and a write at that point first puts half of its bytes
//     power_cut   ... and every byte that was written to the database and not synced is as it was before
//     fail_at     from this point on fail_count calls fail with fail_errno (ENOSPC, EIO) and do nothing
//     clock_jump  nanoseconds that the wall clock is wrong by
//
// No line of the product knows of it. Where TORTURE_CONTROL names no file, everything passes through.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace {

// control.py has the same layout.
struct Control {
    std::atomic<int64_t> count;
    int64_t kill_at;
    int64_t is_torn;
    int64_t power_cut;
    int64_t fail_at;
    int64_t fail_count;
    int64_t fail_errno;
    int64_t clock_jump;
    char last[128];  // the point at which it died, for the report
};

struct Written {
    int fd;
    off_t offset;
    std::vector<char> before;
    off_t size_before;
};

template <typename F>
F next(const char* name) {
    return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

class World {
  public:
    World() {
        const char* folder = getenv("TORTURE_FOLDER");
        if (const char* name = getenv("TORTURE_CONTROL"); name != nullptr && folder != nullptr) {
            folder_ = folder;
            const int fd = ::open(name, O_RDWR | O_CLOEXEC);
            void* place = fd < 0 ? MAP_FAILED
                                 : mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (place == MAP_FAILED) abort();
            ::close(fd);
            control_ = static_cast<Control*>(place);
        }
    }

    // What the call should do instead of its work: 0 nothing, else the errno to fail with.
    int pass(const char* call, const std::string& what, bool is_write = false) {
        const int64_t number = control_->count.fetch_add(1) + 1;
        if (number == control_->kill_at) {
            snprintf(control_->last, sizeof control_->last, "%s %s", call, what.c_str());
            if (is_write && control_->is_torn != 0) return kTear;
            die();
        }
        const bool fails = control_->fail_at != 0 && number >= control_->fail_at &&
                           number < control_->fail_at + control_->fail_count;
        return fails && strcmp(call, "fork") != 0 ? static_cast<int>(control_->fail_errno) : 0;
    }

    [[noreturn]] void die() {
        if (control_->power_cut != 0) lose_unsynced();
        ::kill(getpid(), SIGKILL);
        for (;;) pause();
    }

    // The path of a regular file below the data folder, or "".
    std::string file_of(int fd) const {
        if (control_ == nullptr) return {};
        const int saved = errno;
        char path[4096];
        const std::string link = "/proc/self/fd/" + std::to_string(fd);
        const ssize_t length = readlink(link.c_str(), path, sizeof path - 1);
        errno = saved;
        return length <= 0 ? std::string() : inside(std::string(path, static_cast<size_t>(length)));
    }
    std::string inside(const std::string& path) const {
        if (control_ == nullptr || path.compare(0, folder_.size(), folder_) != 0) return {};
        return path.substr(folder_.size());
    }

    bool is_on() const { return control_ != nullptr; }
    int64_t clock_jump() const { return control_ == nullptr ? 0 : control_->clock_jump; }

    static bool is_database(const std::string& file) { return file.find("/cluster.db") != std::string::npos; }

    // Before a write to the database: what it covers, until it is synced.
    void remember(int fd, size_t size, off_t offset) {
        Written written{fd, offset, std::vector<char>(size), lseek(fd, 0, SEEK_END)};
        static const auto real = next<ssize_t (*)(int, void*, size_t, off_t)>("pread64");
        const ssize_t got = real(fd, written.before.data(), size, offset);
        written.before.resize(got > 0 ? static_cast<size_t>(got) : 0);
        const std::lock_guard lock(mutex_);
        unsynced_.push_back(std::move(written));
    }
    void synced(int fd) {
        const std::lock_guard lock(mutex_);
        std::erase_if(unsynced_, [&](const Written& written) { return written.fd == fd; });
    }

    static constexpr int kTear = -1;

  private:
    void lose_unsynced() {
        static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite64");
        const std::lock_guard lock(mutex_);
        for (auto written = unsynced_.rbegin(); written != unsynced_.rend(); ++written) {
            if (real(written->fd, written->before.data(), written->before.size(), written->offset) < 0 ||
                ::ftruncate(written->fd, written->size_before) != 0)
                abort();
        }
    }

    Control* control_ = nullptr;
    std::string folder_;
    std::mutex mutex_;
    std::vector<Written> unsynced_;
};

World& world() {
    static World& instance = *new World;  // used until the very end of the process
    return instance;
}

// Of the daemon alone: what it starts is left alone.
[[gnu::constructor]] void leave_children_alone() {
    (void)world();
    ::unsetenv("LD_PRELOAD");
}

// A call on a path or descriptor: a point where it is inside the data folder.
template <typename Call>
int at_point(const char* name, const std::string& file, Call call) {
    if (file.empty()) return call();
    if (const int failure = world().pass(name, file); failure != 0) {
        errno = failure;
        return -1;
    }
    return call();
}

template <typename Call>
ssize_t at_write(const char* name, int fd, size_t size, off_t offset, Call call) {
    const std::string file = world().file_of(fd);
    if (file.empty()) return call(size);
    const int failure = world().pass(name, file, true);
    if (failure > 0) {
        errno = failure;
        return -1;
    }
    if (World::is_database(file) && offset >= 0) world().remember(fd, size, offset);
    if (failure == World::kTear) {
        (void)call(size / 2);
        world().die();
    }
    return call(size);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
    static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
    return at_write("write", fd, size, -1, [&](size_t part) { return real(fd, bytes, part); });
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) {
    static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite64");
    return at_write("pwrite", fd, size, offset, [&](size_t part) { return real(fd, bytes, part, offset); });
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
    return pwrite64(fd, bytes, size, offset);
}

int fsync(int fd) {
    static const auto real = next<int (*)(int)>("fsync");
    const int result = at_point("fsync", world().file_of(fd), [&] { return real(fd); });
    if (result == 0) world().synced(fd);
    return result;
}

int fdatasync(int fd) {
    static const auto real = next<int (*)(int)>("fdatasync");
    const int result = at_point("fdatasync", world().file_of(fd), [&] { return real(fd); });
    if (result == 0) world().synced(fd);
    return result;
}

int ftruncate64(int fd, off_t size) noexcept {
    static const auto real = next<int (*)(int, off_t)>("ftruncate64");
    return at_point("ftruncate", world().file_of(fd), [&] { return real(fd, size); });
}

int rename(const char* from, const char* to) noexcept {
    static const auto real = next<int (*)(const char*, const char*)>("rename");
    return at_point("rename", world().inside(to), [&] { return real(from, to); });
}

int unlink(const char* path) noexcept {
    static const auto real = next<int (*)(const char*)>("unlink");
    return at_point("unlink", world().inside(path), [&] { return real(path); });
}

int unlinkat(int folder, const char* path, int flags) noexcept {
    static const auto real = next<int (*)(int, const char*, int)>("unlinkat");
    const std::string base = path[0] == '/' ? std::string() : world().file_of(folder);
    const std::string file = path[0] == '/' ? world().inside(path) : base.empty() ? base : base + "/" + path;
    return at_point("unlinkat", file, [&] { return real(folder, path, flags); });
}

int remove(const char* path) noexcept {
    static const auto real = next<int (*)(const char*)>("remove");
    return at_point("remove", world().inside(path), [&] { return real(path); });
}

int mkdir(const char* path, mode_t mode) noexcept {
    static const auto real = next<int (*)(const char*, mode_t)>("mkdir");
    return at_point("mkdir", world().inside(path), [&] { return real(path, mode); });
}

pid_t fork(void) noexcept {
    static const auto real = next<pid_t (*)()>("fork");
    if (world().is_on()) (void)world().pass("fork", "");
    return real();
}

int clock_gettime(clockid_t clock, struct timespec* now) noexcept {
    static const auto real = next<int (*)(clockid_t, struct timespec*)>("clock_gettime");
    const int result = real(clock, now);
    const int64_t jump = world().clock_jump();
    if (result == 0 && clock == CLOCK_REALTIME && jump != 0) {
        const int64_t nanoseconds = now->tv_nsec + jump % 1'000'000'000;
        now->tv_sec += jump / 1'000'000'000 + (nanoseconds < 0 ? -1 : nanoseconds / 1'000'000'000);
        now->tv_nsec = (nanoseconds + 1'000'000'000) % 1'000'000'000;
    }
    return result;
}

}  // extern "C"
