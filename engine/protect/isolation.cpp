#include "protect/isolation.h"

#include <array>

#include "value/yaml.h"

namespace fencepost::protect {
namespace {

constexpr std::array<std::array<const char*, 2>, 7> kRestoredByDefault{
    {{"core", "secrets"},
     {"core", "configmaps"},
     {"core", "serviceaccounts"},
     {"core", "persistentvolumeclaims"},
     {"core", "services"},
     {"rbac.authorization.k8s.io", "roles"},
     {"rbac.authorization.k8s.io", "rolebindings"}}};

constexpr const char* kIsolation = R"(
- name: no address of its own
  subject: {group: core, resource: services}
  json:
  - {op: test, path: /spec/type, value: LoadBalancer}
  - {op: replace, path: /spec/type, value: ClusterIP}
- name: no WAL archive of EDB
  subject: {group: postgresql.k8s.enterprisedb.io, resource: clusters}
  json: &no-archive
  - {op: test, path: /spec/backup/barmanObjectStore/destinationPath, regex: .}
  - {op: remove, path: /spec/backup}
- name: no WAL archive of CloudNativePG
  subject: {group: postgresql.cnpg.io, resource: clusters}
  json: *no-archive
- name: no archiving plugin
  subject: {resource: clusters}
  json:
  - {op: test, path: /spec/plugins/0/name, regex: .}
  - {op: remove, path: /spec/plugins}
)";

}  // namespace

Value data_and_settings(const Value& content) {
    Value items;
    for (const auto& [group, resource] : kRestoredByDefault)
        items.push_back(Map{{"group", group}, {"resource", resource}});
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        const std::string group = resource["group"].string_or("");
        items.push_back(Map{{"group", group.empty() ? "core" : group},
                            {"resource", resource["resource"]},
                            {"name", resource["name"]}});
    }
    return items;
}

Value isolation() { return parse_yaml_value(kIsolation); }

}  // namespace fencepost::protect
