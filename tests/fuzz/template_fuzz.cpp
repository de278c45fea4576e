// A template and its data (JSON after the first NUL): it renders, is wrong, or goes beyond its budget; what
// its parse tree prints parses again.
#include <cstdlib>

#include "base/error.h"
#include "template/template.h"
#include "value/json.h"

using namespace fencepost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(text.find('\0'), text.size());
    Value params;
    try {
        params = parse_json(text.substr(std::min(end + 1, text.size())));
    } catch (const Error&) {
        params = Map{{"a", Value(List{1, "two", 3.5, nullptr})}, {"s", "text"}};
    }
    std::shared_ptr<const tmpl::Template> parsed;
    try {
        parsed = tmpl::Template::parse("fuzz", text.substr(0, end), tmpl::FunctionSet::kKanister);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInvalid && error.kind() != ErrorKind::kExhausted) std::abort();
        return 0;
    }
    static_cast<void>(tmpl::Template::parse("fuzz", parsed->to_text(), tmpl::FunctionSet::kKanister));
    const tmpl::RenderOptions budget{
        .missing_key = size % 2 == 0 ? tmpl::MissingKey::kError : tmpl::MissingKey::kZero,
        .max_steps = 20'000,
        .max_output_bytes = 100'000,
        .max_kept_bytes = std::size_t{8} << 20U,
        .max_time = std::chrono::milliseconds(500)};
    std::string output;
    try {
        parsed->render_to(output, params, budget);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInvalid && error.kind() != ErrorKind::kExhausted) std::abort();
    }
    if (output.size() > budget.max_output_bytes) std::abort();
    return 0;
}
