// From a Pod to what one of its containers runs as: command, environment, user, mounts. Pure but for the
// lookups that it is given; thread-safe.
//
// Errors: NotReady for what is missing now and may come (a Secret): the container waits with that reason and
// message. Error{kUnsupported, kInvalid} for what can never run here: the Pod fails.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/local/pods/sandbox.h"
#include "supervisor/launch_spec.h"
#include "value/value.h"

namespace fencepost::cluster::local {

// Why a container waits: a reason and a message as they appear in its state.waiting.
struct NotReady {
    std::string reason;
    std::string message;
};

struct User {
    std::uint32_t gid = 0;
    std::string home;
};

struct PlanInputs {
    // nullopt where there is no such object in the Pod's namespace.
    std::function<std::optional<Value>(std::string_view name)> secret;
    std::function<std::optional<Value>(std::string_view name)> config_map;
    std::function<std::optional<User>(std::uint32_t uid)> user;  // from the host's passwd
    std::map<std::string, std::filesystem::path> volumes;        // where each volume of the Pod lies
    std::filesystem::path api_access;              // the files for kApiAccessFolder; "" for none
    std::map<std::string, std::string> variables;  // the environment's, unless the container says otherwise
    std::filesystem::path program_dir;
    std::string bubblewrap = "/usr/bin/bwrap";
    HostView host;
    std::uint32_t daemon_uid = 0;
};

[[nodiscard]] supervisor::LaunchSpec plan_container(const Value& pod, const Value& container,
                                                    const PlanInputs& inputs);

// metadata.name, metadata.labels['x'], status.podIP ...; throws Error{kUnsupported} for other paths.
[[nodiscard]] std::string field_of(const Value& pod, std::string_view path);
// "$(NAME)" by the variables so far, "$$(NAME)" as "$(NAME)", unknown names as they are.
[[nodiscard]] std::string expand_variables(std::string_view text,
                                           const std::map<std::string, std::string>& variables);
// The data of a Secret (decoded) or ConfigMap (data and binaryData).
[[nodiscard]] std::map<std::string, std::string> secret_data(const Value& secret);
[[nodiscard]] std::map<std::string, std::string> config_map_data(const Value& config_map);

}  // namespace fencepost::cluster::local
