#include "functions/forget.h"

#include <chrono>

#include "base/error.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

constexpr std::chrono::seconds kWaitForBackups{60};

}  // namespace

void forget(run::RunContext& run, location::Repository& repository, const std::string& id) {
    try {
        const std::string note = repository.forget(id, run.cancel()).note("snapshot " + id);
        if (!note.empty()) run.feed_error_output(note + "\n");
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        run.feed_error_output(std::string(error.what()) + "\n");
    }
}

std::uint64_t reclaim_space(run::RunContext& run, const Value& args, location::Repository& repository) {
    if (!run::bool_arg(args, "reclaimSpace", false)) return 0;
    try {
        return repository.prune(kWaitForBackups, run.cancel()).freed_bytes;
    } catch (Error& error) {
        error.add_trace("the snapshots are deleted, their space is not reclaimed");
        throw;
    }
}

}  // namespace fencepost::functions
