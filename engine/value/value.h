// Value: the one dynamic value of Fencepost. It is shaped after Go's, because templates print it as Go would:
// bytes differ from string, int64 from float64, map[string]string from map[string]interface{}, and a struct
// has fields in order. Kubernetes objects, template data, arguments, outputs and JSON bodies are all Values.
//
// Copying is cheap: lists, maps and structs are shared and copied only when a shared one is changed (copy on
// write). Maps are sorted by key (as Go's JSON, %v and range over maps are).
//
//     Value pod = parse_json(text);
//     std::string ns = pod.get("metadata", "namespace").string_or("default");     // absent members read as
//     nil pod["metadata"]["labels"]["app"] = "pg";                                     // absent members are
//     made
//
// Errors: as_*() throws Error{kInvalid, "expected string, got map"}. Thread safety: as std::string; two
// threads may hold copies of the same value, and each may change its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace fencepost {

class Value;
class Map;
struct Member;

// A Go []byte.
struct Bytes {
    std::string data;
    friend bool operator==(const Bytes&, const Bytes&) = default;
};

// A Go time.Time: seconds since 1970 (UTC) and nanoseconds into the second, the offset of its zone in
// seconds, and the zone's name ("" where only the offset is known).
struct Time {
    std::int64_t unix_seconds = 0;
    std::int32_t nanosecond = 0;
    std::int32_t offset_seconds = 0;
    std::string zone = "UTC";
    friend bool operator==(const Time&, const Time&) = default;
};

// The Go type that a value stands for where kind alone does not tell: map[string]string, []int, int32,
// *param.Profile. Instances are static and immutable; see value/go_type.h for the table. nullptr means the
// default of the kind: bool, int64, uint64, float64, string, []interface {}, map[string]interface {}.
struct GoType;

enum class Kind : std::uint8_t {
    kNil,
    kBool,
    kInt,
    kUint,
    kFloat,
    kString,
    kBytes,
    kTime,
    kList,
    kMap,
    kStruct
};
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;

using List = std::vector<Value>;

namespace detail {
// An intrusive count: unlike shared_ptr's, its "am I the only owner" is an acquire, so changing in place is
// safe.
template <typename T>
struct Counted {
    template <typename... Args>
    explicit Counted(const GoType* go_type, Args&&... args)
        : type(go_type), body(std::forward<Args>(args)...) {}
    mutable std::atomic<std::uint32_t> owners{1};
    const GoType* type;
    T body;
};

template <typename T>
class Shared {
  public:
    explicit Shared(Counted<T>* node) noexcept : node_(node) {}
    Shared(const Shared& other) noexcept : node_(other.node_) {
        if (node_ != nullptr) node_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    Shared(Shared&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Shared& operator=(Shared other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~Shared() { drop(); }
    [[nodiscard]] const T& operator*() const noexcept { return node_->body; }
    [[nodiscard]] const T* operator->() const noexcept { return &node_->body; }
    [[nodiscard]] const GoType* type() const noexcept { return node_->type; }
    [[nodiscard]] T& shared() const noexcept { return node_->body; }
    [[nodiscard]] T& writable() {
        return node_->owners.load(std::memory_order_acquire) == 1 ? node_->body : unshared();
    }
    [[nodiscard]] T& unshared() {  // of a copy that is this one's alone
        Shared copy(new Counted<T>(node_->type, node_->body));
        std::swap(node_, copy.node_);
        return node_->body;
    }

  private:
    void drop() noexcept;
    Counted<T>* node_;
};
}  // namespace detail

// The fields of a Go struct, in the order of its GoType's field table (value/go_type.h).
struct Fields {
    std::vector<Value> values;
    friend bool operator==(const Fields&, const Fields&) = default;
};

class Value {
  public:
    Value() noexcept = default;
    Value(std::nullptr_t) noexcept {}
    Value(bool value) noexcept : data_(value) {}
    Value(int value) noexcept : data_(std::int64_t{value}) {}
    Value(long value) noexcept : data_(std::int64_t{value}) {}
    Value(long long value) noexcept : data_(static_cast<std::int64_t>(value)) {}
    Value(unsigned long value) noexcept : data_(std::uint64_t{value}) {}
    Value(double value) noexcept : data_(value) {}
    Value(const char* value) : data_(std::string(value)) {}
    Value(std::string_view value) : data_(std::string(value)) {}
    Value(std::string value) noexcept : data_(std::move(value)) {}
    Value(Bytes value) noexcept : data_(std::move(value)) {}
    Value(Time value) noexcept : data_(std::move(value)) {}
    Value(List value);
    Value(Map value);
    template <typename T>
    Value(T*) = delete;  // a pointer would silently become a bool

    // With a Go type of its own (see go_type.h): REQUIRES type's kind to fit.
    Value(std::int64_t value, const GoType& type) noexcept : data_(value), type_(&type) {}
    Value(std::uint64_t value, const GoType& type) noexcept : data_(value), type_(&type) {}
    Value(double value, const GoType& type) noexcept : data_(value), type_(&type) {}
    Value(std::string value, const GoType& type) noexcept : data_(std::move(value)), type_(&type) {}
    Value(List value, const GoType& type);
    Value(Map value, const GoType& type);
    [[nodiscard]] static Value of_struct(const GoType& type, Fields fields);
    [[nodiscard]] static Value typed_nil(
        const GoType& type) noexcept;  // a nil pointer, map or slice of that type

    [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(data_.index()); }
    [[nodiscard]] const GoType* go_type() const noexcept;  // nullptr: the kind's default
    [[nodiscard]] bool is_nil() const noexcept { return kind() == Kind::kNil; }
    [[nodiscard]] bool is_bool() const noexcept { return kind() == Kind::kBool; }
    [[nodiscard]] bool is_number() const noexcept {
        return kind() == Kind::kInt || kind() == Kind::kUint || kind() == Kind::kFloat;
    }
    [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::kString; }
    [[nodiscard]] bool is_list() const noexcept { return kind() == Kind::kList; }
    [[nodiscard]] bool is_map() const noexcept { return kind() == Kind::kMap; }

    [[nodiscard]] bool as_bool() const;
    [[nodiscard]] std::int64_t as_int() const;    // also from uint64 and whole floats that fit
    [[nodiscard]] std::uint64_t as_uint() const;  // kUint only
    [[nodiscard]] double as_double() const;       // also from whole numbers
    [[nodiscard]] const std::string& as_string() const;
    [[nodiscard]] const Bytes& as_bytes() const;
    [[nodiscard]] const Time& as_time() const;
    [[nodiscard]] const List& as_list() const;
    [[nodiscard]] const Map& as_map() const;
    [[nodiscard]] const Fields& as_fields() const;

    // Reading that tolerates absence: another kind reads as the fallback.
    [[nodiscard]] std::string string_or(std::string_view fallback) const;
    [[nodiscard]] std::int64_t int_or(std::int64_t fallback) const noexcept;
    [[nodiscard]] bool bool_or(bool fallback) const noexcept;
    [[nodiscard]] const List& list_or_empty() const noexcept;
    [[nodiscard]] const Map& map_or_empty() const noexcept;

    // The member of a map, or a shared nil where there is none or this is no map.
    [[nodiscard]] const Value& operator[](std::string_view key) const noexcept;
    template <typename... Keys>
    [[nodiscard]] const Value& get(std::string_view key, Keys... rest) const noexcept {
        const Value& member = (*this)[key];
        if constexpr (sizeof...(rest) == 0) {
            return member;
        } else {
            return member.get(rest...);
        }
    }
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;  // nullptr where absent

    // For change: nil becomes an empty map or list first; another kind throws.
    [[nodiscard]] Value& operator[](std::string_view key);
    [[nodiscard]] Map& writable_map();
    [[nodiscard]] List& writable_list();
    void push_back(Value item);
    bool erase(std::string_view key);  // true if it was there

    // The map that every copy of this value shares, as a Go map is: all of them see a change. REQUIRES a map,
    // and that no other thread holds a copy.
    [[nodiscard]] Map& shared_map() const;
    [[nodiscard]] Value deep_copy() const;  // shares nothing with this

    // Deep; int 1 and float 1.0 differ, as in Go's reflect.DeepEqual. Go types of their own are compared too.
    friend bool operator==(const Value& a, const Value& b) noexcept;

  private:
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, Time,
                 detail::Shared<List>, detail::Shared<Map>, detail::Shared<Fields>>
        data_;
    const GoType* type_ =
        nullptr;  // of scalars and typed nils; lists, maps and structs keep theirs in the node
};

struct Member {
    std::string key;
    Value value;
    friend bool operator==(const Member&, const Member&) = default;
};

// A map sorted by key, kept in one vector: small maps are the rule, and lookups are a binary search.
class Map {
  public:
    using iterator = std::vector<Member>::iterator;
    using const_iterator = std::vector<Member>::const_iterator;

    Map() = default;
    Map(std::initializer_list<Member> members);  // a later duplicate wins
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;
    [[nodiscard]] Value* find(std::string_view key) noexcept;
    [[nodiscard]] bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }
    Value& operator[](std::string_view key);  // makes a nil member where absent
    void set(std::string_view key, Value value);
    bool erase(std::string_view key);
    void clear() noexcept { members_.clear(); }
    void reserve(std::size_t count) { members_.reserve(count); }
    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
    [[nodiscard]] iterator begin() noexcept { return members_.begin(); }
    [[nodiscard]] iterator end() noexcept { return members_.end(); }
    [[nodiscard]] const_iterator begin() const noexcept { return members_.begin(); }
    [[nodiscard]] const_iterator end() const noexcept { return members_.end(); }
    friend bool operator==(const Map&, const Map&) = default;

  private:
    std::vector<Member> members_;
};

namespace detail {
template <typename T>
void Shared<T>::drop() noexcept {
    if (node_ != nullptr && node_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete node_;
}
}  // namespace detail

}  // namespace fencepost
