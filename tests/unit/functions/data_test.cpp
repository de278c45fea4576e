// BackupData and its family: files of real Pods and volumes in a real repository, with kando beside the tests
// and stock restic as the judge and as the mover of containers that have no kando.
#include "data_world.h"
#include "tests/unit/eventually.h"

namespace fencepost::functions {

using Catch::Contains;

TEST_CASE("BackupData stores a container's folder as stock restic has it, and RestoreData writes it back") {
    DataWorld world;
    (void)world.pod("one");
    const Value outputs = world.back_up();
    CHECK(outputs["fileCount"] == Value("1"));
    CHECK(outputs["size"] == Value("10 B"));
    CHECK(outputs["version"] == Value("v0.0.0"));
    CHECK_THAT(outputs["backupTag"].as_string(), Catch::Matches("[a-z0-9]{10}"));
    const std::string id = outputs["backupID"].as_string();
    if (have_restic()) {
        CHECK_THAT(world.restic("check --read-data"), Contains("no errors were found"));
        CHECK_THAT(world.restic("dump " + id + " \"" + world.source() + "/it's one\""),
                   Contains("of the app"));
        CHECK_THAT(world.restic("snapshots --json"), Contains(outputs["backupTag"].as_string()));
    }

    const std::string restore = std::string("{namespace: app, image: debian, ") + kRepository +
                                ", volumes: {data: /mnt/back}, restorePath: /mnt/back, ";
    (void)world.outputs("RestoreData",
                        restore + "backupIdentifier: " + id + ", backupPath: '" + world.source() + "'}",
                        kProfile);
    (void)world.outputs("RestoreData", restore + "backupTag: " + outputs["backupTag"].as_string() + "}",
                        kProfile);
    const Value seen = world.outputs(
        "PrepareData",
        "{namespace: app, image: debian, failOnError: true, volumes: {data: /mnt/d}, command: [bash, -c, "
        "'set -e; diff /mnt/d/it*one \"/mnt/d" +
            world.source() + "/\"it*one; v=$(ls /mnt/d | wc -l); " + marker("entries", "$v") + "']}");
    CHECK(seen["entries"] == Value("2"));
    CHECK(eventually([&] { return world.job_pods("app").empty(); }));
}

TEST_CASE("a container that has restic and no kando uses that, and no secret is in its command line") {
    if (!have_restic()) return;
    DataWorld world;
    fs::create_directories(world.folder / "bin");
    // A restic that tells what its command line is, on the way to the real one.
    std::ofstream(world.folder / "bin/restic")
        << "#!/bin/sh\nprintf '%s\\n' \"$@\" > '" << world.file("seen") << "'\ncat /proc/$$/cmdline >> '"
        << world.file("seen") << "'\nPATH=/usr/bin exec /usr/bin/restic \"$@\"\n";
    // As Kanister's kando, which has no such verb.
    std::ofstream(world.folder / "bin/kando") << "#!/bin/sh\nexit 69\n";
    for (const char* name : {"bin/restic", "bin/kando"})
        fs::permissions(world.folder / name, fs::perms(0755));
    // What stands in front of every container's PATH is covered.
    const fs::path programs = fs::canonical("/proc/self/exe").parent_path();
    world.create(
        "{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: app}, spec: "
        "{terminationGracePeriodSeconds: 0, volumes: [{name: kando, hostPath: {path: '" +
        world.file("bin/kando") +
        "'}}], containers: [{name: main, image: debian, command: [sleep, '100'], volumeMounts: [{name: "
        "kando, "
        "mountPath: '" +
        (programs / "kando").string() + "'}], env: [{name: PATH, value: '" + world.file("bin") +
        ":/usr/bin:/bin'}]}]}}");
    (void)world.wait_for(
        "one", [](const Value& pod) { return pod.get("status", "phase").string_or("") == "Running"; });
    const Value outputs = world.back_up();
    CHECK_THAT(world.read("seen"), Contains("--tag") && Contains(world.source()) && !Contains("quoted"));
    CHECK(outputs["fileCount"] == Value("1"));
    CHECK_THAT(world.restic("check --read-data"), Contains("no errors were found"));
    const Value stats = world.outputs("BackupDataStats",
                                      std::string("{namespace: app, ") + kRepository +
                                          ", backupID: " + outputs["backupID"].as_string() + "}",
                                      kProfile);
    CHECK(stats == parse_json(R"({"mode":"restore-size","fileCount":"1","size":"10 B","version":"v0.0.0"})"));
}

TEST_CASE("CopyVolumeData stores a volume, reads it again only where it changed, and DeleteData forgets it") {
    DataWorld world;
    (void)world.outputs(
        "PrepareData",
        "{namespace: app, image: debian, volumes: {data: /mnt/d}, failOnError: true, command: "
        "[bash, -c, 'mkdir /mnt/d/sub; echo row > /mnt/d/sub/f']}");
    const std::string copy = "{namespace: app, volume: data, dataArtifactPrefix: apps/one}";
    const Value first = world.outputs("CopyVolumeData", copy, kProfile);
    CHECK(first["backupRoot"] == Value("/mnt/vol_data/data"));
    CHECK(first["backupArtifactLocation"] == Value("apps/one"));
    CHECK(first["fileCount"] == Value("1"));
    const Value done = world.run("[{func: CopyVolumeData, name: one, args: " + copy + "}]", kProfile);
    CHECK_THAT(world.log_of(cluster::name_of(done)), Contains("\"files_unmodified\":1"));

    const std::string stats = std::string("{namespace: app, ") + kRepository + ", backupID: ";
    const std::string id = first["backupID"].as_string();
    CHECK(world.outputs("BackupDataStats", stats + id + "}", kProfile)["size"] == Value("4 B"));
    const std::string remove = std::string("{namespace: app, ") + kRepository + ", ";
    CHECK(world.outputs("DeleteData", remove + "backupID: " + id + "}", kProfile)["spaceFreed"] ==
          Value("0 B"));
    CHECK_THAT(world.error("BackupDataStats", stats + id + "}", kProfile), Contains("no snapshot"));
    // Again is no error, for an attempt that was interrupted.
    (void)world.outputs("DeleteData", remove + "backupID: " + id + "}", kProfile);
    const std::string tag = FunctionsWorld::phase(done).get("output", "backupTag").as_string();
    (void)world.outputs("DeleteData", remove + "backupTag: " + tag + "}", kProfile);
    if (have_restic()) CHECK_THAT(world.restic("snapshots --json"), Contains("[]") || Contains("null"));

    CHECK_THAT(world.error("DeleteData", remove + "backupID: 'ab cd'}", kProfile),
               Contains("1 artifact prefixes do not go with 2"));
    CHECK_THAT(world.error("DeleteData", remove + "backupID: ab, backupTag: t}", kProfile),
               Contains("exactly one of 'backupID' and 'backupTag'"));

    const Value freed =
        world.outputs("DeleteData", remove + "backupID: " + id + ", reclaimSpace: true}", kProfile);
    CHECK_THAT(freed["spaceFreed"].as_string(), Catch::Matches("[1-9][0-9]* B"));
    CHECK_FALSE(fs::exists(world.folder / "store/apps/one/data"));  // a file store removes empty folders
    if (have_restic()) CHECK_THAT(world.restic("check"), Contains("no errors were found"));
}

TEST_CASE("CheckRepository tells a wrong password from an absent repository, and other failures from both") {
    DataWorld world;
    const std::string args = std::string("{") + kRepository;
    const auto check = [&](const std::string& more) {
        return world.outputs("CheckRepository", args + more + "}", kProfile);
    };
    CHECK(check("") ==
          parse_json(R"({"passwordIncorrect":"false","repoUnavailable":"true","version":"v0.0.0"})"));
    (void)world.pod("one");
    (void)world.back_up();
    CHECK(check("") ==
          parse_json(R"({"passwordIncorrect":"false","repoUnavailable":"false","version":"v0.0.0"})"));
    CHECK(check(", encryptionKey: another")["passwordIncorrect"] == Value("true"));
    for (const auto& key : fs::directory_iterator(world.folder / "store/apps/one/keys")) fs::remove(key);
    CHECK_THAT(world.error("CheckRepository", args + "}", kProfile), Contains("has no keys"));
}

TEST_CASE("what is wrong with a backup or a restore of files is told before anything is made") {
    DataWorld world;
    (void)world.pod("one");
    const std::string backup = std::string("{namespace: app, pod: one, container: main, ") + kRepository;
    const auto says = [&](const std::string& function, const std::string& args, const std::string& text,
                          const std::string& profile = kProfile) {
        CHECK_THAT(world.error(function, args, profile), Contains(text));
    };
    says("BackupData", backup + ", includePath: /etc}", "Profile must be non-nil", "");
    says("BackupData", backup + ", includePath: etc}", "no absolute path");
    says("BackupData", backup + ", includePath: " + world.file("none") + "}", "there is no file or folder");
    says("BackupData", backup + ", includePath: /etc, encryptionKey: \"a\\nb\"}", "does not open");
    says("BackupData",
         "{namespace: app, pod: one, container: main, backupArtifactPrefix: /, includePath: /etc}",
         "artifact prefix is empty");
    const std::string restore = std::string("{namespace: app, image: debian, ") + kRepository;
    says("RestoreData", restore + ", volumes: {data: /d}}", "exactly one of 'backupTag'");
    says("RestoreData", restore + ", backupTag: t}", "exactly one of 'pod' and 'volumes'");
    says("RestoreData", restore + ", backupTag: t, volumes: {data: /d}, encryptionKey: other}",
         "does not open");
    says("RestoreData", restore + ", backupTag: t, volumes: {data: /mnt/d}}", "no snapshot has the tag 't'");
    says("RestoreData", restore + ", backupTag: t, pod: one}", "no StatefulSet or Deployment");
    CHECK(world.job_pods("app").empty());
}

}  // namespace fencepost::functions
