// A cluster for the binding tests: the embedded one's object store in a folder of its own, with a clock that
// the test moves, so that it says when each binding was created.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/encodings.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/local/local_cluster.h"
#include "value/yaml.h"

namespace fencepost::binding {

struct World {
    World() : World(std::make_unique<ManualClock>()) {}
    explicit World(std::unique_ptr<ManualClock> manual) : clock(std::move(manual)) {
        cluster = cluster::local::open_local_cluster({.data_dir = folder, .run_pods = false}, *clock, log);
        for (const std::string ns : {"kanister", "app1"})
            apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + ns + "}}");
    }
    ~World() {
        cluster.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    Value apply(const std::string& yaml) {
        const Value object = parse_yaml_value(yaml);
        const std::string api_version = object["apiVersion"].string_or("");
        const std::size_t slash = api_version.find('/');
        const auto type =
            cluster->find_type(slash == std::string::npos ? "" : api_version.substr(0, slash),
                               slash == std::string::npos ? api_version : api_version.substr(slash + 1),
                               object["kind"].string_or(""));
        return cluster->create(type.value().type, object);
    }

    Value blueprint(const std::string& name,
                    const std::string& actions = "{backup: {}, restore: {}, delete: {}}") {
        return apply("{apiVersion: cr.kanister.io/v1alpha1, kind: Blueprint, metadata: {name: " + name +
                     ", namespace: kanister}, actions: " + actions + "}");
    }

    Value binding(const std::string& name, const std::string& blueprint, const std::string& match_all,
                  const std::string& extra = "") {
        return apply("{apiVersion: config.kio.kasten.io/v1alpha1, kind: BlueprintBinding, metadata: {name: " +
                     name + ", namespace: kanister}, spec: {" + extra + "blueprintRef: {name: " + blueprint +
                     ", namespace: kanister}, resources: {matchAll: " + match_all + "}}}");
    }

    Value secret(const std::string& name, const std::string& labels = "{type: database-credential}",
                 const std::string& annotations = "{}") {
        return apply("{apiVersion: v1, kind: Secret, metadata: {name: " + name +
                     ", namespace: app1, labels: " + labels + ", annotations: " + annotations + "}}");
    }

    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("fencepost-binding-" + random_name_suffix(8));
    std::unique_ptr<ManualClock> clock;
    Log log{STDERR_FILENO, Log::Format::kText, LogLevel::kError};
    std::unique_ptr<cluster::Cluster> cluster;
};

inline const char* const kDatabaseSecrets =
    "[{type: {operator: In, values: [{resource: secrets}]}}, {labels: {key: type, operator: In, values: "
    "[database-credential]}}]";

inline cluster::ObjectKey secret_key(const std::string& name) {
    return {cluster::types::kSecrets, "app1", name};
}

}  // namespace fencepost::binding
