#include "protect/resource_filter.h"

#include <algorithm>

namespace fencepost::protect {
namespace {

constexpr std::string_view kCore = "core";

}  // namespace

bool ResourceFilter::Item::fits(const cluster::ResourceType& type, const Value& object) const {
    const bool is_group = group.empty() || (group == kCore ? type.group.empty() : group == type.group);
    return is_group && (version.empty() || version == type.version) &&
           (resource.empty() || resource == type.resource) &&
           (name.empty() || name == cluster::name_of(object)) && labels.matches(object);
}

std::vector<ResourceFilter::Item> ResourceFilter::read_items(const Value& items, const std::string& pointer,
                                                             model::Problems& problems) {
    std::vector<Item> result;
    if (!problems.check(items, pointer, Kind::kList)) return result;
    const List& list = items.list_or_empty();
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string place = model::child(pointer, i);
        if (!problems.check(list[i], place, Kind::kMap)) continue;
        problems.only(list[i], place,
                      {"group", "version", "resource", "name", "matchLabels", "matchExpressions"});
        Item item;
        for (const auto& [member, target] :
             {std::pair{"group", &item.group}, std::pair{"version", &item.version},
              std::pair{"resource", &item.resource}, std::pair{"name", &item.name}}) {
            if (problems.check(list[i][member], model::child(place, member), Kind::kString))
                *target = list[i][member].string_or("");
        }
        try {
            item.labels = cluster::LabelSelector::from(list[i]);
        } catch (const Error& e) {
            problems.error(place, "FLT-E01", e.message(), e.hint());
        }
        result.push_back(std::move(item));
    }
    return result;
}

ResourceFilter ResourceFilter::read(const Value& filters, const std::string& pointer,
                                    model::Problems& problems) {
    ResourceFilter filter;
    if (!problems.check(filters, pointer, Kind::kMap)) return filter;
    problems.only(filters, pointer, {"includeResources", "excludeResources"});
    filter.include_ =
        read_items(filters["includeResources"], model::child(pointer, "includeResources"), problems);
    filter.exclude_ =
        read_items(filters["excludeResources"], model::child(pointer, "excludeResources"), problems);
    return filter;
}

bool ResourceFilter::accepts(const cluster::ResourceType& type, const Value& object) const {
    const auto fits = [&](const Item& item) { return item.fits(type, object); };
    return (include_.empty() || std::any_of(include_.begin(), include_.end(), fits)) &&
           std::none_of(exclude_.begin(), exclude_.end(), fits);
}

}  // namespace fencepost::protect
