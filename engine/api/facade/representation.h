// How a client wants its objects: as they are, as a Table (what kubectl shows) or as their metadata alone;
// the Accept header says. Pure but for the clock of ages; thread-safe.
#pragma once

#include "api/facade/columns.h"
#include "api/facade/target.h"
#include "net/http_server.h"
#include "value/value.h"

namespace fencepost::api::facade {

class Representation {
  public:
    Representation(cluster::Cluster& cluster, const Target& target, const net::ServerRequest& request);

    [[nodiscard]] Value of_object(const Value& object) const;
    [[nodiscard]] Value of_list(const cluster::ObjectList& list) const;
    // Of one event of a watch; the columns are told once.
    [[nodiscard]] Value of_event(const Value& object);

  private:
    enum class Form { kPlain, kTable, kMetadata };
    [[nodiscard]] static Form form_of(std::string_view accept);
    [[nodiscard]] Value table(const Value& metadata, const List& objects, bool with_columns) const;
    [[nodiscard]] Value row(const Value& object, SystemTime now) const;

    Form form_ = Form::kPlain;
    std::string row_object_;  // includeObject: None, Metadata, Object
    std::string api_version_;
    std::string kind_;
    std::vector<Column> columns_;
    bool has_told_columns_ = false;
};

}  // namespace fencepost::api::facade
