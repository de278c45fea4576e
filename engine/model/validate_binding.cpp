#include "model/binding.h"
#include "model/validate_parts.h"

namespace fencepost::model {

void validate_binding(const Value& object, Problems& problems) {
    check_metadata(object, problems);
    const Value& metadata = object["metadata"];
    if (!metadata["name"].string_or("").empty() && !metadata["generateName"].string_or("").empty()) {
        problems.error("/metadata/generateName", "name-twice", "there are both name and generateName",
                       "keep one of the two");
    }
    (void)Binding::read(object, problems);
}

}  // namespace fencepost::model
