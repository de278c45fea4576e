#include <functional>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "cli/object_name.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/format.h"

namespace fencepost::cli {
namespace {

constexpr int kPageSize = 500;

// Page by page; `visit` gets each of them.
void visit_pages(Server& server, const cluster::ResourceDescription& type, const std::string& ns,
                 const std::string& selector, Form form,
                 const std::function<void(const Value& page)>& visit) {
    std::string position;
    do {
        std::string path = object_path(type, ns, "") + "?limit=" + std::to_string(kPageSize);
        if (!selector.empty()) path += "&labelSelector=" + url_encode(selector);
        if (!position.empty()) path += "&continue=" + url_encode(position);
        const Value page = server.get(path, form);
        visit(page);
        position = page.get("metadata", "continue").string_or("");
    } while (!position.empty());
}

// The rows as the server draws them, which knows the columns of every type.
class Rows {
  public:
    explicit Rows(bool with_namespace) : with_namespace_(with_namespace) {}

    void add(const Value& page) {
        if (header_.empty()) take_header(page["columnDefinitions"].list_or_empty());
        for (const Value& row : page["rows"].list_or_empty()) {
            const List& cells = row["cells"].list_or_empty();
            auto& line = rows_.emplace_back();
            if (with_namespace_) line.push_back(cluster::namespace_of(row["object"]));
            for (const std::size_t i : shown_) {
                if (i < cells.size()) line.push_back(cells[i].is_nil() ? "" : go_format_v(cells[i]));
            }
        }
    }
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    [[nodiscard]] std::string text() const { return table(header_, rows_); }

  private:
    void take_header(const List& columns) {
        if (with_namespace_) header_.emplace_back("NAMESPACE");
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (columns[i]["priority"].int_or(0) != 0) continue;  // kubectl's -o wide
            shown_.push_back(i);
            header_.push_back(ascii_upper(columns[i]["name"].string_or("")));
        }
    }

    bool with_namespace_ = false;
    std::vector<std::size_t> shown_;
    std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;
};

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
    const Form form = output.is_table() ? Form::kTable : Form::kObject;
    const auto visit = [&](const std::function<void(const Value&)>& what) {
        for (const auto& name : names) what(server.get(object_path(type, ns, name), form));
        if (names.empty()) visit_pages(server, type, ns, options.selector, form, what);
    };
    if (output.is_table()) {
        Rows rows(options.all_namespaces && type.is_namespaced);
        visit([&](const Value& page) { rows.add(page); });
        if (rows.empty()) {
            print_error("No " + type.type.resource + " found" + (ns.empty() ? "" : " in namespace " + ns) +
                        ".\n");
        } else {
            print(rows.text());
        }
        return kDone;
    }
    List items;
    visit([&](const Value& page) {
        if (!names.empty()) return items.push_back(page);
        for (const Value& item : page["items"].list_or_empty()) items.push_back(item);
    });
    std::vector<std::string> lines;
    for (const Value& item : items) lines.push_back(name_line(type, item));
    print(output.text(document_of(items, names.size() == 1), lines));
    return kDone;
}

}  // namespace fencepost::cli
