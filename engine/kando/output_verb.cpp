#include "base/error.h"
#include "kando/marker.h"
#include "kando/verbs.h"

namespace fencepost::kando {

// A value may begin with '-': only --help and "--" are read as flags here.
void output_verb(const std::vector<std::string>& args, const World& world) {
    std::vector<std::string> words = args;
    if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h"))
        return print(world, help_text("output"));
    if (!words.empty() && words[0] == "--") words.erase(words.begin());
    if (words.size() != 2) {
        throw Error(
            ErrorKind::kInvalid,
            "kando output takes a key and a value, got " + std::to_string(words.size()) + " arguments",
            "see kando output --help");
    }
    print(world, output_marker(words[0], words[1]));
}

}  // namespace fencepost::kando
