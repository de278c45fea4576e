// The RDS functions against an AWS of ours that says what the real one says while something is being made,
// which moto (e2e/rds_test.py) does at once; and against one that refuses.
#include <deque>
#include <map>

#include "base/encodings.h"
#include "base/guarded.h"
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

constexpr const char* kProfile = ", profile: {name: store, namespace: default}";

struct Answer {
    int status = 200;
    std::string text;  // what is inside of the result; of a refusal: AWS' code
};

// Answers each action from its own list, whose last answer stands for ever; remembers what it was asked.
class Aws final : public net::HttpClient {
  public:
    net::HttpResponse request(net::HttpRequest request, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        std::map<std::string, std::string> form;
        for (std::string_view rest = request.body; !rest.empty();) {
            const std::string_view pair = rest.substr(0, rest.find('&'));
            rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
            form[std::string(pair.substr(0, pair.find('=')))] = url_decode(pair.substr(pair.find('=') + 1));
        }
        const std::string action = form["Action"];
        auto state = state_.lock();
        state->calls.push_back(form);
        auto& answers = state->answers[action];
        if (answers.empty()) return {.status = 400, .headers = {}, .body = refusal("Unexpected" + action)};
        const Answer answer = answers.front();
        if (answers.size() > 1) answers.pop_front();
        if (answer.status >= 300)
            return {.status = answer.status, .headers = {}, .body = refusal(answer.text)};
        return {.status = 200,
                .headers = {},
                .body = "<" + action + "Response><" + action + "Result>" + answer.text + "</" + action +
                        "Result></" + action + "Response>"};
    }
    void answer(const std::string& action, std::deque<Answer> answers) {
        state_.lock()->answers[action] = std::move(answers);
    }
    // The actions in the order that they were asked for, each once where it was repeated.
    [[nodiscard]] std::string calls() {
        std::string text;
        std::string last;
        auto state = state_.lock();
        for (auto& form : state->calls) {
            if (form["Action"] != last) text += (text.empty() ? "" : " ") + form["Action"];
            last = form["Action"];
        }
        return text;
    }
    [[nodiscard]] std::map<std::string, std::string> call(const std::string& action) {
        auto state = state_.lock();
        for (auto& form : state->calls) {
            if (form["Action"] == action) return form;
        }
        return {};
    }
    [[nodiscard]] std::size_t count(const std::string& action) {
        std::size_t found = 0;
        auto state = state_.lock();
        for (auto& form : state->calls) found += form["Action"] == action ? 1U : 0U;
        return found;
    }

  private:
    static std::string refusal(const std::string& code) {
        return "<ErrorResponse><Error><Code>" + code +
               "</Code><Message>so it is</Message></Error></ErrorResponse>";
    }
    struct State {
        std::map<std::string, std::deque<Answer>> answers;
        std::vector<std::map<std::string, std::string>> calls;
    };
    Guarded<State> state_;
};

Answer instance(const std::string& status, const std::string& created = "2020-01-01T00:00:00Z") {
    return {200,
            "<DBInstances><DBInstance><DBInstanceStatus>" + status +
                "</DBInstanceStatus><VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1"
                "</VpcSecurityGroupId></VpcSecurityGroupMembership></VpcSecurityGroups><DBSubnetGroup>"
                "<DBSubnetGroupName>apps</DBSubnetGroupName></DBSubnetGroup>" +
                (created.empty() ? "" : "<InstanceCreateTime>" + created + "</InstanceCreateTime>") +
                "</DBInstance></DBInstances>"};
}
Answer cluster(const std::string& status) {
    return {200, "<DBClusters><DBCluster><Status>" + status +
                     "</Status><DBSubnetGroup>apps</DBSubnetGroup><DBClusterMembers><DBClusterMember>"
                     "<DBInstanceIdentifier>au-1</DBInstanceIdentifier></DBClusterMember></DBClusterMembers>"
                     "<ClusterCreateTime>2020-01-01T00:00:00Z</ClusterCreateTime></DBCluster></DBClusters>"};
}
Answer snapshot(const std::string& status) {
    return {200, "<DBSnapshots><DBSnapshot><DBInstanceIdentifier>db</DBInstanceIdentifier><Status>" + status +
                     "</Status><AllocatedStorage>20</AllocatedStorage></DBSnapshot></DBSnapshots>"};
}
Answer cluster_snapshot(const std::string& status) {
    return {200, "<DBClusterSnapshots><DBClusterSnapshot><Status>" + status +
                     "</Status><AllocatedStorage>1</AllocatedStorage><EngineVersion>15.3</EngineVersion>"
                     "</DBClusterSnapshot></DBClusterSnapshots>"};
}
const Answer kDone;

class RdsWorld : public FunctionsWorld {
  public:
    RdsWorld() : RdsWorld(std::make_unique<Aws>()) {}

    void wait_until(const std::function<bool()>& is_so) { REQUIRE(eventually(is_so)); }

    Aws& aws;

  private:
    explicit RdsWorld(std::unique_ptr<Aws> client)
        : FunctionsWorld(std::move(client)), aws(static_cast<Aws&>(*http)) {
        create(
            "{apiVersion: v1, kind: Secret, metadata: {name: keys, namespace: default}, stringData: {id: "
            "AKID, secret: the-secret-key}}\n---\n"
            "{apiVersion: cr.kanister.io/v1alpha1, kind: Profile, metadata: {name: store, namespace: "
            "default}, location: {type: s3Compliant, bucket: backups, region: eu-west-1}, credential: "
            "{type: keyPair, keyPair: {idField: id, secretField: secret, secret: {name: keys, namespace: "
            "default}}}}\n---\n"
            "{apiVersion: v1, kind: Secret, metadata: {name: aws, namespace: default}, stringData: "
            "{aws_access_key_id: AKOTHER, aws_secret_access_key: other}}");
    }
};

}  // namespace

TEST_CASE("CreateRDSSnapshot waits until the snapshot is available, and tells what a restore needs") {
    RdsWorld world;
    world.aws.answer("DescribeDBInstances", {instance("available")});
    world.aws.answer("CreateDBSnapshot", {{400, "Throttling"}, kDone});
    world.aws.answer("DescribeDBSnapshots",
                     {snapshot("creating"), snapshot("creating"), snapshot("available")});
    const Value outputs =
        world.outputs("CreateRDSSnapshot", "{instanceID: db, dbEngine: PostgreSQL}", kProfile);
    const std::string id = outputs["snapshotID"].string_or("");
    CHECK_THAT(id, Catch::Matches("db-[0-9a-f]{10}"));
    CHECK(outputs["instanceID"] == Value("db"));
    CHECK(outputs["securityGroupID"] == Value("- sg-1\n"));
    CHECK(outputs["allocatedStorage"] == Value("20GiB"));
    CHECK(outputs["dbSubnetGroup"] == Value("apps"));
    CHECK(world.aws.call("CreateDBSnapshot")["DBSnapshotIdentifier"] == id);
    CHECK(world.aws.calls() == "DescribeDBInstances CreateDBSnapshot DescribeDBSnapshots");
    CHECK(world.aws.count("DescribeDBSnapshots") == 3);
}

TEST_CASE("an Aurora cluster's snapshot is asked for by its own names") {
    RdsWorld world;
    world.aws.answer("DescribeDBClusters", {cluster("available")});
    world.aws.answer("CreateDBClusterSnapshot", {kDone});
    world.aws.answer("DescribeDBClusterSnapshots",
                     {cluster_snapshot("creating"), cluster_snapshot("available")});
    const Value outputs =
        world.outputs("CreateRDSSnapshot", "{instanceID: au, dbEngine: aurora-postgresql}", kProfile);
    CHECK(outputs["allocatedStorage"] == Value("0GiB"));
    CHECK(outputs["securityGroupID"] == Value("[]\n"));
    CHECK(world.aws.calls() == "DescribeDBClusters CreateDBClusterSnapshot DescribeDBClusterSnapshots");

    world.aws.answer("DeleteDBClusterSnapshot", {{400, "InvalidDBClusterSnapshotStateFault"}, kDone});
    world.aws.answer("DescribeDBClusterSnapshots", {cluster_snapshot("available"),
                                                    cluster_snapshot("available"),
                                                    cluster_snapshot("deleting"),
                                                    {404, "DBClusterSnapshotNotFoundFault"}});
    (void)world.outputs("DeleteRDSSnapshot", "{snapshotID: s, dbEngine: aurora}", kProfile);
    CHECK(world.aws.count("DeleteDBClusterSnapshot") == 2);
    (void)world.outputs("DeleteRDSSnapshot", "{snapshotID: s, dbEngine: aurora}",
                        kProfile);  // it is not there
    CHECK(world.aws.count("DeleteDBClusterSnapshot") == 2);
}

TEST_CASE("a snapshot that fails is deleted, and its state told") {
    RdsWorld world;
    world.aws.answer("DescribeDBInstances", {instance("available")});
    world.aws.answer("CreateDBSnapshot", {kDone});
    world.aws.answer("DescribeDBSnapshots", {snapshot("creating"), snapshot("failed")});
    world.aws.answer("DeleteDBSnapshot", {kDone});
    CHECK_THAT(world.error("CreateRDSSnapshot", "{instanceID: db}", kProfile),
               Contains("is failed and will not be available"));
    CHECK(world.aws.call("DeleteDBSnapshot")["DBSnapshotIdentifier"] ==
          world.aws.call("CreateDBSnapshot")["DBSnapshotIdentifier"]);

    world.aws.answer("DescribeDBInstances", {{404, "DBInstanceNotFound"}});
    CHECK_THAT(world.error("CreateRDSSnapshot", "{instanceID: nope}", kProfile),
               Contains("there is no RDS database 'nope'"));
    world.aws.answer("DescribeDBInstances", {{403, "AccessDenied"}});
    CHECK_THAT(world.error("CreateRDSSnapshot", "{instanceID: db}", kProfile),
               Contains("DescribeDBInstances") && Contains("AccessDenied: so it is"));
}

TEST_CASE(
    "cancelled while it waits, CreateRDSSnapshot deletes its snapshot; what cannot be deleted is told") {
    RdsWorld world;
    world.aws.answer("DescribeDBInstances", {instance("available")});
    world.aws.answer("CreateDBSnapshot", {kDone});
    world.aws.answer("DescribeDBSnapshots", {snapshot("creating")});
    world.aws.answer("DeleteDBSnapshot", {{400, "InvalidDBSnapshotState"}});
    const Value done =
        world.run("[{func: CreateRDSSnapshot, name: one, timeout: 1s, args: {instanceID: db}}]", kProfile);
    CHECK_THAT(FunctionsWorld::message(done), Contains("is not available in time: it is creating"));
    CHECK(world.aws.count("DeleteDBSnapshot") == 1);
    CHECK_THAT(
        world.log_of(cluster::name_of(done)),
        Contains("is left, delete it: AWS rds DeleteDBSnapshot") && Contains("InvalidDBSnapshotState"));
}

TEST_CASE("an engine that comes back goes on with the snapshot that it had begun") {
    RdsWorld world;
    world.aws.answer("DescribeDBInstances", {instance("available")});
    world.aws.answer("CreateDBSnapshot", {kDone, {400, "DBSnapshotAlreadyExists"}});
    world.aws.answer("DescribeDBSnapshots", {snapshot("creating")});
    const std::string run =
        world.start("[{func: CreateRDSSnapshot, name: one, args: {instanceID: db}}]", kProfile);
    world.wait_until([&] { return world.aws.count("DescribeDBSnapshots") > 0; });
    world.restart();
    world.wait_until([&] { return world.aws.count("CreateDBSnapshot") == 2; });
    world.aws.answer("DescribeDBSnapshots", {snapshot("available")});
    const Value done = world.finish(run);
    INFO(to_json(done, {.indent = "  "}));
    REQUIRE(done.get("status", "state") == Value("complete"));
    CHECK(FunctionsWorld::phase(done).get("output", "snapshotID") ==
          Value(world.aws.call("CreateDBSnapshot")["DBSnapshotIdentifier"]));
    CHECK(world.aws.count("DeleteDBSnapshot") == 0);
}

TEST_CASE(
    "RestoreRDSSnapshot deletes the instance only when the snapshot is there, and takes its groups along") {
    RdsWorld world;
    world.aws.answer("DescribeDBSnapshots", {{404, "DBSnapshotNotFound"}});
    CHECK_THAT(world.error("RestoreRDSSnapshot", "{instanceID: db, snapshotID: s}", kProfile),
               Contains("the RDS snapshot s does not exist"));
    CHECK(world.aws.count("DeleteDBInstance") == 0);

    world.aws.answer("DescribeDBSnapshots", {snapshot("available")});
    world.aws.answer("DescribeDBInstances", {instance("available"),
                                             instance("available"),
                                             instance("available"),
                                             instance("deleting"),
                                             {404, "DBInstanceNotFound"},
                                             instance("creating", ""),
                                             instance("available")});
    world.aws.answer("DeleteDBInstance", {kDone});
    world.aws.answer("RestoreDBInstanceFromDBSnapshot", {kDone});
    (void)world.outputs("RestoreRDSSnapshot", "{instanceID: db, snapshotID: s}", kProfile);
    CHECK(world.aws.count("DeleteDBInstance") == 1);
    CHECK(world.aws.call("DeleteDBInstance")["SkipFinalSnapshot"] == "true");
    auto restore = world.aws.call("RestoreDBInstanceFromDBSnapshot");
    CHECK(restore["VpcSecurityGroupIds.VpcSecurityGroupId.1"] == "sg-1");
    CHECK(restore["DBSubnetGroupName"] == "default");
    CHECK(restore["DBSnapshotIdentifier"] == "s");
    CHECK(world.aws.calls() ==
          "DescribeDBSnapshots DescribeDBInstances DeleteDBInstance DescribeDBInstances "
          "RestoreDBInstanceFromDBSnapshot DescribeDBInstances");
}

TEST_CASE("a restore whose database is gone needs its security groups said") {
    RdsWorld world;
    world.aws.answer("DescribeDBSnapshots", {snapshot("available")});
    world.aws.answer("DescribeDBInstances", {{404, "DBInstanceNotFound"}});
    CHECK_THAT(world.error("RestoreRDSSnapshot", "{instanceID: db, snapshotID: s}", kProfile),
               Contains("its security groups are not known"));
    world.aws.answer("RestoreDBInstanceFromDBSnapshot", {kDone});
    world.aws.answer("DescribeDBInstances",
                     {{404, "DBInstanceNotFound"}, {404, "DBInstanceNotFound"}, instance("available")});
    (void)world.outputs(
        "RestoreRDSSnapshot",
        "{instanceID: db, snapshotID: s, securityGroupID: \"- sg-7\\n- sg-8\\n\", dbSubnetGroup: apps}",
        kProfile);
    auto restore = world.aws.call("RestoreDBInstanceFromDBSnapshot");
    CHECK(restore["VpcSecurityGroupIds.VpcSecurityGroupId.2"] == "sg-8");
    CHECK(restore["DBSubnetGroupName"] == "apps");
}

TEST_CASE("an engine that comes back does not delete what it had restored") {
    RdsWorld world;
    world.aws.answer("DescribeDBSnapshots", {snapshot("available")});
    world.aws.answer("DescribeDBInstances", {instance("available"),
                                             instance("available"),
                                             instance("available"),
                                             {404, "DBInstanceNotFound"},
                                             instance("creating", "")});
    world.aws.answer("DeleteDBInstance", {kDone});
    world.aws.answer("RestoreDBInstanceFromDBSnapshot", {kDone});
    const std::string run = world.start(
        "[{func: RestoreRDSSnapshot, name: one, args: {instanceID: db, snapshotID: s}}]", kProfile);
    world.wait_until([&] { return world.aws.count("RestoreDBInstanceFromDBSnapshot") == 1; });
    world.restart();
    world.aws.answer("DescribeDBInstances", {instance("available", "2099-01-01T00:00:00Z")});
    CHECK(world.finish(run).get("status", "state") == Value("complete"));
    CHECK(world.aws.count("DeleteDBInstance") == 1);
    CHECK(world.aws.count("RestoreDBInstanceFromDBSnapshot") == 1);
}

TEST_CASE("an Aurora cluster goes with its instances and comes back with one; a refusal ends it") {
    RdsWorld world;
    world.aws.answer("DescribeDBClusterSnapshots", {cluster_snapshot("available")});
    world.aws.answer("DescribeDBClusters", {cluster("available")});
    world.aws.answer("DescribeDBInstances", {instance("available"), {404, "DBInstanceNotFound"}});
    world.aws.answer("DeleteDBInstance", {kDone});
    world.aws.answer("DeleteDBCluster", {{400, "InvalidParameterCombination"}});
    const std::string args =
        "{instanceID: au, snapshotID: s, dbEngine: aurora-postgresql, securityGroupID: [sg-1]}";
    CHECK_THAT(world.error("RestoreRDSSnapshot", args, kProfile), Contains("InvalidParameterCombination"));
    CHECK(world.aws.count("RestoreDBClusterFromSnapshot") == 0);

    world.aws.answer("DescribeDBClusters", {cluster("available"),
                                            cluster("available"),
                                            cluster("available"),
                                            {404, "DBClusterNotFoundFault"},
                                            cluster("creating"),
                                            cluster("available")});
    world.aws.answer("DescribeDBInstances",
                     {{404, "DBInstanceNotFound"}, instance("creating"), instance("available")});
    world.aws.answer("DeleteDBCluster", {kDone});
    world.aws.answer("RestoreDBClusterFromSnapshot", {kDone});
    world.aws.answer("CreateDBInstance", {kDone});
    (void)world.outputs("RestoreRDSSnapshot", args, kProfile);
    CHECK(world.aws.call("RestoreDBClusterFromSnapshot")["EngineVersion"] == "15.3");
    auto member = world.aws.call("CreateDBInstance");
    CHECK(member["DBInstanceIdentifier"] == "au-instance-1");
    CHECK(member["DBInstanceClass"] == "db.r5.large");
}

TEST_CASE("an export that cannot go on gives its temporary instance back") {
    RdsWorld world;
    world.aws.answer("DescribeDBInstances", {instance("available"),
                                             {404, "DBInstanceNotFound"},
                                             instance("creating", ""),
                                             instance("incompatible-network")});
    world.aws.answer("RestoreDBInstanceFromDBSnapshot", {kDone});
    world.aws.answer("DeleteDBInstance", {kDone});
    const std::string long_name(63, 'x');
    CHECK_THAT(
        world.error("ExportRDSSnapshotToLocation",
                    "{namespace: app, instanceID: " + long_name + ", snapshotID: s, dbEngine: PostgreSQL}",
                    kProfile),
        Contains("is incompatible-network and will not be available"));
    const std::string temporary = world.aws.call("RestoreDBInstanceFromDBSnapshot")["DBInstanceIdentifier"];
    CHECK(temporary.size() == 63);
    CHECK(temporary != long_name);
    CHECK(world.aws.call("DeleteDBInstance")["DBInstanceIdentifier"] == temporary);
}

TEST_CASE("arguments that lead nowhere are refused before AWS is asked") {
    RdsWorld world;
    const auto refused = [&](const std::string& func, const std::string& args,
                             const char* profile = kProfile) {
        const std::string error = world.error(func, args, profile);
        CHECK(world.aws.calls().empty());
        return error;
    };
    CHECK_THAT(refused("CreateRDSSnapshot", "{instanceID: db}", ""), Contains("Profile must be non-nil"));
    CHECK_THAT(refused("CreateRDSSnapshot", "{instanceID: db, credentialsSource: secret}"),
               Contains("credentialsSecret is required"));
    CHECK_THAT(
        refused("CreateRDSSnapshot", "{instanceID: db, credentialsSource: secret, credentialsSecret: x}"),
        Contains("neither the action nor the phase has a Secret called 'x'"));
    CHECK_THAT(refused("CreateRDSSnapshot", "{instanceID: db, credentialsSource: vault}"),
               Contains("it is profile, secret or eks_service_account"));
    CHECK_THAT(refused("CreateRDSSnapshot", "{instanceID: db, credentialsSource: eks_service_account}"),
               Contains("AWS_ROLE_ARN"));
    CHECK_THAT(refused("CreateRDSSnapshot", "{instanceID: db, region: 'no region'}"),
               Contains("'no region' is no AWS region"));
    CHECK_THAT(refused("ExportRDSSnapshotToLocation",
                       "{namespace: app, instanceID: db, snapshotID: s, dbEngine: MySQL}"),
               Contains("dumps are made of PostgreSQL alone"));
    CHECK_THAT(refused("RestoreRDSSnapshot", "{instanceID: db, dbEngine: PostgreSQL, backupID: b}"),
               Contains("argument 'backupArtifactPrefix' is required where there is no snapshotID"));
}

TEST_CASE("a Secret of the action, or of the phase, has the keys where the profile has none") {
    RdsWorld world;
    world.aws.answer("DescribeDBSnapshots", {{404, "DBSnapshotNotFound"}});
    const std::string args =
        "{snapshotID: s, region: eu-west-1, credentialsSource: secret, credentialsSecret: aws}";
    (void)world.outputs("DeleteRDSSnapshot", args, ", secrets: {aws: {name: aws, namespace: default}}");
    const Value done = world.run(
        "[{func: DeleteRDSSnapshot, name: one, objects: {aws: {kind: Secret, name: aws, "
        "namespace: default}}, args: " +
        args + "}]");
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK(world.aws.calls() == "DescribeDBSnapshots");
}

}  // namespace fencepost::functions
