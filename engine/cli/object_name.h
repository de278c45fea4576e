// "secret/app1-db" on a command line. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fencepost::cli {

struct ObjectName {
    std::string kind;
    std::string name;
};
// Throws UsageError where there is no slash or a side is empty.
[[nodiscard]] ObjectName parse_object_name(std::string_view text);
// "secret a b" and "secret/a b": the kind, and all names.
struct KindAndNames {
    std::string kind;
    std::vector<std::string> names;
};
[[nodiscard]] KindAndNames kind_and_names(std::string kind, std::vector<std::string> names);
// "ns/name" or "name": the namespace falls back.
struct NamespacedName {
    std::string ns;
    std::string name;
};
[[nodiscard]] NamespacedName parse_namespaced_name(std::string_view text, std::string_view default_namespace);

}  // namespace fencepost::cli
