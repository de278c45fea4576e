#include "model/transform.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace fencepost::model {
namespace {

constexpr std::array<std::string_view, 6> kOperations{"test", "add", "remove", "copy", "move", "replace"};

// What nothing reads would do nothing, on the one night when it counts.
void only(const Value& map, const std::string& pointer, std::initializer_list<std::string_view> known,
          Problems& problems) {
    for (const Member& member : map.map_or_empty()) {
        if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
        problems.at_key(Severity::kError, child(pointer, member.key), "unknown-field",
                        "a transform has no '" + member.key + "' here");
    }
}

void check_path(const Value& path, const std::string& pointer, Problems& problems) {
    if (!path.string_or("").starts_with('/'))
        problems.error(pointer, "TRF-E05", "a path begins with /", "path: /spec/storageClassName");
}

void check_regex(const Value& operation, const std::string& op, const std::string& pointer,
                 Problems& problems) {
    const std::string regex = operation["regex"].string_or("");
    if (regex.empty()) return;
    if (op != "test" && op != "replace")
        problems.error(pointer, "TRF-E06", "a regex is for test and replace alone");
    if (const RE2 compiled(regex, RE2::Quiet); !compiled.ok())
        problems.error(pointer, "TRF-E07", "the regex cannot be read: " + compiled.error());
}

void check_operation(const Value& operation, const std::string& pointer, Problems& problems) {
    if (!problems.check(operation, pointer, Kind::kMap)) return;
    only(operation, pointer, {"op", "path", "from", "regex", "value"}, problems);
    const std::string op = operation["op"].string_or("");
    if (std::find(kOperations.begin(), kOperations.end(), op) == kOperations.end())
        problems.error(child(pointer, "op"), "TRF-E04",
                       "'" + op + "' is none of test, add, remove, copy, move, replace");
    check_path(operation["path"], child(pointer, "path"), problems);
    if (op == "copy" || op == "move") check_path(operation["from"], child(pointer, "from"), problems);
    if ((op == "add" || op == "replace") && operation.find("value") == nullptr)
        problems.error(pointer, "missing-field", op + " needs a value");
    check_regex(operation, op, child(pointer, "regex"), problems);
}

void check_reference(const Value& item, const std::string& pointer, SetReferences references,
                     Problems& problems) {
    const std::string place = child(pointer, "transformSetRef");
    if (references == SetReferences::kRefused)
        return problems.error(place, "TRF-E03", "a TransformSet is named by a RestoreAction alone",
                              "put the operations into `json`");
    const Value& reference = item["transformSetRef"];
    if (!problems.check(reference, place, Kind::kMap)) return;
    only(reference, place, {"name", "namespace"}, problems);
    (void)problems.require_text(reference["name"], child(place, "name"), "the TransformSet's name");
    (void)problems.check(reference["namespace"], child(place, "namespace"), Kind::kString);
    if (!item["subject"].is_nil() || !item["json"].is_nil())
        problems.error(place, "TRF-E03", "an item names a TransformSet, or has a subject and json: not both",
                       "make two items of it");
}

void check_subject(const Value& subject, const std::string& pointer, Problems& problems) {
    if (!subject.is_map() || subject.as_map().empty())
        return problems.error(pointer, "TRF-E02",
                              "a transform names what it is for: group, version, resource or name");
    only(subject, pointer, {"group", "version", "resource", "name", "matchLabels", "matchExpressions"},
         problems);
    for (const char* member : {"group", "version", "resource", "name"})
        (void)problems.check(subject[member], child(pointer, member), Kind::kString);
}

void check_item(const Value& item, const std::string& pointer, SetReferences references, Problems& problems) {
    if (!problems.check(item, pointer, Kind::kMap)) return;
    only(item, pointer, {"subject", "name", "json", "transformSetRef"}, problems);
    (void)problems.check(item["name"], child(pointer, "name"), Kind::kString);
    if (!item["transformSetRef"].is_nil()) return check_reference(item, pointer, references, problems);
    check_subject(item["subject"], child(pointer, "subject"), problems);
    const std::string json = child(pointer, "json");
    if (item["json"].is_nil()) return problems.error(pointer, "missing-field", "the transform has no json");
    if (!problems.check(item["json"], json, Kind::kList)) return;
    const List& operations = item["json"].as_list();
    for (std::size_t i = 0; i < operations.size(); ++i)
        check_operation(operations[i], child(json, i), problems);
}

}  // namespace

void check_transforms(const Value& transforms, const std::string& pointer, SetReferences references,
                      Problems& problems) {
    if (transforms.is_nil()) return;
    if (!transforms.is_list()) return problems.error(pointer, "TRF-E01", "transforms are a list");
    const List& items = transforms.as_list();
    for (std::size_t i = 0; i < items.size(); ++i)
        check_item(items[i], child(pointer, i), references, problems);
}

}  // namespace fencepost::model
