// A manual page as data, and as the troff that man(1) reads. Commands describe themselves once, and their
// pages are made from that. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fencepost {

struct Manual {
    struct Paragraph {
        std::string text;
    };
    struct Verbatim {  // lines that stay as they are: examples
        std::string text;
    };
    struct Entry {  // a flag, and what it does
        std::string term;
        std::string text;
    };
    struct Section {
        std::string title;  // "OPTIONS"
        std::vector<std::variant<Paragraph, Verbatim, Entry>> blocks;
    };

    std::string name;  // "fencepost-get"
    int section = 1;
    std::string what;    // one line for apropos(1)
    std::string source;  // "Fencepost 0.1.0"
    std::vector<Section> sections;

    [[nodiscard]] std::string file_name() const;  // "fencepost-get.1"
};

[[nodiscard]] std::string to_troff(const Manual& manual);

}  // namespace fencepost
