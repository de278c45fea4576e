#include "run/render.h"

#include "base/error.h"

namespace fencepost::run {
namespace {

constexpr std::string_view kNoEntry = "map has no entry for key ";

}  // namespace

bool says_true(std::string_view text) noexcept {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    return begin != std::string_view::npos && text.substr(begin, end - begin + 1) == "true";
}

std::string Renderer::text(std::string_view text, const Value& params) const {
    if (text.find("{{") == std::string_view::npos) return std::string(text);
    try {
        return cache_.get("config", text, tmpl::FunctionSet::kKanister)->render(params);
    } catch (Error& e) {
        // Kanister's words first: people and tools look for them.
        const auto at = e.message().find(kNoEntry);
        if (at != std::string::npos)
            e.add_trace("Failed to render template: " + e.message().substr(at + kNoEntry.size()) +
                        " not found");
        throw;
    }
}

Value Renderer::value(const Value& value, const Value& params, const std::string& place) const {
    const auto in = [&](const std::string& inner, const auto& work) {
        try {
            return work();
        } catch (Error& e) {
            if (place.empty()) e.add_trace("in '" + inner + "'");
            throw;
        }
    };
    switch (value.kind()) {
        case Kind::kString:
            return text(value.as_string(), params);
        case Kind::kList: {
            List result;
            for (const Value& item : value.as_list()) {
                const std::string inner = place + "[" + std::to_string(result.size()) + "]";
                result.push_back(in(inner, [&] { return this->value(item, params, inner); }));
            }
            return result;
        }
        case Kind::kMap: {
            Map result;
            for (const auto& [key, item] : value.as_map()) {
                const std::string inner = place.empty() ? key : place + "." + key;
                result.set(in(inner, [&] { return text(key, params); }),
                           in(inner, [&] { return this->value(item, params, inner); }));
            }
            return result;
        }
        default:
            return value;
    }
}

}  // namespace fencepost::run
