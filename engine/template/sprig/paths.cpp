#include <algorithm>

#include "template/sprig/sprig.h"

namespace fencepost::tmpl::sprig {

namespace {

const std::string& str(const Value* value) { return value->as_string(); }

// Go's path.Clean: lexical, shortest equivalent.
std::string clean(std::string_view path) {
    if (path.empty()) return ".";
    const bool rooted = path[0] == '/';
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t slash = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, slash - at);
        at = slash + 1;
        if (part.empty() || part == ".") continue;
        if (part == ".." && !parts.empty() && parts.back() != "..")
            parts.pop_back();
        else if (part != ".." || !rooted)
            parts.push_back(part);
    }
    std::string out = rooted ? "/" : "";
    for (std::size_t i = 0; i < parts.size(); ++i) out += (i > 0 ? "/" : "") + std::string(parts[i]);
    return out.empty() ? "." : out;
}

std::string base(std::string_view path) {
    if (path.empty()) return ".";
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    const std::size_t slash = path.rfind('/');
    if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
    return path.empty() ? "/" : std::string(path);
}

std::string extension(std::string_view path) {
    const std::size_t dot = path.find_last_of("./");
    return dot == std::string_view::npos || path[dot] == '/' ? "" : std::string(path.substr(dot));
}

constexpr Param S = Param::kString;

const FunctionEntry kTable[] = {
    {.name = "base", .params = {S}, .call = [](Arguments a) { return Value(base(str(a[0]))); }},
    {.name = "clean", .params = {S}, .call = [](Arguments a) { return Value(clean(str(a[0]))); }},
    {.name = "dir",
     .params = {S},
     .call =
         [](Arguments a) {
             const std::size_t slash = str(a[0]).rfind('/');
             return Value(
                 clean(slash == std::string::npos ? "" : std::string_view(str(a[0])).substr(0, slash + 1)));
         }},
    {.name = "ext", .params = {S}, .call = [](Arguments a) { return Value(extension(str(a[0]))); }},
    {.name = "isAbs", .params = {S}, .call = [](Arguments a) { return Value(str(a[0]).starts_with("/")); }},
};

}  // namespace

Table paths() { return kTable; }

}  // namespace fencepost::tmpl::sprig
