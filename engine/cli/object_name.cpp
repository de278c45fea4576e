#include "cli/object_name.h"

#include <utility>

#include "cli/cli.h"

namespace fencepost::cli {

ObjectName parse_object_name(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size() ||
        text.find('/', slash + 1) != std::string_view::npos) {
        throw UsageError("'" + std::string(text) + "' is no object", "write KIND/NAME, as in secret/app1-db");
    }
    return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

KindAndNames kind_and_names(std::string kind, std::vector<std::string> names) {
    if (const std::size_t slash = kind.find('/'); slash != std::string::npos) {
        names.insert(names.begin(), kind.substr(slash + 1));
        kind.erase(slash);
    }
    return {std::move(kind), std::move(names)};
}

NamespacedName parse_namespaced_name(std::string_view text, std::string_view default_namespace) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return {std::string(default_namespace), std::string(text)};
    if (slash == 0 || slash + 1 == text.size()) {
        throw UsageError("'" + std::string(text) + "' is no name", "write NAME or NAMESPACE/NAME");
    }
    return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

}  // namespace fencepost::cli
