// What a render costs: cases (JSON lines, tests/conformance/cases/README.md) on stdin, and as JSON the mean
// nanoseconds, allocations and allocated bytes of parsing and executing, and of executing alone. With
// `parse+execute N` or `execute N` it does that alone, N times with each, for somebody who counts
// instructions. tests/bench/template.py puts Go beside.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "template/json_lines.h"
#include "template/template.h"
#include "value/json.h"

namespace {

std::size_t g_allocations = 0;
std::size_t g_allocated = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++g_allocations;
    g_allocated += size;
    void* memory = std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace fencepost {
namespace {

using Steady = std::chrono::steady_clock;

// Runs all of them, again and again for half a second.
Value timed(std::size_t count, const std::function<void(std::size_t)>& render) {
    for (std::size_t i = 0; i < count; ++i) render(i);
    const std::size_t allocations = g_allocations;
    const std::size_t allocated = g_allocated;
    const auto began = Steady::now();
    double renders = 0;
    while (Steady::now() - began < std::chrono::milliseconds(500)) {
        for (std::size_t i = 0; i < count; ++i) render(i);
        renders += static_cast<double>(count);
    }
    const double spent = std::chrono::duration<double, std::nano>(Steady::now() - began).count();
    return Value(Map{{"ns", spent / renders},
                     {"allocations", static_cast<double>(g_allocations - allocations) / renders},
                     {"bytes", static_cast<double>(g_allocated - allocated) / renders}});
}

}  // namespace
}  // namespace fencepost

int main(int argc, char** argv) {
    using namespace fencepost;
    std::vector<std::string> texts;
    std::vector<Value> data;
    std::vector<std::shared_ptr<const tmpl::Template>> parsed;
    for (std::string line; std::getline(std::cin, line);) {
        const Value request = parse_json(line);
        texts.push_back(request["template"].as_string());
        data.push_back(tmpl::decode_tagged(request["data"]));
        parsed.push_back(tmpl::Template::parse("config", texts.back(), tmpl::FunctionSet::kKanister));
    }
    std::size_t written = 0;
    const auto execute = [&](std::size_t i) { written += parsed[i]->render(data[i]).size(); };
    const auto parse_and_execute = [&](std::size_t i) {
        written +=
            tmpl::Template::parse("config", texts[i], tmpl::FunctionSet::kKanister)->render(data[i]).size();
    };
    if (argc == 3) {
        const bool is_execution = std::string(argv[1]) == "execute";
        for (int round = 0; round < std::stoi(argv[2]); ++round) {
            for (std::size_t i = 0; i < texts.size(); ++i) is_execution ? execute(i) : parse_and_execute(i);
        }
    } else {
        Map result;
        result.set("parse+execute", timed(texts.size(), parse_and_execute));
        result.set("execute", timed(texts.size(), execute));
        std::puts(to_json(Value(std::move(result))).c_str());
    }
    return written == 0 && argc != 3 ? 1 : 0;
}
