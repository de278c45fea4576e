// What types an API server has, from its discovery; kept, and asked for again when a name is not known.
// Errors: as ApiClient. Thread safety: all members may be called from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "cluster/cluster.h"
#include "cluster/kube/api_client.h"

namespace fencepost::cluster::kube {

class Discovery {
  public:
    // Both outlive the discovery.
    Discovery(ApiClient& client, Clock& clock) : client_(client), clock_(clock) {}

    [[nodiscard]] std::optional<ResourceDescription> find(std::string_view group, std::string_view version,
                                                          std::string_view name);
    // Throws kNotFound for a type that the server does not have.
    [[nodiscard]] ResourceDescription at(const ResourceType& type);
    [[nodiscard]] std::vector<ResourceDescription> all();

  private:
    using Types = std::vector<ResourceDescription>;
    template <typename Fits>
    [[nodiscard]] std::optional<ResourceDescription> find_or_ask(Fits fits);

    ApiClient& client_;
    Clock& clock_;
    struct State {
        std::shared_ptr<const Types> types;
        SteadyTime asked_at;
    };
    Guarded<State> state_;
};

}  // namespace fencepost::cluster::kube
