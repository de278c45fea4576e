// What the tests of BackupData and its family stand on: a Profile whose store is a folder, a claim, files of
// an app, and stock restic as the judge.
#pragma once

#include <iostream>

#include "functions_world.h"

namespace fencepost::functions {

namespace fs = std::filesystem;

inline constexpr const char* kKey = "it's a $(key) \"quoted\"";
inline constexpr const char* kProfile = ", profile: {name: store, namespace: default}";
inline constexpr const char* kRepository = "backupArtifactPrefix: apps/one";

class DataWorld : public FunctionsWorld {
  public:
    DataWorld() {
        create(
            "{apiVersion: v1, kind: Secret, metadata: {name: key, namespace: default}, stringData: "
            "{password: "
            "\"it's a $(key) \\\"quoted\\\"\"}}");
        create(
            "{apiVersion: cr.kanister.io/v1alpha1, kind: Profile, metadata: {name: store, namespace: "
            "default}, location: {type: filestore, path: " +
            file("store") +
            "}, repositoryKey: {apiVersion: v1, kind: Secret, name: key, namespace: default}}");
        create(
            "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: app}, spec: "
            "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}");
        fs::create_directories(folder / "store");
        fs::create_directories(folder / "app files");
        std::ofstream(folder / "app files/it's one") << "of the app";
    }
    [[nodiscard]] std::string source() const { return file("app files"); }
    Value back_up(const std::string& more = "") {
        return outputs("BackupData",
                       std::string("{namespace: app, pod: one, container: main, ") + kRepository +
                           ", includePath: '" + source() + "'" + more + "}",
                       kProfile);
    }
    // What stock restic says of the repository.
    [[nodiscard]] std::string restic(const std::string& arguments,
                                     const std::string& prefix = "apps/one") const {
        ::setenv("RESTIC_PASSWORD", kKey, 1);
        const std::string out = file("restic-out");
        const std::string command = "timeout 60 restic --no-cache -r '" + file("store/" + prefix) + "' " +
                                    arguments + " > '" + out + "' 2>&1";
        const int status = std::system(command.c_str());
        ::unsetenv("RESTIC_PASSWORD");
        CAPTURE(command, read_file(out));
        CHECK(status == 0);
        return read_file(out);
    }
};

inline bool have_restic() {
    if (std::system("command -v restic > /dev/null 2>&1") == 0) return true;
    std::cout << "SKIPPED: what stock restic says (it is not installed)\n";
    return false;
}

}  // namespace fencepost::functions
