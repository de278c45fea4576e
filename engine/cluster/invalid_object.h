// An object that breaks a rule of its kind: Error{kInvalid} that names the field, so that an API can say
// which.
#pragma once

#include <string>

#include "base/error.h"

namespace fencepost::cluster {

class InvalidObject : public Error {
  public:
    InvalidObject(std::string kind, std::string name, std::string field, std::string why,
                  std::string hint = {})
        : Error(ErrorKind::kInvalid, kind + " \"" + name + "\" is invalid: " + field + ": " + why,
                std::move(hint)),
          kind_(std::move(kind)),
          name_(std::move(name)),
          field_(std::move(field)),
          why_(std::move(why)) {}
    [[nodiscard]] const std::string& object_kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& object_name() const noexcept { return name_; }
    [[nodiscard]] const std::string& field() const noexcept { return field_; }
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

  private:
    std::string kind_, name_, field_, why_;
};

}  // namespace fencepost::cluster
