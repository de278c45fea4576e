// What the tests of the command line stand on: a folder for files, and a run of the command line in this
// process.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/encodings.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "functions/catalog.h"

namespace fencepost {

// A folder with files in it, for as long as a test runs.
struct Folder {
    Folder() : path(std::filesystem::temp_directory_path() / ("fencepost-cli-" + random_name_suffix(8))) {
        std::filesystem::create_directories(path);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name) << text;
        return (path / name).string();
    }
    std::filesystem::path path;
};

// What the program writes to stdout or stderr while `work` runs.
inline std::string captured(int fd, const std::function<void()>& work) {
    const Folder folder;
    const std::string file = (folder.path / "out").string();
    std::fflush(nullptr);
    const int saved = ::dup(fd);
    const int to = ::open(file.c_str(), O_CREAT | O_WRONLY, 0600);
    ::dup2(to, fd);
    ::close(to);
    work();
    std::fflush(nullptr);
    ::dup2(saved, fd);
    ::close(saved);
    std::ifstream input(file);
    return {std::istreambuf_iterator<char>(input), {}};
}

struct Result {
    int code = 0;
    std::string output;
    std::string errors;
};

inline Result fencepost_cli(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "fencepost");
    const run::Catalog catalog = functions::catalog();
    cli::World world;
    world.catalog = &catalog;
    world.make_http_client = [] { return net::make_http_client(); };
    world.serve = [](const cli::ServeOptions& options) {
        cli::print(options.data_dir + " " + options.host + " " + std::to_string(options.port) + "\n");
        return 0;
    };
    world.version = "1.2.3";
    Result result;
    result.errors = captured(2, [&] {
        result.output = captured(
            1, [&] { result.code = cli::run(static_cast<int>(arguments.size()), arguments.data(), world); });
    });
    return result;
}

}  // namespace fencepost
