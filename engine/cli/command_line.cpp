#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>

#include "base/cancel.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/interrupts.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

constexpr const char* kDefaultServer = "http://127.0.0.1:7420";
const char* const kNamespaceHelp = "Namespace";

// Everything that the command line can set, and the verb that was chosen.
struct Parsed {
    std::string server;
    std::string listen = "127.0.0.1:7420";
    ServeOptions serve;
    ApplyOptions apply;
    GetOptions get;
    DeleteOptions remove;
    RunOptions run;
    LogsOptions logs;
    CancelOptions cancel;
    ObligationsOptions obligations;
    ExplainOptions explain;
    LintOptions lint;
    TokenOptions token;
    ServerAddress address;
    bool handles_interrupts = false;
    std::function<int(Server&)> client_verb;
    std::function<int()> local_verb;
};

CLI::App* verb(CLI::App& app, const std::string& name, const std::string& what, const std::string& examples) {
    CLI::App* command = app.add_subcommand(name, what);
    command->footer("Examples:\n" + examples);
    return command;
}

// HOST:PORT, [v6]:PORT, or :PORT.
void take_listen(const std::string& text, ServeOptions& options) {
    const std::size_t colon = text.rfind(':');
    std::string host = colon == std::string::npos ? "" : text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (!host.empty()) options.host = host;
    const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), options.port);
    if (failed != std::errc{} || end != port.data() + port.size()) {
        throw UsageError("--listen " + text + " is no address", "write HOST:PORT, as in 127.0.0.1:7420");
    }
}

void add_security(CLI::App& command, api::SecurityOptions& security) {
    command.add_option("--tls-cert", security.tls_cert,
                       "PEM file: the certificate; read again when it changes");
    command.add_option("--tls-key", security.tls_key, "PEM file: its key");
    command.add_option("--client-ca", security.client_ca, "PEM file: who signs client certificates");
    command.add_option(
        "--token-file", security.token_file,
        "Who may do what, as made by: fencepost token create; without it anybody on this host");
    command.add_option("--socket", security.socket, "Unix socket to listen on too, for root and this user");
    command
        .add_option("--max-requests-per-second", security.max_requests_per_second,
                    "Of each caller; above it 429. 0 is no limit")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
}

void add_serve(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command =
        verb(app, "serve", "Run the server with its embedded cluster",
             "  fencepost serve --data-dir /var/lib/fencepost\n"
             "  fencepost serve --data-dir ./data --listen 127.0.0.1:8080 --max-running 50\n");
    command
        ->add_option("--data-dir", parsed.serve.data_dir,
                     "Folder for the cluster's database, volumes and logs")
        ->required();
    command
        ->add_option("--listen", parsed.listen,
                     "Address to listen on; beyond loopback only with TLS and tokens")
        ->capture_default_str();
    command
        ->add_option("--namespace", parsed.serve.controller_namespace,
                     "Where Blueprints, bindings and ActionSets live")
        ->capture_default_str();
    command->add_option("--max-running", parsed.serve.max_running, "Actions that run at once; others wait")
        ->check(CLI::Range(1, 100'000));
    command->add_option("--log-level", parsed.serve.log_level, "Least level that is logged")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
    add_security(*command, parsed.serve.security);
    command->callback([&] {
        parsed.local_verb = [&] {
            take_listen(parsed.listen, parsed.serve);
            return world.serve(parsed.serve);
        };
    });
}

void add_apply(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, "apply", "Create objects or bring them to what files say",
                             "  fencepost apply -f blueprint.yaml -f binding.yaml\n"
                             "  fencepost apply -f ./manifests/\n"
                             "  cat secret.yaml | fencepost apply -f - -n app1\n");
    command->add_option("-f,--filename", parsed.apply.files, "File, folder, or - for stdin")
        ->required()
        ->allow_extra_args(false);
    command->add_option("-n,--namespace", parsed.apply.ns, "Namespace of objects that name none")
        ->capture_default_str();
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return apply(server, parsed.apply); }; });
}

void add_get(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, "get", "Show objects",
                             "  fencepost get actionsets\n"
                             "  fencepost get secret app1-db -n app1 -o yaml\n"
                             "  fencepost get pods -A -l app=pg\n");
    command->add_option("kind", parsed.get.kind, "Kind, plural or short name; KIND/NAME too")->required();
    command->add_option("names", parsed.get.names, "Names; none shows all");
    command->add_option("-n,--namespace", parsed.get.ns, kNamespaceHelp)->capture_default_str();
    command->add_flag("-A,--all-namespaces", parsed.get.all_namespaces, "Every namespace");
    command->add_option("-l,--selector", parsed.get.selector, "Label selector, as in app=pg,tier!=web");
    command->add_option("-o,--output", parsed.get.output, "Format")
        ->check(CLI::IsMember({"table", "json", "yaml", "name"}))
        ->capture_default_str();
    command->callback([&] { parsed.client_verb = [&](Server& server) { return get(server, parsed.get); }; });
}

void add_delete(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, "delete", "Delete objects and wait until they are gone",
                             "  fencepost delete secret app1-db -n app1\n"
                             "  fencepost delete -f manifests/\n");
    command->add_option("kind", parsed.remove.kind, "Kind, plural or short name; KIND/NAME too");
    command->add_option("names", parsed.remove.names, "Names");
    command->add_option("-f,--filename", parsed.remove.files, "File, folder, or - for stdin")
        ->allow_extra_args(false);
    command->add_option("-n,--namespace", parsed.remove.ns, kNamespaceHelp)->capture_default_str();
    command->add_option("--grace-period", parsed.remove.grace_period, "Seconds that processes get to end");
    command->add_flag("--ignore-not-found", parsed.remove.ignore_not_found, "What is not there is no error");
    command->add_flag("--wait,!--no-wait", parsed.remove.wait, "Wait until the objects are gone");
    command->add_option("--timeout", parsed.remove.timeout, "How long to wait")->capture_default_str();
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return remove(server, parsed.remove); }; });
}

void add_run(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, "run", "Run a blueprint's action, show its progress and wait for its end",
             "  fencepost run backup --object secret/app1-db -n app1 --profile store\n"
             "  fencepost run restore --from backup-x7k2pq\n"
             "  fencepost run backup --object statefulset/pg -n app1 --blueprint postgres --option "
             "level=full --timeout 30m\n"
             "\nExit codes: 0 complete, 1 failed, 2 usage, 3 cancelled, 4 the server cannot be reached.\n"
             "Ctrl-C cancels the action and waits for its deferPhase; a second one leaves at once.\n");
    RunOptions& run = parsed.run;
    command->add_option("action", run.action, "Action of the blueprint: backup, restore, delete ...")
        ->required();
    command->add_option("--object", run.object, "What it is about: KIND/NAME");
    command->add_option("-n,--namespace", run.ns, "Namespace of the object")->capture_default_str();
    command->add_option("--blueprint", run.blueprint,
                        "Blueprint; by default the one that is bound to the object");
    command->add_option("--profile", run.profile, "Profile: NAME or NAMESPACE/NAME");
    command->add_option("--option", run.options, "KEY=VALUE for the blueprint's .Options")
        ->allow_extra_args(false);
    command->add_option("--from", run.from, "An earlier action: its artifacts become the input");
    command->add_option("--timeout", run.timeout, "Longest time for the action, as in 30m");
    command->add_flag("--detach", run.detach, "Do not wait");
    command->add_option("-o,--output", run.output, "Format")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    command->callback([&] {
        parsed.handles_interrupts = !run.detach;
        parsed.client_verb = [&](Server& server) { return run_action(server, run); };
    });
}

void add_action_verbs(CLI::App& app, Parsed& parsed) {
    CLI::App* command =
        verb(app, "logs", "Show what an action's phases wrote",
             "  fencepost logs backup-x7k2pq\n  fencepost logs backup-x7k2pq --phase dump -f\n");
    command->add_option("id", parsed.logs.id, "The action's id")->required();
    command->add_option("--phase", parsed.logs.phase, "One phase alone");
    command->add_flag("-f,--follow", parsed.logs.follow, "Go on until the action ends");
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return logs(server, parsed.logs); }; });

    command = verb(app, "cancel", "Cancel an action; its deferPhase still runs",
                   "  fencepost cancel backup-x7k2pq\n");
    command->add_option("id", parsed.cancel.id, "The action's id")->required();
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return cancel(server, parsed.cancel); }; });

    command = verb(app, "obligations", "Show what is fenced or paused and must be undone",
                   "  fencepost obligations\n  fencepost obligations --all -o json\n");
    command->add_flag("--all", parsed.obligations.all, "Those that were discharged, too");
    command->add_option("-o,--output", parsed.obligations.output, "Format")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
    command->callback([&] {
        parsed.client_verb = [&](Server& server) { return obligations(server, parsed.obligations); };
    });
}

void add_explain(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, "explain", "Say which blueprint would run for an object, and why",
                             "  fencepost explain secret/app1-db -n app1\n");
    command->add_option("object", parsed.explain.object, "KIND/NAME")->required();
    command->add_option("-n,--namespace", parsed.explain.ns, kNamespaceHelp)->capture_default_str();
    command->add_option("-o,--output", parsed.explain.output, "Format")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    command->callback(
        [&] { parsed.client_verb = [&](Server& server) { return explain(server, parsed.explain); }; });
}

void add_token(CLI::App& app, Parsed& parsed) {
    CLI::App* command = verb(app, "token", "Who may use the API: the token file of the server",
                             "  fencepost token create platform --role operator -n app1 --token-file tokens\n"
                             "  fencepost token create grafana --role viewer --token-file tokens\n"
                             "  fencepost token list --token-file tokens\n"
                             "  fencepost token revoke platform --token-file tokens\n");
    command->require_subcommand(1);
    const auto add = [&](const char* name, const char* what, int (*work)(const TokenOptions&)) {
        CLI::App* sub = command->add_subcommand(name, what);
        sub->add_option("--token-file", parsed.token.file, "The file that serve is given")
            ->envname("FENCEPOST_TOKEN_FILE")
            ->required();
        sub->callback(
            [&parsed, work] { parsed.local_verb = [&parsed, work] { return work(parsed.token); }; });
        return sub;
    };
    CLI::App* create = add("create", "Make a token and print it: this once", &create_token);
    create->add_option("name", parsed.token.name, "Whose it is")->required();
    create->add_option("--role", parsed.token.role, "What it may do")
        ->check(CLI::IsMember({"viewer", "operator", "admin"}))
        ->required();
    create->add_option("-n,--namespace", parsed.token.namespaces, "Where; everywhere if none is given")
        ->allow_extra_args(false);
    create->add_flag("--certificate", parsed.token.is_certificate,
                     "NAME is a client certificate's common name: no token is made");
    add("list", "Show the names and their roles", &list_tokens);
    add("revoke", "Take all of a name's roles; with the next request", &revoke_token)
        ->add_option("name", parsed.token.name, "Whose")
        ->required();
}

void add_local_verbs(CLI::App& app, Parsed& parsed, const World& world) {
    CLI::App* command =
        verb(app, "lint", "Check Blueprints, ActionSets, Profiles and BlueprintBindings; needs no server",
             "  fencepost lint my-blueprint.yaml\n  fencepost lint blueprints/ bindings/\n");
    command->add_option("files", parsed.lint.files, "Files, folders, or - for stdin")->required();
    command->callback([&] { parsed.local_verb = [&] { return lint(parsed.lint, world.functions); }; });

    command = verb(app, "version", "Show the version", "  fencepost version\n");
    command->callback([&] {
        parsed.local_verb = [&] {
            print("fencepost " + world.version + "\n");
            return static_cast<int>(kDone);
        };
    });
}

// "file:line:col: " where the error has a place, as compilers tell it.
std::string place_of(const Error& error) {
    const auto& at = error.position();
    if (!at || at->file.empty() || at->line < 1) return {};
    return at->file + ":" + std::to_string(at->line) + ":" + std::to_string(at->column) + ": ";
}

int explain_error(const Error& error, int code) {
    print_error(place_of(error) + paint("error: ", Colour::kRed, 2) + error.what() + "\n");
    if (!error.hint().empty()) print_error("  " + error.hint() + "\n");
    return code;
}

int execute(Parsed& parsed, const World& world) {
    try {
        if (parsed.local_verb) return parsed.local_verb();
        if (parsed.handles_interrupts) block_interrupts();
        parsed.address.url = parsed.server;
        Server server(world.make_http_client(), parsed.address);
        return parsed.client_verb(server);
    } catch (const UsageError& error) {
        return explain_error(error, kUsage);
    } catch (const Unreachable& error) {
        return explain_error(error, kUnreachable);
    } catch (const Error& error) {
        return explain_error(error, kFailed);
    } catch (const Cancelled& cancelled) {
        print_error(std::string(to_string(cancelled.reason())) + "\n");
        return kCancelled;
    } catch (const std::exception& error) {
        return explain_error(Error(ErrorKind::kInternal, error.what()), kFailed);
    }
}

}  // namespace

int run(int argc, const char* const* argv, const World& world) {
    CLI::App app(
        "Fencepost runs Kanister-style blueprints: back up and restore databases, with their replicas fenced "
        "meanwhile.",
        "fencepost");
    app.require_subcommand(1);
    app.footer(
        "Try:\n  fencepost serve --data-dir ./data &\n  fencepost apply -f "
        "blueprints/postgres-dump/blueprint.yaml\n"
        "  fencepost run backup --object secret/app1-db -n app1\n\n'fencepost VERB --help' has examples of "
        "each.");
    Parsed parsed;
    parsed.server = kDefaultServer;
    app.add_option("--server", parsed.server, "The server: URL, HOST:PORT or unix:/path")
        ->envname("FENCEPOST_SERVER")
        ->capture_default_str();
    app.add_option("--ca-file", parsed.address.ca_file, "PEM file: who signs the server's certificate")
        ->envname("FENCEPOST_CA_FILE");
    app.add_option("--client-cert", parsed.address.client_cert, "PEM file: a certificate to show the server")
        ->envname("FENCEPOST_CLIENT_CERT");
    app.add_option("--client-key", parsed.address.client_key, "PEM file: its key")
        ->envname("FENCEPOST_CLIENT_KEY");
    app.fallthrough();
    add_serve(app, parsed, world);
    add_apply(app, parsed);
    add_get(app, parsed);
    add_delete(app, parsed);
    add_run(app, parsed);
    add_action_verbs(app, parsed);
    add_explain(app, parsed);
    add_token(app, parsed);
    add_local_verbs(app, parsed, world);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kUsage;
    }
    return execute(parsed, world);
}

}  // namespace fencepost::cli
