#include "base/ascii.h"
#include "base/manual.h"

#include <algorithm>

namespace fencepost {
namespace {

// Plain text: nothing in it is a request or an escape, and every '-' is the one that can be copied to a
// shell.
std::string escaped(std::string_view text) {
    std::string result;
    bool is_line_start = true;
    for (const char c : text) {
        if (is_line_start && (c == '.' || c == '\'')) result += "\\&";
        is_line_start = c == '\n';
        switch (c) {
            case '\\':
                result += "\\e";
                break;
            case '-':
                result += "\\-";
                break;
            case '\'':
                result += "\\(aq";
                break;
            case '`':
                result += "\\(ga";
                break;
            case '^':
                result += "\\(ha";
                break;
            case '~':
                result += "\\(ti";
                break;
            default:
                result += c;
        }
    }
    return result;
}

std::string without_last_newline(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    return std::string(text);
}

std::string block_text(const std::variant<Manual::Paragraph, Manual::Verbatim, Manual::Entry>& block) {
    if (const auto* paragraph = std::get_if<Manual::Paragraph>(&block))
        return ".PP\n" + escaped(without_last_newline(paragraph->text)) + "\n";
    if (const auto* verbatim = std::get_if<Manual::Verbatim>(&block))
        return ".PP\n.nf\n" + escaped(without_last_newline(verbatim->text)) + "\n.fi\n";
    const auto& entry = std::get<Manual::Entry>(block);
    return ".TP\n\\fB" + escaped(entry.term) + "\\fR\n" + escaped(without_last_newline(entry.text)) + "\n";
}

}  // namespace

std::string Manual::file_name() const { return name + "." + std::to_string(section); }

std::string to_troff(const Manual& manual) {
    std::string text = ".TH \"" + ascii_upper(manual.name) + "\" " + std::to_string(manual.section) +
                       " \"\" \"" + manual.source + "\" \"Fencepost\"\n.ad l\n.nh\n.SH NAME\n" +
                       escaped(manual.name) + " \\- " + escaped(manual.what) + "\n";
    for (const Manual::Section& section : manual.sections) {
        text += ".SH \"" + escaped(section.title) + "\"\n";
        for (const auto& block : section.blocks) text += block_text(block);
    }
    return text;
}

}  // namespace fencepost
