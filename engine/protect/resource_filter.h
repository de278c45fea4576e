// Which of an application's objects an action is about: the filters of Kasten's actions. An item names a
// group, version, resource, name and labels, each of which fits everything where it is left out ("core" is
// the group of Pods and Secrets). What an include item fits is in, all is in where there is none; then what
// an exclude item fits is out. Immutable; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "cluster/selectors.h"
#include "model/problem.h"

namespace fencepost::protect {

class ResourceFilter {
  public:
    ResourceFilter() = default;  // everything
    // spec.filters: includeResources and excludeResources. What is wrong goes to `problems`.
    [[nodiscard]] static ResourceFilter read(const Value& filters, const std::string& pointer,
                                             model::Problems& problems);
    [[nodiscard]] bool accepts(const cluster::ResourceType& type, const Value& object) const;

  private:
    struct Item {
        std::string group, version, resource, name;
        cluster::LabelSelector labels;
        [[nodiscard]] bool fits(const cluster::ResourceType& type, const Value& object) const;
    };
    static std::vector<Item> read_items(const Value& items, const std::string& pointer,
                                        model::Problems& problems);

    std::vector<Item> include_, exclude_;
};

}  // namespace fencepost::protect
