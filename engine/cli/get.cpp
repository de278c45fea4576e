#include "base/encodings.h"
#include "base/error.h"
#include "cli/columns.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

constexpr int kPageSize = 500;

List all_of(Server& server, const cluster::ResourceDescription& type, const std::string& ns,
            const std::string& selector) {
    List items;
    std::string position;
    do {
        std::string path = object_path(type, ns, "") + "?limit=" + std::to_string(kPageSize);
        if (!selector.empty()) path += "&labelSelector=" + url_encode(selector);
        if (!position.empty()) path += "&continue=" + url_encode(position);
        const Value page = server.get(path);
        for (const Value& item : page["items"].list_or_empty()) items.push_back(item);
        position = page.get("metadata", "continue").string_or("");
    } while (!position.empty());
    return items;
}

void print_table(const cluster::ResourceDescription& type, const List& items, bool with_namespace) {
    const auto columns = columns_of(type.type, with_namespace);
    const SystemTime now = SystemClock().now();
    std::vector<std::string> header;
    for (const auto& column : columns) header.push_back(column.header);
    std::vector<std::vector<std::string>> rows;
    for (const Value& item : items) {
        auto& row = rows.emplace_back();
        for (const auto& column : columns) row.push_back(column.cell(item, now));
    }
    print(table(header, rows));
}

std::string name_line(const cluster::ResourceDescription& type, const Value& item) {
    const std::string group = type.type.group.empty() ? "" : "." + type.type.group;
    return type.singular + group + "/" + cluster::name_of(item) + "\n";
}

void print_documents(const GetOptions& options, const List& items, bool is_one) {
    Value body;
    if (is_one) {
        body = items.front();
    } else {
        body["apiVersion"] = "v1";
        body["kind"] = "List";
        body["items"] = items;
    }
    print(options.output == "yaml" ? to_yaml(body)
                                   : to_json(body, {.escape_html = false, .indent = "  "}) + "\n");
}

}  // namespace

int get(Server& server, const GetOptions& options) {
    std::string kind = options.kind;
    std::vector<std::string> names = options.names;
    if (const std::size_t slash = kind.find('/'); slash != std::string::npos) {
        names.insert(names.begin(), kind.substr(slash + 1));
        kind.erase(slash);
    }
    const auto type = server.type(kind);
    const std::string ns = options.all_namespaces || !type.is_namespaced ? "" : options.ns;
    if (!names.empty() && options.all_namespaces && type.is_namespaced) {
        throw UsageError("a name and -A do not go together", "give -n NAMESPACE");
    }
    List items;
    for (const auto& name : names) items.push_back(server.get(object_path(type, ns, name)));
    if (names.empty()) items = all_of(server, type, ns, options.selector);

    if (options.output == "json" || options.output == "yaml") {
        print_documents(options, items, names.size() == 1);
    } else if (options.output == "name") {
        for (const Value& item : items) print(name_line(type, item));
    } else if (items.empty()) {
        print_error("No " + type.type.resource + " found" + (ns.empty() ? "" : " in namespace " + ns) +
                    ".\n");
    } else {
        print_table(type, items, options.all_namespaces && type.is_namespaced);
    }
    return kDone;
}

}  // namespace fencepost::cli
