// BackupActions, RestoreActions, ExportActions, ImportActions and ValidateActions, for the verbs of these
// names: one is created, and followed to its end. Its steps are told as they begin and end, then what came of
// them: the restore point or what was restored, for how long each resource was fenced, what was copied, and
// what a restore would miss.
#pragma once

#include <string>
#include <string_view>

#include "cli/output.h"
#include "cli/server.h"
#include "cli/verbs.h"

namespace fencepost::cli {

// spec.filters; nil where all is meant. Kinds that the server does not know are an error: a misspelt one
// would leave out nothing, or everything.
[[nodiscard]] Value filters_from(Server& server, const FilterOptions& options);

// "backupactions" and the like are ours: other groups have kinds of the same names.
[[nodiscard]] cluster::ResourceDescription own_type(Server& server, std::string_view resource);

// A restore point that somebody names: the subject of an action on it, and the namespace that the action goes
// into.
struct PointReference {
    Value subject;
    std::string ns;
};
// `verb` as in "what should be exported?". Throws UsageError where neither is named, and what the server says
// where there is none.
[[nodiscard]] PointReference point_reference(Server& server, const PointOptions& options, const char* verb);

// The RFC 3339 time that --expires-in means. Throws UsageError.
[[nodiscard]] std::string expiry_of(const std::string& lasts);

// Creates an action, waits for its end without a word, and removes it. Throws what it failed for.
[[nodiscard]] Value ask_protection(Server& server, const cluster::ResourceDescription& type,
                                   const std::string& ns, const Value& spec);

// Creates an action of the type in the namespace and, unless it is to be left alone, follows it. Returns its
// exit code. The first Ctrl-C cancels the action, the second one ends the process. REQUIRES, where it is
// followed: block_interrupts() was called.
[[nodiscard]] int start_protection(Server& server, const cluster::ResourceDescription& type,
                                   const std::string& ns, const Value& spec, const Output& output,
                                   bool detach);

}  // namespace fencepost::cli
