#include <filesystem>
#include <fstream>

#include "base/encodings.h"
#include "base/files.h"
#include "location/repository.h"
#include "protect/exports.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;
using Names = std::vector<std::string>;

constexpr const char* kPoint = "{subject: {kind: RestorePoint, name: backup-1, namespace: app}";

// A store with one dump in its repository.
struct Store {
    Store() {
        std::string name = "/tmp/fencepost-validate-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw errno_error("mkdtemp", errno);
        root = name;
        location = location::open_file_location(name);
        repository =
            location::Repository::open(*location, clock, Secret("a repository's password"), true, {});
        std::string text(200'000, 'x');
        for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('a' + i % 26);
        std::size_t at = 0;
        snapshot = repository
                       ->push(
                           [&](char* buffer, std::size_t size) {
                               const std::size_t count = text.copy(buffer, size, at);
                               at += count;
                               return count;
                           },
                           {.path = "/dump"}, {})
                       .snapshot_id;
    }
    ~Store() { fs::remove_all(root); }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    // One byte in the middle of the largest pack is another one; again, and it is as it was.
    void flip() const {
        fs::path largest;
        for (const auto& entry : fs::recursive_directory_iterator(root / "data")) {
            if (entry.is_regular_file() && (largest.empty() || entry.file_size() > fs::file_size(largest)))
                largest = entry.path();
        }
        fs::permissions(largest, fs::perms(0600));
        std::fstream pack(largest, std::ios::in | std::ios::out | std::ios::binary);
        const auto middle = static_cast<std::streamoff>(fs::file_size(largest) / 4);
        pack.seekg(middle);
        const char byte = static_cast<char>(pack.get() ^ 1);
        pack.seekp(middle);
        pack.put(byte);
    }
    fs::path root;
    SystemClock clock;
    std::unique_ptr<location::Location> location;
    std::unique_ptr<location::Repository> repository;
    std::string snapshot;
};

struct Validated : Application {
    explicit Validated(const Store& store)
        : Application("  backup:\n    outputArtifacts: {dump: {kopiaSnapshot: '" + store.snapshot +
                      "'}}\n    phases: [{name: dump, func: Step, args: {do: ok}}]\n"
                      "  restore: {inputArtifactNames: [dump], phases: [{name: load, func: Step, args: {do: "
                      "ok}}]}\n") {
        world.create(types::kSecrets, "metadata: {name: key, namespace: default}\ndata: {password: " +
                                          base64_encode("a repository's password") + "}");
        world.create(types::kProfiles,
                     "{metadata: {name: store, namespace: default}, location: {type: filestore, path: " +
                         store.root.string() + "}, repositoryKey: {name: key, namespace: default}}");
        back_up("{profile: {name: store}}");
        const Value ended = end_of(types::kBackupActions);
        CAPTURE(to_json(ended["status"]));
        REQUIRE(state(ended) == "Complete");
    }
    Value validate(const std::string& more = "}") {
        const std::string name = "validate-" + std::to_string(++count_);
        world.create(types::kValidateActions,
                     "metadata: {name: " + name + ", namespace: app}\nspec: " + kPoint + more);
        return end_of(types::kValidateActions, "app", name);
    }
    Value content() { return all(types::kRestorePointContents).at(0); }
    Value verdict() { return content().get("status", "verification"); }
    static Names findings(const Value& action) {
        Names found;
        for (const Value& check : action.get("status", "checks").list_or_empty()) {
            found.push_back(check["check"].string_or("") + ": " + check["state"].string_or(""));
        }
        return found;
    }

  private:
    int count_ = 0;
};

}  // namespace

TEST_CASE("A-15 a whole restore point passes, and what was dumped is read back") {
    Store store;
    Validated app(store);
    const Value ended = app.validate();
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(Validated::findings(ended) == Names{"signature: Passed", "manifests: Passed",
                                              "volume files: Passed",
                                              "artifact dump of configmaps/database: Passed"});
    CHECK(ended.get("status", "checks").as_list().back()["counted"] == Value(200'000));
    CHECK(app.verdict()["state"] == Value("Passed"));
}

TEST_CASE("A-15 a dump with one wrong byte fails, and is not restored until it is mended") {
    Store store;
    Validated app(store);
    store.flip();
    const Value ended = app.validate();
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Failed");
    CHECK_THAT(Application::error(ended), Contains("artifact dump of configmaps/database"));
    CHECK(app.verdict()["state"] == Value("Failed"));
    app.ns("copy");
    app.restore(std::string(kPoint) + "}", "copy");
    const Value refused = app.end_of(types::kRestoreActions, "copy", "restore-1");
    CHECK_THAT(Application::error(refused), Contains("has found the restore point damaged"));
    CHECK(app.all(types::kSecrets, "copy").empty());

    store.flip();
    CHECK(Application::state(app.validate()) == "Complete");
    CHECK(app.verdict()["message"].is_nil());
    app.restore(std::string(kPoint) + "}", "copy", "restore-2");
    CHECK(Application::state(app.end_of(types::kRestoreActions, "copy", "restore-2")) == "Complete");
}

TEST_CASE("A-15 every finding is told, or with failFast the first one alone") {
    Store store;
    Validated app(store);
    const Value spec = app.content()["spec"];
    app.world.cluster->remove(
        {types::kSecrets, "default", spec.get("manifests", "secrets").as_list().at(0).as_string()});
    const Value& volume = spec["volumes"].as_list().at(0);
    app.world.cluster->remove({types::kVolumeSnapshots, "app", volume["snapshot"].as_string()});
    app.world.cluster->remove({types::kVolumeSnapshotContents, "", volume["content"].as_string()});
    const Value all = app.validate(", volumeDataCheckOptions: {verifyFilesPercent: 0}}");
    CHECK(Validated::findings(all) == Names{"signature: Passed", "manifests: Failed", "volume files: Failed",
                                            "artifact dump of configmaps/database: Passed"});
    const Value first = app.validate(", volumeDataCheckOptions: {failFast: true}}");
    CHECK(Validated::findings(first) == Names{"signature: Passed", "manifests: Failed"});
    CHECK_THAT(Application::error(app.validate(", volumeDataCheckOptions: {verifyFilesPercent: 101}}")),
               Contains("it is 0 to 100"));
}

TEST_CASE("A-15 of a restore point that somebody has changed nothing more is believed") {
    Store store;
    Validated app(store);
    app.world.cluster->patch({types::kRestorePointContents, "", cluster::name_of(app.content())},
                             cluster::PatchType::kMerge, parse_json(R"({"spec":{"objects":7}})"));
    const Value ended = app.validate();
    CHECK(Validated::findings(ended) == Names{"signature: Failed"});
    CHECK_THAT(Application::error(ended), Contains("somebody has changed it"));
}

}  // namespace fencepost::protect
