#include "cluster/selectors.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::cluster {
namespace {

std::string_view trim(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

// At commas outside parentheses.
std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    int depth = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] == '(') ++depth;
        if (i < text.size() && text[i] == ')') --depth;
        if (i == text.size() || (text[i] == ',' && depth == 0)) {
            parts.push_back(trim(text.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    return parts;
}

Error bad(std::string_view text, std::string_view why) {
    return {ErrorKind::kInvalid,
            "unable to parse requirement '" + std::string(text) + "': " + std::string(why)};
}

bool is_key(std::string_view key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return (std::isalnum(c) != 0) || c == '.' || c == '-' || c == '_' || c == '/';
    });
}

bool to_integer(const std::string& text, long long& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

LabelSelector LabelSelector::parse(std::string_view text) {
    LabelSelector selector;
    if (trim(text).empty()) return selector;
    for (const std::string_view part : split(text)) {
        Requirement requirement;
        const auto set_values = [&](std::string_view list) {
            list = trim(list);
            if (list.size() < 2 || list.front() != '(' || list.back() != ')')
                throw bad(part, "found no '(' list ')'");
            for (const std::string_view value : split(list.substr(1, list.size() - 2))) {
                requirement.values.emplace_back(value);
            }
        };
        const auto word_at = part.find_first_of(" \t");
        const std::string_view first = part.substr(0, word_at);
        const std::string_view rest = word_at == std::string_view::npos ? "" : trim(part.substr(word_at));
        if (part.starts_with('!')) {
            requirement.key = trim(part.substr(1));
            requirement.op = Operator::kDoesNotExist;
        } else if (rest.starts_with("in") && first.find_first_of("=!<>") == std::string_view::npos) {
            requirement.key = first;
            set_values(rest.substr(2));
        } else if (rest.starts_with("notin") && first.find_first_of("=!<>") == std::string_view::npos) {
            requirement.key = first;
            requirement.op = Operator::kNotIn;
            set_values(rest.substr(5));
        } else if (const auto at = part.find_first_of("=!<>"); at != std::string_view::npos) {
            requirement.key = trim(part.substr(0, at));
            std::size_t length = 1;
            if (part.substr(at, 2) == "!=" || part.substr(at, 2) == "==") length = 2;
            if (part[at] == '!' && length == 1) throw bad(part, "found '!', expected !=");
            requirement.op = part[at] == '!'   ? Operator::kNotIn
                             : part[at] == '>' ? Operator::kGreater
                             : part[at] == '<' ? Operator::kLess
                                               : Operator::kIn;
            requirement.values.emplace_back(trim(part.substr(at + length)));
        } else {
            requirement.key = part;
            requirement.op = Operator::kExists;
        }
        if (!is_key(requirement.key)) throw bad(part, "found no label key");
        selector.requirements_.push_back(std::move(requirement));
    }
    return selector;
}

LabelSelector LabelSelector::from(const Value& value) {
    LabelSelector selector;
    for (const auto& [key, wanted] : value["matchLabels"].map_or_empty()) {
        selector.requirements_.push_back({key, Operator::kIn, {wanted.string_or("")}});
    }
    for (const Value& expression : value["matchExpressions"].list_or_empty()) {
        Requirement requirement;
        requirement.key = expression["key"].string_or("");
        for (const Value& item : expression["values"].list_or_empty())
            requirement.values.push_back(item.string_or(""));
        const std::string op = expression["operator"].string_or("");
        if (op == "In")
            requirement.op = Operator::kIn;
        else if (op == "NotIn")
            requirement.op = Operator::kNotIn;
        else if (op == "Exists")
            requirement.op = Operator::kExists;
        else if (op == "DoesNotExist")
            requirement.op = Operator::kDoesNotExist;
        else
            throw Error(ErrorKind::kInvalid, "\"" + op + "\" is not a valid label selector operator");
        selector.requirements_.push_back(std::move(requirement));
    }
    return selector;
}

bool LabelSelector::matches(const Value& object) const {
    const Value& labels = object.get("metadata", "labels");
    return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
        const Value* label = labels.find(requirement.key);
        const std::string value = label == nullptr ? "" : label->string_or("");
        const auto is_listed = [&] {
            return std::find(requirement.values.begin(), requirement.values.end(), value) !=
                   requirement.values.end();
        };
        switch (requirement.op) {
            case Operator::kIn:
                return label != nullptr && is_listed();
            case Operator::kNotIn:
                return label == nullptr || !is_listed();
            case Operator::kExists:
                return label != nullptr;
            case Operator::kDoesNotExist:
                return label == nullptr;
            case Operator::kGreater:
            case Operator::kLess: {
                long long have = 0;
                long long limit = 0;
                if (label == nullptr || !to_integer(value, have) ||
                    !to_integer(requirement.values.front(), limit))
                    return false;
                return requirement.op == Operator::kGreater ? have > limit : have < limit;
            }
        }
        return false;
    });
}

FieldSelector FieldSelector::parse(std::string_view text) {
    FieldSelector selector;
    if (trim(text).empty()) return selector;
    for (const std::string_view part : split(text)) {
        const auto at = part.find('=');
        if (at == std::string_view::npos) {
            throw Error(ErrorKind::kInvalid,
                        "invalid field selector: '" + std::string(part) + "'; expected field=value");
        }
        Requirement requirement;
        requirement.is_equal = at == 0 || part[at - 1] != '!';
        std::string_view path = trim(part.substr(0, requirement.is_equal ? at : at - 1));
        requirement.value = part.substr(part.substr(at, 2) == "==" ? at + 2 : at + 1);
        while (!path.empty()) {
            const auto dot = std::min(path.find('.'), path.size());
            requirement.path.emplace_back(path.substr(0, dot));
            path.remove_prefix(std::min(dot + 1, path.size()));
        }
        selector.requirements_.push_back(std::move(requirement));
    }
    return selector;
}

bool FieldSelector::matches(const Value& object) const {
    return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
        const Value* at = &object;
        for (const std::string& member : requirement.path) at = &(*at)[member];
        const std::string value = at->is_string() ? at->as_string() : at->is_nil() ? "" : to_json(*at);
        return (value == requirement.value) == requirement.is_equal;
    });
}

}  // namespace fencepost::cluster
