#include "base/encodings.h"
#include "base/error.h"
#include "cli/columns.h"
#include "cli/object_name.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

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
    return type.singular + group + "/" + cluster::name_of(item);
}

Value document_of(const List& items, bool is_one) {
    if (is_one) return items.front();
    Value list;
    list["apiVersion"] = "v1";
    list["kind"] = "List";
    list["items"] = items;
    return list;
}

}  // namespace

int get(Server& server, const GetOptions& options) {
    const Output output(options.output);
    auto [kind, names] = kind_and_names(options.kind, options.names);
    const auto type = server.type(kind);
    const std::string ns = options.all_namespaces || !type.is_namespaced ? "" : options.ns;
    if (!names.empty() && options.all_namespaces && type.is_namespaced) {
        throw UsageError("a name and -A do not go together", "give -n NAMESPACE");
    }
    List items;
    for (const auto& name : names) items.push_back(server.get(object_path(type, ns, name)));
    if (names.empty()) items = all_of(server, type, ns, options.selector);

    if (!output.is_table()) {
        std::vector<std::string> lines;
        for (const Value& item : items) lines.push_back(name_line(type, item));
        print(output.text(document_of(items, names.size() == 1), lines));
    } else if (items.empty()) {
        print_error("No " + type.type.resource + " found" + (ns.empty() ? "" : " in namespace " + ns) +
                    ".\n");
    } else {
        print_table(type, items, options.all_namespaces && type.is_namespaced);
    }
    return kDone;
}

}  // namespace fencepost::cli
