#include "cli/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "model/problem.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

constexpr int kMostRunning = 100'000;
constexpr int kMostRequests = 1'000'000;

[[noreturn]] void refuse(const std::string& text, const std::string& wanted, const std::string& hint = {}) {
    throw Error(ErrorKind::kInvalid, "'" + text + "' is no " + wanted, hint);
}

template <typename Number>
Number number(const std::string& text, Number least, Number most, const std::string& what) {
    Number result{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (failed != std::errc{} || end != text.data() + text.size() || result < least || result > most)
        refuse(text, what,
               "it is a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return result;
}

// HOST:PORT, [v6]:PORT, or :PORT.
void set_listen(ServeOptions& options, const std::string& text) {
    const std::size_t colon = text.rfind(':');
    std::string host = colon == std::string::npos ? "" : text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), options.port);
    if (failed != std::errc{} || end != port.data() + port.size())
        refuse(text, "address to listen on", "write HOST:PORT, as in 127.0.0.1:7420");
    if (!host.empty()) options.host = host;
}

// As a flag it may stand alone.
bool truth(const std::string& text) {
    if (text == "true" || text.empty()) return true;
    if (text != "false") refuse(text, "truth value", "write true or false");
    return false;
}

std::vector<std::string> names_in(const std::string& text, const std::string& of_what) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        if (end == at) refuse(text, "list of " + of_what, "write NAME, or several with a comma between");
        names.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return names;
}

void set_start_limit(ServeOptions& options, const std::string& text) {
    std::chrono::nanoseconds limit{};
    try {
        limit = parse_duration(text);
    } catch (const Error&) {  // told below
    }
    if (limit < std::chrono::seconds{1} || limit > std::chrono::hours{24})
        refuse(text, "time limit", "write a duration from 1s to 24h, as in 90s or 15m");
    options.job_pods.start_limit = std::chrono::duration_cast<std::chrono::seconds>(limit);
}

constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};

void set_log_level(ServeOptions& options, const std::string& text) {
    const std::vector<std::string> levels(std::begin(kLevels), std::end(kLevels));
    if (std::find(levels.begin(), levels.end(), text) == levels.end()) {
        const std::string near = model::nearest(text, levels);
        refuse(text, "log level (there are: debug, info, warning, error)",
               near.empty() ? "" : "did you mean '" + near + "'?");
    }
    options.log_level = text;
}

constexpr std::string_view kTruth = "true|false";

constexpr Setting kSettings[] = {
    {"dataDir", "--data-dir", "FENCEPOST_DATA_DIR", "DIR", "",
     "Folder for the logs of phases and for the embedded cluster's database, volumes and Pods; it is made "
     "where it is missing",
     [](ServeOptions& options, const std::string& text) {
         if (text.empty()) refuse(text, "folder");
         options.data_dir = text;
     }},
    {"kubernetes", "--kubernetes", "FENCEPOST_KUBERNETES", kTruth, "false",
     "Control a Kubernetes cluster, not the embedded one: as the Pod's service account, or by kubeconfig",
     [](ServeOptions& options, const std::string& text) { options.uses_kubernetes = truth(text); }},
    {"kubeconfig", "--kubeconfig", "FENCEPOST_KUBECONFIG", "FILE", "",
     "Of the cluster of --kubernetes; without it as kubectl finds it, or in a Pod its service account",
     [](ServeOptions& options, const std::string& text) { options.kubeconfig = text; }},
    {"context", "--context", "FENCEPOST_CONTEXT", "NAME", "",
     "Context of the kubeconfig, if not its current one",
     [](ServeOptions& options, const std::string& text) { options.kube_context = text; }},
    {"installCrds", "--install-crds", "FENCEPOST_INSTALL_CRDS", kTruth, "false",
     "Create those of the CustomResourceDefinitions that the cluster of --kubernetes does not have",
     [](ServeOptions& options, const std::string& text) { options.installs_crds = truth(text); }},
    {"listen", "--listen", "FENCEPOST_LISTEN", "HOST:PORT", "127.0.0.1:7420",
     "Address to listen on, beyond loopback only with TLS and tokens; port 0 takes a free one, which the log "
     "tells",
     set_listen},
    {"socket", "--socket", "FENCEPOST_SOCKET", "FILE", "",
     "Unix socket to listen on too, for root and the server's own user",
     [](ServeOptions& options, const std::string& text) { options.security.socket = text; }},
    {"tlsCert", "--tls-cert", "FENCEPOST_TLS_CERT", "FILE", "",
     "PEM file: the server's certificate; read again when it changes",
     [](ServeOptions& options, const std::string& text) { options.security.tls_cert = text; }},
    {"tlsKey", "--tls-key", "FENCEPOST_TLS_KEY", "FILE", "", "PEM file: the certificate's key",
     [](ServeOptions& options, const std::string& text) { options.security.tls_key = text; }},
    {"clientCa", "--client-ca", "FENCEPOST_CLIENT_CA", "FILE", "",
     "PEM file: who signs the certificates that clients show",
     [](ServeOptions& options, const std::string& text) { options.security.client_ca = text; }},
    {"tokenFile", "--token-file", "FENCEPOST_TOKEN_FILE", "FILE", "",
     "Who may do what, as fencepost token create writes it; without it anybody on this host may do all",
     [](ServeOptions& options, const std::string& text) { options.security.token_file = text; }},
    {"maxRequestsPerSecond", "--max-requests-per-second", "FENCEPOST_MAX_REQUESTS_PER_SECOND", "NUMBER", "0",
     "Requests a second of each caller, above which it is told to wait (429); 0 is no limit",
     [](ServeOptions& options, const std::string& text) {
         options.security.max_requests_per_second = number(text, 0, kMostRequests, "number of requests");
     }},
    {"namespace", "--namespace", "FENCEPOST_NAMESPACE", "NAMESPACE", "default",
     "Where Blueprints, BlueprintBindings and ActionSets live",
     [](ServeOptions& options, const std::string& text) {
         if (text.empty()) refuse(text, "namespace");
         options.controller_namespace = text;
     }},
    {"watchNamespaces", "--watch-namespaces", "FENCEPOST_WATCH_NAMESPACES", "NAMESPACE,...", "",
     "On Kubernetes: control these namespaces and its own; without it, those that its rights allow: all, or "
     "its own",
     [](ServeOptions& options, const std::string& text) {
         options.watched_namespaces = names_in(text, "namespaces");
     }},
    {"maxRunning", "--max-running", "FENCEPOST_MAX_RUNNING", "NUMBER", "200",
     "Actions that run at once; others wait",
     [](ServeOptions& options, const std::string& text) {
         options.max_running = number(text, 1, kMostRunning, "number of actions");
     }},
    {"jobServiceAccount", "--job-service-account", "FENCEPOST_JOB_SERVICE_ACCOUNT", "NAME", "",
     "Service account of job Pods in the namespace of --namespace; elsewhere they have that namespace's own",
     [](ServeOptions& options, const std::string& text) { options.job_pods.service_account = text; }},
    {"secureJobPods", "--secure-job-pods", "FENCEPOST_SECURE_JOB_PODS", kTruth, "false",
     "Give job Pods no token for the cluster's API, unless their podOverride names a service account",
     [](ServeOptions& options, const std::string& text) { options.job_pods.is_secure = truth(text); }},
    {"jobPodPolicy", "--job-pod-policy", "FENCEPOST_JOB_POD_POLICY", "privileged|baseline|restricted",
     "baseline",
     "What a job Pod may hold with its podOverride: a level of Kubernetes' Pod Security Standards",
     [](ServeOptions& options, const std::string& text) {
         options.job_pods.policy = model::pod_policy(text);
     }},
    {"jobPodAccounts", "--job-pod-accounts", "FENCEPOST_JOB_POD_ACCOUNTS", "NAME,...", "",
     "Service accounts that a podOverride may name; any if empty",
     [](ServeOptions& options, const std::string& text) {
         options.job_pods.service_accounts = names_in(text, "service accounts");
     }},
    {"imageMap", "--image-map", "FENCEPOST_IMAGE_MAP", "FROM=TO,...", "",
     "Image that runs in place of another one in job Pods; FROM is a repository, a * at its end is the rest "
     "of it; where TO has no tag, the one asked for is kept",
     [](ServeOptions& options, const std::string& text) {
         options.job_pods.images = model::ImageMap::parse(text);
     }},
    {"jobPodStartTimeout", "--job-pod-start-timeout", "FENCEPOST_JOB_POD_START_TIMEOUT", "DURATION", "15m",
     "For so long a job Pod may be Pending", set_start_limit},
    {"logLevel", "--log-level", "FENCEPOST_LOG_LEVEL", "debug|info|warning|error", "info",
     "Least level that is logged", set_log_level},
};

const Setting* find_setting(std::string_view key) {
    for (const Setting& setting : kSettings) {
        if (setting.key == key) return &setting;
    }
    return nullptr;
}

// A scalar of the file as text: what a flag would say. A list, where the setting is one, as a repeated flag.
std::string text_of(const Value& value, bool may_be_list) {
    if (value.is_string()) return value.as_string();
    if (may_be_list && value.is_list()) {
        std::string text;
        for (const Value& item : value.as_list()) text += (text.empty() ? "" : ",") + text_of(item, false);
        return text;
    }
    if (value.is_list() || value.is_map() || value.is_nil())
        throw Error(
            ErrorKind::kInvalid,
            "it must be one value, not " + std::string(value.is_nil() ? "nothing" : to_string(value.kind())));
    return to_json(value);
}

struct FileSetting {
    const Setting* setting;
    std::string value;
    int line;
};

struct FileReading {
    std::vector<FileSetting> settings;
    std::vector<model::Diagnostic> diagnostics;
};

void unknown_key(const std::string& key, Position at, FileReading& reading) {
    std::vector<std::string> known;
    std::string list;
    for (const Setting& setting : kSettings) {
        known.emplace_back(setting.key);
        list += (list.empty() ? "" : ", ") + std::string(setting.key);
    }
    const std::string near = model::nearest(key, known);
    reading.diagnostics.push_back(
        {.position = std::move(at),
         .rule = "unknown-setting",
         .message = "there is no setting '" + key + "'",
         .hint = near.empty() ? "there are: " + list : "did you mean '" + near + "'?"});
}

void read_document(const YamlDocument& document, std::string_view file, FileReading& reading) {
    const auto at = [&](const std::string& key, SourceMap::Part part) {
        const SourceMap::Mark mark = document.source.at(model::child("", key), part);
        return Position{std::string(file), mark.line, mark.column};
    };
    if (!document.value.is_map()) {
        reading.diagnostics.push_back(
            {.position = {std::string(file), document.first_line, 1},
             .rule = "wrong-type",
             .message = "the file must hold settings, as in listen: 127.0.0.1:7420"});
        return;
    }
    for (const auto& [key, value] : document.value.as_map()) {
        const Setting* setting = find_setting(key);
        if (setting == nullptr) {
            unknown_key(key, at(key, SourceMap::Part::kKey), reading);
            continue;
        }
        // A value that is not there is told of at its key.
        const Position place = at(key, value.is_nil() ? SourceMap::Part::kKey : SourceMap::Part::kValue);
        try {
            std::string text = text_of(value, setting->is_list());
            ServeOptions trial;
            setting->set(trial, text);
            reading.settings.push_back({setting, std::move(text), place.line});
        } catch (const Error& error) {
            reading.diagnostics.push_back({.position = place,
                                           .rule = "wrong-value",
                                           .message = std::string(key) + ": " + error.message(),
                                           .hint = error.hint()});
        }
    }
}

FileReading read_config(std::string_view text, std::string_view file) {
    FileReading reading;
    try {
        const auto documents = parse_yaml(text, file);
        for (const YamlDocument& document : documents) read_document(document, file, reading);
        if (documents.size() > 1) {
            reading.diagnostics.push_back({.position = {std::string(file), documents[1].first_line, 1},
                                           .rule = "two-documents",
                                           .message = "the file has more than one document"});
        }
    } catch (const Error& error) {
        reading.diagnostics.push_back(
            {.position = error.position().value_or(Position{.file = std::string(file)}),
             .rule = "yaml",
             .message = error.message(),
             .hint = error.hint()});
    }
    std::sort(reading.diagnostics.begin(), reading.diagnostics.end(), [](const auto& a, const auto& b) {
        return std::pair(a.position.line, a.position.column) < std::pair(b.position.line, b.position.column);
    });
    return reading;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::span<const Setting> settings() noexcept { return kSettings; }

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

ConfigError::ConfigError(std::string text, std::vector<model::Diagnostic> diagnostics)
    : UsageError(std::to_string(diagnostics.size()) + (diagnostics.size() == 1 ? " problem" : " problems") +
                     " in the configuration file",
                 "fencepost config check FILE tells them again; man fencepost.yaml documents every setting"),
      text_(std::move(text)),
      diagnostics_(std::move(diagnostics)) {}

Configuration configure(const std::map<std::string, std::string>& flags, const Environment& environment,
                        const std::string& given_file) {
    const std::string file =
        given_file.empty() ? environment(std::string(kConfigVariable)).value_or("") : given_file;
    FileReading reading;
    if (!file.empty()) {
        const std::string text = read_file(file, kMaxYamlBytes);
        reading = read_config(text, file);
        if (!reading.diagnostics.empty()) throw ConfigError(text, std::move(reading.diagnostics));
    }
    Configuration result;
    for (const Setting& setting : kSettings) {
        Chosen chosen{&setting, std::string(setting.fallback), "default"};
        for (const FileSetting& said : reading.settings) {
            if (said.setting == &setting) {
                chosen.value = said.value;
                chosen.origin = file_name(file) + ":" + std::to_string(said.line);
            }
        }
        if (const auto value = environment(std::string(setting.environment)); value && !value->empty()) {
            chosen.value = *value;
            chosen.origin = setting.environment;
        }
        if (const auto flag = flags.find(std::string(setting.key)); flag != flags.end()) {
            chosen.value = flag->second;
            chosen.origin = setting.flag;
        }
        if (!chosen.value.empty() || chosen.origin != "default") {
            try {
                setting.set(result.options, chosen.value);
            } catch (const Error& error) {
                throw UsageError(chosen.origin + ": " + error.message(), error.hint());
            }
        }
        result.settings.push_back(std::move(chosen));
    }
    return result;
}

ServeOptions options_with_data_dir(const std::map<std::string, std::string>& flags, const std::string& file) {
    ServeOptions options = configure(flags, process_environment(), file).options;
    if (options.data_dir.empty()) {
        throw UsageError("there is no data folder",
                         "give --data-dir DIR, FENCEPOST_DATA_DIR, or dataDir in the configuration file");
    }
    return options;
}

std::vector<model::Diagnostic> check_config(std::string_view text, std::string_view file) {
    return read_config(text, file).diagnostics;
}

std::string sample_config(std::string_view data_dir) {
    std::string text =
        "# The settings of fencepost serve; man fencepost.yaml documents them, and\n"
        "#   fencepost config check FILE    checks this file\n"
        "#   fencepost config show           shows what holds and who said so\n"
        "# A flag is stronger than the environment, the environment than this file.\n";
    for (const Setting& setting : kSettings) {
        const bool is_set = setting.key == "dataDir" && !data_dir.empty();
        const std::string_view value = is_set ? data_dir : setting.fallback;
        text += "\n# " + std::string(setting.what) + ".\n";
        text += (is_set ? "" : "# ") + std::string(setting.key) + ":" + (value.empty() ? "" : " ") +
                std::string(value) + "\n";
    }
    return text;
}

}  // namespace fencepost::cli
