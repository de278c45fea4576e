#include "base/error.h"
#include "cli/case_file.h"
#include "cli/output.h"
#include "cli/prospect.h"
#include "cli/terminal.h"
#include "cli/text_diff.h"
#include "cli/verbs.h"
#include "run/preview.h"

namespace fencepost::cli {
namespace {

// Nobody's terminal: what is compared has no colours.
constexpr int kNoTerminal = -1;

// The body alone: the head tells names, which differ anyway.
std::string body_of(const Value& view) {
    const std::string text = Prospect::shown(view, kNoTerminal);
    return text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
}

int print_diff(Server& server, const RenderOptions& options, const run::Catalog& catalog, const Value& view) {
    RenderOptions other = options;
    other.blueprint = options.diff;
    const Value there = Prospect(server, other, catalog).preview();
    const std::string diff = text_diff(body_of(there), body_of(view));
    if (diff.empty()) {
        print("no difference\n");
        return kDone;
    }
    print("- " + options.diff + "\n+ " + view["blueprint"].string_or("") + "\n" + diff);
    return kFailed;
}

}  // namespace

int render(Server& server, const RenderOptions& given, const run::Catalog& catalog) {
    const Output output(given.output);
    const RenderOptions options = given.params.empty() ? given : with_case(given, given.params).options;
    if (options.action.empty()) throw UsageError("which action?", "give --action, or --params with one");
    const Value view = Prospect(server, options, catalog).preview();
    if (!options.diff.empty()) return print_diff(server, options, catalog, view);
    if (output.is_table()) {
        print(Prospect::shown(view, 1));
    } else {
        std::vector<std::string> names;
        for (const Value& phase : view["phases"].list_or_empty())
            names.push_back("phase/" + phase["name"].string_or(""));
        print(output.text(view, names));
    }
    return run::has_errors(view) ? kFailed : kDone;
}

}  // namespace fencepost::cli
