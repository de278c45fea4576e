// Semantic versions and constraints on them, as Masterminds/semver 1.5 reads them.
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "template/sprig/sprig.h"
#include "value/format.h"

namespace fencepost::tmpl::sprig {

namespace {

struct Version {
    std::int64_t major = 0, minor = 0, patch = 0;
    std::string prerelease, metadata, original;
};

std::string text_of(const Version& version) {
    std::string text = std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                       std::to_string(version.patch);
    if (!version.prerelease.empty()) text += "-" + version.prerelease;
    if (!version.metadata.empty()) text += "+" + version.metadata;
    return text;
}

Version version_of(const Value& value) {
    const auto& fields = value.as_fields().values;
    return {fields[0].as_int(),    fields[1].as_int(),    fields[2].as_int(),
            fields[3].as_string(), fields[4].as_string(), fields[5].as_string()};
}

std::string version_text(const Value& value) { return text_of(version_of(value)); }

constexpr GoField kFields[] = {{.name = "major", .json_name = ""},    {.name = "minor", .json_name = ""},
                               {.name = "patch", .json_name = ""},    {.name = "pre", .json_name = ""},
                               {.name = "metadata", .json_name = ""}, {.name = "original", .json_name = ""}};
const GoType kVersion{.name = "*semver.Version",
                      .kind = Kind::kStruct,
                      .fields = kFields,
                      .is_pointer = true,
                      .to_text = version_text};
// What a changed version is: a struct, whose own String wants a pointer.
const GoType kVersionStruct{.name = "semver.Version", .kind = Kind::kStruct, .fields = kFields};

Value value_of(const Version& version, const GoType& type) {
    return Value::of_struct(
        type, {{Value(version.major), Value(version.minor), Value(version.patch), Value(version.prerelease),
                Value(version.metadata), Value(version.original)}});
}

// The shapes of a version's tail: pre-release and metadata.
#define IDENTIFIERS "([0-9A-Za-z\\-]+(?:\\.[0-9A-Za-z\\-]+)*)"
constexpr const char* kVersionPattern =
    "v?([0-9]+)(\\.[0-9]+)?(\\.[0-9]+)?(?:-" IDENTIFIERS ")?(?:\\+" IDENTIFIERS ")?";
constexpr const char* kWildPattern =
    "v?([0-9|xX*]+)(\\.[0-9|xX*]+)?(\\.[0-9|xX*]+)?(-" IDENTIFIERS ")?(\\+" IDENTIFIERS ")?";
#undef IDENTIFIERS

std::int64_t segment(std::string_view digits) {
    if (digits.starts_with('.')) digits.remove_prefix(1);
    std::int64_t number = 0;
    if (digits.empty()) return 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc{})
        fail("Error parsing version segment: strconv.ParseInt: parsing " + go_quote(digits) +
             ": value out of range");
    return number;
}

std::optional<Version> match_version(const std::string& text) {
    static const re2::RE2 pattern(kVersionPattern);
    std::string major;
    std::string minor;
    std::string patch;
    Version version;
    if (!re2::RE2::FullMatch(text, pattern, &major, &minor, &patch, &version.prerelease, &version.metadata))
        return std::nullopt;
    version.major = segment(major);
    version.minor = segment(minor);
    version.patch = segment(patch);
    version.original = text;
    return version;
}

Version parse_version(const std::string& text) {
    if (auto version = match_version(text)) return *version;
    fail("Invalid Semantic Version");
}

int sign(auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; }

// Numbers come before words; nothing comes before something.
int compare_part(std::string_view a, std::string_view b) {
    if (a == b) return 0;
    if (a.empty() || b.empty()) return a.empty() ? -1 : 1;
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    const auto is_number = [](std::string_view text, std::uint64_t& number) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        return error == std::errc{} && end == text.data() + text.size();
    };
    const bool a_is_number = is_number(a, x);
    const bool b_is_number = is_number(b, y);
    if (a_is_number != b_is_number) return b_is_number ? 1 : -1;
    if (!a_is_number) return a > b ? 1 : -1;
    return x > y ? 1 : -1;
}

int compare_prereleases(std::string_view a, std::string_view b) {
    const auto take = [](std::string_view& rest) {
        const std::size_t dot = std::min(rest.find('.'), rest.size());
        const std::string_view part = rest.substr(0, dot);
        rest.remove_prefix(std::min(dot + 1, rest.size()));
        return part;
    };
    while (!a.empty() || !b.empty()) {
        const std::string_view x = take(a);
        const std::string_view y = take(b);
        if (const int order = compare_part(x, y); order != 0) return order;
    }
    return 0;
}

int compare(const Version& a, const Version& b) {
    if (const int order = sign(a.major, b.major); order != 0) return order;
    if (const int order = sign(a.minor, b.minor); order != 0) return order;
    if (const int order = sign(a.patch, b.patch); order != 0) return order;
    if (a.prerelease.empty() || b.prerelease.empty())
        return sign(b.prerelease.size() > 0, a.prerelease.size() > 0);
    return compare_prereleases(a.prerelease, b.prerelease);
}

struct Constraint {
    std::string operation;
    Version version;
    bool any_minor = false, any_patch = false;
    bool is_partial = false;  // not all of its numbers are given
};

bool is_wild(std::string_view part) {
    if (part.starts_with('.')) part.remove_prefix(1);
    return part == "x" || part == "X" || part == "*";
}

Constraint parse_constraint(const std::string& text) {
    static const re2::RE2 pattern(std::string("\\s*(|=|!=|>|<|>=|=>|<=|=<|~|~>|\\^)\\s*(") + kWildPattern +
                                  ")\\s*");
    Constraint constraint;
    std::string version;
    std::string major;
    std::string minor;
    std::string patch;
    std::string prerelease;
    if (!re2::RE2::FullMatch(text, pattern, &constraint.operation, &version, &major, &minor, &patch,
                             &prerelease))
        fail("improper constraint: " + text);
    if (is_wild(major)) {
        version = "0.0.0";
        constraint.is_partial = true;
    } else if (minor.empty() || is_wild(minor)) {
        version = major + ".0.0" + prerelease;
        constraint.is_partial = constraint.any_minor = true;
    } else if (is_wild(patch)) {
        version = major + minor + ".0" + prerelease;
        constraint.is_partial = constraint.any_patch = true;
    }
    try {
        constraint.version = parse_version(version);
    } catch (const Error&) {
        fail("constraint Parser Error");
    }
    return constraint;
}

bool is_near(const Version& version, const Constraint& c) {
    if (compare(version, c.version) < 0) return false;
    const Version& least = c.version;
    if (least.major == 0 && least.minor == 0 && least.patch == 0 && !c.any_minor && !c.any_patch) return true;
    return version.major == least.major && (version.minor == least.minor || c.any_minor);
}

bool is_below_partial(const Version& version, const Constraint& c) {
    return version.major <= c.version.major && (version.minor <= c.version.minor || c.any_minor);
}

bool satisfies(const Version& version, const Constraint& c) {
    const std::string& op = c.operation;
    const int order = compare(version, c.version);
    const bool is_unasked = !version.prerelease.empty() && c.version.prerelease.empty();
    if (op == "!=" && !c.is_partial) return order != 0;
    if (is_unasked) return false;
    if (op == "!=")
        return c.version.major != version.major || (c.version.minor != version.minor && !c.any_minor);
    if (op == ">") return order > 0;
    if (op == ">=" || op == "=>") return order >= 0;
    if (op == "<") return c.is_partial ? is_below_partial(version, c) : order < 0;
    if (op == "<=" || op == "=<") return c.is_partial ? is_below_partial(version, c) : order <= 0;
    if (op == "^") return order >= 0 && version.major == c.version.major;
    if (op == "~" || op == "~>" || c.is_partial) return is_near(version, c);
    return order == 0;
}

std::vector<std::string> parts_of(std::string_view text, std::string_view separator) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + separator.size());
    }
}

Value semver_compare(Arguments a) {
    // "1.2 - 1.4" is ">= 1.2, <= 1.4".
    static const re2::RE2 range(std::string("\\s*(") + kWildPattern + ")\\s+-\\s+(" + kWildPattern + ")\\s*");
    std::string text = a[0]->as_string();
    re2::RE2::GlobalReplace(&text, range, ">= \\1, <= \\9");
    std::vector<std::vector<Constraint>> alternatives;
    for (const std::string& alternative : parts_of(text, "||")) {
        alternatives.emplace_back();
        for (const std::string& part : parts_of(alternative, ","))
            alternatives.back().push_back(parse_constraint(part));
    }
    const Version version = parse_version(a[1]->as_string());
    return Value(std::any_of(alternatives.begin(), alternatives.end(), [&](const auto& all) {
        return std::all_of(all.begin(), all.end(),
                           [&](const Constraint& c) { return satisfies(version, c); });
    }));
}

// What Inc* and Set* give: the number grows, the rest is gone, the "v" in front stays.
Value changed(const Value& receiver, void (*change)(Version&, Arguments), Arguments a) {
    Version version = version_of(receiver);
    const std::string prefix = version.original.starts_with("v") ? "v" : "";
    change(version, a);
    version.original = prefix + text_of(version);
    return value_of(version, kVersionStruct);
}

void require_identifiers(const std::string& text, const char* what) {
    static const re2::RE2 pattern("[0-9A-Za-z\\-]+(\\.[0-9A-Za-z\\-]+)*");
    if (!text.empty() && !re2::RE2::FullMatch(text, pattern))
        fail(std::string("Invalid ") + what + " string");
}

constexpr Param S = Param::kString;
constexpr Param V = Param::kVersion;

const FunctionEntry kTable[] = {
    {.name = "semver",
     .params = {S},
     .call = [](Arguments a) { return value_of(parse_version(a[0]->as_string()), kVersion); }},
    {.name = "semverCompare", .params = {S, S}, .call = semver_compare},
};

int order_of(Arguments a) {
    if (a[1]->is_nil()) fail("runtime error: invalid memory address or nil pointer dereference");
    return compare(version_of(*a[0]), version_of(*a[1]));
}

const FunctionEntry kMethods[] = {
    {.name = "Compare",
     .params = {V, V},
     .call = [](Arguments a) { return Value(std::int64_t{order_of(a)}, go::kInt); }},
    {.name = "Equal", .params = {V, V}, .call = [](Arguments a) { return Value(order_of(a) == 0); }},
    {.name = "GreaterThan", .params = {V, V}, .call = [](Arguments a) { return Value(order_of(a) > 0); }},
    {.name = "IncMajor",
     .params = {V},
     .call =
         [](Arguments a) {
             return changed(*a[0], [](Version& v, Arguments) { v = {v.major + 1, 0, 0, "", "", ""}; }, a);
         }},
    {.name = "IncMinor",
     .params = {V},
     .call =
         [](Arguments a) {
             return changed(
                 *a[0], [](Version& v, Arguments) { v = {v.major, v.minor + 1, 0, "", "", ""}; }, a);
         }},
    {.name = "IncPatch",
     .params = {V},
     .call =
         [](Arguments a) {
             return changed(
                 *a[0],
                 [](Version& v, Arguments) {
                     v = {v.major, v.minor, v.prerelease.empty() ? v.patch + 1 : v.patch, "", "", ""};
                 },
                 a);
         }},
    {.name = "LessThan", .params = {V, V}, .call = [](Arguments a) { return Value(order_of(a) < 0); }},
    {.name = "Major", .params = {V}, .call = [](Arguments a) { return Value(version_of(*a[0]).major); }},
    {.name = "Metadata",
     .params = {V},
     .call = [](Arguments a) { return Value(version_of(*a[0]).metadata); }},
    {.name = "Minor", .params = {V}, .call = [](Arguments a) { return Value(version_of(*a[0]).minor); }},
    {.name = "Original",
     .params = {V},
     .call = [](Arguments a) { return Value(version_of(*a[0]).original); }},
    {.name = "Patch", .params = {V}, .call = [](Arguments a) { return Value(version_of(*a[0]).patch); }},
    {.name = "Prerelease",
     .params = {V},
     .call = [](Arguments a) { return Value(version_of(*a[0]).prerelease); }},
    {.name = "SetMetadata",
     .params = {V, S},
     .call =
         [](Arguments a) {
             require_identifiers(a[1]->as_string(), "Metadata");
             return changed(*a[0], [](Version& v, Arguments b) { v.metadata = b[1]->as_string(); }, a);
         }},
    {.name = "SetPrerelease",
     .params = {V, S},
     .call =
         [](Arguments a) {
             require_identifiers(a[1]->as_string(), "Prerelease");
             return changed(*a[0], [](Version& v, Arguments b) { v.prerelease = b[1]->as_string(); }, a);
         }},
    {.name = "String", .params = {V}, .call = [](Arguments a) { return Value(version_text(*a[0])); }},
};

}  // namespace

Table versions() { return kTable; }
Table version_methods() { return kMethods; }
bool is_version(const Value& value) { return value.go_type() == &kVersion; }

void empty_versions(Value& value) {
    if (value.go_type() == &kVersion || value.go_type() == &kVersionStruct) {
        value = value_of({}, *value.go_type());
    } else if (value.is_list()) {
        for (Value& item : value.writable_list()) empty_versions(item);
    } else if (value.is_map()) {
        for (Member& member : value.writable_map()) empty_versions(member.value);
    }
}

}  // namespace fencepost::tmpl::sprig
