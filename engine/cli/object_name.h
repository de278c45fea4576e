// "secret/app1-db" on a command line. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace fencepost::cli {

struct ObjectName {
    std::string kind;
    std::string name;
};
// Throws UsageError where there is no slash or a side is empty.
[[nodiscard]] ObjectName parse_object_name(std::string_view text);
// "ns/name" or "name": the namespace falls back.
struct NamespacedName {
    std::string ns;
    std::string name;
};
[[nodiscard]] NamespacedName parse_namespaced_name(std::string_view text, std::string_view default_namespace);

}  // namespace fencepost::cli
