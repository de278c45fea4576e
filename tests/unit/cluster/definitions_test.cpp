// The chart's CustomResourceDefinitions, which are built into the program.
#include "cluster/kube/definitions.h"

#include <catch2/catch.hpp>

#include "cluster/kube/definitions_text.h"
#include "cluster/local/type_table.h"
#include "value/yaml.h"

namespace fencepost::cluster {

TEST_CASE("the embedded cluster serves the types that the chart defines, as it defines them") {
    std::size_t count = 0;
    for (const ResourceDescription& type : local::TypeTable().all()) {
        const Value& definition = kube::definition_of(type.type);
        if (definition.is_nil()) continue;
        ++count;
        CAPTURE(type.kind);
        const Value& spec = definition["spec"];
        const Value& names = spec["names"];
        CHECK(names["kind"] == Value(type.kind));
        CHECK(names["listKind"] == Value(type.kind + "List"));
        CHECK(names["singular"] == Value(type.singular));
        CHECK(spec["scope"] == Value(type.is_namespaced ? "Namespaced" : "Cluster"));
        List short_names;
        for (const std::string& name : type.short_names) short_names.emplace_back(name);
        CHECK(names["shortNames"].list_or_empty() == short_names);
        REQUIRE(spec["versions"].list_or_empty().size() == 1);
        const Value& version = spec["versions"].as_list()[0];
        CHECK(version["name"] == Value(type.type.version));
        CHECK(version.get("subresources", "status").is_map() == type.has_status_subresource);
    }
    CHECK(count == parse_yaml(kube::definitions_text()).size());
    CHECK(kube::definition_of(types::kPods).is_nil());
}

}  // namespace fencepost::cluster
