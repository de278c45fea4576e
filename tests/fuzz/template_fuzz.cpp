#include "base/error.h"
#include "template/template.h"
#include "value/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const fencepost::Value values = fencepost::parse_json(
        R"({"s": "a b", "i": 7, "f": 2.5, "l": [3, "x", null], "m": {"a": 1, "n": {"x": []}}, "t": true})");
    try {
        const auto parsed =
            fencepost::tmpl::Template::parse("config", text, fencepost::tmpl::FunctionSet::kKanister);
        (void)parsed->to_text();
        (void)parsed->render(values, {.max_steps = 2'000,
                                      .max_output_bytes = 1 << 16,
                                      .max_kept_bytes = 1 << 20,
                                      .max_depth = 50,
                                      .max_time = std::chrono::milliseconds(500)});
    } catch (const fencepost::Error&) {
    }
    return 0;
}
