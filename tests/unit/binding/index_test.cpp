// The index decides as going through all bindings does: bindings and objects of every kind by chance.
#include "binding/index.h"

#include <catch2/catch.hpp>
#include <random>

#include "value/yaml.h"

namespace fencepost::binding {
namespace {

class Chance {
  public:
    explicit Chance(unsigned seed) : engine_(seed) {}
    int below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(engine_); }
    std::string one_of(const std::vector<std::string>& words) {
        return words[static_cast<std::size_t>(below(static_cast<int>(words.size())))];
    }

  private:
    std::mt19937 engine_;
};

const std::vector<std::string> kKeys{"app", "tier", "type"};
const std::vector<std::string> kValues{"a", "b", "c"};
const std::vector<std::string> kNamespaces{"n1", "n2", "n3"};
const std::vector<std::string> kResources{"secrets", "pods", "namespaces"};

std::string requirement(Chance& chance) {
    const std::string op = chance.one_of({"In", "In", "NotIn", "Exists", "DoesNotExist"});
    const bool has_values = op == "In" || op == "NotIn";
    const std::string values =
        has_values ? ", values: [" + chance.one_of(kValues) + ", " + chance.one_of(kValues) + "]" : "";
    switch (chance.below(4)) {
        case 0:
            return "{labels: {key: " + chance.one_of(kKeys) + ", operator: " + op + values + "}}";
        case 1:
            return "{annotations: {key: " + chance.one_of(kKeys) + ", operator: " + op + values + "}}";
        case 2:
            return "{namespace: {operator: " + chance.one_of({"In", "NotIn"}) + ", values: [" +
                   chance.one_of(kNamespaces) + "]}}";
        default:
            return "{type: {operator: " + chance.one_of({"In", "In", "NotIn"}) +
                   ", values: [{resource: " + chance.one_of(kResources) + "}, {" +
                   chance.one_of({"group: ''", "version: v1", "resource: pods"}) + "}]}}";
    }
}

std::string requirements(Chance& chance, int most) {
    std::string items;
    for (int i = chance.below(most + 1); i > 0; --i)
        items += (items.empty() ? "" : ", ") + requirement(chance);
    return "[" + items + "]";
}

std::string members(Chance& chance) {
    std::string items;
    for (const std::string& key : kKeys) {
        if (chance.below(2) == 0) items += (items.empty() ? "" : ", ") + key + ": " + chance.one_of(kValues);
    }
    return "{" + items + "}";
}

}  // namespace

TEST_CASE("the index chooses as going through all bindings does") {
    Chance chance(20261121);
    int decided = 0;
    for (int round = 0; round < 20; ++round) {
        std::vector<Candidate> candidates;
        for (int i = 0; i < 60; ++i) {
            candidates.push_back(read_candidate(
                parse_yaml_value(
                    "metadata: {name: b" + std::to_string(i) +
                    ", namespace: ns, creationTimestamp: '2026-01-01T00:00:00Z'}\nspec: {disabled: " +
                    chance.one_of({"true", "false", "false"}) +
                    ", blueprintRef: {name: bp, namespace: ns}, resources: {matchAll: " +
                    requirements(chance, 3) + ", matchAny: " + requirements(chance, 2) + "}}"),
                "ns"));
        }
        const Index index(candidates);
        for (int i = 0; i < 60; ++i) {
            const std::string resource = chance.one_of(kResources);
            const cluster::ResourceDescription type{
                .type = {"", "v1", resource}, .kind = resource, .is_namespaced = resource != "namespaces"};
            const Subject subject = make_subject(
                parse_yaml_value("metadata: {name: x, namespace: " + chance.one_of(kNamespaces) +
                                 ", labels: " + members(chance) + ", annotations: " + members(chance) + "}"),
                type, {type});
            const auto expected = choose(candidates, subject, "ns");
            const auto found = choose(index, subject, "ns");
            REQUIRE(found.has_value() == expected.has_value());
            if (!expected) continue;
            ++decided;
            CHECK(found->binding == expected->binding);
            CHECK(found->reason == expected->reason);
        }
    }
    CHECK(decided > 300);
}

}  // namespace fencepost::binding
