// Fills a data folder with objects for the load bench, and says what one costs: time, memory, disk.
//
//     build/bin/bench_objects FOLDER [COUNT]     1,000,000 labelled Secrets
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cluster/local/local_cluster.h"
#include "value/yaml.h"

namespace fencepost {
namespace {

std::size_t resident_bytes() {
    std::size_t pages = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void fill(const std::filesystem::path& folder, int count) {
    SystemClock clock;
    Log log(2, Log::Format::kText, LogLevel::kError);
    const auto cluster =
        cluster::local::open_local_cluster({.data_dir = folder, .run_pods = false}, clock, log);
    const std::size_t before = resident_bytes();
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        cluster->create(
            cluster::types::kSecrets,
            parse_yaml_value("metadata: {name: s-" + number + ", namespace: default, labels: {app: a" +
                             std::to_string(i % 1'000) + ", tier: t" + std::to_string(i % 7) +
                             "}}\nstringData: {password: p" + number + "}"),
            {.may_be_lost = true});
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    std::printf("%d Secrets stored in %.1f s, %.0f a second; %.0f bytes of memory each\n", count, seconds,
                count / seconds, static_cast<double>(resident_bytes() - before) / count);
}

}  // namespace
}  // namespace fencepost

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: bench_objects FOLDER [COUNT]\n", stderr);
        return 2;
    }
    try {
        fencepost::fill(argv[1], argc > 2 ? std::atoi(argv[2]) : 1'000'000);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_objects: %s\n", e.what());
        return 1;
    }
    return 0;
}
