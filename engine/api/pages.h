// Pages of long lists: ?limit=, ?sort= and ?cursor=. A page is found by one walk over all items that keeps
// only the best limit + 1, so its memory is bounded however long the list is. A cursor names the last item
// given, so that pages lose and repeat nothing while items come and go; it is good for its own sort only.
// Errors: Problem 400. Thread safety: a Page is a local variable.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "value/value.h"

namespace fencepost::api {

inline constexpr std::size_t kDefaultLimit = 100;
inline constexpr std::size_t kMostAtOnce = 500;

class Page {
  public:
    // `sorts` are the members of a view that may be sorted by; the first is the default, "-" in front is
    // descending. Members are compared as text; ids break ties.
    Page(const net::ServerRequest& request, const std::vector<std::string>& sorts);
    void offer(Value view);      // with its `id`
    [[nodiscard]] Value take();  // {items, next?}

  private:
    struct Position {
        std::string key;
        std::string id;
    };
    [[nodiscard]] bool is_before(const Position& a, const Position& b) const;
    void take_cursor(const std::string& cursor);

    std::size_t limit_ = kDefaultLimit;
    std::string sort_;
    std::string member_;
    bool is_descending_ = false;
    std::optional<Position> after_;
    std::vector<std::pair<Position, Value>> best_;  // a heap whose front is the worst
};

}  // namespace fencepost::api
