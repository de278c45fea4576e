// What validators find before anybody knows where it stands in a file: a Problem points into the object with
// a JSON pointer; validate.cpp turns the pointer into file:line:col, and a controller without a file prints
// the path. Pure; not thread-safe while it is being filled.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/diagnostic.h"
#include "value/value.h"
#include "value/yaml.h"

namespace fencepost::model {

struct Problem {
    // A place within the text of a string, 1-based: where a template is wrong.
    struct Spot {
        int line = 1;
        int column = 1;  // in bytes
    };
    Severity severity = Severity::kError;
    std::string pointer;  // "/actions/backup/phases/0/func"
    SourceMap::Part part = SourceMap::Part::kValue;
    std::string rule;
    std::string message;
    std::string hint;
    std::optional<Spot> spot = std::nullopt;
    std::optional<Fix> fix = std::nullopt;
};

// "/spec/resources/matchAll/0/type" as people write it: "spec.resources.matchAll[0].type".
[[nodiscard]] std::string to_path(std::string_view pointer);
// "spec.resources.matchAll[0]: message; hint"
[[nodiscard]] std::string to_text(const Problem& problem);
[[nodiscard]] bool has_errors(const std::vector<Problem>& problems) noexcept;

[[nodiscard]] std::string child(std::string_view pointer, std::string_view key);
[[nodiscard]] std::string child(std::string_view pointer, std::size_t index);

// The list being filled, with the checks that every kind of object needs.
class Problems {
  public:
    [[nodiscard]] const std::vector<Problem>& all() const noexcept { return all_; }
    [[nodiscard]] std::vector<Problem> take() noexcept { return std::move(all_); }

    void add(Problem problem) { all_.push_back(std::move(problem)); }
    void error(std::string pointer, std::string rule, std::string message, std::string hint = {});
    void warning(std::string pointer, std::string rule, std::string message, std::string hint = {});
    void at_key(Severity severity, std::string pointer, std::string rule, std::string message,
                std::string hint = {});

    // The repair of the problem that was added last.
    void fix_last(std::string was, std::string now) { all_.back().fix = Fix{std::move(was), std::move(now)}; }

    // Says "wrong-type" and returns false where the member is there and of another kind; absent is fine.
    bool check(const Value& value, const std::string& pointer, Kind kind);
    // A string that must be there and not be empty. `what` names it in the message: "the phase's name".
    bool require_text(const Value& value, const std::string& pointer, std::string_view what);
    // Members that nothing reads. One that is near to a known name is taken for a misspelling and is an
    // error; any other is ignored by Kanister too, and a warning.
    void only(const Value& map, const std::string& pointer, std::initializer_list<std::string_view> known);
    void texts(const Value& list, const std::string& pointer);    // a list of strings
    void text_map(const Value& map, const std::string& pointer);  // a map of strings

    // Throws Error{kInvalid} that lists all errors, one a line, where there are any.
    void throw_errors(std::string_view what) const;

  private:
    std::vector<Problem> all_;
};

}  // namespace fencepost::model
