#include "api/facade/representation.h"

#include <algorithm>

#include "base/error.h"

namespace fencepost::api::facade {
namespace {

Value metadata_only(const Value& object) {
    Value partial;
    partial["kind"] = "PartialObjectMetadata";
    partial["apiVersion"] = "meta.k8s.io/v1";
    partial["metadata"] = object["metadata"];
    return partial;
}

Value list_metadata(const cluster::ObjectList& list) {
    Value metadata;
    metadata["resourceVersion"] = list.resource_version;
    if (!list.continue_token.empty()) metadata["continue"] = list.continue_token;
    return metadata;
}

}  // namespace

Representation::Representation(cluster::Cluster& cluster, const Target& target,
                               const net::ServerRequest& request)
    : form_(form_of(request.header("Accept"))),
      row_object_(request.query_parameter("includeObject")),
      api_version_(api_version_of(target.type.type)),
      kind_(target.type.kind) {
    if (form_ == Form::kTable)
        columns_ = columns_of(target.type.type, definition_of(cluster, target.type.type));
}

// The first media range that is served: clients name the one that they like best first.
Representation::Form Representation::form_of(std::string_view accept) {
    while (!accept.empty()) {
        const std::string_view range = accept.substr(0, accept.find(','));
        accept.remove_prefix(std::min(range.size() + 1, accept.size()));
        const auto has = [&](std::string_view text) { return range.find(text) != std::string_view::npos; };
        if (!has("as=")) {
            if (has("application/json") || has("*/*")) return Form::kPlain;
            continue;
        }
        if (!has("application/json") || !has("g=meta.k8s.io") || !has("v=v1") || has("v=v1beta1")) continue;
        if (has("as=Table")) return Form::kTable;
        if (has("as=PartialObjectMetadata")) return Form::kMetadata;
    }
    return Form::kPlain;
}

Value Representation::of_object(const Value& object) const {
    if (form_ == Form::kTable) {
        Value metadata;
        metadata["resourceVersion"] = cluster::resource_version_of(object);
        return table(metadata, {object}, true);
    }
    return form_ == Form::kMetadata ? metadata_only(object) : object;
}

Value Representation::of_list(const cluster::ObjectList& list) const {
    if (form_ == Form::kTable) return table(list_metadata(list), list.items, true);
    Value body;
    body["metadata"] = list_metadata(list);
    if (form_ == Form::kMetadata) {
        body["kind"] = "PartialObjectMetadataList";
        body["apiVersion"] = "meta.k8s.io/v1";
        body["items"] = List{};
        for (const Value& item : list.items) body["items"].push_back(metadata_only(item));
    } else {
        body["kind"] = kind_ + "List";
        body["apiVersion"] = api_version_;
        body["items"] = list.items;
    }
    return body;
}

Value Representation::of_event(const Value& object) {
    if (form_ != Form::kTable) return of_object(object);
    Value metadata;
    metadata["resourceVersion"] = cluster::resource_version_of(object);
    return table(metadata, {object}, !std::exchange(has_told_columns_, true));
}

Value Representation::table(const Value& metadata, const List& objects, bool with_columns) const {
    Value table;
    table["kind"] = "Table";
    table["apiVersion"] = "meta.k8s.io/v1";
    table["metadata"] = metadata;
    table["columnDefinitions"] = List{};
    for (const Column& column : columns_) {
        if (!with_columns) break;
        Value definition;
        definition["name"] = column.name;
        definition["type"] = column.type;
        definition["format"] = column.name == "Name" ? "name" : "";
        definition["description"] = "";
        definition["priority"] = column.is_wide ? 1 : 0;
        table["columnDefinitions"].push_back(std::move(definition));
    }
    const SystemTime now = SystemClock().now();
    table["rows"] = List{};
    for (const Value& object : objects) table["rows"].push_back(row(object, now));
    return table;
}

Value Representation::row(const Value& object, SystemTime now) const {
    Value row;
    for (const Column& column : columns_) row["cells"].push_back(column.cell(object, now));
    if (row_object_ == "Object") {
        row["object"] = object;
    } else if (row_object_ != "None") {
        row["object"] = metadata_only(object);
    }
    return row;
}

}  // namespace fencepost::api::facade
