// The definitions of the command line, and what a parse of them gives. For cli.cpp and command.cpp alone.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "cli/cli.h"
#include "cli/server.h"
#include "cli/verbs.h"

namespace CLI {
class App;
}

namespace fencepost::cli {

// Everything that the command line can set, and the verb that was chosen.
struct Parsed {
    ServerAddress server;
    ServeFlags serve;
    ApplyOptions apply;
    GetOptions get;
    DescribeOptions describe;
    DeleteOptions remove;
    RunOptions run;
    BackupOptions backup;
    RestoreOptions restore;
    ExportOptions export_point;
    ImportOptions import_point;
    ValidateOptions validate_point;
    RetryOptions retry;
    WatchOptions watch;
    LogsOptions logs;
    CancelOptions cancel;
    ObligationsOptions obligations;
    ExplainOptions explain;
    RenderOptions render;
    RenderOptions plan;
    TestOptions test;
    PolicySimulateOptions policy_simulate;
    TokenOptions token;
    LintOptions lint;
    SchemaOptions schema;
    KubeconfigOptions kubeconfig;
    GuardOptions guard;
    ConfigCheckOptions config_check;
    ConfigShowOptions config_show;
    WalOptions wal;
    BaseBackupOptions basebackup;
    VersionOptions version;
    CompletionOptions completion;
    bool handles_interrupts = false;
    std::function<int(Server&)> client_verb;
    std::function<int()> local_verb;

    // What help shows of each verb after its options.
    struct Text {
        std::string examples;
        std::string notes;
    };
    std::map<const CLI::App*, Text> texts;
};

// REQUIRES: parsed and world outlive the app; parsed has the server's default.
void add_commands(CLI::App& app, Parsed& parsed, const World& world);

}  // namespace fencepost::cli
