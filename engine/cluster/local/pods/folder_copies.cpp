#include "cluster/local/pods/folder_copies.h"

#include "base/error.h"
#include "cluster/local/pods/copy_tree.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::chrono::seconds kRetryPause{5};

}  // namespace

FolderCopies::Progress FolderCopies::ensure(const std::filesystem::path& source,
                                            const std::filesystem::path& target) {
    auto work = work_.lock();
    const auto begun = work->begun.find(target);
    const std::optional<SystemTime> when =
        begun == work->begun.end() ? std::nullopt : std::optional(begun->second);
    if (work->running.contains(target)) return {State::kRunning, {}, when};
    if (std::filesystem::is_directory(target)) return {State::kDone, {}, when};
    const auto failure = work->failed.find(target);
    if (failure != work->failed.end() && clock_.steady_now() < failure->second.retry_at) {
        return {State::kFailed, failure->second.error, when};
    }
    if (!std::filesystem::is_directory(source))
        return {State::kFailed, "there is no folder " + source.string(), when};
    if (work->running.size() >= static_cast<std::size_t>(kMaxAtOnce)) return {State::kRunning, {}, when};
    work->running[target] = source;
    work->begun[target] = clock_.now();
    tasks_.spawn([this, source, target] { run(source, target); });
    return {State::kRunning, {}, work->begun[target]};
}

void FolderCopies::run(const std::filesystem::path& source, const std::filesystem::path& target) {
    std::string error;
    try {
        copy_folder_whole(source, target, cancel_);
    } catch (const Cancelled&) {
        error = "the daemon is ending";
    } catch (const std::exception& e) {
        error = e.what();
    }
    {
        auto work = work_.lock();
        work->running.erase(target);
        work->failed.erase(target);
        if (!error.empty()) work->failed[target] = {error, clock_.steady_now() + kRetryPause};
    }
    on_change_();
}

bool FolderCopies::is_touching(const std::filesystem::path& folder) {
    auto work = work_.lock();
    for (const auto& [target, source] : work->running) {
        if (target == folder || source == folder) return true;
    }
    return false;
}

}  // namespace fencepost::cluster::local
