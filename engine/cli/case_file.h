// A case file: what an action is rendered with, so that it can be rendered again and compared. The same file
// serves `fencepost render --params` and `fencepost test`:
//
//     action: backup
//     object: secret/app1-db           # KIND/NAME
//     namespace: app1
//     blueprint: ../blueprint.yaml     # a file, from this one's folder, or a name
//     objects: [objects.yaml]          # files and manifests, mixed
//     profile: store
//     options: {level: full}
//     artifacts: {dump: {keyValue: {path: a}}}        # what a restore begins with
//     outputs: {dump: {bytes: "12"}}   # what phases are taken to say
//     time: "2026-01-01T00:00:00Z"
//     fails: true                      # an error is what is expected; test --update writes none without it
#pragma once

#include <string>

#include "cli/verbs.h"

namespace fencepost::cli {

struct Case {
    RenderOptions options;
    bool fails = false;  // an error is what is expected
};

// What the file says and the options do not. Throws Error at file:line:col for what is wrong with it.
[[nodiscard]] Case with_case(const RenderOptions& options, const std::string& file);

}  // namespace fencepost::cli
