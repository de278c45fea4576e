// The parts of a Policy by themselves, for policy.cpp. They find Problems in a Value. Pure; thread-safe.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "model/policy.h"

namespace fencepost::model {

// Of the policy, or of its exports alone.
[[nodiscard]] std::optional<Retention> read_retention(const Value& retention, const std::string& pointer,
                                                      const Policy& policy, Problems& problems);
// REQUIRES: the policy's preset and frequency are read.
void read_actions(const Value& spec, Policy& policy, Problems& problems);
// REQUIRES: the policy's actions are read.
void read_selector(const Value& spec, Policy& policy, Problems& problems);

// A policy decides what is deleted, so a member that nothing reads is always an error. `of_kasten` are those
// that Kasten has, and Fencepost has not.
void only_known(const Value& map, const std::string& pointer, std::initializer_list<std::string_view> known,
                std::initializer_list<std::string_view> of_kasten, Problems& problems);
// What a policy's preset says, and it therefore does not.
void refuse_beside_preset(const Value& map, const std::string& pointer,
                          std::initializer_list<const char*> members, Problems& problems);

}  // namespace fencepost::model
