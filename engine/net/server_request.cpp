#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "base/encodings.h"
#include "net/http_server.h"

namespace fencepost::net {
namespace {

std::string decode_form(std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return url_decode(spaced);
}

// The next value of that name; `query` is left with what follows it.
std::optional<std::string_view> find_parameter(std::string_view& query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        if (decode_form(pair.substr(0, equals)) == name)
            return pair.substr(std::min(equals + 1, pair.size()));
    }
    return std::nullopt;
}

}  // namespace

std::string_view ServerRequest::header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
        if (equal_without_case(key, name)) return value;
    }
    return {};
}

std::string ServerRequest::query_parameter(std::string_view name) const {
    std::string_view rest = query;
    const auto found = find_parameter(rest, name);
    return found ? decode_form(*found) : std::string();
}

bool ServerRequest::has_query_parameter(std::string_view name) const {
    std::string_view rest = query;
    return find_parameter(rest, name).has_value();
}

std::vector<std::string> ServerRequest::query_parameters(std::string_view name) const {
    std::vector<std::string> values;
    std::string_view rest = query;
    while (const auto found = find_parameter(rest, name)) values.push_back(decode_form(*found));
    return values;
}

}  // namespace fencepost::net
