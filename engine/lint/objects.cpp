// References to objects, and images: what names something that cannot be found, or not always the same.
#include <algorithm>

#include "lint/rule_set.h"
#include "model/image.h"

namespace fencepost::lint {
namespace {

using model::child;
using model::Severity;

void check_image(Document& document, const std::string& image, const std::string& pointer) {
    if (image.find("{{") != std::string::npos || model::has_digest(image)) return;
    const std::string_view tag = model::tag_of_image(image);
    if (!tag.empty() && tag != "latest") return;
    document.problems.warning(
        pointer, "image-tag",
        tag.empty() ? "the image '" + image + "' has no tag" : "the tag latest is another image every week",
        "name a version, so that a restore finds what the backup ran with");
}

bool is_reference(const Value& value) {
    const Value* version = value.find("apiVersion");
    return version != nullptr && version->is_string() && value.find("name") != nullptr &&
           value.find("metadata") == nullptr;
}

// In a reference, apiVersion is the version alone, as in Kanister.
void check_reference_version(Document& document, const Value& value, const std::string& pointer) {
    const std::string version = value["apiVersion"].string_or("");
    const std::size_t slash = version.find('/');
    if (slash == std::string::npos || version.find("{{") != std::string::npos) return;
    document.problems.error(
        child(pointer, "apiVersion"), "combined-api-version",
        "a reference's apiVersion is the version alone, not " + version,
        "group: " + version.substr(0, slash) + ", apiVersion: " + version.substr(slash + 1));
}

void walk_references(Document& document, const Value& value, const std::string& pointer) {
    if (value.is_map() && is_reference(value)) check_reference_version(document, value, pointer);
    std::size_t index = 0;
    for (const Value& item : value.list_or_empty()) walk_references(document, item, child(pointer, index++));
    for (const auto& [key, member] : value.map_or_empty())
        walk_references(document, member, child(pointer, key));
}

}  // namespace

void check_images(Document& document) {
    for (const PhasePlace& place : document.phases) {
        for (const model::ImageUse& use : model::images_of(place.args()))
            check_image(document, use.image, place.args_pointer() + use.pointer);
    }
}

void check_references(Document& document) {
    if (document.kind() == "Blueprint") walk_references(document, document.object()["actions"], "/actions");
    if (document.kind() == "ActionSet") walk_references(document, document.object()["spec"], "/spec");
}

}  // namespace fencepost::lint
