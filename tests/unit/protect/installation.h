// What the tests of exports and imports stand on: a folder that is a store for several installations, and
// installations with functions that move volumes between it and a folder.
#pragma once

#include <filesystem>
#include <fstream>

#include "base/encodings.h"
#include "location/repository.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

inline constexpr const char* kDump = R"(
  backup:
    outputArtifacts: {dump: {keyValue: {path: 'dumps/1'}}}
    phases: [{name: dump, func: Step, args: {do: ok}}]
  restore:
    inputArtifactNames: [dump]
    phases: [{name: load, func: Step, objects: {admin: {kind: Secret, name: admin, namespace: default}, own: {kind: Secret, name: password, namespace: '{{ .Object.metadata.namespace }}'}}, args: {do: ok}}]
  delete: {phases: [{name: erase, func: Step, args: {do: ok}}]}
)";
inline constexpr const char* kExport =
    "{subject: {kind: RestorePoint, name: backup-1, namespace: app}, profile: {name: store}}";

// A folder that is a store for several installations, and the functions that move volumes: the files of a
// claim are a folder here, as no Pods run; the repository is real.
struct Store {
    Store() {
        std::string folder = "/tmp/fencepost-exports-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) throw errno_error("mkdtemp", errno);
        root = folder;
        fs::create_directory(store());
        fs::create_directory(root / "volume");
        std::ofstream(root / "volume/file") << "what is in the volume";
    }
    ~Store() { fs::remove_all(root); }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    [[nodiscard]] fs::path store() const { return root / name; }
    void move(const std::string& other) {
        fs::rename(store(), root / other);
        name = other;
    }
    [[nodiscard]] fs::path restored() const { return root / "restored"; }
    [[nodiscard]] Names files(const std::string& below) const {
        Names found;
        if (!fs::exists(store() / "fencepost-exports" / below)) return found;
        for (const auto& entry : fs::recursive_directory_iterator(store() / "fencepost-exports" / below)) {
            if (entry.is_regular_file()) found.push_back(entry.path().string());
        }
        return found;
    }
    [[nodiscard]] std::size_t snapshots() const { return files("repository/snapshots").size(); }

    fs::path root;
    std::string name = "store";
    std::atomic<bool> fails{false}, fill_fails{false}, waits{false};
    std::atomic<int> copies{0}, fills{0};
};

class Mover final : public run::Function {
  public:
    Mover(Store& store, bool copies) : store_(store), copies_(copies) {
        spec_ = {.name = copies ? "CopyVolumeData" : "RestoreData",
                 .args = {},
                 .outputs = {},
                 .description = "moves"};
        for (const char* name : {"namespace", "volume", "dataArtifactPrefix", "mountPath", "image", "volumes",
                                 "backupArtifactPrefix", "backupIdentifier", "backupPath", "restorePath"})
            spec_.args.push_back({name, model::ArgType::kAny, false, "as the real one's"});
    }
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }
    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        (copies_ ? store_.copies : store_.fills)++;
        location::ResolvedProfile profile = *run.profile();
        profile.prefix = args[copies_ ? "dataArtifactPrefix" : "backupArtifactPrefix"].as_string();
        const auto location = location::open_location(profile, run.world().http, run.world().clock);
        const auto repository = location::Repository::open(*location, run.world().clock,
                                                           profile.repository_key, copies_, run.cancel());
        if (!copies_) {
            if (store_.fill_fails) throw Error(ErrorKind::kInternal, "the Pod has gone");
            repository->restore_folder(args["backupIdentifier"].as_string(),
                                       {.inner = args["backupPath"].as_string(),
                                        .target = store_.restored().string(),
                                        .on_progress = {},
                                        .on_warning = {}},
                                       run.cancel());
            return {};
        }
        const std::string path = (store_.root / "volume").string();
        const auto done = repository->backup_folder(
            {.path = path,
             .host = args["namespace"].as_string() + "/" + args["volume"].as_string(),
             .tags = {"x"}},
            run.cancel());
        while (store_.waits) {
            run.cancel().throw_if_cancelled();
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        if (store_.fails) throw Error(ErrorKind::kInternal, "the Pod has gone");
        return {Map{{"backupID", done.snapshot_id},
                    {"backupRoot", path},
                    {"fileCount", std::to_string(done.files)},
                    {"size", std::to_string(done.logical_bytes) + " B"},
                    {"phySize", std::to_string(done.stored_bytes) + " B"}}};
    }

  private:
    Store& store_;
    const bool copies_;
    model::FunctionSpec spec_;
};

struct Movers {
    explicit Movers(Store& store) : copy(store, true), fill(store, false) {}
    Mover copy, fill;
};

// An installation of its own.
struct Installation : Movers, Application {
    explicit Installation(Store& the_store, const std::string& actions = kDump)
        : Movers(the_store), Application(actions, {&copy, &fill}), store(the_store) {
        world.create(types::kSecrets, "metadata: {name: key, namespace: default}\ndata: {password: " +
                                          base64_encode("a repository's password") + "}");
        profile("store", ", repositoryKey: {name: key, namespace: default}");
    }
    void profile(const std::string& name, const std::string& more = "") {
        world.create(types::kProfiles, "{metadata: {name: " + name +
                                           ", namespace: default}, location: {type: filestore, path: " +
                                           store.store().string() + "}" + more + "}");
    }
    void back_up_well() {
        back_up("{profile: {name: store}}");
        const Value ended = end_of(types::kBackupActions);
        CAPTURE(to_json(ended["status"]));
        REQUIRE(state(ended) == "Complete");
    }
    Value export_point(const std::string& spec = kExport, const std::string& name = "export-1") {
        world.create(types::kExportActions, "metadata: {name: " + name + ", namespace: app}\nspec: " + spec);
        return end_of(types::kExportActions, "app", name);
    }
    Value import_point(const std::string& more, const std::string& name = "import-1") {
        world.create(
            types::kImportActions,
            "metadata: {name: " + name + ", namespace: default}\nspec: {profile: {name: store}" + more + "}");
        return end_of(types::kImportActions, "default", name);
    }
    Value exported() {
        for (const Value& content : all(types::kRestorePointContents)) {
            if (content.get("spec", "export").is_map()) return content;
        }
        return {};
    }
    // What an export makes for the time that it takes.
    [[nodiscard]] std::size_t temporaries() {
        return all(types::kPersistentVolumeClaims, "default").size() +
               all(types::kVolumeSnapshots, "default").size();
    }
    Store& store;
};

inline std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace fencepost::protect
