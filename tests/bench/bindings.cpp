// Which binding is for an object, among 1,000: the index's build, all of 1,000,000 labelled objects, and one
// decision after a change; beside it the same without the index.
//
//     build/bin/bench_bindings [OBJECTS [BINDINGS]]
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "binding/index.h"
#include "value/yaml.h"

namespace fencepost::binding {
namespace {

using Steady = std::chrono::steady_clock;

std::size_t resident_bytes() {
    std::size_t pages = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

double seconds_since(Steady::time_point began) {
    return std::chrono::duration<double>(Steady::now() - began).count();
}

// By label as most are, some by namespace or by what is not there.
std::vector<Candidate> make_candidates(int count) {
    std::vector<Candidate> candidates;
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        std::string items = "[{type: {operator: In, values: [{resource: secrets}]}}, ";
        if (i % 20 == 0)
            items += "{namespace: {operator: In, values: [ns" + number + "]}}]";
        else
            items += "{labels: {key: app, operator: In, values: [a" + number +
                     "]}}, {annotations: {key: skip, operator: DoesNotExist}}]";
        candidates.push_back(read_candidate(
            parse_yaml_value("metadata: {name: b" + number +
                             ", namespace: default, creationTimestamp: '2026-01-01T00:00:00Z'}\nspec: "
                             "{blueprintRef: {name: bp, namespace: default}, resources: {matchAll: " +
                             items + "}}"),
            "default"));
        if (!candidates.back().is_usable()) throw std::runtime_error("a binding cannot be read");
    }
    return candidates;
}

Value make_object(int i, int shift) {
    const std::string number = std::to_string(i);
    return parse_yaml_value("metadata: {name: s-" + number + ", namespace: ns" + std::to_string(i % 2'000) +
                            ", labels: {app: a" + std::to_string((i + shift) % 2'000) + ", tier: t" +
                            std::to_string(i % 7) + ", owner: team" + std::to_string(i % 50) + "}}");
}

void bench(int objects, int bindings) {
    const cluster::ResourceDescription secrets{.type = cluster::types::kSecrets, .kind = "Secret"};
    const std::vector<cluster::ResourceDescription> served{secrets};
    const std::vector<Candidate> candidates = make_candidates(bindings);
    const std::size_t before = resident_bytes();
    auto began = Steady::now();
    const Index index(candidates);
    std::printf("index of %d bindings               %8.2f ms   %.2f bytes an object\n", bindings,
                seconds_since(began) * 1e3, static_cast<double>(resident_bytes() - before) / objects);

    double all = 0;
    int bound = 0;
    std::vector<double> one;
    for (int i = 0; i < objects; ++i) {
        Value object = make_object(i, 0);
        const auto at = Steady::now();
        bound +=
            choose(index, make_subject(std::move(object), secrets, served), "default").has_value() ? 1 : 0;
        const double took = seconds_since(at);
        all += took;
        one.push_back(took * 1e6);
    }
    std::sort(one.begin(), one.end());
    std::printf("%d objects decided             %8.2f s    %d are bound\n", objects, all, bound);
    std::printf("one decision after a change          p50 %.2f us   p99 %.2f us (aim 50)\n",
                one[one.size() / 2], one[one.size() * 99 / 100]);

    constexpr int kSome = 300;
    began = Steady::now();
    for (int i = 0; i < kSome; ++i)
        (void)choose(candidates, make_subject(make_object(i, 1), secrets, served), "default");
    std::printf("one decision without the index       mean %.0f us\n", seconds_since(began) * 1e6 / kSome);
}

}  // namespace
}  // namespace fencepost::binding

int main(int argc, char** argv) {
    try {
        fencepost::binding::bench(argc > 1 ? std::atoi(argv[1]) : 1'000'000,
                                  argc > 2 ? std::atoi(argv[2]) : 1'000);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_bindings: %s\n", e.what());
        return 1;
    }
    return 0;
}
