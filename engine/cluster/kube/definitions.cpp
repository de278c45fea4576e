#include "cluster/kube/definitions.h"

#include "base/error.h"
#include "cluster/kube/definitions_text.h"
#include "value/yaml.h"

namespace fencepost::cluster::kube {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kPause{200};

const std::vector<YamlDocument>& definitions() {
    static const std::vector<YamlDocument> parsed = parse_yaml(definitions_text());
    return parsed;
}

}  // namespace

void install_definitions(Cluster& cluster, Clock& clock, Log& log, const CancelToken& cancel) {
    for (const YamlDocument& definition : definitions()) {
        try {
            cluster.create(types::kCustomResourceDefinitions, definition.value,
                           {.field_manager = "fencepost"});
            log.info("installed a CustomResourceDefinition", {{"name", name_of(definition.value)}});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kAlreadyExists) throw;
        }
    }
    const Deadline limit = clock.steady_now() + kPatience;
    for (const YamlDocument& definition : definitions()) {
        const Value& spec = definition.value["spec"];
        while (!cluster.find_type(spec["group"].string_or(""), "", spec.get("names", "kind").string_or(""))) {
            if (clock.steady_now() > limit) {
                throw Error(ErrorKind::kTimeout, "the API server does not know the new type " +
                                                     name_of(definition.value) + " after " +
                                                     std::to_string(kPatience.count()) + " s");
            }
            clock.sleep(kPause, cancel);
        }
    }
}

const Value& definition_of(const ResourceType& type) {
    static const Value none;
    for (const YamlDocument& definition : definitions()) {
        if (name_of(definition.value) == type.resource + "." + type.group) return definition.value;
    }
    return none;
}

}  // namespace fencepost::cluster::kube
