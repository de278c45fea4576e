#include "api/pages.h"

#include <algorithm>
#include <charconv>

#include "api/problem.h"
#include "base/encodings.h"
#include "base/error.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

std::size_t limit_of(const net::ServerRequest& request) {
    if (!request.has_query_parameter("limit")) return kDefaultLimit;
    const std::string text = request.query_parameter("limit");
    std::size_t limit = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (failed != std::errc{} || end != text.data() + text.size() || limit == 0 || limit > kMostAtOnce) {
        throw Problem(400,
                      "limit is a number from 1 to " + std::to_string(kMostAtOnce) + ", not '" + text + "'");
    }
    return limit;
}

std::string sort_of(const net::ServerRequest& request, const std::vector<std::string>& sorts) {
    if (!request.has_query_parameter("sort")) return sorts.front();
    const std::string sort = request.query_parameter("sort");
    std::string known;
    for (const std::string& name : sorts) {
        if (name == sort) return sort;
        known += (known.empty() ? "" : ", ") + name;
    }
    throw Problem(400, "cannot sort by '" + sort + "'", "sort is one of " + known);
}

}  // namespace

Page::Page(const net::ServerRequest& request, const std::vector<std::string>& sorts)
    : limit_(limit_of(request)), sort_(sort_of(request, sorts)) {
    is_descending_ = sort_.starts_with('-');
    member_ = sort_.substr(is_descending_ ? 1 : 0);
    if (request.has_query_parameter("cursor")) take_cursor(request.query_parameter("cursor"));
}

void Page::take_cursor(const std::string& cursor) {
    try {
        const Value position = parse_json(hex_decode(cursor));
        if (position["sort"].as_string() == sort_) {
            after_ = Position{position["key"].as_string(), position["id"].as_string()};
            return;
        }
    } catch (const Error&) {
        throw Problem(400, "the cursor is none of ours", "take it from the answer's `next`");
    }
    throw Problem(400, "the cursor is of a list that is sorted in another way",
                  "give the sort that the first page was asked for with");
}

bool Page::is_before(const Position& a, const Position& b) const {
    if (a.key == b.key) return a.id < b.id;
    return (a.key < b.key) != is_descending_;
}

void Page::offer(Value view) {
    Position position{view[member_].string_or(""), view["id"].string_or("")};
    if (after_ && !is_before(*after_, position)) return;
    const auto order = [this](const auto& a, const auto& b) { return is_before(a.first, b.first); };
    best_.emplace_back(std::move(position), std::move(view));
    std::push_heap(best_.begin(), best_.end(), order);
    if (best_.size() <= limit_ + 1) return;
    std::pop_heap(best_.begin(), best_.end(), order);
    best_.pop_back();
}

Value Page::take() {
    std::sort_heap(best_.begin(), best_.end(),
                   [this](const auto& a, const auto& b) { return is_before(a.first, b.first); });
    Value body;
    body["items"] = List{};
    for (std::size_t i = 0; i < std::min(limit_, best_.size()); ++i)
        body["items"].push_back(std::move(best_[i].second));
    if (best_.size() > limit_) {
        const Position& last = best_[limit_ - 1].first;
        const Value position(Map{{"id", last.id}, {"key", last.key}, {"sort", sort_}});
        body["next"] = hex_encode(to_json(position));
    }
    return body;
}

}  // namespace fencepost::api
