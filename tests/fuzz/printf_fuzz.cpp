// A format and its operands (a JSON list after the first NUL): whatever they are, Go prints something.
#include <cstdlib>

#include "base/error.h"
#include "value/format.h"
#include "value/go_type.h"
#include "value/json.h"

using namespace fencepost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(text.find('\0'), text.size());
    Value operands;
    try {
        operands = parse_json(text.substr(std::min(end + 1, text.size())));
    } catch (const Error&) {
        return 0;
    }
    if (!operands.is_list()) return 0;
    List all = operands.as_list();
    all.push_back(Value(Bytes{"b\xff"}));
    all.push_back(Value(Time{}));
    all.push_back(Value(std::uint64_t{9}, go::kUint8));
    const std::string once = go_sprintf(text.substr(0, end), all);
    if (go_sprintf(text.substr(0, end), all) != once) std::abort();
    static_cast<void>(go_sprint(all));
    static_cast<void>(go_sprintln(all));
    return 0;
}
