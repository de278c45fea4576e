// The verbs of kando, a function each: they get the command line behind their own words, and throw Error or
// Cancelled.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "kando/flags.h"
#include "kando/kando.h"
#include "location/location.h"

namespace fencepost::kando {

void location_verb(const std::vector<std::string>& args, const World& world, Log& log);
void repository_verb(const std::vector<std::string>& args, const World& world, Log& log);
void output_verb(const std::vector<std::string>& args, const World& world);
void chronicle_verb(const std::vector<std::string>& args, const World& world, Log& log);
void basebackup_verb(const std::vector<std::string>& args, const World& world, Log& log);
// Returns the exit code: 0, or archive::kExitAbsent.
int wal_verb(const std::vector<std::string>& args, const World& world, Log& log);

// The help of "", "location", "repository", "output", "chronicle", "wal" or "basebackup".
[[nodiscard]] std::string_view help_text(std::string_view verb) noexcept;
void print(const World& world, std::string_view text);

// The profile of a text of JSON; its secrets are kept out of the log.
[[nodiscard]] location::ResolvedProfile read_profile(const std::string& json, Log& log);
// --profile, or else FENCEPOST_PROFILE, which keeps the credentials out of the list of processes.
[[nodiscard]] location::ResolvedProfile given_profile(const CommandLine& line, const World& world, Log& log);

}  // namespace fencepost::kando
