#include "base/encodings.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/json.h"

namespace fencepost::cli {

int obligations(Server& server, const ObligationsOptions& options) {
    const Value list = server.get(std::string("/v1/obligations") + (options.all ? "?state=all" : ""));
    const List& items = list["items"].list_or_empty();
    if (options.output == "json") {
        print(to_json(list, {.escape_html = false, .indent = "  "}) + "\n");
        return kDone;
    }
    if (items.empty()) {
        print("Nothing is fenced or paused.\n");
        return kDone;
    }
    const SystemTime now = SystemClock().now();
    std::vector<std::vector<std::string>> rows;
    for (const Value& item : items) {
        rows.push_back({item["id"].string_or(""), item["kind"].string_or(""), item["state"].string_or(""),
                        item["action"].string_or(""), age(item["createdAt"].string_or(""), now),
                        item["deadline"].string_or(""), item["description"].string_or("")});
    }
    print(table({"ID", "KIND", "STATE", "ACTION", "AGE", "DEADLINE", "WHAT"}, rows));
    return kDone;
}

}  // namespace fencepost::cli
