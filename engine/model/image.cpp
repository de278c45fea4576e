#include "model/image.h"

#include <algorithm>

namespace fencepost::model {
namespace {

constexpr std::size_t kMaxTag = 128;
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMinDigest = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }

template <typename Predicate>
bool all_of(std::string_view text, Predicate predicate) {
    return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

// Lower-case words with one dot, one or two underscores, or dashes between them.
bool is_path_component(std::string_view text) {
    const auto is_alphanumeric = [](char c) { return is_digit(c) || is_lower(c); };
    if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && !is_alphanumeric(text[end])) ++end;
        const std::string_view between = text.substr(at, end - at);
        const bool is_separator = between.empty() || between == "." || between == "_" || between == "__" ||
                                  all_of(between, [](char c) { return c == '-'; });
        if (!is_separator) return false;
        at = end + 1;
    }
    return true;
}

bool is_host(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    const std::string_view name = text.substr(0, colon);
    if (colon != std::string_view::npos && !all_of(text.substr(colon + 1), is_digit)) return false;
    return all_of(name, [](char c) { return is_word(c) || c == '.' || c == '-'; }) && is_word(name.front()) &&
           is_word(name.back());
}

// The first part is a host where it cannot be a folder of the default registry.
bool looks_like_host(std::string_view first) {
    return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
           std::any_of(first.begin(), first.end(), is_upper);
}

std::string_view without_digest(std::string_view reference) {
    return reference.substr(0, reference.find('@'));
}

// Where the tag's colon is: a host's port stands before the last slash. npos: there is none.
std::size_t colon_of_tag(std::string_view named) {
    const std::size_t slash = named.rfind('/');
    return named.find(':', slash == std::string_view::npos ? 0 : slash);
}

std::string problem_of_name(std::string_view name) {
    if (name.empty()) return "it has no name";
    if (name.size() > kMaxName) return "its name is longer than 255 bytes";
    if (const std::size_t slash = name.find('/');
        slash != std::string_view::npos && looks_like_host(name.substr(0, slash))) {
        if (!is_host(name.substr(0, slash)))
            return "'" + std::string(name.substr(0, slash)) + "' is no host of a registry";
        name.remove_prefix(slash + 1);
    }
    while (true) {
        const std::size_t slash = name.find('/');
        const std::string_view part = name.substr(0, slash);
        if (!is_path_component(part))
            return "'" + std::string(part) +
                   "' is no part of a name: lower-case letters and digits, with ., _ "
                   "or - between them";
        if (slash == std::string_view::npos) return {};
        name.remove_prefix(slash + 1);
    }
}

std::string problem_of_digest(std::string_view digest) {
    const std::size_t colon = digest.find(':');
    const bool is_fine =
        colon != std::string_view::npos &&
        all_of(digest.substr(0, colon),
               [](char c) { return is_word(c) || c == '+' || c == '.' || c == '_' || c == '-'; }) &&
        digest.size() - colon > kMinDigest &&
        all_of(digest.substr(colon + 1), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
    return is_fine ? "" : "'" + std::string(digest) + "' is no digest, as in sha256:<64 hexadecimal digits>";
}

}  // namespace

std::string_view tag_of_image(std::string_view reference) noexcept {
    reference = without_digest(reference);
    const std::size_t colon = colon_of_tag(reference);
    return colon == std::string_view::npos ? std::string_view{} : reference.substr(colon + 1);
}

bool has_digest(std::string_view reference) noexcept { return reference.find('@') != std::string_view::npos; }

std::string problem_of_image(std::string_view reference) {
    const std::string_view named = without_digest(reference);
    if (named.size() < reference.size()) {
        if (std::string problem = problem_of_digest(reference.substr(named.size() + 1)); !problem.empty())
            return problem;
    }
    const std::size_t colon = colon_of_tag(named);
    if (colon != std::string_view::npos) {
        const std::string_view tag = named.substr(colon + 1);
        const bool is_fine =
            tag.size() <= kMaxTag &&
            all_of(tag, [](char c) { return is_word(c) || c == '_' || c == '.' || c == '-'; }) &&
            tag.front() != '.' && tag.front() != '-';
        if (!is_fine) return "'" + std::string(tag) + "' is no tag";
    }
    return problem_of_name(named.substr(0, colon));
}

std::vector<ImageUse> images_of(const Value& args) {
    std::vector<ImageUse> uses;
    const auto add = [&](std::string pointer, const Value& image) {
        if (!image.string_or("").empty()) uses.push_back({std::move(pointer), image.as_string()});
    };
    for (const auto& [name, value] : args.map_or_empty()) {
        if (name == "image" || name.ends_with("Image")) add("/" + name, value);
    }
    for (const char* list : {"containers", "initContainers"}) {
        std::size_t index = 0;
        for (const Value& container : args["podOverride"][list].list_or_empty())
            add("/podOverride/" + std::string(list) + "/" + std::to_string(index++) + "/image",
                container["image"]);
    }
    return uses;
}

}  // namespace fencepost::model
