#include "value/format.h"
#include "value/go_type.h"
#include "value/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<fencepost::Value> arguments{
        fencepost::Value(-7),
        fencepost::Value(2.5),
        fencepost::Value("h\xc3\xa9 \xff"),
        fencepost::Value(fencepost::Bytes{"b\x00"}),
        fencepost::parse_json(R"({"a": [1, null, {"b": true}]})"),
        fencepost::Value(),
        fencepost::Value(fencepost::Time{}),
        fencepost::Value(std::uint64_t{9}, fencepost::go::kUint8)};
    // The first byte is where the arguments begin.
    const std::size_t first = size == 0 ? 0 : data[0] % arguments.size();
    const std::string_view format(reinterpret_cast<const char*>(data) + (size > 0 ? 1 : 0),
                                  size > 0 ? size - 1 : 0);
    // Widths are a format's to choose: what they may make of it is bounded by the template's budgets, not
    // here.
    std::size_t digits = 0;
    for (const char c : format) {
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        if (digits > 3 || c == '*') return 0;
    }
    (void)fencepost::go_sprintf(format, std::span(arguments).subspan(first));
    return 0;
}
