#include "protect/transforms.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/error.h"
#include "cluster/json_patch.h"
#include "model/transform.h"

namespace fencepost::protect {
namespace {

std::string escaped(std::string_view key) {
    std::string text;
    for (const char c : key) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return text;
}

std::string unescaped(std::string_view token) {
    std::string text;
    for (std::size_t i = 0; i < token.size(); ++i) {
        const bool is_escape = token[i] == '~' && i + 1 < token.size();
        text += is_escape ? (token[++i] == '1' ? '/' : '~') : token[i];
    }
    return text;
}

const Value* child_of(const Value& parent, const std::string& token) {
    if (parent.is_map()) return parent.find(unescaped(token));
    const bool is_index =
        parent.is_list() && !token.empty() && token.size() < 10 &&
        std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_index) return nullptr;
    const std::size_t index = std::stoul(token);
    return index < parent.as_list().size() ? &parent.as_list()[index] : nullptr;
}

// The pointers that a path with `*` in it stands for; the last token need not be there.
void expand(const Value& at, std::string_view rest, const std::string& so_far,
            std::vector<std::string>& found) {
    if (rest.empty()) return found.push_back(so_far);
    const std::size_t end = std::min(rest.find('/', 1), rest.size());
    const std::string token(rest.substr(1, end - 1));
    const std::string_view after = rest.substr(end);
    if (token == "*") {
        for (const Member& member : at.map_or_empty())
            expand(member.value, after, so_far + "/" + escaped(member.key), found);
        for (std::size_t i = 0; i < at.list_or_empty().size(); ++i)
            expand(at.as_list()[i], after, so_far + "/" + std::to_string(i), found);
        return;
    }
    static const Value none;
    const Value* child = child_of(at, token);
    expand(child == nullptr ? none : *child, after, so_far + "/" + token, found);
}

const Value* value_at(const Value& document, std::string_view pointer) {
    const Value* at = &document;
    while (!pointer.empty() && at != nullptr) {
        const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
        at = child_of(*at, std::string(pointer.substr(1, end - 1)));
        pointer.remove_prefix(end);
    }
    return at;
}

// RE2 writes groups as \1.
std::string rewrite_of(std::string_view value) {
    std::string rewrite;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\\')
            rewrite += "\\\\";
        else if (value[i] == '$' && i + 1 < value.size() && value[i + 1] >= '0' && value[i + 1] <= '9')
            rewrite += '\\';
        else
            rewrite += value[i];
    }
    return rewrite;
}

}  // namespace

Transforms Transforms::read(const Value& list, const std::string& pointer, model::Problems& problems) {
    Transforms transforms;
    const std::size_t before = problems.all().size();
    model::check_transforms(list, pointer, model::SetReferences::kRefused, problems);
    if (problems.all().size() > before) return transforms;
    const List& items = list.list_or_empty();
    for (std::size_t i = 0; i < items.size(); ++i) {
        Transform transform{.name = items[i]["name"].string_or("number " + std::to_string(i + 1))};
        Value subject;
        subject["includeResources"].push_back(items[i]["subject"]);
        transform.fits =
            ResourceFilter::read(subject, model::child(model::child(pointer, i), "subject"), problems);
        for (const Value& one : items[i]["json"].list_or_empty()) {
            transform.operations.push_back({.op = one["op"].string_or(""),
                                            .path = one["path"].string_or(""),
                                            .from = one["from"].string_or(""),
                                            .regex = one["regex"].string_or(""),
                                            .value = one["value"]});
        }
        transforms.transforms_.push_back(std::move(transform));
    }
    return transforms;
}

Value Transforms::apply(const cluster::ResourceType& type, Value manifest) const {
    for (const Transform& transform : transforms_) {
        if (!transform.fits.accepts(type, manifest)) continue;
        for (const Operation& operation : transform.operations) {
            std::vector<std::string> paths;
            expand(manifest, operation.path, "", paths);
            // From the last one, so that what goes does not move those that come.
            std::reverse(paths.begin(), paths.end());
            bool goes_on = !(paths.empty() && operation.op == "test");
            for (const std::string& path : paths) {
                try {
                    goes_on = apply(operation, path, manifest) && goes_on;
                } catch (Error& e) {
                    e.add_trace("transform " + transform.name + ": " + operation.op + " " + path + " of " +
                                type.resource + "/" + cluster::name_of(manifest));
                    throw;
                }
            }
            if (!goes_on) break;
        }
    }
    return manifest;
}

// False: a test that failed.
bool Transforms::apply(const Operation& operation, const std::string& path, Value& manifest) {
    if (!operation.regex.empty()) {
        const Value* there = value_at(manifest, path);
        const bool is_text = there != nullptr && there->is_string();
        if (operation.op == "test") return is_text && RE2::PartialMatch(there->as_string(), operation.regex);
        if (!is_text) throw Error(ErrorKind::kInvalid, "there is no text there for the regex to match");
        std::string text = there->as_string();
        if (RE2::GlobalReplace(&text, operation.regex, rewrite_of(operation.value.string_or(""))) == 0)
            return true;
        Value patch(Map{{"op", "replace"}, {"path", path}, {"value", text}});
        manifest = cluster::json_patch(manifest, Value(List{patch}));
        return true;
    }
    if (operation.op == "test") {
        const Value* there = value_at(manifest, path);
        return there != nullptr && *there == operation.value;
    }
    Value patch(Map{{"op", operation.op}, {"path", path}});
    if (!operation.from.empty()) patch["from"] = operation.from;
    if (operation.op == "add" || operation.op == "replace") patch["value"] = operation.value;
    manifest = cluster::json_patch(manifest, Value(List{patch}));
    return true;
}

}  // namespace fencepost::protect
