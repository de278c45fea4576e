#include "location/key.h"

#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "location/location.h"

namespace fencepost::location {
namespace {

[[noreturn]] void refuse(std::string_view key, std::string_view why) {
    std::string shown;
    for (const char c : key.substr(0, 80)) shown += (c < 0x20 || c == 0x7F) ? '?' : c;
    throw Error(ErrorKind::kInvalid, "'" + shown + "' is no object key: " + std::string(why));
}

void check_characters(std::string_view key) {
    if (key.size() > kMaxKeyBytes) refuse(key, "it is longer than 1,024 bytes");
    if (key.starts_with('/')) refuse(key, "it starts with '/'");
    for (std::size_t at = 0; at < key.size();) {
        const Rune found = decode_rune(key, at);
        if (!found.is_valid()) refuse(key, "it is not UTF-8");
        if (found.rune < 0x20 || found.rune == 0x7F) refuse(key, "it has a control character");
        if (found.rune == '\\') refuse(key, "it has a backslash");
        at += found.length;
    }
}

std::vector<std::string_view> parts_of(std::string_view path) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t slash = path.find('/');
        parts.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return parts;
        path.remove_prefix(slash + 1);
    }
}

// Resolves "", "." and ".."; the root of the path is a wall.
std::string resolve(std::string_view path, std::string_view what) {
    std::vector<std::string_view> kept;
    for (const std::string_view part : parts_of(path)) {
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            kept.push_back(part);
            continue;
        }
        if (kept.empty()) {
            throw Error(ErrorKind::kInvalid,
                        "the " + std::string(what) + " '" + std::string(path) + "' leads out of its root",
                        "leave out the leading \"..\"");
        }
        kept.pop_back();
    }
    std::string joined;
    for (const std::string_view part : kept) {
        if (!joined.empty()) joined += '/';
        joined += part;
    }
    return joined;
}

}  // namespace

void check_key(std::string_view key) {
    if (key.empty()) refuse(key, "it is empty");
    check_characters(key);
    for (const std::string_view part : parts_of(key)) {
        if (part.empty()) refuse(key, "it has an empty part ('//', or '/' at the end)");
        if (part == "." || part == "..") refuse(key, "'.' and '..' are no names");
    }
}

void check_key_prefix(std::string_view prefix) {
    check_characters(prefix);
    auto parts = parts_of(prefix);
    parts.pop_back();  // may be the start of a name
    for (const std::string_view part : parts) {
        if (part.empty()) refuse(prefix, "it has an empty part ('//')");
        if (part == "." || part == "..") refuse(prefix, "'.' and '..' are no names");
    }
}

std::string join_key(std::string_view prefix, std::string_view path) {
    std::string joined = resolve(prefix, "prefix");
    const std::string below = resolve(path, "path");
    if (!joined.empty() && !below.empty()) joined += '/';
    joined += below;
    return joined;
}

}  // namespace fencepost::location
