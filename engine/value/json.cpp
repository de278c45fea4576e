#include "value/json.h"

#include <nlohmann/json.hpp>

#include <cmath>

#include "base/error.h"

namespace fencepost {

namespace {

// Builds the Value from the parser's events; the open containers are on a stack.
class Builder : public nlohmann::json_sax<nlohmann::json> {
  public:
    bool null() override { return put(Value{}); }
    bool boolean(bool value) override { return put(Value(value)); }
    bool number_integer(number_integer_t value) override { return put(Value(std::int64_t{value})); }
    bool number_unsigned(number_unsigned_t value) override {
        if (value <= static_cast<number_unsigned_t>(INT64_MAX))
            return put(Value(static_cast<std::int64_t>(value)));
        return put(Value(std::uint64_t{value}));
    }
    bool number_float(number_float_t value, const string_t&) override { return put(Value(value)); }
    bool string(string_t& value) override { return put(Value(std::move(value))); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(Value(Map{})); }
    bool start_array(std::size_t) override { return open(Value(List{})); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        keys_.back() = std::move(name);
        return true;
    }
    bool parse_error(std::size_t offset, const std::string&, const nlohmann::detail::exception& e) override {
        std::string why = e.what();
        if (const std::size_t at = why.find("] "); at != std::string::npos) why.erase(0, at + 2);
        throw Error(ErrorKind::kInvalid, "invalid JSON at byte " + std::to_string(offset) + ": " + why);
    }

    [[nodiscard]] Value take() { return std::move(root_); }

  private:
    bool put(Value value) {
        if (open_.empty()) {
            root_ = std::move(value);
        } else if (open_.back().is_map()) {
            open_.back().writable_map().set(keys_.back(), std::move(value));
        } else {
            open_.back().writable_list().push_back(std::move(value));
        }
        return true;
    }
    bool open(Value container) {
        if (open_.size() >= kMaxJsonDepth) {
            throw Error(ErrorKind::kInvalid,
                        "JSON is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
        }
        open_.push_back(std::move(container));
        keys_.emplace_back();
        return true;
    }
    bool close() {
        Value done = std::move(open_.back());
        open_.pop_back();
        keys_.pop_back();
        return put(std::move(done));
    }

    Value root_;
    std::vector<Value> open_;
    std::vector<std::string> keys_;
};

}  // namespace

Value parse_json(std::string_view text) {
    if (text.size() > kMaxJsonBytes) {
        throw Error(ErrorKind::kTooLarge,
                    "JSON text is larger than " + std::to_string(kMaxJsonBytes) + " bytes");
    }
    Builder builder;
    nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

}  // namespace fencepost
