#include "base/encodings.h"
#include "base/human.h"
#include "cli/diagnostics.h"
#include "cli/manifests.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/server.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "model/place.h"
#include "model/policy_preset.h"
#include "policy/simulation.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

constexpr std::size_t kMonth = 7;  // of "2026-11-21T..."

// The problems at their places; false where there are errors.
bool is_good(model::Problems problems, const YamlDocument& document, const std::string& text,
             const std::string& shown) {
    const auto diagnostics = to_diagnostics(problems.take(), document, text, shown);
    for (const model::Diagnostic& diagnostic : diagnostics)
        print_error(to_text_with_excerpt(diagnostic, text, 2));
    return !model::has_errors(diagnostics);
}

bool is_kind(const YamlDocument& document, const char* kind) {
    return document.value["kind"].string_or("") == kind;
}

// Of the file, or else the server's; nullopt after its errors are shown.
std::optional<Value> find_preset(Server& server, const model::PresetReference& reference,
                                 const std::vector<YamlDocument>& documents, const std::string& text,
                                 const std::string& shown) {
    model::Problems problems;
    for (const YamlDocument& document : documents) {
        if (!is_kind(document, "PolicyPreset") || cluster::name_of(document.value) != reference.name)
            continue;
        model::check_preset(document.value, problems);
        if (!is_good(std::move(problems), document, text, shown)) return std::nullopt;
        return document.value;
    }
    const std::string ns =
        reference.ns.empty() ? server.index()["namespace"].string_or("default") : reference.ns;
    const auto there = server.find(object_path(server.type("policypresets"), ns, reference.name));
    if (!there) {
        throw Error(ErrorKind::kNotFound,
                    "there is no PolicyPreset " + reference.name + " in " + shown +
                        ", and none at the server in " + ns,
                    "put it into the file, as another document");
    }
    model::check_preset(*there, problems);
    problems.throw_errors("PolicyPreset " + reference.name);
    return there;
}

// Of the one Policy among the file's documents, by whichever group it goes; nullopt after its errors are
// shown.
std::optional<model::Policy> read_policy(Server& server, const std::string& file) {
    const std::string text = read_input(file);
    const std::string shown = file == "-" ? "stdin" : file;
    const std::vector<YamlDocument> documents = parse_yaml(text, shown);
    for (const YamlDocument& document : documents) {
        if (!is_kind(document, "Policy")) continue;
        model::Problems problems;
        model::Policy policy = model::Policy::read(document.value, problems);
        if (!is_good(std::move(problems), document, text, shown)) return std::nullopt;
        if (!policy.preset) return policy;
        const auto preset = find_preset(server, *policy.preset, documents, text, shown);
        if (!preset) return std::nullopt;
        return model::Policy::from(model::with_preset(document.value, *preset));
    }
    throw Error(ErrorKind::kInvalid, shown + " holds no Policy",
                "kind: Policy, of fencepost.io or of config.kio.kasten.io");
}

SystemTime time_of(const std::string& text) {
    if (text.empty()) return SystemClock().now();
    try {
        return parse_rfc3339(text);
    } catch (const Error& error) {
        throw UsageError("--from: " + std::string(error.message()), "as in --from 2026-11-21T00:00:00Z");
    }
}

Value names_of(const std::vector<model::Tier>& tiers) {
    List names;
    for (const model::Tier tier : tiers) names.emplace_back(std::string(to_string(tier)));
    return names;
}

// The last stand of each month, and what happened in it.
List months_of(const policy::Simulation& simulation) {
    List months;
    std::int64_t deleted = 0;
    for (const policy::Stand& stand : simulation.stands) {
        const std::string month = format_rfc3339(stand.time).substr(0, kMonth);
        if (months.empty() || months.back()["month"] != Value(month)) {
            if (!months.empty()) deleted += months.back()["deleted"].int_or(0);
            months.push_back(Value(Map{{"month", month}, {"runs", std::int64_t{0}}}));
        }
        Value& row = months.back();
        row["runs"] = row["runs"].int_or(0) + 1;
        row["kept"] = stand.kept;
        row["locked"] = stand.locked;
        row["deleted"] = stand.deleted - deleted;
        row["storedBytes"] = stand.stored_bytes;
    }
    return months;
}

Value document_of(const model::Policy& policy, const policy::Assumptions& assumptions,
                  const policy::Simulation& simulation) {
    Value document;
    document["policy"] = policy.name;
    document["frequency"] = policy.frequency;
    document["from"] = format_rfc3339(assumptions.from);
    document["until"] = format_rfc3339(assumptions.until);
    document["runs"] = std::int64_t{std::ssize(simulation.points)};
    document["peakBytes"] = simulation.peak_bytes;
    document["months"] = months_of(simulation);
    document["kept"] = List{};
    for (const policy::SimulatedPoint& point : simulation.points) {
        if (point.retired) continue;
        document["kept"].push_back(
            Value(Map{{"scheduledTime", format_rfc3339(point.scheduled)}, {"tiers", names_of(point.tiers)}}));
    }
    return document;
}

std::string size_of(const Value& bytes) { return bytes_text(static_cast<double>(bytes.int_or(0))); }

void print_table(const Value& document) {
    print(document["policy"].string_or("") + " runs " + document["frequency"].string_or("") + ": " +
          std::to_string(document["runs"].int_or(0)) + " times from " + document["from"].string_or("") +
          " to " + document["until"].string_or("") + "\n\n");
    const auto number = [](const Value& row, const char* member) {
        return std::to_string(row[member].int_or(0));
    };
    std::vector<std::vector<std::string>> rows;
    for (const Value& row : document["months"].list_or_empty()) {
        rows.push_back({row["month"].string_or(""), number(row, "runs"), number(row, "kept"),
                        number(row, "locked"), number(row, "deleted"), size_of(row["storedBytes"])});
    }
    print(table({"MONTH", "RUNS", "KEPT", "LOCKED", "DELETED", "STORED"}, rows));
    const List& kept = document["kept"].list_or_empty();
    print("\nAt the end " + std::to_string(kept.size()) + " restore points stay:\n");
    rows.clear();
    for (const Value& point : kept) {
        std::vector<std::string> tiers;
        for (const Value& tier : point["tiers"].list_or_empty()) tiers.push_back(tier.as_string());
        rows.push_back({point["scheduledTime"].string_or(""), joined(tiers, ", ")});
    }
    print(indent(table({"TIME", "KEPT AS"}, rows)));
    print("\nMost that is stored at once: " + size_of(document["peakBytes"]) + "\n");
}

}  // namespace

int simulate_policy(Server& server, const PolicySimulateOptions& options) {
    const Output output(options.output);
    const auto policy = read_policy(server, options.file);
    if (!policy) return kFailed;
    const SystemTime from = time_of(options.from);
    const policy::Assumptions assumptions{
        .from = from,
        .until = from + std::chrono::days(options.days),
        .full_bytes = parse_quantity(options.full),
        .changed_bytes = parse_quantity(options.changed),
        .lock = std::chrono::duration_cast<std::chrono::seconds>(parse_duration(options.lock))};
    const policy::Simulation simulation = policy::simulate(*policy, assumptions);
    if (simulation.points.empty()) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "the policy " + policy->name + " never runs in " + std::to_string(options.days) + " days",
                    policy->frequency == model::kOnDemand
                        ? "it runs on demand alone"
                        : "does a run lie in its backupWindow? Times are UTC");
    }
    const Value document = document_of(*policy, assumptions, simulation);
    if (!output.is_table()) {
        print(output.text(document, {"policy/" + policy->name}));
        return kDone;
    }
    print_table(document);
    return kDone;
}

}  // namespace fencepost::cli
