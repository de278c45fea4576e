#include "cli/manifest_cluster.h"

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/selectors.h"

namespace fencepost::cli {
namespace {

cluster::ResourceType type_of(const Value& object, const cluster::local::TypeTable& types,
                              const std::string& origin) {
    const std::string api_version = object["apiVersion"].string_or("");
    const std::size_t slash = api_version.find('/');
    const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
    const std::string version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
    const std::string kind = object["kind"].string_or("");
    if (version.empty() || kind.empty())
        throw Error(ErrorKind::kInvalid, origin + ": an object needs apiVersion and kind");
    if (const auto type = types.find(group, version, kind)) return type->type;
    throw Error(ErrorKind::kNotFound, origin + ": there is no kind " + kind + " in " + api_version,
                "give its CustomResourceDefinition with -f, too");
}

}  // namespace

ManifestCluster::ManifestCluster(const std::vector<Manifest>& manifests, Server& server) : server_(server) {
    for (const Manifest& manifest : manifests) {
        if (manifest.object["kind"].string_or("") == "CustomResourceDefinition")
            types_.define(manifest.object);
    }
    for (const Manifest& manifest : manifests) {
        Value object = manifest.object;
        settle_string_data(object);
        const auto type = type_of(object, types_, manifest.origin);
        objects_[{type, cluster::namespace_of(object), cluster::name_of(object)}] = object;
    }
}

cluster::ResourceDescription ManifestCluster::description_of(const cluster::ResourceType& type) const {
    return types_.find(type.group, type.version, type.resource)
        .value_or(cluster::ResourceDescription{.type = type, .kind = {}, .singular = {}, .short_names = {}});
}

Value ManifestCluster::get(const cluster::ObjectKey& key) {
    for (const std::string& ns : {key.ns, std::string()}) {
        const auto found = objects_.find({key.type, ns, key.name});
        if (found == objects_.end()) continue;
        Value object = found->second;
        if (!key.ns.empty()) object["metadata"]["namespace"] = key.ns;
        return object;
    }
    std::string hint = "give it with -f FILE";
    if (!is_server_away_) {
        try {
            const auto live = server_.find(object_path(description_of(key.type), key.ns, key.name));
            if (live) return *live;
        } catch (const Unreachable& error) {
            is_server_away_ = true;
        }
    }
    if (is_server_away_) hint += "; no server answers that could have it";
    throw Error(ErrorKind::kNotFound, "there is no " + cluster::to_string(key), hint);
}

cluster::ObjectList ManifestCluster::list(const cluster::ResourceType& type,
                                          const cluster::ListOptions& options) {
    cluster::ObjectList result;
    const auto is_selected = cluster::LabelSelector::parse(options.label_selector);
    std::map<std::pair<std::string, std::string>, Value> found;
    if (!is_server_away_) {
        std::string path = object_path(description_of(type), options.ns, "");
        if (!options.label_selector.empty()) path += "?labelSelector=" + url_encode(options.label_selector);
        try {
            const Value live = server_.get(path);
            for (const Value& item : live["items"].list_or_empty())
                found[{cluster::namespace_of(item), cluster::name_of(item)}] = item;
        } catch (const Unreachable&) {
            is_server_away_ = true;
        }
    }
    for (const auto& [key, object] : objects_) {
        if (key.type != type || (!options.ns.empty() && !key.ns.empty() && key.ns != options.ns)) continue;
        if (!is_selected.matches(object)) continue;
        Value item = object;
        const std::string ns = key.ns.empty() ? options.ns : key.ns;
        if (!ns.empty()) item["metadata"]["namespace"] = ns;
        found[{ns, key.name}] = std::move(item);
    }
    for (auto& [key, object] : found) result.items.push_back(std::move(object));
    return result;
}

std::optional<cluster::ResourceDescription> ManifestCluster::find_type(std::string_view group,
                                                                       std::string_view version,
                                                                       std::string_view name) {
    if (const auto type = types_.find(group, version, name)) return type;
    if (is_server_away_) return std::nullopt;
    try {
        const std::string word = std::string(name) + (group.empty() ? "" : "." + std::string(group));
        const auto type = server_.type(word);
        if (version.empty() || type.type.version == version) return type;
    } catch (const Unreachable&) {
        is_server_away_ = true;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
    }
    return std::nullopt;
}

std::vector<cluster::ResourceDescription> ManifestCluster::types() { return types_.all(); }

}  // namespace fencepost::cli
