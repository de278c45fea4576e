// Checks a written object against its type's schema: fields that the type does not have (as the parameter
// fieldValidation says: refused, told in a Warning header, or ignored) and values of the wrong type
// (refused). For one request. Errors: Error{kInvalid} worded as an API server's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/facade/target.h"
#include "net/http_server.h"
#include "value/value.h"

namespace fencepost::api::facade {

class FieldValidation {
  public:
    FieldValidation(cluster::Cluster& cluster, const Target& target, const net::ServerRequest& request);
    void check(const Value& object);
    // The answer to a write, with what check() has found.
    [[nodiscard]] net::ServerResponse with_warnings(net::ServerResponse response) const;

  private:
    enum class Mode { kIgnore, kWarn, kStrict };
    void check(const Value& value, const Value& schema, const std::string& path);
    void check_members(const Value& value, const Value& schema, const std::string& path);
    [[noreturn]] void wrong_type(const Value& value, const std::string& expected,
                                 const std::string& path) const;

    Mode mode_ = Mode::kWarn;
    Value schema_;
    std::string kind_, name_;
    std::vector<std::string> unknown_;
};

}  // namespace fencepost::api::facade
