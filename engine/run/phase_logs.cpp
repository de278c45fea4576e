#include "run/phase_logs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace fencepost::run {

namespace fs = std::filesystem;

PhaseLog::PhaseLog(fs::path path) : path_(std::move(path)) {
    std::error_code ignored;
    fs::remove(path_, ignored);
}

// A log that cannot be written (the disk is full) must not fail the backup: its tail is in memory still.
void PhaseLog::write(std::string_view bytes) {
    auto state = state_.lock();
    if (!state->file.is_open() && !state->is_closed) {
        std::error_code ignored;
        fs::create_directories(path_.parent_path(), ignored);
        state->file.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        state->is_closed = !state->file.is_open();
    }
    const std::string_view fits = bytes.substr(0, kMaxPhaseLog - state->written);
    const auto put = [&](std::string_view text) {
        if (!state->is_closed && ::write(state->file.get(), text.data(), text.size()) < 0)
            state->is_closed = true;
    };
    put(fits);
    state->written += fits.size();
    if (fits.size() < bytes.size() && !state->is_closed) {
        put("\n(the log ends here: it has 16 MiB)\n");
        state->is_closed = true;
    }
    for (const char c : bytes) {
        if (c != '\n') {
            if (state->line.size() < kTailLineBytes) state->line += c;
            continue;
        }
        state->tail.push_back(std::move(state->line));
        state->line.clear();
        if (state->tail.size() > kTailLines) state->tail.pop_front();
    }
}

std::string PhaseLog::tail() {
    auto state = state_.lock();
    std::string text;
    for (const std::string& line : state->tail) text += line + "\n";
    return text + state->line;
}

fs::path PhaseLogs::path(const std::string& uid, std::size_t action, const std::string& phase) const {
    std::string name = phase;
    std::replace(name.begin(), name.end(), '/', '_');
    return folder_ / uid / (std::to_string(action) + "-" + name + ".log");
}

std::size_t PhaseLogs::read(const fs::path& path, std::size_t offset,
                            const std::function<void(std::string_view)>& sink) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return offset;
    const auto size = ::lseek(file.get(), 0, SEEK_END);
    if (size < static_cast<off_t>(offset)) offset = 0;  // a new attempt began the file anew
    ::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET);
    std::vector<char> buffer(std::size_t{64} * 1024);
    while (const std::size_t count = read_some(file.get(), buffer.data(), buffer.size())) {
        sink({buffer.data(), count});
        offset += count;
    }
    return offset;
}

void PhaseLogs::remove(const std::string& uid) const {
    std::error_code ignored;
    if (!uid.empty()) fs::remove_all(folder_ / uid, ignored);
}

}  // namespace fencepost::run
