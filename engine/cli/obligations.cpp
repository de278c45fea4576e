#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int obligations(Server& server, const ObligationsOptions& options) {
    const Output output(options.output);
    const Value list = server.get(std::string("/v1/obligations") + (options.all ? "?state=all" : ""));
    const List& items = list["items"].list_or_empty();
    if (!output.is_table()) {
        std::vector<std::string> names;
        for (const Value& item : items)
            names.push_back("obligation.fencepost.io/" + item["id"].string_or(""));
        print(output.text(list, names));
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
