// What is asked of a restore point that is restored only to be looked at: spec.restore of a ValidateAction,
// and `verification` of a policy's action. And what a blueprint has to have for it: an action `verify`, and
// where it restores by an action of its own, that this one knows of scratch restores (`.Options.scratch`),
// and that `verifyPosthook` takes away what it made. Without these a restore that is only meant as a look
// would write over the live database. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/problem.h"

namespace fencepost::model {

// One query, and what it has to answer.
struct Assertion {
    std::string name;
    std::string sql;
    std::string expected;  // rows by line break, columns by '|', as text
    std::string resource;  // "secrets/app1-db", a * fits any part; "*": every one
};

struct Verification {
    std::vector<Assertion> assertions;
    bool counts_rows = true;
    Value filters, transforms;  // as a RestoreAction has them; nil where nothing is said

    // Whatever can be read; what is wrong goes to `problems`. `block` may be nil: all as it comes.
    [[nodiscard]] static Verification read(const Value& block, const std::string& pointer,
                                           Problems& problems);
};

// Why backups by this blueprint cannot be verified by a restore, and what would help; nullopt where they can.
struct NotVerifiable {
    std::string why, hint;
};
// `actions` are those of the blueprint: a map by name.
[[nodiscard]] std::optional<NotVerifiable> why_not_verifiable(const Value& actions);

}  // namespace fencepost::model
