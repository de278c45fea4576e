#include <algorithm>
#include <atomic>
#include <exception>
#include <vector>

#include "archive/segment.h"
#include "archive/spool.h"
#include "archive/wal.h"
#include "archive/zstd_stream.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"

namespace fencepost::archive {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30U;  // of a segment; other files are small

class Fetch {
  public:
    Fetch(const Store& store, const Identity& identity, const Spool& spool, const CancelToken& cancel)
        : store_(store), identity_(identity), spool_(spool), cancel_(cancel) {}

    // False where the archive has no such file.
    [[nodiscard]] bool one(const WalName& name, const std::filesystem::path& to) const {
        try {
            spool_.write(to, [&](const location::Sink& sink) { read(name, sink); });
            return true;
        } catch (Error& error) {
            error.add_trace("fetch " + name.text + " from " + store_.description());
            // The archive itself was there just now: it is this object that is not.
            if (error.kind() == ErrorKind::kNotFound && is_absent(name)) return false;
            throw;
        }
    }

    // The first of them goes to the target, and its failure is thrown; what is behind it waits in the spool.
    [[nodiscard]] bool several(const std::vector<WalName>& names, const std::filesystem::path& target,
                               int at_once) const {
        std::atomic<std::size_t> next{0};
        std::atomic<bool> is_at_end{false};
        bool is_first_there = false;
        std::exception_ptr failure;
        const auto work = [&] {
            for (std::size_t i = next++; i < names.size() && !is_at_end; i = next++) {
                try {
                    if (i > 0 && std::filesystem::exists(spool_.waiting(names[i].text))) continue;
                    const bool is_there = one(names[i], i == 0 ? target : spool_.waiting(names[i].text));
                    if (i == 0) is_first_there = is_there;
                    if (!is_there) is_at_end = true;
                } catch (...) {  // of those behind it: whoever asks for them will meet it
                    if (i == 0) failure = std::current_exception();
                    is_at_end = true;
                }
            }
        };
        TaskGroup workers;
        for (std::size_t i = 0; i < std::min(names.size(), static_cast<std::size_t>(at_once)); ++i)
            workers.spawn(work);
        workers.join();
        if (failure) std::rethrow_exception(failure);
        return is_first_there;
    }

  private:
    void read(const WalName& name, const location::Sink& sink) const {
        std::string beginning;
        std::uint64_t size = 0;
        Decompression plain(
            [&](std::string_view bytes) {
                size += bytes.size();
                if (beginning.size() < kSegmentHeaderBytes)
                    beginning += bytes.substr(0, kSegmentHeaderBytes - beginning.size());
                sink(bytes);
            },
            kMaxFileBytes);
        store_.location().get(
            store_.wal_key(name), [&](std::string_view bytes) { plain.feed(bytes); }, cancel_);
        plain.finish();
        if (name.kind == WalKind::kSegment || name.kind == WalKind::kPartial)
            store_.check_system(identity_, check_segment(name, beginning, size).system);
    }

    [[nodiscard]] bool is_absent(const WalName& name) const {
        return !store_.location().stat(store_.wal_key(name), cancel_);
    }

    const Store& store_;
    const Identity& identity_;
    const Spool& spool_;
    const CancelToken& cancel_;
};

}  // namespace

bool fetch_wal(const Store& store, const std::string& text, const std::filesystem::path& target,
               const FetchOptions& options, const CancelToken& cancel) {
    const auto name = WalName::parse(text);
    if (!name || target.filename().empty()) {
        throw Error(ErrorKind::kInvalid, "'" + text + "' is no name of a WAL file, or the target is no file",
                    "restore_command has both from PostgreSQL: fencepost wal fetch %f %p");
    }
    const auto system = system_of_data_folder(data_folder_of(target));
    const Spool spool(target);
    if (name->kind == WalKind::kSegment && spool.take(*name, system)) return true;
    // A prefix with a typing error must not look like the end of the WAL.
    const Identity identity = store.existing_identity(cancel);
    if (system) store.check_system(identity, *system);
    const Fetch fetch(store, identity, spool, cancel);
    if (name->kind != WalKind::kSegment) return fetch.one(*name, target);

    std::vector<WalName> names{*name};
    std::set<std::string> waiting;
    for (int i = 1; i < options.segments; ++i) {
        const std::uint64_t number = name->number(identity.segment_bytes) + static_cast<std::uint64_t>(i);
        names.push_back(*WalName::parse(segment_name(name->timeline, number, identity.segment_bytes)));
        waiting.insert(names.back().text);
    }
    const bool is_there = fetch.several(names, target, options.at_once);
    if (is_there) spool.keep_only(waiting);
    return is_there;
}

std::optional<int> fetch_failure_code(std::span<const std::string> words) {
    const auto wal = std::find(words.begin(), words.end(), "wal");
    if (wal == words.end() || wal + 1 == words.end() || *(wal + 1) != "fetch") return std::nullopt;
    std::error_code ignored;
    const bool is_standby = std::filesystem::exists(data_folder_of(words.back()) / "standby.signal", ignored);
    return is_standby ? kExitAbsent : kExitStopsRecovery;
}

}  // namespace fencepost::archive
