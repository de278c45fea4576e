#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
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

Value url_parse(Arguments a) {
    std::string_view rest = str(a[0]);
    const auto take = [&](char mark) {
        const std::size_t at = rest.find(mark);
        std::string part;
        if (at != std::string_view::npos) {
            part = rest.substr(at + 1);
            rest = rest.substr(0, at);
        }
        return part;
    };
    Map url;
    try {
        url.set("fragment", url_decode(take('#')));
        std::string scheme;
        if (const std::size_t colon = rest.find(':');
            colon != std::string_view::npos && colon > 0 && rest.find_first_of("/?") > colon) {
            scheme = rest.substr(0, colon);
            rest.remove_prefix(colon + 1);
            std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        }
        url.set("scheme", scheme);
        url.set("query", take('?'));
        std::string host;
        std::string user;
        std::string opaque;
        if (!scheme.empty() && !rest.empty() && rest[0] != '/') {
            opaque = rest;
            rest = {};
        } else if (rest.starts_with("//")) {
            rest.remove_prefix(2);
            const std::size_t slash = std::min(rest.find('/'), rest.size());
            host = rest.substr(0, slash);
            rest.remove_prefix(slash);
            if (const std::size_t at = host.rfind('@'); at != std::string::npos) {
                user = host.substr(0, at);
                host.erase(0, at + 1);
            }
        }
        url.set("host", host);
        url.set("hostname", host.substr(0, host.rfind(':')));
        url.set("opaque", opaque);
        url.set("path", url_decode(rest));
        url.set("userinfo", user);
    } catch (const Error& e) {
        fail("unable to parse url: parse \"" + str(a[0]) + "\": " + e.message());
    }
    return Value(std::move(url));
}

std::string text_member(const Value& map, std::string_view key) {
    const Value* member = map.find(key);
    if (member == nullptr) return "";
    if (!member->is_string())
        fail("unable to parse " + std::string(key) + " key, must be of type string, but " +
             kind_name(*member) + " found");
    return member->as_string();
}

Value url_join(Arguments a) {
    const std::string scheme = text_member(*a[0], "scheme");
    const std::string host = text_member(*a[0], "host");
    const std::string user = text_member(*a[0], "userinfo");
    const std::string opaque = text_member(*a[0], "opaque");
    const std::string query = text_member(*a[0], "query");
    const std::string fragment = text_member(*a[0], "fragment");
    std::string path = text_member(*a[0], "path");
    std::string out = scheme.empty() ? "" : scheme + ":";
    if (!opaque.empty()) {
        out += opaque;
    } else {
        if (!scheme.empty() || !host.empty() || !user.empty()) {
            if (!host.empty() || !path.empty() || !user.empty()) out += "//";
            if (!user.empty()) out += user + "@";
            out += host;
        }
        if (!path.empty() && path[0] != '/' && !host.empty()) path.insert(0, "/");
        out += url_encode(path, true);
    }
    if (!query.empty()) out += "?" + query;
    if (!fragment.empty()) out += "#" + url_encode(fragment, true);
    return Value(std::move(out));
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
    {.name = "urlJoin", .params = {Param::kMap}, .call = url_join},
    {.name = "urlParse", .params = {S}, .call = url_parse},
};

}  // namespace

Table paths() { return kTable; }

}  // namespace fencepost::tmpl::sprig
