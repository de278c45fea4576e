#include "base/encodings.h"
#include "cli/object_name.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

void print_candidate(const Value& candidate) {
    const bool matched = candidate["matched"].bool_or(false);
    print("  " + paint(matched ? "✓ " : "✗ ", matched ? Colour::kGreen : Colour::kDim) +
          candidate["binding"].string_or("") +
          (candidate["shadowedBy"].string_or("").empty()
               ? ""
               : "  (shadowed by " + candidate["shadowedBy"].string_or("") + ")") +
          (candidate["note"].string_or("").empty() ? "" : "  (" + candidate["note"].string_or("") + ")") +
          "\n");
    for (const Value& item : candidate["items"].list_or_empty()) {
        const bool holds = item["result"].bool_or(false);
        print("      " + paint(holds ? "✓ " : "✗ ", holds ? Colour::kGreen : Colour::kRed) +
              item["list"].string_or("") + "[" + std::to_string(item["index"].int_or(0)) + "] " +
              item["key"].string_or("") + " " + item["operator"].string_or("") + " " +
              item["expected"].string_or("") + "; it is " + item["observed"].string_or("absent") + "\n");
    }
}

}  // namespace

int explain(Server& server, const ExplainOptions& options) {
    const Output output(options.output);
    const ObjectName object = parse_object_name(options.object);
    const auto type = server.type(object.kind);
    const std::string group = type.type.group.empty() ? "" : "." + type.type.group;
    std::string path = "/v1/bindings/explain?resource=" + url_encode(type.type.resource + group) +
                       "&name=" + url_encode(object.name);
    if (type.is_namespaced) path += "&namespace=" + url_encode(options.ns);
    const Value answer = server.get(path);
    const std::string winner = answer.get("blueprint", "name").string_or("");
    if (!output.is_table()) {
        std::vector<std::string> names;
        if (!winner.empty()) names.push_back("blueprint.cr.kanister.io/" + winner);
        print(output.text(answer, names));
        return kDone;
    }
    if (winner.empty()) {
        print("No blueprint would run for " + options.object + ": " + answer["reason"].string_or("") + "\n");
    } else {
        print(paint("Blueprint " + answer.get("blueprint", "namespace").string_or("") + "/" + winner,
                    Colour::kBold) +
              " would run for " + options.object + ": " + answer["reason"].string_or("") + "\n");
    }
    const List& candidates = answer["candidates"].list_or_empty();
    if (!candidates.empty()) print("Bindings, in the order of their precedence:\n");
    for (const Value& candidate : candidates) print_candidate(candidate);
    for (const Value& warning : answer["warnings"].list_or_empty()) {
        print(paint("warning: ", Colour::kYellow) + warning.string_or("") + "\n");
    }
    return kDone;
}

}  // namespace fencepost::cli
