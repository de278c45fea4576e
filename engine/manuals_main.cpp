// Writes what is installed beside the programs and made from their own definitions: manual pages, shell
// completions and the configuration file. Run by the build:
//
//     fencepost-manuals FOLDER
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/manuals.h"
#include "cli/settings.h"
#include "kando/manual.h"

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw std::filesystem::filesystem_error("cannot write", path, {});
}

void write_manual(const std::filesystem::path& share, const fencepost::Manual& manual) {
    write(share / "man" / ("man" + std::to_string(manual.section)) / manual.file_name(),
          fencepost::to_troff(manual));
}

}  // namespace

int main(int argc, char** argv) {
    using namespace fencepost;
    if (argc != 2) {
        std::fputs("usage: fencepost-manuals FOLDER\n", stderr);
        return 2;
    }
    try {
        const std::filesystem::path share = std::filesystem::path(argv[1]) / "share";
        for (const Manual& manual : cli::manuals(FENCEPOST_VERSION)) write_manual(share, manual);
        write_manual(share, kando::manual(FENCEPOST_VERSION));
        const cli::Command tree = cli::command_tree();
        write(share / "bash-completion/completions/fencepost", cli::bash_completion(tree));
        write(share / "zsh/vendor-completions/_fencepost", cli::zsh_completion(tree));
        write(share / "fish/vendor_completions.d/fencepost.fish", cli::fish_completion(tree));
        write(std::filesystem::path(argv[1]) / "fencepost.yaml", cli::sample_config("/var/lib/fencepost"));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fencepost-manuals: %s\n", error.what());
        return 1;
    }
    return 0;
}
