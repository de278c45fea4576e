// Arguments against a function's list: unknown, missing, null and wrongly typed ones. What is converted
// weakly when the function runs ("3" to 3, a scalar to a list of one) is fine here too; what holds a template
// is known only then.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "model/validate_parts.h"

namespace fencepost::model {
namespace {

bool is_scalar(const Value& value) { return value.is_string() || value.is_number() || value.is_bool(); }

std::string kind_of(const Value& value) {
    return value.is_number() ? "number" : value.is_nil() ? "null" : std::string(to_string(value.kind()));
}

bool is_whole(const Value& value) {
    try {
        (void)value.as_int();
        return true;
    } catch (const Error&) {
        return false;
    }
}

bool is_whole_text(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_bool_text(std::string_view text) {
    static constexpr std::string_view kTexts[] = {"",  "1", "t", "T",     "TRUE",  "true", "True",
                                                  "0", "f", "F", "FALSE", "false", "False"};
    return std::find(std::begin(kTexts), std::end(kTexts), text) != std::end(kTexts);
}

class ArgCheck {
  public:
    ArgCheck(const FunctionSpec& function, const ArgSpec& spec, std::string pointer, Problems& problems)
        : function_(function), spec_(spec), pointer_(std::move(pointer)), problems_(problems) {}

    void run(const Value& value) {
        if (value.is_nil()) return null();
        switch (spec_.type) {
            case ArgType::kString:
                return string(value);
            case ArgType::kStringList:
                return strings(value);
            case ArgType::kInt:
                if (value.is_string() &&
                    (has_template(value.as_string()) || is_whole_text(value.as_string())))
                    return;
                if (!value.is_number() || !is_whole(value)) wrong("a whole number", value);
                return;
            case ArgType::kBool:
                if (value.is_string() && (has_template(value.as_string()) || is_bool_text(value.as_string())))
                    return;
                if (value.is_string()) {
                    return report(Severity::kError, "wrong-type",
                                  subject() + " must be true or false, not '" + value.as_string() + "'");
                }
                if (!value.is_bool() && !value.is_number()) wrong("true or false", value);
                return;
            case ArgType::kMap:
                if (!value.is_map()) wrong("a map", value);
                return;
            case ArgType::kAny:
                return;
        }
    }

  private:
    [[nodiscard]] std::string subject() const {
        return "the argument '" + std::string(spec_.name) + "' of " + std::string(function_.name);
    }
    void report(Severity severity, std::string rule, std::string message, std::string hint = {}) {
        problems_.add({.severity = severity,
                       .pointer = pointer_,
                       .rule = std::move(rule),
                       .message = std::move(message),
                       .hint = std::move(hint)});
    }
    void wrong(std::string_view wanted, const Value& value) {
        report(Severity::kError, "wrong-type",
               subject() + " must be " + std::string(wanted) + ", not a " + kind_of(value));
    }
    void null() {
        report(spec_.is_required ? Severity::kError : Severity::kWarning, "null-arg", subject() + " is null",
               spec_.is_required ? "" : "leave it out; Kanister's controller stops at a null");
    }
    void string(const Value& value) {
        if (!is_scalar(value)) return wrong("a string", value);
        if (value.is_bool()) {
            report(Severity::kWarning, "weak-conversion",
                   subject() + " is read as \"" + (value.as_bool() ? "1" : "0") + "\"", "put it in quotes");
        }
    }
    void strings(const Value& value) {
        if (is_scalar(value)) return;
        if (!value.is_list()) return wrong("a list of strings", value);
        const std::string list = pointer_;
        for (std::size_t i = 0; i < value.as_list().size(); ++i) {
            const Value& item = value.as_list()[i];
            if (is_scalar(item) || item.is_nil()) continue;
            pointer_ = child(list, i);
            wrong("a list of strings; item " + std::to_string(i) + " must be a string", item);
        }
        pointer_ = list;
    }

    const FunctionSpec& function_;
    const ArgSpec& spec_;
    std::string pointer_;
    Problems& problems_;
};

}  // namespace

void check_args(const FunctionSpec& function, const Value& args, const std::string& phase,
                Problems& problems) {
    const std::string pointer = child(phase, "args");
    std::vector<std::string> names;
    for (const ArgSpec& spec : function.args) names.emplace_back(spec.name);
    std::set<std::string> meant;  // by names that are misspelt: those are not missing too
    for (const auto& [key, value] : args.map_or_empty()) {
        const auto spec = std::find_if(function.args.begin(), function.args.end(),
                                       [&](const ArgSpec& one) { return one.name == key; });
        if (spec != function.args.end()) {
            ArgCheck(function, *spec, child(pointer, key), problems).run(value);
        } else if (!has_template(key)) {
            const std::string near = nearest(key, names);
            problems.at_key(Severity::kError, child(pointer, key), "unknown-arg",
                            std::string(function.name) + " has no argument '" + key + "'",
                            hint_among(key, names, "it has "));
            if (near.empty()) continue;
            if (args.find(near) == nullptr && meant.insert(near).second) problems.fix_last(key, near);
        }
    }
    for (const ArgSpec& spec : function.args) {
        const std::string name(spec.name);
        if (!spec.is_required || args.find(name) != nullptr || meant.contains(name)) continue;
        problems.error(child(phase, "func"), name == "timeout" ? "missing-timeout" : "missing-arg",
                       std::string(function.name) + " needs the argument '" + name + "'",
                       std::string(spec.description));
    }
}

}  // namespace fencepost::model
