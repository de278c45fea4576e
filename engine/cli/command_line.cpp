#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <array>

#include "cli/output.h"
#include "cli/settings.h"

namespace fencepost::cli {
namespace {

CLI::App* verb(CLI::App& app, Parsed& parsed, const std::string& name, const std::string& what,
               const std::string& examples, const std::string& notes = {}) {
    CLI::App* command = app.add_subcommand(name, what);
    parsed.texts[command] = {examples, notes};
    return command;
}

void add_namespace(CLI::App& command, std::string& ns) {
    command.add_option("-n,--namespace", ns, "Namespace")->type_name("NAMESPACE")->capture_default_str();
}

void add_output(CLI::App& command, std::string& output) {
    command.add_option("-o,--output", output, "Format")
        ->type_name(std::string(kFormats))
        ->capture_default_str();
}

// The flags of serve, from the table of settings: all of them, or that with the key `only`. What was not
// given stays out of `flags`.
void add_settings(CLI::App& command, ServeFlags& flags, std::string_view only = {}) {
    command
        .add_option("--config", flags.config,
                    "Configuration file; " + std::string(kConfigVariable) + " in the environment")
        ->type_name("FILE");
    for (const Setting& setting : settings()) {
        if (!only.empty() && setting.key != only) continue;
        CLI::Option* option = command.add_option_function<std::string>(
            std::string(setting.flag),
            [&flags, &setting](const std::string& value) {
                flags.settings[std::string(setting.key)] = value;
            },
            std::string(setting.what) + "; " + std::string(setting.environment) + ", or " +
                std::string(setting.key) + " in the file");
        option->type_name(std::string(setting.value));
        if (setting.is_list()) option->join(',');
        if (setting.is_truth())
            option->expected(0, 1);
        else
            option->default_str(std::string(setting.fallback));
    }
}

void add_serve(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command =
        verb(app, parsed, "serve", "Run the server, on its embedded cluster or on Kubernetes",
             "  fencepost serve --data-dir /var/lib/fencepost\n"
             "  fencepost serve --kubernetes --namespace kanister --data-dir /var/lib/fencepost\n"
             "  fencepost serve --data-dir ./data --listen 127.0.0.1:8080 --max-running 50\n"
             "  fencepost serve --config /etc/fencepost/fencepost.yaml\n",
             "A flag is stronger than the environment, the environment than the file, the file than the "
             "default; `fencepost config show` tells what holds and who said so.\n");
    add_settings(*command, parsed.serve);
    command->callback([&] { parsed.local_verb = [&] { return serve(parsed.serve, world); }; });
}

void add_apply(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, parsed, "apply", "Create objects or bring them to what files say",
                             "  fencepost apply -f blueprint.yaml -f binding.yaml\n"
                             "  fencepost apply -f ./manifests/\n"
                             "  cat secret.yaml | fencepost apply -f - -n app1\n");
    command->add_option("-f,--filename", parsed.apply.files, "File, folder, or - for stdin")
        ->required()
        ->type_name("FILE")
        ->allow_extra_args(false);
    add_namespace(*command, parsed.apply.ns);
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return apply(server, parsed.apply); }; });
}

void add_get(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, parsed, "get", "Show objects",
                             "  fencepost get actionsets\n"
                             "  fencepost get secret app1-db -n app1 -o yaml\n"
                             "  fencepost get pods -A -l app=pg\n"
                             "  fencepost get actionsets -o "
                             "jsonpath='{range .items[*]}{.metadata.name} {.status.state}{\"\\n\"}{end}'\n");
    command->add_option("kind", parsed.get.kind, "Kind, plural or short name; KIND/NAME too")
        ->required()
        ->type_name("KIND");
    command->add_option("names", parsed.get.names, "Names; none shows all")->type_name("NAME");
    add_namespace(*command, parsed.get.ns);
    command->add_flag("-A,--all-namespaces", parsed.get.all_namespaces, "Every namespace");
    command->add_option("-l,--selector", parsed.get.selector, "Label selector, as in app=pg,tier!=web")
        ->type_name("SELECTOR");
    add_output(*command, parsed.get.output);
    command->callback([&] { parsed.client_verb = [&](Server& server) { return get(server, parsed.get); }; });
}

void add_describe(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "describe", "Show all there is to know of an object, with its events",
             "  fencepost describe actionset backup-x7k2pq\n"
             "  fencepost describe pod/pg-primary -n app1\n",
             "The values of Secrets are not shown, only their sizes.\n");
    command->add_option("kind", parsed.describe.kind, "Kind, plural or short name; KIND/NAME too")
        ->required()
        ->type_name("KIND");
    command->add_option("names", parsed.describe.names, "Names; none shows all")->type_name("NAME");
    add_namespace(*command, parsed.describe.ns);
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return describe(server, parsed.describe); }; });
}

void add_delete(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, parsed, "delete", "Delete objects and wait until they are gone",
                             "  fencepost delete secret app1-db -n app1\n"
                             "  fencepost delete -f manifests/\n");
    command->add_option("kind", parsed.remove.kind, "Kind, plural or short name; KIND/NAME too")
        ->type_name("KIND");
    command->add_option("names", parsed.remove.names, "Names")->type_name("NAME");
    command->add_option("-f,--filename", parsed.remove.files, "File, folder, or - for stdin")
        ->type_name("FILE")
        ->allow_extra_args(false);
    add_namespace(*command, parsed.remove.ns);
    command->add_option("--grace-period", parsed.remove.grace_period, "Seconds that processes get to end")
        ->type_name("SECONDS");
    command->add_flag("--ignore-not-found", parsed.remove.ignore_not_found, "What is not there is no error");
    command->add_flag("--wait,!--no-wait", parsed.remove.wait, "Wait until the objects are gone");
    command->add_option("--timeout", parsed.remove.timeout, "How long to wait")
        ->type_name("DURATION")
        ->capture_default_str();
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return remove(server, parsed.remove); }; });
}

const char* const kProgressNote =
    "On a terminal the progress is drawn in place, with bytes, rate and the time that is left where the "
    "phase tells how far it is; elsewhere each change is a line.\n";

void add_run(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command = verb(
        app, parsed, "run", "Run a blueprint's action, show its progress and wait for its end",
        "  fencepost run backup --object secret/app1-db -n app1 --profile store\n"
        "  fencepost run restore --from backup-x7k2pq\n"
        "  fencepost run backup --object statefulset/pg -n app1 --blueprint postgres --option "
        "level=full --timeout 30m\n"
        "  fencepost run backup --from-scratch -f blueprint.yaml -f objects.yaml --object secret/app1-db -n "
        "app1\n",
        std::string(kProgressNote) +
            "\nCtrl-C cancels the action and waits for its deferPhase; a second one leaves at once.\n"
            "\nWith --from-scratch no server is needed: the objects of -f are made on an embedded cluster of "
            "its own, the action begins when their Pods are ready, and all of it is removed at the end. Of a "
            "phase that fails the log is shown. Where the command is killed, all that it started ends with "
            "it; its temporary folder stays.\n");
    RunOptions& run = parsed.run;
    command->add_option("action", run.action, "Action of the blueprint: backup, restore, delete ...")
        ->required()
        ->type_name("ACTION");
    command->add_option("--object", run.object, "What it is about")->type_name("KIND/NAME");
    add_namespace(*command, run.ns);
    command
        ->add_option("--blueprint", run.blueprint,
                     "Blueprint; by default the one that is bound to the object")
        ->type_name("NAME");
    command->add_option("--profile", run.profile, "Profile: NAME or NAMESPACE/NAME")->type_name("NAME");
    command->add_option("--option", run.options, "For the blueprint's .Options")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_option("--from", run.from, "An earlier action: its artifacts become the input")
        ->type_name("ID");
    command->add_option("--timeout", run.timeout, "Longest time for the action, as in 30m")
        ->type_name("DURATION");
    command->add_flag("--detach", run.detach, "Do not wait");
    CLI::Option* scratch = command->add_flag("--from-scratch", run.is_from_scratch,
                                             "On a cluster of its own, which goes with the run");
    command->add_option("-f,--filename", run.files, "With --from-scratch: its objects; file, folder, or -")
        ->needs(scratch)
        ->type_name("FILE")
        ->allow_extra_args(false);
    add_output(*command, run.output);
    command->callback([&] {
        if (run.is_from_scratch) {
            parsed.local_verb = [&] { return run_from_scratch(run, world); };
            return;
        }
        parsed.handles_interrupts = !run.detach;
        parsed.client_verb = [&](Server& server) { return run_action(server, run); };
    });
}

std::array<CLI::Option*, 2> add_filters(CLI::App& command, FilterOptions& filters) {
    return {command.add_option("--include", filters.included, "These alone: KIND, or KIND/NAME")
                ->type_name("KIND/NAME")
                ->allow_extra_args(false),
            command.add_option("--exclude", filters.excluded, "Not these: KIND, or KIND/NAME")
                ->type_name("KIND/NAME")
                ->allow_extra_args(false)};
}

const char* const kStepsNote =
    "Each step is a line as it begins and ends, on a terminal drawn in place. Ctrl-C cancels the action and "
    "waits until what it has fenced is released; a second one leaves at once.\n";

void add_backup(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "backup", "Back up a namespace: its objects and volumes, as its blueprints say",
             "  fencepost backup app1 --plan\n"
             "  fencepost backup app1\n"
             "  fencepost backup app1 --profile store --expires-in 720h\n"
             "  fencepost backup app1 --exclude-labels kasten-enterprisedb.io/excluded=true --exclude "
             "deployments\n",
             "What a blueprint is bound to is captured between its actions backupPrehook and backupPosthook, "
             "or by its action backup; all else as it stands. --plan tells what that comes to and changes "
             "nothing.\n\n" +
                 std::string(kStepsNote));
    BackupOptions& backup = parsed.backup;
    command->add_option("namespace", backup.ns, "Whose objects")->required()->type_name("NAMESPACE");
    CLI::Option* plan =
        command->add_flag("--plan", backup.is_plan, "Show what would be done; change nothing");
    add_filters(*command, backup.filters);
    command
        ->add_option("--exclude-labels", backup.filters.excluded_labels, "Not what has all of these labels")
        ->type_name("KEY=VALUE,...")
        ->allow_extra_args(false);
    command->add_option("--profile", backup.profile, "Where blueprints push to: NAME or NAMESPACE/NAME")
        ->type_name("NAME");
    command->add_option("--expires-in", backup.expires_in, "How long the restore point is kept, as in 720h")
        ->type_name("DURATION");
    command->add_flag("--detach", backup.detach, "Do not wait")->excludes(plan);
    add_output(*command, backup.output);
    command->callback([&] {
        parsed.handles_interrupts = !backup.detach && !backup.is_plan;
        parsed.client_verb = [&](Server& server) { return cli::backup(server, backup); };
    });
}

void add_restore(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "restore", "Restore a namespace from a restore point",
             "  fencepost restore backup-x7k2pq -n app1 --overwrite\n"
             "  fencepost restore backup-x7k2pq -n app1 --data-only\n"
             "  fencepost restore backup-x7k2pq -n app1 --data-only --point-in-time 2026-11-22T07:30:00Z\n"
             "  fencepost restore backup-x7k2pq -n app1 --into app1-copy --transforms copy.yaml\n"
             "  fencepost restore backup-x7k2pq -n app1 --include secrets --include configmap/settings\n"
             "  fencepost restore --content app1-backup-x7k2pq\n",
             "The namespace is made where it is not there. Of a namespace that is gone with its restore "
             "points, --content names what is left of one: a RestorePointContent. The file of --transforms "
             "is a list as in a RestoreAction's spec.transforms.\n\n" +
                 std::string(kStepsNote));
    RestoreOptions& restore = parsed.restore;
    CLI::Option* point =
        command->add_option("restorepoint", restore.restore_point, "The restore point's name")
            ->type_name("RESTOREPOINT");
    command->add_option("--content", restore.content, "A RestorePointContent instead")
        ->excludes(point)
        ->type_name("RESTOREPOINTCONTENT");
    command->add_option("-n,--namespace", restore.ns, "Namespace of the restore point")
        ->type_name("NAMESPACE")
        ->default_str("default");
    command->add_option("--into", restore.into, "Where to; by default where it came from")
        ->type_name("NAMESPACE");
    CLI::Option* overwrite = command->add_flag("--overwrite", restore.overwrites, "Replace what is there");
    CLI::Option* data_only =
        command->add_flag("--data-only", restore.is_data_only,
                          "Replace volumes and databases alone, in the application that is there");
    data_only->excludes(overwrite);
    command
        ->add_flag("--volume-clones", restore.makes_clones,
                   "Volumes alone, as claims of new names beside those that are there")
        ->excludes(overwrite)
        ->excludes(data_only);
    command
        ->add_option("--point-in-time", restore.point_in_time,
                     "A moment after the restore point, for databases whose blueprint follows a log")
        ->type_name("TIME");
    add_filters(*command, restore.filters);
    command->add_option("--transforms", restore.transforms, "How objects are changed: a file, or - for stdin")
        ->type_name("FILE");
    command
        ->add_option("--blueprints", restore.blueprints,
                     "Whose actions run: those kept with the restore point, or the cluster's of today")
        ->check(CLI::IsMember({"stored", "live"}).description(""))
        ->type_name("stored|live");
    command
        ->add_option("--profile", restore.profile,
                     "Where blueprints pull from, if not where the backup pushed to: NAME or NAMESPACE/NAME")
        ->type_name("NAME");
    command->add_flag("--skip-wait", restore.skips_wait, "Do not wait until workloads are ready");
    command->add_flag("--detach", restore.detach, "Do not wait");
    add_output(*command, restore.output);
    command->callback([&] {
        parsed.handles_interrupts = !restore.detach;
        parsed.client_verb = [&](Server& server) { return cli::restore(server, restore); };
    });
}

void add_point(CLI::App& command, PointOptions& options) {
    CLI::Option* point = command.add_option("restorepoint", options.name, "The restore point's name")
                             ->type_name("RESTOREPOINT");
    command.add_option("--content", options.content, "A RestorePointContent instead")
        ->excludes(point)
        ->type_name("RESTOREPOINTCONTENT");
    add_namespace(command, options.ns);
}

void add_export(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "export", "Copy a restore point, with its volumes, to a location",
             "  fencepost export backup-x7k2pq -n app1 --profile offsite\n"
             "  fencepost export backup-x7k2pq -n app1 --profile offsite --expires-in 8760h\n"
             "  fencepost export --content app1-backup-x7k2pq --profile offsite\n",
             "What comes of it is a restore point of its own, which needs neither this cluster nor its "
             "storage: `fencepost import` finds it from another one. The profile needs a repositoryKey. What "
             "blueprints have dumped stays where they pushed it to.\n\n" +
                 std::string(kStepsNote));
    ExportOptions& options = parsed.export_point;
    add_point(*command, options.point);
    command->add_option("--profile", options.profile, "Where to: NAME or NAMESPACE/NAME")
        ->required()
        ->type_name("NAME");
    command->add_option("--expires-in", options.expires_in, "How long the export is kept, as in 720h")
        ->type_name("DURATION");
    command->add_flag("--detach", options.detach, "Do not wait");
    add_output(*command, options.output);
    command->callback([&] {
        parsed.handles_interrupts = !options.detach;
        parsed.client_verb = [&](Server& server) { return export_point(server, options); };
    });
}

void add_import(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "import", "Make a restore point known that another installation has exported",
             "  fencepost import --profile offsite --list\n"
             "  fencepost import export-m4wz9 --profile offsite\n"
             "  fencepost import --profile offsite --application app1 --latest\n"
             "  fencepost import export-m4wz9 --profile offsite --trusted-key SHA256:9f86d0...\n",
             "The profile leads to the location and has the repository's key; nothing else is needed of the "
             "installation that exported. Its signature is checked, and whose it is is shown: --trusted-key "
             "insists on one. Then follows what a restore here would miss. Nothing is restored yet: "
             "`fencepost restore` does that.\n");
    ImportOptions& options = parsed.import_point;
    CLI::Option* point = command
                             ->add_option("restorepoint", options.restore_point,
                                          "Its name there, or its content's, where several have the name")
                             ->type_name("RESTOREPOINT");
    command->add_option("--profile", options.profile, "Where from: NAME or NAMESPACE/NAME")
        ->required()
        ->type_name("NAME");
    CLI::Option* list =
        command->add_flag("--list", options.is_list, "Show what is there; import nothing")->excludes(point);
    command->add_option("--application", options.application, "Those of this namespace alone")
        ->type_name("NAMESPACE");
    command->add_flag("--latest", options.is_latest, "Of several the latest one")->excludes(list);
    command->add_option("--trusted-key", options.trusted_key, "Whose signature alone is accepted")
        ->excludes(list)
        ->type_name("FINGERPRINT");
    command->add_flag("--detach", options.detach, "Do not wait")->excludes(list);
    add_output(*command, options.output);
    command->callback([&] {
        parsed.handles_interrupts = !options.detach && !options.is_list;
        parsed.client_verb = [&](Server& server) { return import_point(server, options); };
    });
}

void add_validate(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(
        app, parsed, "validate", "Look whether all that a restore point is made of is still what was written",
        "  fencepost validate backup-x7k2pq -n app1\n"
        "  fencepost validate --content app1-backup-x7k2pq --percent 10\n"
        "  fencepost validate backup-x7k2pq -n app1 --restore --assert 'select count(*) > 0 from orders'\n",
        "Its signature, its manifests, the copies of its volumes, and what blueprints have dumped into a "
        "repository, which is read back whole. With --restore it is then restored into a namespace of its "
        "own, databases under names of their own; the blueprints' action `verify` counts rows and asks; and "
        "all of it goes again. One that fails is not restored until a later validation passes.\n\n" +
            std::string(kStepsNote));
    ValidateOptions& options = parsed.validate_point;
    add_point(*command, options.point);
    command
        ->add_option("--percent", options.percent,
                     "How much of what was dumped is read back; the rest is looked for")
        ->check(CLI::Range(0, 100).description(""))
        ->type_name("PERCENT")
        ->capture_default_str();
    command->add_flag("--fail-fast", options.is_fail_fast, "End at the first finding");
    CLI::Option* restore =
        command->add_flag("--restore", options.is_restored, "Restore it beside what is live, and ask it");
    command
        ->add_option("--assert", options.assertions,
                     "A query that has to answer true in every restored database; may be repeated")
        ->type_name("SQL")
        ->allow_extra_args(false)
        ->needs(restore);
    command->add_flag("--no-row-counts", options.skips_rows, "Do not count the rows of all tables")
        ->needs(restore);
    for (CLI::Option* filter : add_filters(*command, options.filters)) filter->needs(restore);
    command->add_flag("--detach", options.detach, "Do not wait");
    add_output(*command, options.output);
    command->callback([&] {
        parsed.handles_interrupts = !options.detach;
        parsed.client_verb = [&](Server& server) { return validate_point(server, options); };
    });
}

void add_retry(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "retry", "Run an action that failed or was cancelled once more, as a new action",
             "  fencepost retry backup-x7k2pq\n  fencepost retry backup-x7k2pq --resume --detach\n",
             "The new action has the old one's object, blueprint, profile, options and input. " +
                 std::string(kProgressNote));
    command->add_option("id", parsed.retry.id, "The action's id")->required()->type_name("ID");
    command->add_flag("--resume", parsed.retry.resumes, "Go on behind the phases that are done");
    command->add_flag("--detach", parsed.retry.detach, "Do not wait");
    add_output(*command, parsed.retry.output);
    command->callback([&] {
        parsed.handles_interrupts = !parsed.retry.detach;
        parsed.client_verb = [&](Server& server) { return retry(server, parsed.retry); };
    });
}

void add_watch(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "watch", "Follow an action to its end, or every action as it changes",
             "  fencepost watch backup-x7k2pq\n  fencepost watch\n  fencepost watch -o json\n",
             std::string(kProgressNote) +
                 "\nCtrl-C ends the watching and leaves the action alone. Without an id each change of any "
                 "action is a line, or with -o a document, until Ctrl-C.\n");
    command->add_option("id", parsed.watch.id, "The action's id")->type_name("ID");
    add_output(*command, parsed.watch.output);
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return watch(server, parsed.watch); }; });
}

void add_action_verbs(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "logs", "Show what an action's phases wrote",
             "  fencepost logs backup-x7k2pq\n  fencepost logs backup-x7k2pq --phase dump -f\n");
    command->add_option("id", parsed.logs.id, "The action's id")->required()->type_name("ID");
    command->add_option("--phase", parsed.logs.phase, "One phase alone")->type_name("NAME");
    command->add_flag("-f,--follow", parsed.logs.follow, "Go on until the action ends");
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return logs(server, parsed.logs); }; });

    command = verb(app, parsed, "cancel", "Cancel an action; its deferPhase still runs",
                   "  fencepost cancel backup-x7k2pq\n");
    command->add_option("id", parsed.cancel.id, "The action's id")->required()->type_name("ID");
    add_output(*command, parsed.cancel.output);
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return cancel(server, parsed.cancel); }; });

    command = verb(app, parsed, "obligations", "Show what is fenced or paused and must be undone",
                   "  fencepost obligations\n  fencepost obligations --all -o json\n");
    command->add_flag("--all", parsed.obligations.all, "Those that were discharged, too");
    add_output(*command, parsed.obligations.output);
    command->callback([&] {
        parsed.client_verb = [&](Server& server) { return obligations(server, parsed.obligations); };
    });
}

void add_guard(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(
        app, parsed, "guard", "Show which fences are guarded on this host; needs no server",
        "  fencepost guard --data-dir /var/lib/fencepost\n"
        "  fencepost guard --config /etc/fencepost/fencepost.yaml -o json\n",
        "A guard is a small process (`fencepost-supervisor guard`) that starts with a fence. It lifts the "
        "fence at its deadline even if the server and its database are gone for good; the server "
        "dismisses it once it has lifted the fence itself.\n");
    add_settings(*command, parsed.serve, "dataDir");
    add_output(*command, parsed.guard.output);
    command->callback([&] { parsed.local_verb = [&] { return guard(parsed.serve, parsed.guard); }; });
}

void add_explain(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, parsed, "explain", "Say which blueprint would run for an object, and why",
                             "  fencepost explain secret/app1-db -n app1\n");
    command->add_option("object", parsed.explain.object, "KIND/NAME")->required()->type_name("KIND/NAME");
    add_namespace(*command, parsed.explain.ns);
    add_output(*command, parsed.explain.output);
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return explain(server, parsed.explain); }; });
}

// What render and plan share: which action, on what, with which objects.
void add_prospect(CLI::App& command, RenderOptions& options) {
    command
        .add_option("blueprint", options.blueprint,
                    "Blueprint: a file or a name; by default the one that is bound to the object")
        ->type_name("FILE");
    command.add_option("--action", options.action, "Action of the blueprint")->type_name("ACTION");
    command.add_option("--object", options.object, "What it is about; KIND/NAMESPACE/NAME too")
        ->type_name("KIND/NAME");
    command
        .add_option("--params", options.params, "A case file that has all this and more; flags are stronger")
        ->type_name("FILE");
    add_namespace(command, options.ns);
    command.add_option("-f,--filename", options.files, "Objects: file, folder, or - for stdin")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command.add_option("--profile", options.profile, "Profile: NAME or NAMESPACE/NAME")->type_name("NAME");
    command.add_option("--option", options.options, "For the blueprint's .Options")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command.add_option("--from", options.from, "An earlier action: its artifacts become the input")
        ->type_name("ID");
    command.add_option("--phase-output", options.outputs, "What a phase's output is taken to be")
        ->type_name("PHASE.KEY=VALUE")
        ->allow_extra_args(false);
    add_output(command, options.output);
}

void add_render(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command =
        verb(app, parsed, "render", "Show what an action's functions would be called with; runs nothing",
             "  fencepost render my-blueprint.yaml --action backup --object secret/app1-db -n app1 -f "
             "secret.yaml\n"
             "  fencepost render --action backup --object secret/app1-db -n app1 --profile store\n"
             "  fencepost render my-blueprint.yaml --params backup.case.yaml --phase dump\n"
             "  fencepost render my-blueprint.yaml --diff postgres-dump --action backup --object "
             "secret/app1-db -n app1\n",
             "Objects come from the files of -f, and those that are not there from the server; with every "
             "object in a file no server is needed. What only a run can know, the outputs of phases, stands "
             "as <phase.key> or is given by --phase-output. The values of Secrets are hidden unless "
             "--show-secrets is given. With --diff what another blueprint would do is compared, and a "
             "difference ends with 1.\n");
    add_prospect(*command, parsed.render);
    command->add_option("--phase", parsed.render.phase, "One phase alone")->type_name("NAME");
    command->add_option("--diff", parsed.render.diff, "Compare with another blueprint: a file or a name")
        ->type_name("FILE");
    command->add_flag("--show-secrets", parsed.render.shows_secrets, "Show the values of Secrets");
    command->callback([&] {
        parsed.client_verb = [&](Server& server) { return render(server, parsed.render, *world.catalog); };
    });
}

void add_plan(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command = verb(
        app, parsed, "plan", "Look whether an action could run: nothing is run, nothing is changed",
        "  fencepost plan my-blueprint.yaml --action backup --object secret/app1-db -n app1 --profile "
        "store\n"
        "  fencepost plan --action backup --object secret/app1-db -n app1 -o json\n",
        "Lints the blueprint, renders every phase, and looks for what a run needs: the Secrets and "
        "ConfigMaps that phases name and the keys that templates take, the objects that functions act on "
        "(Pods and their containers, workloads, what KubeOps makes, patches and deletes, what is waited "
        "for, what job Pods mount), the images, the bindings, the volumes, and whether the profile's "
        "location answers. A server that has access reviews is asked whether the caller may do what each "
        "phase does; an embedded cluster has no RBAC to ask. What an earlier phase makes is not missed. "
        "What stands in the way is told at its line of the blueprint.\n");
    add_prospect(*command, parsed.plan);
    command->callback([&] {
        parsed.client_verb = [&](Server& server) { return plan(server, parsed.plan, *world.catalog); };
    });
}

void add_test(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command =
        verb(app, parsed, "test", "Render case files and compare with what is expected of them",
             "  fencepost test blueprints/\n  fencepost test --update dump.case.yaml\n",
             "A case says action, object, blueprint, objects, options, profile, artifacts, outputs and time; "
             "NAME.expected.yaml beside NAME.case.yaml has what every phase is called with, or the error. "
             "--update writes an error only where the case says 'fails: true'. "
             "Where all objects are in files no server is needed.\n");
    command->add_option("files", parsed.test.files, "Case files, or folders of them")
        ->required()
        ->type_name("FILE");
    command->add_flag("--update", parsed.test.updates, "Write what is expected");
    command->callback([&] {
        parsed.client_verb = [&](Server& server) { return test_cases(server, parsed.test, *world.catalog); };
    });
}

void add_schema(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command = verb(app, parsed, "schema", "Print the JSON Schema of a kind, or of all; for editors",
                             "  fencepost schema > fencepost.schema.json\n  fencepost schema blueprint\n",
                             "In an editor with a YAML language server: # yaml-language-server: "
                             "$schema=fencepost.schema.json\n");
    command
        ->add_option("kind", parsed.schema.kind, "Kind, plural or singular; all of them where none is given")
        ->type_name("KIND");
    command->callback([&] { parsed.local_verb = [&] { return schema(parsed.schema, world); }; });
}

void add_policy(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "policy", "Look at policies: what they would do",
             "  fencepost policy simulate nightly.yaml\n"
             "  fencepost policy simulate nightly.yaml --full 800Gi --changed 12Gi --lock 720h\n");
    command->require_subcommand(1);
    PolicySimulateOptions& options = parsed.policy_simulate;
    CLI::App* simulate = verb(
        *command, parsed, "simulate",
        "Show a year of what would be kept, deleted, locked and stored; needs no server",
        "  fencepost policy simulate nightly.yaml\n"
        "  fencepost policy simulate nightly.yaml --from 2026-01-01T00:00:00Z --days 90 -o json\n"
        "  fencepost policy simulate nightly.yaml --full 800Gi --changed 12Gi --lock 720h\n",
        "FILE holds a Policy, of fencepost.io or of Kasten's config.kio.kasten.io, and the PolicyPreset "
        "that it names: "
        "one that is not there is asked of the server. Every run is taken to work, at the time that it is "
        "scheduled for.\n");
    simulate->add_option("file", options.file, "The policy's file, or - for stdin")
        ->required()
        ->type_name("FILE");
    simulate->add_option("--from", options.from, "When it begins; now if it is not given")->type_name("TIME");
    simulate->add_option("--days", options.days, "For how long")
        ->check(CLI::Range(1, 3660).description(""))
        ->type_name("DAYS")
        ->capture_default_str();
    simulate->add_option("--full", options.full, "Size of one restore point, as it is stored")
        ->type_name("SIZE")
        ->capture_default_str();
    simulate->add_option("--changed", options.changed, "What each further one adds to it")
        ->type_name("SIZE")
        ->capture_default_str();
    simulate->add_option("--lock", options.lock, "The location's protection period (S3 Object Lock)")
        ->type_name("DURATION")
        ->capture_default_str();
    add_output(*simulate, options.output);
    simulate->callback([&] {
        parsed.client_verb = [&](Server& server) { return simulate_policy(server, parsed.policy_simulate); };
    });
}

void add_token(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, parsed, "token", "Say who may use the API: the token file of the server",
                             "  fencepost token create platform --role operator -n app1 --token-file tokens\n"
                             "  fencepost token list --token-file tokens\n"
                             "  fencepost token revoke platform --token-file tokens\n");
    command->require_subcommand(1);
    const auto add = [&](const char* name, const char* what, int (*work)(const TokenOptions&),
                         const std::string& examples) {
        CLI::App* sub = verb(*command, parsed, name, what, examples);
        sub->add_option("--token-file", parsed.token.file, "The file that serve is given")
            ->envname("FENCEPOST_TOKEN_FILE")
            ->required()
            ->type_name("FILE");
        sub->callback(
            [&parsed, work] { parsed.local_verb = [&parsed, work] { return work(parsed.token); }; });
        return sub;
    };
    CLI::App* create = add("create", "Make a token and print it: this once", &create_token,
                           "  fencepost token create platform --role operator -n app1 --token-file tokens\n"
                           "  fencepost token create grafana --role viewer --token-file tokens\n");
    create->add_option("name", parsed.token.name, "Whose it is")->required()->type_name("NAME");
    create->add_option("--role", parsed.token.role, "What it may do")
        ->check(CLI::IsMember({"viewer", "operator", "admin"}))
        ->required()
        ->type_name("viewer|operator|admin");
    create->add_option("-n,--namespace", parsed.token.namespaces, "Where; everywhere if none is given")
        ->allow_extra_args(false)
        ->type_name("NAMESPACE");
    create->add_flag("--certificate", parsed.token.is_certificate,
                     "NAME is a client certificate's common name: no token is made");
    add("list", "Show the names and their roles", &list_tokens,
        "  fencepost token list --token-file tokens\n");
    add("revoke", "Take all of a name's roles; with the next request", &revoke_token,
        "  fencepost token revoke platform --token-file tokens\n")
        ->add_option("name", parsed.token.name, "Whose")
        ->required()
        ->type_name("NAME");
}

// Where the archive is.
void add_place(CLI::App& command, ArchiveOptions& place) {
    command
        .add_option("--location", place.location,
                    "file:///folder or s3://bucket/prefix; FENCEPOST_PROFILE may hold a profile instead")
        ->envname("FENCEPOST_LOCATION")
        ->type_name("URI");
    command
        .add_option("--profile", place.profile_file, "A file with a profile, as `toJson .Profile` writes it")
        ->type_name("FILE");
    command.add_option("--prefix", place.prefix, "Below the location: what sets one cluster's archive apart")
        ->envname("FENCEPOST_ARCHIVE_PREFIX")
        ->type_name("PREFIX");
    command.add_option("--region", place.region, "The bucket's; else AWS_REGION")->type_name("REGION");
    command.add_option("--endpoint", place.endpoint, "Of an S3 that is not AWS'; else AWS_ENDPOINT_URL_S3")
        ->type_name("URL");
    command
        .add_option("--credentials-file", place.credentials_file,
                    "AWS' format; else AWS_SHARED_CREDENTIALS_FILE, or the keys in the environment")
        ->type_name("FILE");
}

void add_wal(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command =
        verb(app, parsed, "wal", "Archive PostgreSQL's WAL, and fetch it for a recovery; needs no server",
             "  archive_command = 'fencepost wal push --location s3://backups/pg1 %p'\n"
             "  restore_command = 'fencepost wal fetch --location s3://backups/pg1 %f %p'\n"
             "  fencepost wal list --location s3://backups/pg1\n",
             "docs/wal.md tells what to set up, what to watch, and how to restore.\n");
    command->require_subcommand(1);
    WalOptions& options = parsed.wal;
    const auto add = [&](const char* name, const char* what, int (*work)(const WalOptions&, const World&),
                         const std::string& examples, const std::string& notes) {
        CLI::App* sub = verb(*command, parsed, name, what, examples, notes);
        sub->callback([&, work] { parsed.local_verb = [&, work] { return work(options, world); }; });
        return sub;
    };
    CLI::App* push =
        add("push", "Store a WAL file: archive_command", &push_wal,
            "  archive_command = 'fencepost wal push --location file:///srv/archive %p'\n",
            "The same file again is fine. Another content under a name that is there is refused, and so "
            "is the WAL of another cluster: nothing is ever overwritten.\n");
    push->add_option("path", options.file, "What PostgreSQL puts in for %p")->required()->type_name("PATH");
    add_place(*push, options.place);
    CLI::App* fetch = add("fetch", "Fetch a WAL file: restore_command", &fetch_wal,
                          "  restore_command = 'fencepost wal fetch --location file:///srv/archive %f %p'\n",
                          "Ends with 1 where the archive has no such file, which PostgreSQL asks for to find "
                          "the end of the WAL. Any "
                          "other failure ends with 200, so that recovery stops instead of ending early; on a "
                          "standby, which asks "
                          "again, with 1.\n");
    fetch->add_option("name", options.name, "What PostgreSQL puts in for %f")->required()->type_name("NAME");
    fetch->add_option("path", options.file, "What PostgreSQL puts in for %p")->required()->type_name("PATH");
    fetch
        ->add_option("--prefetch", options.prefetch,
                     "How many segments behind it are fetched at once with it")
        ->check(CLI::Range(0, 64))
        ->type_name("NUMBER")
        ->capture_default_str();
    add_place(*fetch, options.place);
    CLI::App* list = add("list", "Show the WAL that is archived, by timeline, and what is missing", &list_wal,
                         "  fencepost wal list --location file:///srv/archive\n"
                         "  fencepost wal list --location s3://backups/pg1 -o json\n",
                         "");
    CLI::App* check =
        add("check", "Can every base backup be restored, and to the end of the WAL? Ends with 1 where not",
            &check_wal,
            "  fencepost wal check --location s3://backups/pg1\n"
            "  fencepost wal check --location s3://backups/pg1 --dbname 'host=pg1 user=monitor'\n",
            "With a connection it also asks the server whether archiving works (pg_stat_archiver), and "
            "compares.\n");
    check->add_option("-d,--dbname", options.connection, "libpq's connection string of the server")
        ->type_name("CONNECTION");
    for (CLI::App* sub : {list, check}) {
        add_place(*sub, options.place);
        add_output(*sub, options.output);
    }
}

void add_basebackup(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command =
        verb(app, parsed, "basebackup",
             "Base backups of PostgreSQL: make, show, restore and delete; needs no server",
             "  fencepost basebackup push --location s3://backups/pg1\n"
             "  fencepost basebackup list --location s3://backups/pg1\n"
             "  fencepost basebackup fetch latest /var/lib/postgresql/15/main --location s3://backups/pg1\n"
             "  fencepost basebackup delete --keep 3 --location s3://backups/pg1\n",
             "docs/wal.md tells what to set up, what to watch, and how to restore.\n");
    command->require_subcommand(1);
    BaseBackupOptions& options = parsed.basebackup;
    const auto add = [&](const char* name, const char* what,
                         int (*work)(const BaseBackupOptions&, const World&), const std::string& examples,
                         const std::string& notes) {
        CLI::App* sub = verb(*command, parsed, name, what, examples, notes);
        sub->callback([&, work] { parsed.local_verb = [&, work] { return work(options, world); }; });
        return sub;
    };
    CLI::App* push =
        add("push", "Make a base backup and store it", &push_base,
            "  PGHOST=pg1 PGUSER=backup fencepost basebackup push --location s3://backups/pg1\n"
            "  fencepost basebackup push --dbname 'host=pg1 user=backup' --location file:///srv/archive\n",
            "Runs pg_basebackup, which needs a role with REPLICATION; its password comes from PGPASSWORD "
            "or a password file. A cluster with tablespaces of its own cannot be streamed.\n");
    push->add_option("-d,--dbname", options.connection,
                     "libpq's connection string; else PGHOST and the others")
        ->type_name("CONNECTION");
    push->add_option("--label", options.label, "What the backup is labelled with")
        ->type_name("LABEL")
        ->capture_default_str();
    push->add_flag("--with-wal", options.with_wal,
                   "Store the WAL that it needs in it too; without, that WAL has to be in the archive");
    push->add_flag("--protect", options.is_protected, "Protect it from basebackup delete");
    CLI::App* list = add("list", "Show the base backups, the oldest first", &list_bases,
                         "  fencepost basebackup list --location s3://backups/pg1 -o json\n", "");
    CLI::App* fetch =
        add("fetch", "Restore a base backup into an empty data folder", &fetch_base,
            "  fencepost basebackup fetch latest /var/lib/postgresql/15/main --location s3://backups/pg1\n"
            "  fencepost basebackup fetch latest ./data --recover-to 2026-11-22T07:30:00Z --location "
            "file:///srv/archive\n",
            "Writes recovery.signal and the settings of the recovery, unless --recover-to is none; then "
            "start the "
            "server. As root, the files belong to the folder's owner. The folder cannot be started on before "
            "all is "
            "there and verified.\n");
    fetch
        ->add_option("name", options.name, "Which; latest is the newest, of those before a --recover-to time")
        ->required()
        ->type_name("NAME");
    fetch->add_option("folder", options.folder, "An empty folder, or one to make")
        ->required()
        ->type_name("DIR");
    fetch->add_option("--recover-to", options.recover_to, "How far recovery goes")
        ->type_name("latest|none|TIME")
        ->capture_default_str();
    fetch
        ->add_option("--timeline", options.timeline,
                     "Which way recovery goes, where the history has branches")
        ->type_name("latest|current|NUMBER")
        ->capture_default_str();
    fetch
        ->add_option("--restore-command", options.restore_command,
                     "Instead of this program's wal fetch with the same flags")
        ->type_name("COMMAND");
    CLI::App* remove =
        add("delete", "Delete base backups, and the WAL that none needs any more", &delete_bases,
            "  fencepost basebackup delete --keep 3 --location s3://backups/pg1\n"
            "  fencepost basebackup delete 20261122T073000Z-k7x2p --location s3://backups/pg1\n",
            "What the store holds back, as under an object lock, is told as retained, and no failure. "
            "Histories of "
            "timelines stay.\n");
    remove->add_option("name", options.name, "This one alone")->type_name("NAME");
    remove->add_option("--keep", options.keep, "All but the newest so many, and the protected ones")
        ->check(CLI::PositiveNumber)
        ->type_name("NUMBER");
    remove->add_option("--protect", options.protect, "With --keep: this one stays too")
        ->allow_extra_args(false)
        ->type_name("NAME");
    CLI::App* protect =
        add("protect", "Protect a base backup from deletion", &protect_base,
            "  fencepost basebackup protect 20261122T073000Z-k7x2p --location s3://backups/pg1\n"
            "  fencepost basebackup protect 20261122T073000Z-k7x2p --off --location s3://backups/pg1\n",
            "");
    protect->add_option("name", options.name, "Which")->required()->type_name("NAME");
    protect->add_flag("--off", options.ends_protection, "No longer");
    for (CLI::App* sub : {push, list, fetch, remove, protect}) add_place(*sub, options.place);
    for (CLI::App* sub : {push, list, remove}) add_output(*sub, options.output);
}

void add_lint(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command = verb(
        app, parsed, "lint", "Check Blueprints, ActionSets, Profiles and BlueprintBindings; needs no server",
        "  fencepost lint my-blueprint.yaml\n"
        "  fencepost lint --fix my-blueprint.yaml\n"
        "  fencepost lint -o sarif blueprints/ bindings/ > lint.sarif\n",
        "Files that are given together are seen together: a binding finds its blueprint. Folders are "
        "searched to their ends. Scripts are shown to shellcheck where it is installed. Errors end with "
        "1, warnings alone with 0. docs/lint has a page of every rule.\n");
    command->add_option("files", parsed.lint.files, "Files, folders, or - for stdin")
        ->required()
        ->type_name("FILE");
    command->add_flag("--fix", parsed.lint.fixes, "Repair files in place where it is safe");
    command->add_option("-o,--output", parsed.lint.output, "Format")
        ->type_name("text|json|sarif")
        ->capture_default_str();
    command->callback([&] { parsed.local_verb = [&] { return lint(parsed.lint, world); }; });
}

void add_kubeconfig(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, parsed, "kubeconfig",
                             "Print a kubeconfig, with which kubectl talks to the server; needs no server",
                             "  fencepost kubeconfig > fencepost.kubeconfig\n"
                             "  KUBECONFIG=fencepost.kubeconfig kubectl get actionsets\n");
    add_namespace(*command, parsed.kubeconfig.ns);
    command
        ->add_option("--token-file", parsed.kubeconfig.token_file,
                     "Where the token is, if the server wants one")
        ->type_name("FILE");
    command->callback(
        [&] { parsed.local_verb = [&] { return kubeconfig(parsed.server, parsed.kubeconfig); }; });
}

void add_config(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, parsed, "config", "Check the configuration, and show what holds",
                             "  fencepost config check /etc/fencepost/fencepost.yaml\n"
                             "  fencepost config show --config /etc/fencepost/fencepost.yaml\n");
    command->require_subcommand(1);
    CLI::App* check = verb(*command, parsed, "check", "Check a configuration file; needs no server",
                           "  fencepost config check\n  fencepost config check ./fencepost.yaml\n");
    check->add_option("file", parsed.config_check.file, "File")
        ->type_name("FILE")
        ->default_str(std::string(kDefaultConfigFile));
    check->callback([&] { parsed.local_verb = [&] { return config_check(parsed.config_check); }; });

    CLI::App* show = verb(*command, parsed, "show", "Show what serve would run with, and who said so",
                          "  fencepost config show --config /etc/fencepost/fencepost.yaml\n"
                          "  FENCEPOST_LOG_LEVEL=debug fencepost config show --listen :0 -o json\n");
    add_settings(*show, parsed.serve);
    add_output(*show, parsed.config_show.output);
    show->callback(
        [&] { parsed.local_verb = [&] { return config_show(parsed.serve, parsed.config_show); }; });
}

void add_template(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(
        app, parsed, "template", "Render templates from JSON lines on stdin",
        "  echo '{\"template\": \"{{ .name | upper }}\", \"data\": {\"name\": \"pg\"}, \"funcs\": "
        "\"kanister\"}' | fencepost template\n",
        "A line of input is {\"template\", \"data\", \"missingkey\", \"funcs\"}: missingkey is default, "
        "error or zero, funcs is none (Go's own functions) or kanister. A line of output is {\"ok\": true, "
        "\"output\"} or {\"ok\": false, \"stage\", \"error\"} with the stage parse or exec, or request "
        "where the line itself is wrong.\n");
    command->callback([&] { parsed.local_verb = [] { return templates(); }; });
}

void add_version(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command = verb(app, parsed, "version", "Show the version",
                             "  fencepost version\n  fencepost version -o json\n");
    add_output(*command, parsed.version.output);
    command->callback([&] { parsed.local_verb = [&] { return version(parsed.version, world); }; });
}

void add_completion(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, parsed, "completion", "Write the script that completes fencepost's words in a shell",
             "  source <(fencepost completion bash)\n"
             "  fencepost completion zsh > \"${fpath[1]}/_fencepost\"\n"
             "  fencepost completion fish > ~/.config/fish/completions/fencepost.fish\n");
    command->add_option("shell", parsed.completion.shell, "Shell")->required()->type_name("bash|zsh|fish");
    command->callback([&] { parsed.local_verb = [&] { return completion(parsed.completion); }; });
}

}  // namespace

void add_commands(CLI::App& app, Parsed& parsed, const World& world) {
    app.add_option("--server", parsed.server.url,
                   "The server: URL, HOST:PORT or unix:/path; kubernetes://[NAMESPACE] needs none, "
                   "but a kubeconfig")
        ->envname("FENCEPOST_SERVER")
        ->type_name("ADDRESS")
        ->capture_default_str();
    app.add_option("--ca-file", parsed.server.ca_file, "PEM file: who signs the server's certificate")
        ->envname("FENCEPOST_CA_FILE")
        ->type_name("FILE");
    app.add_option("--client-cert", parsed.server.client_cert, "PEM file: a certificate to show the server")
        ->envname("FENCEPOST_CLIENT_CERT")
        ->type_name("FILE");
    app.add_option("--client-key", parsed.server.client_key, "PEM file: its key")
        ->envname("FENCEPOST_CLIENT_KEY")
        ->type_name("FILE");
    add_serve(app, parsed, world);
    add_apply(app, parsed);
    add_get(app, parsed);
    add_describe(app, parsed);
    add_delete(app, parsed);
    add_run(app, parsed, world);
    add_backup(app, parsed);
    add_restore(app, parsed);
    add_export(app, parsed);
    add_import(app, parsed);
    add_validate(app, parsed);
    add_retry(app, parsed);
    add_watch(app, parsed);
    add_action_verbs(app, parsed);
    add_guard(app, parsed);
    add_explain(app, parsed);
    add_render(app, parsed, world);
    add_plan(app, parsed, world);
    add_test(app, parsed, world);
    add_policy(app, parsed);
    add_token(app, parsed);
    add_wal(app, parsed, world);
    add_basebackup(app, parsed, world);
    add_template(app, parsed);
    add_lint(app, parsed, world);
    add_schema(app, parsed, world);
    add_kubeconfig(app, parsed);
    add_config(app, parsed);
    add_version(app, parsed, world);
    add_completion(app, parsed);
}

}  // namespace fencepost::cli
