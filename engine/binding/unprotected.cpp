#include "binding/unprotected.h"

#include <algorithm>
#include <array>
#include <set>

#include "binding/index.h"
#include "binding/ownership.h"
#include "binding/resolve.h"

namespace fencepost::binding {
namespace {

// Types of database operators: group, resource.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kOperators{{
    {"postgresql.cnpg.io", "clusters"},
    {"postgresql.k8s.enterprisedb.io", "clusters"},
    {"acid.zalan.do", "postgresqls"},
    {"postgres-operator.crunchydata.com", "postgresclusters"},
    {"pgv2.percona.com", "perconapgclusters"},
    {"pxc.percona.com", "perconaxtradbclusters"},
    {"psmdb.percona.com", "perconaservermongodbs"},
    {"mysql.oracle.com", "innodbclusters"},
    {"k8s.mariadb.com", "mariadbs"},
    {"mongodbcommunity.mongodb.com", "mongodbcommunity"},
    {"redis.redis.opstreelabs.in", "redisclusters"},
    {"elasticsearch.k8s.elastic.co", "elasticsearches"},
}};

// What the last part of an image's name is, or starts with before a dash.
constexpr std::array<std::string_view, 16> kImages{"postgres", "postgresql", "edb-postgres", "timescaledb",
                                                   "postgis",  "mysql",      "mariadb",      "percona",
                                                   "mongo",    "mongodb",    "redis",        "valkey",
                                                   "etcd",     "couchdb",    "cassandra",    "elasticsearch"};

// Beside a database, not one: their images are named after it.
constexpr std::array<std::string_view, 6> kCompanions{"exporter", "operator", "client",
                                                      "proxy",    "backup",   "init"};

bool is_operators(const cluster::ResourceType& type) {
    return std::find(kOperators.begin(), kOperators.end(),
                     std::pair<std::string_view, std::string_view>(type.group, type.resource)) !=
           kOperators.end();
}

std::string reason_of(const cluster::ResourceDescription& type, const Value& object) {
    if (is_operators(type.type)) return "it is a " + type.kind + " of " + type.type.group;
    const Value& spec =
        type.type == cluster::types::kPods ? object["spec"] : object.get("spec", "template", "spec");
    for (const Value& container : spec["containers"].list_or_empty()) {
        const std::string image = container["image"].string_or("");
        if (database_of_image(image).empty()) continue;
        return "its container " + container["name"].string_or("") + " runs " + image;
    }
    return {};
}

std::vector<Candidate> usable_candidates(cluster::Cluster& cluster, std::string_view controller_namespace) {
    std::vector<Candidate> candidates = load_candidates(cluster, controller_namespace, controller_namespace);
    for (Candidate& candidate : candidates) check_blueprint(cluster, candidate, controller_namespace);
    return candidates;
}

class Search {
  public:
    Search(cluster::Cluster& cluster, std::string_view controller_namespace,
           const std::function<bool(const std::string&)>& is_shown)
        : cluster_(cluster),
          ns_(controller_namespace),
          is_shown_(is_shown),
          served_(cluster.types()),
          candidates_(usable_candidates(cluster, controller_namespace)),
          index_(candidates_) {}

    std::vector<Unprotected> run() {
        for (const auto& type : served_) {
            const bool has_pods = type.type == cluster::types::kStatefulSets ||
                                  type.type == cluster::types::kDeployments ||
                                  type.type == cluster::types::kPods;
            if (has_pods || is_operators(type.type)) look_at(type);
        }
        return std::move(found_);
    }

  private:
    void look_at(const cluster::ResourceDescription& type) {
        cluster::ListOptions page;
        page.limit = 500;
        do {
            cluster::ObjectList list = cluster_.list(type.type, page);
            for (Value& object : list.items) {
                if (is_shown_(cluster::namespace_of(object))) judge(type, std::move(object));
            }
            page.continue_token = list.continue_token;
        } while (!page.continue_token.empty());
    }

    void judge(const cluster::ResourceDescription& type, Value object) {
        const std::string reason = reason_of(type, object);
        if (reason.empty() || is_bound(type, object)) return;
        for (const Owner& owner : owners_of(cluster_, object)) {
            // The owner is told of in its own place, or protects what it owns.
            if (!reason_of(owner.type, owner.object).empty() || is_bound(owner.type, owner.object)) return;
        }
        found_.push_back({type, std::move(object), reason});
    }

    bool is_bound(const cluster::ResourceDescription& type, const Value& object) const {
        return choose(index_, make_subject(object, type, served_), ns_).has_value();
    }

    cluster::Cluster& cluster_;
    const std::string ns_;
    const std::function<bool(const std::string&)>& is_shown_;
    const std::vector<cluster::ResourceDescription> served_;
    const std::vector<Candidate> candidates_;
    const Index index_;
    std::vector<Unprotected> found_;
};

}  // namespace

std::string database_of_image(std::string_view image) {
    image = image.substr(0, image.find('@'));
    if (const std::size_t slash = image.rfind('/'); slash != std::string_view::npos)
        image.remove_prefix(slash + 1);
    image = image.substr(0, image.find(':'));
    for (const std::string_view companion : kCompanions) {
        if (image.find(companion) != std::string_view::npos) return {};
    }
    for (const std::string_view name : kImages) {
        if (image == name || (image.starts_with(name) && image[name.size()] == '-')) return std::string(name);
    }
    return {};
}

std::vector<Unprotected> unprotected_databases(cluster::Cluster& cluster,
                                               std::string_view controller_namespace,
                                               const std::function<bool(const std::string& ns)>& is_shown) {
    return Search(cluster, controller_namespace, is_shown).run();
}

}  // namespace fencepost::binding
