#include "cli/protection.h"

#include <algorithm>
#include <chrono>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/human.h"
#include "cli/action_body.h"
#include "cli/follow.h"
#include "cli/interrupts.h"
#include "cli/object_name.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cluster/requester.h"

namespace fencepost::cli {
namespace {

constexpr std::string_view kGroup = "fencepost.io";
constexpr const char* kMergePatch = "application/merge-patch+json";
constexpr std::chrono::milliseconds kPause{500};  // between two looks at an action

// KIND or KIND/NAME as an item of a filter.
Value item_of(Server& server, const std::string& text) {
    const ObjectName object =
        text.find('/') == std::string::npos ? ObjectName{text, ""} : parse_object_name(text);
    const cluster::ResourceType type = server.type(object.kind).type;
    Value item;
    item["group"] = type.group.empty() ? "core" : type.group;
    item["resource"] = type.resource;
    if (!object.name.empty()) item["name"] = object.name;
    return item;
}

// "app=pg,role=replica": what has all of them.
Value item_of_labels(const std::string& text) {
    std::vector<std::string> labels;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        labels.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    Value item;
    for (const auto& [key, value] : key_values(labels, "--exclude-labels")) item["matchLabels"][key] = value;
    return item;
}

// On Kubernetes the object itself has to say who asked for it; the embedded cluster's API writes it.
void say_who_asks(Server& server, Value& action) {
    if (server.index()["cluster"] != Value("kubernetes")) return;
    Value review;
    review["apiVersion"] = "authentication.k8s.io/v1";
    review["kind"] = "SelfSubjectReview";
    try {
        review = server.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
    } catch (const Error& e) {
        if (e.kind() == ErrorKind::kNotFound) return;  // Kubernetes before 1.28
        throw;
    }
    cluster::set_requester(action, review.get("status", "userInfo", "username").string_or(""));
}

Value create(Server& server, const cluster::ResourceDescription& type, const std::string& ns,
             const Value& spec) {
    Value action;
    action["apiVersion"] = type.type.group + "/" + type.type.version;
    action["kind"] = type.kind;
    const std::string verb = type.kind.substr(0, type.kind.find("Action"));
    action["metadata"]["generateName"] = ascii_lower(verb) + "-";
    action["metadata"]["namespace"] = ns;
    if (type.kind != "ImportAction")  // which is of no application yet
        action["metadata"]["labels"] = Map{{"k10.kasten.io/appName", ns}, {"k10.kasten.io/appNamespace", ns}};
    action["spec"] = spec;
    say_who_asks(server, action);
    return server.send("POST", object_path(type, ns, ""), action);
}

// The action as the REST API would show it, with steps for phases: so Progress knows it.
Value view_of(const Value& action) {
    const Value& status = action["status"];
    Value view;
    view["state"] = ascii_lower(status["state"].string_or("pending"));
    for (const Value& step : status["steps"].list_or_empty()) {
        Value part;
        part["name"] = step["name"];
        part["state"] = ascii_lower(step["state"].string_or("pending"));
        part["startedAt"] = step["startTime"];
        part["endedAt"] = step["endTime"];
        view["phases"].push_back(std::move(part));
    }
    return view;
}

std::string counted(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Those that are copied: what has an action `backup` keeps its data itself.
std::size_t copied_volumes(const Value& plan) {
    std::size_t count = plan["claims"].list_or_empty().size();
    for (const Value& resource : plan["resources"].list_or_empty()) {
        const List& actions = resource["actions"].list_or_empty();
        const bool is_dumped = std::find(actions.begin(), actions.end(), Value("backup")) != actions.end();
        if (!is_dumped) count += resource["claims"].list_or_empty().size();
    }
    return count;
}

void print_restored(const Map& counts) {
    std::int64_t all = 0;
    std::vector<std::string> words;
    for (const Member& count : counts) {
        all += count.value.int_or(0);
        words.push_back(std::to_string(count.value.int_or(0)) + " " + count.key);
    }
    print(counted(static_cast<std::size_t>(all), "object") + ": " + joined(words, ", ") + "\n");
}

// Where a resource's time between the hooks went.
void print_window(const List& window) {
    const auto seconds_of = [](const Value& part) -> std::string {
        if (!part.is_number()) return "-";
        return format_duration(
            std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(part.as_double())));
    };
    std::vector<std::vector<std::string>> rows;
    for (const Value& one : window) {
        std::vector<std::string> row{one["resource"].string_or("")};
        for (const char* part : {"prehookSeconds", "toSnapshotSeconds", "snapshotSeconds",
                                 "toPosthookSeconds", "posthookSeconds", "fencedSeconds"})
            row.push_back(seconds_of(one[part]));
        rows.push_back(std::move(row));
    }
    print(
        table({"RESOURCE", "PREHOOK", "TO SNAPSHOT", "SNAPSHOT", "TO POSTHOOK", "POSTHOOK", "FENCED"}, rows));
}

std::string text_of(const Value& number) {
    return number.is_number() ? std::to_string(number.int_or(0)) : "-";
}

// Of an export: what was read, and how much of it the location did not have yet.
void print_volumes(const List& volumes) {
    std::vector<std::vector<std::string>> rows;
    for (const Value& one : volumes) {
        rows.push_back({one["claim"].string_or(""), text_of(one["files"]), text_of(one["bytes"]),
                        text_of(one["storedBytes"])});
    }
    print(table({"VOLUME", "FILES", "BYTES", "STORED"}, rows));
}

void print_readiness(const Value& readiness) {
    std::vector<std::vector<std::string>> rows;
    for (const Value& one : readiness["checks"].list_or_empty()) {
        rows.push_back({one["check"].string_or(""), one["name"].string_or(""), one["state"].string_or(""),
                        one["message"].string_or("")});
    }
    print(table({"NEEDS", "NAME", "STATE", "MESSAGE"}, rows));
    const bool is_ready = readiness["ready"].bool_or(false);
    print(paint(is_ready ? "a restore here has all that it needs" : "a restore here would fail: see MISSING",
                is_ready ? Colour::kGreen : Colour::kRed) +
          "\n");
}

// Of a validation with a restore: how long that took, what is in the databases, and what they have answered.
void print_verification(const Value& restore) {
    if (restore["rtoSeconds"].is_number())
        print("restored in " +
              format_duration(std::chrono::round<std::chrono::milliseconds>(
                  std::chrono::duration<double>(restore["rtoSeconds"].as_double()))) +
              (restore["rows"].is_nil() ? "" : ", with " + text_of(restore["rows"]) + " rows") + "\n");
    std::vector<std::vector<std::string>> tables, answers;
    for (const Value& one : restore["resources"].list_or_empty()) {
        const std::string resource = one["resource"].string_or("");
        for (const Member& table : one["tables"].map_or_empty())
            tables.push_back({resource, table.key, text_of(table.value)});
        for (const Value& answer : one["assertions"].list_or_empty()) {
            answers.push_back({resource, answer["name"].string_or(""),
                               answer["passed"].bool_or(false) ? "Passed" : "Failed",
                               answer["want"].string_or(""),
                               answer["got"].string_or(answer["error"].string_or(""))});
        }
    }
    if (!tables.empty()) print(table({"RESOURCE", "TABLE", "ROWS"}, tables));
    if (!answers.empty()) print(table({"RESOURCE", "ASSERTION", "STATE", "WANT", "GOT"}, answers));
}

void print_restore_point(const Value& status) {
    const Value& point = status["restorePoint"];
    const std::string name = point["name"].string_or("");
    if (status["plan"].is_map()) {
        print("restore point " + name + ": " +
              counted(static_cast<std::size_t>(status["objects"].int_or(0)), "object") + ", " +
              counted(copied_volumes(status["plan"]), "volume") + "\n");
    } else {
        print("restore point " + name + " in namespace " + point["namespace"].string_or("") + ", kept at " +
              status["location"].string_or("") + "\n");
    }
}

void print_end(const Value& action, const std::string& state) {
    const Value& status = action["status"];
    print(paint(cluster::name_of(action) + " is " + state, colour_of_state(state)) + "\n");
    if (status["signedBy"].is_string()) print("signed by " + status["signedBy"].as_string() + "\n");
    if (status["restorePoint"].is_map()) print_restore_point(status);
    if (const List& volumes = status["volumes"].list_or_empty(); !volumes.empty()) print_volumes(volumes);
    if (status["readiness"].is_map()) print_readiness(status["readiness"]);
    if (status["restore"].is_map()) print_verification(status["restore"]);
    if (const Map& counts = status["objects"].map_or_empty(); !counts.empty()) print_restored(counts);
    if (const List& window = status["window"].list_or_empty(); !window.empty()) print_window(window);
    for (const Value& exception : status["exceptions"].list_or_empty())
        print_error(paint("warning: ", Colour::kYellow, 2) + exception["message"].string_or("") + "\n");
    const Value& error = status["error"];
    if (!error.is_map()) return;
    print_error(paint("error: ", Colour::kRed, 2) + error["message"].string_or("") + "\n");
    const std::string cause = error["cause"].string_or(error.get("cause", "message").string_or(""));
    if (!cause.empty()) print_error(indent(cause + "\n"));
}

int follow(Server& server, const cluster::ResourceDescription& type, Value action, const Output& output,
           const std::vector<std::string>& names) {
    const std::string name = cluster::name_of(action);
    const std::string path = object_path(type, cluster::namespace_of(action), name);
    const Interrupts interrupts([&server, name, path] {
        print_error("cancelling " + name +
                    "; what is fenced is released first. Press Ctrl-C again to leave it alone.\n");
        server.send("PATCH", path, Value(Map{{"spec", Map{{"cancel", true}}}}), kMergePatch);
    });
    Progress progress("step");
    SystemClock clock;
    Value view = view_of(action);
    while (true) {
        if (output.is_table()) progress.show(view);
        if (has_ended(view)) break;
        clock.sleep(kPause, {});
        action = server.get(path);
        view = view_of(action);
    }
    if (output.is_table())
        print_end(action, view["state"].string_or(""));
    else
        print(output.text(action, names));
    return exit_code(view);
}

}  // namespace

Value filters_from(Server& server, const FilterOptions& options) {
    Value filters;
    for (const std::string& text : options.included)
        filters["includeResources"].push_back(item_of(server, text));
    for (const std::string& text : options.excluded)
        filters["excludeResources"].push_back(item_of(server, text));
    for (const std::string& text : options.excluded_labels)
        filters["excludeResources"].push_back(item_of_labels(text));
    return filters;
}

cluster::ResourceDescription own_type(Server& server, std::string_view resource) {
    return server.type(std::string(resource) + "." + std::string(kGroup));
}

std::string expiry_of(const std::string& text) {
    std::chrono::nanoseconds lasts{};
    try {
        lasts = parse_duration(text);
    } catch (const Error& error) {
        throw UsageError("--expires-in: " + error.message(), "as in --expires-in 720h");
    }
    if (lasts.count() <= 0) throw UsageError("--expires-in " + text + ": it would have expired already");
    return format_rfc3339(SystemClock().now() + std::chrono::duration_cast<SystemTime::duration>(lasts));
}

Value ask_protection(Server& server, const cluster::ResourceDescription& type, const std::string& ns,
                     const Value& spec) {
    Value action = create(server, type, ns, spec);
    const std::string path = object_path(type, ns, cluster::name_of(action));
    SystemClock clock;
    while (!has_ended(view_of(action))) {
        clock.sleep(kPause, {});
        action = server.get(path);
    }
    server.send("DELETE", path, {});
    const Value& error = std::as_const(action).get("status", "error", "message");
    if (error.is_string()) throw Error(ErrorKind::kFailedPrecondition, error.as_string());
    return action;
}

PointReference point_reference(Server& server, const PointOptions& options, const char* verb) {
    const auto& [point, content, ns] = options;
    if (point.empty() && content.empty())
        throw UsageError(std::string("what should be ") + verb + "?",
                         "give a RESTOREPOINT, or --content NAME");
    if (content.empty()) {
        (void)server.get(object_path(own_type(server, "restorepoints"), ns, point));
        return {Map{{"kind", "RestorePoint"}, {"name", point}, {"namespace", ns}}, ns};
    }
    const Value found = server.get(object_path(own_type(server, "restorepointcontents"), "", content));
    PointReference reference{Map{{"kind", "RestorePointContent"}, {"name", content}},
                             found.get("spec", "application", "namespace").string_or("")};
    // Of an application that is gone, the action is beside the controller.
    if (reference.ns.empty() || !server.find(object_path(server.type("namespaces"), "", reference.ns)))
        reference.ns = server.index()["namespace"].string_or("default");
    return reference;
}

int start_protection(Server& server, const cluster::ResourceDescription& type, const std::string& ns,
                     const Value& spec, const Output& output, bool detach) {
    const Value action = create(server, type, ns, spec);
    const std::string name = cluster::name_of(action);
    const std::vector<std::string> names{type.singular + "." + type.type.group + "/" + name};
    if (output.is_table()) print(ascii_lower(type.kind) + "/" + name + " created\n");
    if (!detach) return follow(server, type, action, output, names);
    if (!output.is_table()) print(output.text(action, names));
    return kDone;
}

}  // namespace fencepost::cli
