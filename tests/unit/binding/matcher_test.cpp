#include "binding/matcher.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "tests/unit/source_dir.h"
#include "value/yaml.h"

namespace fencepost::binding {
namespace {

using model::Binding;

// A binding whose resources are the given YAML.
Binding binding_of(const std::string& resources) {
    Value object = parse_yaml_value(
        "{metadata: {name: b, namespace: ns}, spec: {blueprintRef: {name: bp, namespace: ns}}}");
    object["spec"]["resources"] = parse_yaml_value(resources);
    return Binding::from(object);
}

std::vector<std::string> rules_of(const std::string& resources) {
    Value object = parse_yaml_value(
        "{metadata: {name: b, namespace: ns}, spec: {blueprintRef: {name: bp, namespace: ns}}}");
    object["spec"]["resources"] = parse_yaml_value(resources);
    model::Problems problems;
    (void)Binding::read(object, problems);
    std::vector<std::string> rules;
    for (const auto& problem : problems.all()) rules.push_back(problem.rule);
    return rules;
}

Subject subject(const std::string& group, const std::string& version, const std::string& resource,
                const std::string& metadata = "{name: x, namespace: app1}", bool is_namespaced = true) {
    Value object;
    object["metadata"] = parse_yaml_value(metadata);
    const cluster::ResourceDescription type{.type = {group, version, resource},
                                            .is_namespaced = is_namespaced};
    return make_subject(object, type, {type});
}

Subject secret(const std::string& metadata) { return subject("", "v1", "secrets", metadata); }

std::string failure_of(const std::string& resources) {
    try {
        (void)binding_of(resources);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("B-01 every item of matchAll must hold") {
    const Binding binding = binding_of(R"({matchAll: [
        {type: {operator: In, values: [{resource: secrets}]}},
        {labels: {key: type, operator: In, values: [database-credential]}}]})");
    CHECK(matches(binding, secret("{name: x, namespace: a, labels: {type: database-credential}}")));
    CHECK_FALSE(matches(binding, secret("{name: x, namespace: a, labels: {type: other}}")));
    CHECK_FALSE(matches(binding, subject("", "v1", "configmaps", "{labels: {type: database-credential}}")));
}

TEST_CASE("B-02 one item of matchAny is enough, and an empty matchAny asks for nothing") {
    const Binding binding = binding_of(R"({matchAny: [
        {labels: {key: a, operator: Exists}}, {labels: {key: b, operator: Exists}}]})");
    CHECK(matches(binding, secret("{labels: {a: '1'}}")));
    CHECK(matches(binding, secret("{labels: {b: '1'}}")));
    CHECK_FALSE(matches(binding, secret("{labels: {c: '1'}}")));
    const Binding empty_any = binding_of("{matchAll: [{labels: {key: a, operator: Exists}}], matchAny: []}");
    CHECK(matches(empty_any, secret("{labels: {a: '1'}}")));
}

TEST_CASE("B-03 with both lists, all of one and one of the other must hold") {
    const Binding binding = binding_of(R"({matchAll: [{labels: {key: a, operator: Exists}}], matchAny: [
        {namespace: {operator: In, values: [app1]}}, {namespace: {operator: In, values: [app2]}}]})");
    CHECK(matches(binding, secret("{namespace: app2, labels: {a: ''}}")));
    CHECK_FALSE(matches(binding, secret("{namespace: app3, labels: {a: ''}}")));
    CHECK_FALSE(matches(binding, secret("{namespace: app1}")));
}

TEST_CASE("B-04 a binding without a requirement is invalid") {
    CHECK(rules_of("{}") == std::vector<std::string>{"BND-E01"});
    CHECK(rules_of("{matchAll: [], matchAny: []}") == std::vector<std::string>{"BND-E01"});
    CHECK(rules_of("null") == std::vector<std::string>{"BND-E01"});
    CHECK_THAT(failure_of("{}"), Catch::Contains("BND-E01") && Catch::Contains("spec.resources"));
}

TEST_CASE("B-04 every mistake in the requirements is told, all in one run") {
    CHECK(rules_of("{matchAll: [{}]}") == std::vector<std::string>{"BND-E02"});
    CHECK(rules_of("{matchAll: [text]}") == std::vector<std::string>{"BND-E02"});
    CHECK(rules_of("{matchAll: [{label: {key: a, operator: Exists}}]}") ==
          std::vector<std::string>{"BND-E02"});
    CHECK(rules_of("{matchAll: [{labels: {key: a, operator: Exists}, namespace: {operator: Exists}}]}") ==
          std::vector<std::string>{"BND-E02"});
    CHECK(rules_of("{matchAll: [{type: {operator: Exists}}]}") == std::vector<std::string>{"BND-E03"});
    CHECK(rules_of("{matchAll: [{labels: {key: a, operator: in, values: [b]}}]}") ==
          std::vector<std::string>{"BND-E03"});
    CHECK(rules_of("{matchAll: [{labels: {key: a, values: [b]}}]}") == std::vector<std::string>{"BND-E03"});
    CHECK(rules_of("{matchAll: [{labels: {key: a, operator: In}}]}") == std::vector<std::string>{"BND-E04"});
    CHECK(rules_of("{matchAll: [{labels: {key: a, operator: Exists, values: [b]}}]}") ==
          std::vector<std::string>{"BND-E04"});
    CHECK(rules_of("{matchAll: [{type: {operator: In, values: []}}]}") ==
          std::vector<std::string>{"BND-E04"});
    CHECK(rules_of("{matchAll: [{labels: {operator: Exists}}]}") ==
          std::vector<std::string>{"missing-field"});
    CHECK(rules_of("{matchAll: [{labels: {key: a, operator: In, values: [true]}}]}") ==
          std::vector<std::string>{"wrong-type"});
    const std::string text =
        failure_of("{matchAll: [{}, {type: {operator: Exists}}, {labels: {key: a, operator: In}}]}");
    CHECK_THAT(text, Catch::Contains("matchAll[0]") && Catch::Contains("matchAll[1].type.operator") &&
                         Catch::Contains("matchAll[2].labels.values"));
}

TEST_CASE("B-05 every operator meets an absent key, a listed value and an unlisted one as Kubernetes does") {
    struct Row {
        const char* op;
        bool absent, listed, unlisted;
    };
    for (const Row& row : {Row{"In", false, true, false}, Row{"NotIn", true, false, true},
                           Row{"Exists", false, true, true}, Row{"DoesNotExist", true, false, false}}) {
        const std::string values = row.op[0] == 'I' || row.op[0] == 'N' ? ", values: [yes-please]" : "";
        for (const std::string where : {"labels", "annotations"}) {
            CAPTURE(row.op, where);
            const Binding binding =
                binding_of("{matchAll: [{" + where + ": {key: k/a, operator: " + row.op + values + "}}]}");
            CHECK(matches(binding, secret("{name: x}")) == row.absent);
            CHECK(matches(binding, secret("{" + where + ": {k/a: yes-please}}")) == row.listed);
            CHECK(matches(binding, secret("{" + where + ": {k/a: other}}")) == row.unlisted);
        }
    }
}

TEST_CASE("B-06 an omitted member of a type fits all; group, version, resource and name are compared else") {
    const auto type = [](const std::string& pattern) {
        return binding_of("{matchAll: [{type: {operator: In, values: [" + pattern + "]}}]}");
    };
    const Subject deployment = subject("apps", "v1", "deployments", "{name: web}");
    CHECK(matches(type("{group: apps, version: v1, resource: deployments, name: web}"), deployment));
    CHECK(matches(type("{resource: deployments}"), deployment));
    CHECK(matches(type("{group: apps}"), deployment));
    CHECK(matches(type("{name: web}"), deployment));
    CHECK_FALSE(matches(type("{group: batch, resource: deployments}"), deployment));
    CHECK_FALSE(matches(type("{version: v1beta1, resource: deployments}"), deployment));
    CHECK_FALSE(matches(type("{resource: deployments, name: api}"), deployment));
    CHECK_FALSE(matches(type("{resource: deployment}"), deployment));
    // The core group is the omitted one.
    CHECK(matches(type("{version: v1, resource: secrets}"), secret("{name: s}")));
    CHECK(matches(type("{resource: pods}, {resource: secrets}"), secret("{name: s}")));
}

TEST_CASE("B-06 a version is compared with all that the cluster serves") {
    const cluster::ResourceDescription v1{.type = {"apps", "v1", "deployments"}};
    const cluster::ResourceDescription beta{.type = {"apps", "v1beta1", "deployments"}};
    const cluster::ResourceDescription other{.type = {"batch", "v2", "deployments"}};
    const Subject here = make_subject(parse_yaml_value("{metadata: {name: web}}"), v1, {v1, beta, other});
    CHECK(matches(
        binding_of(
            "{matchAll: [{type: {operator: In, values: [{version: v1beta1, resource: deployments}]}}]}"),
        here));
    CHECK_FALSE(matches(
        binding_of("{matchAll: [{type: {operator: In, values: [{version: v2, resource: deployments}]}}]}"),
        here));
}

TEST_CASE("B-07 a type NotIn holds where no value fits") {
    const Binding binding =
        binding_of("{matchAll: [{type: {operator: NotIn, values: [{resource: secrets}, {group: apps}]}}]}");
    CHECK_FALSE(matches(binding, secret("{name: s}")));
    CHECK_FALSE(matches(binding, subject("apps", "v1", "statefulsets")));
    CHECK(matches(binding, subject("", "v1", "configmaps")));
}

TEST_CASE("B-08 namespace Exists means a namespaced object, DoesNotExist a cluster-scoped one") {
    const Subject secret_in_app1 = secret("{name: s, namespace: app1}");
    const Subject node = subject("", "v1", "nodes", "{name: n}", false);
    const Binding exists = binding_of("{matchAll: [{namespace: {operator: Exists}}]}");
    CHECK(matches(exists, secret_in_app1));
    CHECK_FALSE(matches(exists, node));
    const Binding does_not = binding_of("{matchAll: [{namespace: {operator: DoesNotExist}}]}");
    CHECK_FALSE(matches(does_not, secret_in_app1));
    CHECK(matches(does_not, node));
    CHECK(
        matches(binding_of("{matchAll: [{namespace: {operator: NotIn, values: [app2]}}]}"), secret_in_app1));
    CHECK(matches(binding_of("{matchAll: [{namespace: {operator: NotIn, values: [app2]}}]}"), node));
}

TEST_CASE("B-08 namespaces are literal but for the operator Glob") {
    const Subject here = secret("{name: s, namespace: team-a-prod}");
    CHECK_FALSE(matches(binding_of("{matchAll: [{namespace: {operator: In, values: ['team-*']}}]}"), here));
    CHECK(matches(binding_of("{matchAll: [{namespace: {operator: Glob, values: ['x', 'team-*']}}]}"), here));
    CHECK(matches(binding_of("{matchAll: [{namespace: {operator: Glob, values: ['*-a-?ro*d']}}]}"), here));
    CHECK_FALSE(matches(binding_of("{matchAll: [{namespace: {operator: Glob, values: ['team-?']}}]}"), here));
    CHECK_FALSE(matches(binding_of("{matchAll: [{namespace: {operator: Glob, values: ['*-dev']}}]}"), here));
    CHECK(rules_of("{matchAll: [{labels: {key: a, operator: Glob, values: [b]}}]}") ==
          std::vector<std::string>{"BND-E03"});
}

TEST_CASE("B-10 earlier creation precedes, and B-11 the name decides a tie") {
    Binding a = binding_of("{matchAll: [{labels: {key: a, operator: Exists}}]}");
    Binding b = a;
    a.name = "a";
    b.name = "b";
    a.created = "2026-11-21T05:00:01Z";
    b.created = "2026-11-21T05:00:00Z";
    CHECK(precedes(b, a));
    CHECK_FALSE(precedes(a, b));
    b.created = a.created;
    CHECK(precedes(a, b));
    CHECK_FALSE(precedes(b, a));
}

TEST_CASE("B-16 bindings from the field match the objects that they are for and no others") {
    std::ifstream file(source_dir() + "/tests/unit/binding/samples.yaml");
    std::ostringstream text;
    text << file.rdbuf();
    const Value all = parse_yaml_value(text.str());
    REQUIRE(all["samples"].list_or_empty().size() >= 24);
    std::set<std::string> matched_ever;
    for (const Value& sample : all["samples"].as_list()) {
        CAPTURE(sample.get("binding", "metadata", "name").as_string());
        const Binding binding = Binding::from(sample["binding"]);
        std::set<std::string> wanted;
        for (const Value& id : sample["fits"].as_list()) wanted.insert(id.as_string());
        std::set<std::string> found;
        for (const Value& one : all["objects"].as_list()) {
            Value object;
            object["metadata"]["name"] = one["id"];
            object["metadata"]["namespace"] = "app1";
            object["metadata"]["labels"] = one["labels"];
            object["metadata"]["annotations"] = one["annotations"];
            const cluster::ResourceDescription type{
                .type = {one["group"].as_string(), one["version"].as_string(), one["resource"].as_string()}};
            if (matches(binding, make_subject(object, type, {type}))) found.insert(one["id"].as_string());
        }
        CHECK(found == wanted);
    }
}

TEST_CASE("B-17 a type without operator and values is read as In, with a warning") {
    const std::string resources = "{matchAll: [{type: {group: apps, resource: statefulsets}}]}";
    CHECK(rules_of(resources) == std::vector<std::string>{"BND-W10"});
    CHECK(matches(binding_of(resources), subject("apps", "v1", "statefulsets")));
    CHECK_FALSE(matches(binding_of(resources), subject("apps", "v1", "deployments")));
}

TEST_CASE("B-17 namespace.nameSelector.matchNames is read as In, with a warning") {
    const std::string resources = "{matchAll: [{namespace: {nameSelector: {matchNames: [app1, app2]}}}]}";
    CHECK(rules_of(resources) == std::vector<std::string>{"BND-W10"});
    CHECK(matches(binding_of(resources), secret("{namespace: app2}")));
    CHECK_FALSE(matches(binding_of(resources), secret("{namespace: app3}")));
}

TEST_CASE("B-17 a selector beside a type is read as one requirement for each label, with a warning") {
    const std::string item =
        "{type: {operator: In, values: [{resource: secrets}]}, selector: {matchLabels: {a: '1', b: '2'}}}";
    CHECK(rules_of("{matchAll: [" + item + "]}") == std::vector<std::string>{"BND-W10"});
    const Binding binding = binding_of("{matchAll: [" + item + "]}");
    CHECK(matches(binding, secret("{labels: {a: '1', b: '2'}}")));
    CHECK_FALSE(matches(binding, secret("{labels: {a: '1'}}")));
    // In matchAny, "both" cannot be said.
    CHECK(rules_of("{matchAny: [" + item + "]}") == std::vector<std::string>{"BND-E02"});
}

TEST_CASE("B-17 a capitalised plural is read in lower case, with a warning") {
    const std::string resources =
        "{matchAll: [{type: {operator: In, values: [{group: apps, resource: StatefulSets}]}}]}";
    CHECK(rules_of(resources) == std::vector<std::string>{"BND-W10"});
    CHECK(matches(binding_of(resources), subject("apps", "v1", "statefulsets")));
}

}  // namespace fencepost::binding
