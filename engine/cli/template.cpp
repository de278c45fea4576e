#include "template/json_lines.h"

#include <iostream>

#include "cli/verbs.h"

namespace fencepost::cli {

int templates() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    for (std::string line; std::getline(std::cin, line);) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        std::cout << tmpl::answer_line(line) << '\n';
        // Whoever writes one line and waits for its answer gets it; a file is answered in large pieces.
        if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
    }
    std::cout.flush();
    return kDone;
}

}  // namespace fencepost::cli
