#include "aws/rds.h"

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::aws {
namespace {

// "DBInstance": what the API's names are made of.
std::string noun(DatabaseKind kind) { return kind == DatabaseKind::kCluster ? "DBCluster" : "DBInstance"; }
std::string snapshot_noun(DatabaseKind kind) {
    return kind == DatabaseKind::kCluster ? "DBClusterSnapshot" : "DBSnapshot";
}

void add_security_groups(Parameters& parameters, const std::vector<std::string>& groups) {
    for (std::size_t i = 0; i < groups.size(); ++i)
        parameters.emplace_back("VpcSecurityGroupIds.VpcSecurityGroupId." + std::to_string(i + 1), groups[i]);
}

std::optional<SystemTime> time_of(const std::string& text) {
    if (text.empty()) return std::nullopt;
    try {
        return parse_rfc3339(text);
    } catch (const Error&) {
        throw Error(ErrorKind::kDataLoss, "AWS rds told the time '" + text + "'");
    }
}

// Of every child of a list that is named `item`, the text of its `member`.
std::vector<std::string> texts(const XmlNode* list, std::string_view item, std::string_view member) {
    std::vector<std::string> found;
    if (list == nullptr) return found;
    for (const XmlNode& node : list->children) {
        if (node.name == item) found.push_back(node.child_text(member));
    }
    return found;
}

Database instance_of(const XmlNode& node) {
    Database database{.status = node.child_text("DBInstanceStatus"),
                      .engine_version = node.child_text("EngineVersion"),
                      .created = time_of(node.child_text("InstanceCreateTime"))};
    if (const XmlNode* endpoint = node.child("Endpoint")) {
        database.address = endpoint->child_text("Address");
        database.port = endpoint->child_text("Port");
    }
    if (const XmlNode* group = node.child("DBSubnetGroup"))
        database.subnet_group = group->child_text("DBSubnetGroupName");
    return database;
}

Database cluster_of(const XmlNode& node) {
    return {.status = node.child_text("Status"),
            .engine_version = node.child_text("EngineVersion"),
            .address = node.child_text("Endpoint"),
            .port = node.child_text("Port"),
            .subnet_group = node.child_text("DBSubnetGroup"),
            .security_groups = {},
            .members = texts(node.child("DBClusterMembers"), "DBClusterMember", "DBInstanceIdentifier"),
            .created = time_of(node.child_text("ClusterCreateTime"))};
}

}  // namespace

// Nothing where there is none of that name.
std::optional<XmlNode> Rds::describe(const std::string& what, const std::string& id,
                                     const CancelToken& cancel) const {
    try {
        const XmlNode result = client_.call("Describe" + what + "s", {{what + "Identifier", id}}, cancel);
        const XmlNode* list = result.child(what + "s");
        const XmlNode* found = list == nullptr ? nullptr : list->child(what);
        return found == nullptr ? std::nullopt : std::optional(*found);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        return std::nullopt;
    }
}

std::optional<Database> Rds::find(DatabaseKind kind, const std::string& id, const CancelToken& cancel) const {
    const std::optional<XmlNode> node = describe(noun(kind), id, cancel);
    if (!node) return std::nullopt;
    Database database = kind == DatabaseKind::kCluster ? cluster_of(*node) : instance_of(*node);
    database.security_groups =
        texts(node->child("VpcSecurityGroups"), "VpcSecurityGroupMembership", "VpcSecurityGroupId");
    return database;
}

void Rds::restore(DatabaseKind kind, const RestoreRequest& request, const CancelToken& cancel) const {
    const bool is_cluster = kind == DatabaseKind::kCluster;
    Parameters parameters{{noun(kind) + "Identifier", request.database},
                          {is_cluster ? "SnapshotIdentifier" : "DBSnapshotIdentifier", request.snapshot},
                          {"DBSubnetGroupName", request.subnet_group}};
    add_security_groups(parameters, request.security_groups);
    if (is_cluster) {
        parameters.emplace_back("Engine", request.engine);
        parameters.emplace_back("EngineVersion", request.engine_version);
    }
    client_.call(is_cluster ? "RestoreDBClusterFromSnapshot" : "RestoreDBInstanceFromDBSnapshot",
                 std::move(parameters), cancel);
}

void Rds::create_instance_in_cluster(const std::string& id, const std::string& cluster,
                                     const std::string& engine, const std::string& instance_class,
                                     const CancelToken& cancel) const {
    client_.call("CreateDBInstance",
                 {{"DBInstanceIdentifier", id},
                  {"DBClusterIdentifier", cluster},
                  {"DBInstanceClass", instance_class},
                  {"Engine", engine}},
                 cancel);
}

void Rds::remove(DatabaseKind kind, const std::string& id, const CancelToken& cancel) const {
    client_.call("Delete" + noun(kind), {{noun(kind) + "Identifier", id}, {"SkipFinalSnapshot", "true"}},
                 cancel);
}

std::optional<Snapshot> Rds::find_snapshot(DatabaseKind kind, const std::string& id,
                                           const CancelToken& cancel) const {
    const std::optional<XmlNode> node = describe(snapshot_noun(kind), id, cancel);
    if (!node) return std::nullopt;
    return Snapshot{.database = node->child_text(noun(kind) + "Identifier"),
                    .status = node->child_text("Status"),
                    .engine_version = node->child_text("EngineVersion"),
                    .allocated_gib = node->child_text("AllocatedStorage")};
}

void Rds::create_snapshot(DatabaseKind kind, const std::string& id, const std::string& database,
                          const CancelToken& cancel) const {
    client_.call("Create" + snapshot_noun(kind),
                 {{snapshot_noun(kind) + "Identifier", id}, {noun(kind) + "Identifier", database}}, cancel);
}

void Rds::remove_snapshot(DatabaseKind kind, const std::string& id, const CancelToken& cancel) const {
    client_.call("Delete" + snapshot_noun(kind), {{snapshot_noun(kind) + "Identifier", id}}, cancel);
}

}  // namespace fencepost::aws
