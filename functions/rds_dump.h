// Dumps of a PostgreSQL server, made and restored by a Pod that can reach it: a .tar.gz of SQL, a file for
// each database, as Kanister's.
//
// The Pod waits, and a script runs in it by exec: names are words of its command line, passwords and the
// profile come by its standard input. Ours replace what is there and end at the first error; of those that
// Kanister has made psql goes on after errors, as with Kanister. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "run/function.h"

namespace fencepost::functions {

struct DumpServer {
    std::string host, port;
    std::string username, password;
};

// The arguments image, podOverride, podLabels and podAnnotations.
[[nodiscard]] std::vector<model::ArgSpec> with_dump_args(std::vector<model::ArgSpec> args);

// Of these databases, or all: stored at prefix/name in the profile's location.
void dump_to_location(run::RunContext& run, const Value& args, const DumpServer& server,
                      const std::string& prefix, const std::string& name,
                      const std::vector<std::string>& databases);
void restore_from_location(run::RunContext& run, const Value& args, const DumpServer& server,
                           const std::string& prefix, const std::string& name);

// Throws kInvalid where dbEngine is none whose dumps are known, or there is no profile to keep them.
void check_dump_args(const run::RunContext& run, const Value& args);

}  // namespace fencepost::functions
