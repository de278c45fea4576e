#include "base/encodings.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cluster/local/local_cluster.h"

namespace fencepost::cli {

int guard(const ServeFlags& flags, const GuardOptions& options) {
    const Output output(options.output);
    const std::string data_dir = options_with_data_dir(flags.settings, flags.config).data_dir;
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> names;
    List items;
    for (const cluster::local::StandingGuard& standing : cluster::local::standing_guards(data_dir)) {
        const std::string deadline = format_rfc3339(standing.deadline);
        const std::string pid = standing.pid > 0 ? std::to_string(standing.pid) : "-";
        Value item{Map{}};
        item["id"] = standing.id;
        item["pid"] = std::int64_t{standing.pid};
        item["deadline"] = deadline;
        List commands;
        std::string undo;
        for (const std::vector<std::string>& command : standing.undo) {
            List words;
            for (const std::string& word : command) {
                words.push_back(word);
                undo += (undo.empty() ? "" : " ") + word;
            }
            commands.push_back(std::move(words));
            undo += ";";
        }
        item["undo"] = std::move(commands);
        items.push_back(std::move(item));
        rows.push_back({standing.id, pid, deadline, undo.substr(0, undo.find_last_of(';'))});
        names.push_back(standing.id);
    }
    if (!output.is_table()) {
        Value list{Map{}};
        list["items"] = std::move(items);
        print(output.text(list, names));
    } else if (rows.empty()) {
        print("No guard stands.\n");
    } else {
        print(table({"ID", "PID", "DEADLINE", "UNDO"}, rows));
    }
    return kDone;
}

}  // namespace fencepost::cli
