#include "model/option_use.h"

#include <string>

#include "value/json.h"

namespace fencepost::model {

bool takes_option(const Value& action, std::string_view option) {
    const std::string text = to_json(action);
    for (std::size_t at = text.find("{{"); at != std::string::npos; at = text.find("{{", at + 2)) {
        const std::string inside = text.substr(at, text.find("}}", at) - at);
        if (inside.find(".Options") != std::string::npos && inside.find(option) != std::string::npos)
            return true;
    }
    return false;
}

}  // namespace fencepost::model
