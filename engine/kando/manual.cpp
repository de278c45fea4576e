#include "kando/manual.h"

#include "kando/verbs.h"

namespace fencepost::kando {
namespace {

// "Usage:" and the like alone on a line.
bool is_title(std::string_view line) {
    return line.ends_with(':') && !line.starts_with(' ') && line.find(' ') == std::string_view::npos;
}

// A help text as blocks: indented lines stay as they are, others flow.
void add_help(std::string_view text, Manual::Section& section) {
    std::string paragraph;
    std::string lines;
    const auto flush = [&] {
        if (!paragraph.empty()) section.blocks.emplace_back(Manual::Paragraph{paragraph});
        if (!lines.empty()) section.blocks.emplace_back(Manual::Verbatim{lines});
        paragraph.clear();
        lines.clear();
    };
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.empty() || is_title(line)) flush();
        if (line.starts_with(' ')) {
            if (!paragraph.empty()) flush();
            lines += std::string(line) + "\n";
        } else if (!line.empty()) {
            paragraph += std::string(line) + "\n";
        }
    }
    flush();
}

}  // namespace

Manual manual(std::string_view version) {
    Manual manual{.name = "kando",
                  .section = 1,
                  .what = "move backup data between a command and a profile's location",
                  .source = "Fencepost " + std::string(version),
                  .sections = {}};
    for (const char* verb : {"", "location", "repository", "output", "chronicle", "wal", "basebackup"}) {
        Manual::Section section{.title = *verb == '\0' ? "DESCRIPTION" : verb, .blocks = {}};
        add_help(help_text(verb), section);
        manual.sections.push_back(std::move(section));
    }
    manual.sections.push_back({.title = "SEE ALSO", .blocks = {Manual::Paragraph{"fencepost(1)"}}});
    return manual;
}

}  // namespace fencepost::kando
