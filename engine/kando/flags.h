// Command lines as cobra reads them: flags anywhere between the words, "--name value", "--name=value", "-n
// value",
// "-nvalue", and "--" before what is not ours to read. Pure. Errors: kInvalid, naming the flag.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fencepost::kando {

struct Flag {
    std::string_view name;
    char letter = '\0';
    bool takes_value = true;
};

struct CommandLine {
    std::map<std::string, std::string, std::less<>> flags;  // a switch's value is "true"
    std::vector<std::string> words;
    std::vector<std::string> rest;  // what follows "--"
    bool has_rest = false;

    [[nodiscard]] bool has(std::string_view flag) const { return flags.contains(flag); }
    [[nodiscard]] std::string get(std::string_view flag) const;  // "" where absent
};

// --help and -v/--verbosity are known everywhere. A lone "-" is a word.
[[nodiscard]] CommandLine parse_flags(const std::vector<std::string>& args, const std::vector<Flag>& known);

}  // namespace fencepost::kando
