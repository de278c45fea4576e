// Checks the members of a JSON body and collects everything that is wrong with it, each with its JSON
// pointer; one answer tells all. REQUIRES: the body outlives the check. Thread safety: as a local variable.
//
//     BodyCheck check(body);
//     std::string action = check.text("/action", true);
//     check.only("", {"action", "subject"});
//     check.done();                                  // throws Problem 422 with all causes
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "net/http_server.h"
#include "value/value.h"

namespace fencepost::api {

class BodyCheck {
  public:
    explicit BodyCheck(const Value& body);
    [[nodiscard]] const Value& at(std::string_view pointer) const noexcept;
    [[nodiscard]] std::string text(std::string_view pointer, bool is_required = false);
    [[nodiscard]] std::map<std::string, std::string> texts(std::string_view pointer);  // {"key": "text"}
    // Is an object (or absent); false where it is neither.
    bool object(std::string_view pointer, bool is_required = false);
    void only(std::string_view pointer, const std::vector<std::string>& members);  // no others
    // As a CustomResourceDefinition's schema has it: its members alone, each of its type.
    void fits(const Value& schema);
    void fail(std::string_view pointer, std::string detail, std::string hint = {});
    [[nodiscard]] bool has_failed() const noexcept { return !causes_.empty(); }
    void done() const;

  private:
    void fits(const std::string& pointer, const Value& value, const Value& schema);
    void refuse_others(std::string_view pointer, const Value& object,
                       const std::vector<std::string>& members);
    const Value& body_;
    std::vector<Cause> causes_;
};

// Of a request that takes nothing: nil, or an empty object. Throws Problem.
[[nodiscard]] Value empty_body(const net::ServerRequest& request);

}  // namespace fencepost::api
