#include "model/image_map.h"

#include "base/error.h"
#include "model/image.h"

namespace fencepost::model {
namespace {

std::string_view without_tag(std::string_view reference) {
    const std::string_view tag = tag_of_image(reference);
    return tag.empty() ? reference : reference.substr(0, reference.size() - tag.size() - 1);
}

Error refused(std::string_view entry, const std::string& why) {
    return {ErrorKind::kInvalid, "'" + std::string(entry) + "' maps no image: " + why,
            "an entry is FROM=TO, as in ghcr.io/kanisterio/*=ghcr.io/fencepost/tools:0.1.0"};
}

// Throws where it is no reference without a digest.
void check(std::string_view entry, std::string_view reference) {
    if (has_digest(reference)) throw refused(entry, "'" + std::string(reference) + "' has a digest");
    if (const std::string problem = problem_of_image(reference); !problem.empty())
        throw refused(entry, problem + " in '" + std::string(reference) + "'");
}

}  // namespace

ImageMap ImageMap::parse(std::string_view text) {
    constexpr std::string_view kBetween = ", \t\r\n";
    ImageMap map;
    for (std::size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;) {
        const std::size_t end = text.find_first_of(kBetween, at);
        const std::string_view entry = text.substr(at, end == std::string_view::npos ? end : end - at);
        at = end == std::string_view::npos ? end : text.find_first_not_of(kBetween, end);
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos) throw refused(entry, "it has no '='");
        const std::string_view from = entry.substr(0, equals);
        Entry parsed{.from = std::string(from),
                     .repository = std::string(without_tag(from)),
                     .is_prefix = false,
                     .tag = std::string(tag_of_image(from)),
                     .to = std::string(entry.substr(equals + 1))};
        check(entry, parsed.to);
        parsed.is_prefix = parsed.repository.ends_with('*');
        if (parsed.is_prefix) parsed.repository.pop_back();
        if (!parsed.is_prefix) {
            check(entry, from);
        } else if (parsed.repository.find('*') != std::string::npos) {
            throw refused(entry, "an asterisk stands at the end of the repository alone");
        }
        map.entries_.push_back(std::move(parsed));
    }
    return map;
}

std::string ImageMap::text() const {
    std::string text;
    for (const Entry& entry : entries_) text += (text.empty() ? "" : ",") + entry.from + "=" + entry.to;
    return text;
}

std::string ImageMap::of(std::string_view reference) const {
    const std::string_view named = reference.substr(0, reference.find('@'));
    const std::string_view repository = without_tag(named);
    const std::string_view tag = tag_of_image(named);
    for (const Entry& entry : entries_) {
        const bool fits =
            entry.is_prefix ? repository.starts_with(entry.repository) : repository == entry.repository;
        if (!fits || (!entry.tag.empty() && entry.tag != tag)) continue;
        if (!tag_of_image(entry.to).empty() || tag.empty()) return entry.to;
        return entry.to + ":" + std::string(tag);
    }
    return std::string(reference);
}

}  // namespace fencepost::model
