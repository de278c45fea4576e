// URLs as Go's net/url reads and writes them.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "template/sprig/sprig.h"
#include "value/format.h"

namespace fencepost::tmpl::sprig {

namespace {

// What stands for itself in a part of a URL, beside letters, digits and "-_.~".
enum class Part { kPath, kHost, kUser, kFragment };
constexpr std::string_view kPlain[] = {"$&+,/:;=@", "!\"$&'()*+,:;<=>[]", "$&+,;=", "!$&()*+,/:;=?@"};

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_plain(char c, Part part) {
    return is_alphanumeric(c) || std::string_view("-_.~").find(c) != std::string_view::npos ||
           kPlain[static_cast<std::size_t>(part)].find(c) != std::string_view::npos;
}

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

std::string escape(std::string_view text, Part part) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_plain(c, part)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 15U];
        }
    }
    return out;
}

std::string unescape(std::string_view text, Part part) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c != '%') {
            if (part == Part::kHost && static_cast<unsigned char>(c) < 0x80 && !is_plain(c, part))
                fail("invalid character " + go_quote(text.substr(at, 1)) + " in host name");
            out += c;
            continue;
        }
        const std::string_view escaped = text.substr(at, 3);
        const bool is_escape =
            escaped.size() == 3 && hex_digit(escaped[1]) >= 0 && hex_digit(escaped[2]) >= 0;
        // In a host only what is not ASCII may be escaped, and a "%" before a zone.
        if (!is_escape || (part == Part::kHost && hex_digit(escaped[1]) < 8 && escaped != "%25"))
            fail("invalid URL escape " + go_quote(escaped));
        out += static_cast<char>(hex_digit(escaped[1]) * 16 + hex_digit(escaped[2]));
        at += 2;
    }
    return out;
}

struct User {
    std::string name;
    std::optional<std::string> password;
    [[nodiscard]] std::string text() const {
        return escape(name, Part::kUser) + (password ? ":" + escape(*password, Part::kUser) : "");
    }
};

struct Url {
    std::string scheme, opaque, host, path, query, fragment;
    std::optional<User> user;
};

// Takes what is before a separator, and leaves what is after the first one.
std::string_view take_until(std::string_view& rest, char separator) {
    const std::size_t at = std::min(rest.find(separator), rest.size());
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return part;
}

std::string take_scheme(std::string_view& rest) {
    for (std::size_t at = 0; at < rest.size(); ++at) {
        const char c = rest[at];
        if (c == ':') {
            if (at == 0) fail("missing protocol scheme");
            std::string scheme(rest.substr(0, at));
            std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](char letter) {
                return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
            });
            rest.remove_prefix(at + 1);
            return scheme;
        }
        const bool is_letter = is_alphanumeric(c) && !(c >= '0' && c <= '9');
        const bool may_follow = is_alphanumeric(c) || c == '+' || c == '-' || c == '.';
        if (!is_letter && (at == 0 || !may_follow)) return "";
    }
    return "";
}

void require_port(std::string_view port) {
    const bool is_port =
        port.empty() || (port[0] == ':' && port.find_first_not_of("0123456789", 1) == std::string_view::npos);
    if (!is_port) fail("invalid port " + go_quote(port) + " after host");
}

std::string parse_host(const std::string& scheme, std::string_view host) {
    const std::size_t open = host.rfind('[');
    if (open != std::string_view::npos) {
        if (open > 0) fail("invalid IP-literal");
        const std::size_t close = host.rfind(']');
        if (close == std::string_view::npos) fail("missing ']' in host");
        require_port(host.substr(close + 1));
        const std::string name = unescape(host.substr(1, close - 1), Part::kHost);
        std::array<char, 16> address{};
        const std::string bare = name.substr(0, name.find('%'));
        if (inet_pton(AF_INET, bare.c_str(), address.data()) == 1) fail("invalid IP-literal");
        if (inet_pton(AF_INET6, bare.c_str(), address.data()) != 1)
            fail("invalid host: ParseAddr(" + go_quote(name) + "): unable to parse IP");
        return "[" + name + "]" + std::string(host.substr(close + 1));
    }
    if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
        const bool is_web = scheme == "http" || scheme == "https";
        require_port(host.substr(is_web ? colon : host.rfind(':')));
    }
    return unescape(host, Part::kHost);
}

User parse_user(std::string_view text) {
    for (const char c : text) {
        if (!is_alphanumeric(c) && std::string_view("-._:~!$&'()*+,;=%@").find(c) == std::string_view::npos)
            fail("net/url: invalid userinfo");
    }
    User user;
    const bool has_password = text.find(':') != std::string_view::npos;
    user.name = unescape(take_until(text, ':'), Part::kUser);
    if (has_password) user.password = unescape(text, Part::kUser);
    return user;
}

// All but the fragment.
Url parse_rest(std::string_view rest) {
    if (std::any_of(rest.begin(), rest.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; }))
        fail("net/url: invalid control character in URL");
    Url url;
    if (rest == "*") {
        url.path = "*";
        return url;
    }
    url.scheme = take_scheme(rest);
    std::string_view before_query = take_until(rest, '?');
    url.query = rest;
    rest = before_query;
    if (!rest.starts_with('/')) {
        if (!url.scheme.empty()) {
            url.opaque = rest;
            return url;
        }
        if (rest.substr(0, rest.find('/')).find(':') != std::string_view::npos)
            fail("first path segment in URL cannot contain colon");
    }
    if (rest.starts_with("//") && (!url.scheme.empty() || !rest.starts_with("///"))) {
        rest.remove_prefix(2);
        std::string_view authority = rest.substr(0, rest.find('/'));
        rest.remove_prefix(authority.size());
        const std::size_t at = authority.rfind('@');
        url.host =
            parse_host(url.scheme, at == std::string_view::npos ? authority : authority.substr(at + 1));
        if (at != std::string_view::npos) url.user = parse_user(authority.substr(0, at));
    }
    url.path = unescape(rest, Part::kPath);
    return url;
}

Url parse_url(const std::string& text, const std::string& failure) {
    std::string_view fragment = text;
    const std::string before_fragment(take_until(fragment, '#'));
    const auto stage = [&](const std::string& what, auto work) {
        try {
            return work();
        } catch (const Error& e) {
            fail(failure + ": parse " + go_quote(what) + ": " + e.message());
        }
    };
    Url url = stage(before_fragment, [&] { return parse_rest(before_fragment); });
    url.fragment = stage(text, [&] { return unescape(fragment, Part::kFragment); });
    return url;
}

std::string host_name(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos &&
        host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos)
        host = host.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return std::string(host);
}

Value url_parse(Arguments a) {
    const Url url = parse_url(a[0]->as_string(), "unable to parse url");
    return Value(Map{{"fragment", url.fragment},
                     {"host", url.host},
                     {"hostname", host_name(url.host)},
                     {"opaque", url.opaque},
                     {"path", url.path},
                     {"query", url.query},
                     {"scheme", url.scheme},
                     {"userinfo", url.user ? url.user->text() : ""}});
}

std::string text_of(const Url& url) {
    std::string text = url.scheme.empty() ? "" : url.scheme + ":";
    if (!url.opaque.empty()) {
        text += url.opaque;
    } else {
        if (!url.host.empty() || url.user || (!url.scheme.empty() && !url.path.empty())) text += "//";
        if (url.user) text += url.user->text() + "@";
        text += escape(url.host, Part::kHost);
        const std::string path = url.path == "*" ? "*" : escape(url.path, Part::kPath);
        if (!path.empty() && path[0] != '/' && !url.host.empty()) text += '/';
        // What looks like a scheme must not become one.
        if (text.empty() && path.substr(0, path.find('/')).find(':') != std::string::npos) text += "./";
        text += path;
    }
    if (!url.query.empty()) text += "?" + url.query;
    if (!url.fragment.empty()) text += "#" + escape(url.fragment, Part::kFragment);
    return text;
}

std::string text_member(const Value& map, std::string_view key) {
    const Value* member = map.find(key);
    if (member == nullptr) return "";
    if (is_untyped_nil(*member)) fail("runtime error: invalid memory address or nil pointer dereference");
    if (!member->is_string())
        fail("unable to parse " + std::string(key) + " key, must be of type string, but " +
             kind_name(*member) + " found");
    return member->as_string();
}

Value url_join(Arguments a) {
    Url url;
    url.scheme = text_member(*a[0], "scheme");
    url.host = text_member(*a[0], "host");
    url.path = text_member(*a[0], "path");
    url.query = text_member(*a[0], "query");
    url.opaque = text_member(*a[0], "opaque");
    url.fragment = text_member(*a[0], "fragment");
    if (const std::string user = text_member(*a[0], "userinfo"); !user.empty())
        url.user = parse_url("proto://" + user + "@host", "unable to parse userinfo in dict").user;
    return Value(text_of(url));
}

const FunctionEntry kTable[] = {
    {.name = "urlJoin", .params = {Param::kMap}, .call = url_join},
    {.name = "urlParse", .params = {Param::kString}, .call = url_parse},
};

}  // namespace

Table urls() { return kTable; }

}  // namespace fencepost::tmpl::sprig
