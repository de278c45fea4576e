// An action as it would be launched, from manifests and the server behind them: what render shows, plan
// checks and test compares. Reads, writes nothing. Errors: what is wrong with the request, or missing. Not
// thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cli/manifest_cluster.h"
#include "cli/verbs.h"
#include "model/objects.h"
#include "net/http_client.h"
#include "run/function.h"

namespace fencepost::cli {

class Prospect {
  public:
    // `catalog` and `server` are borrowed.
    Prospect(Server& server, const RenderOptions& options, const run::Catalog& catalog);

    // As run::preview tells it, with action, blueprint, object and reason.
    [[nodiscard]] Value preview();
    // As people read it.
    [[nodiscard]] static std::string shown(const Value& view, int fd);

    [[nodiscard]] const model::ActionSpec& action() const { return action_; }
    [[nodiscard]] const model::Action& definition() const;
    // What templates see before the first phase; read once.
    [[nodiscard]] const Value& launch_params();
    [[nodiscard]] const Value& blueprint() const { return blueprint_object_; }
    [[nodiscard]] const std::string& blueprint_file() const { return blueprint_file_; }  // "": the cluster's
    [[nodiscard]] const std::vector<Manifest>& manifests() const { return manifests_; }
    [[nodiscard]] run::World& world() { return world_; }

  private:
    [[nodiscard]] std::vector<Manifest> read_objects();
    [[nodiscard]] model::ActionSpec find_action();

    const RenderOptions options_;
    const std::string controller_namespace_;
    const run::Catalog& catalog_;
    std::string blueprint_name_, blueprint_file_, reason_;
    std::vector<Manifest> manifests_;
    ManifestCluster objects_;
    cluster::HiddenSecrets hidden_;
    cluster::Cluster& cluster_;  // one of the two
    SystemClock clock_;
    Log log_;
    std::unique_ptr<net::HttpClient> http_;
    run::World world_;
    model::ActionSpec action_;
    Value blueprint_object_;
    model::Blueprint blueprint_;
    std::optional<Value> launch_params_;
};

}  // namespace fencepost::cli
