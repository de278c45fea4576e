#include <algorithm>
#include <cmath>

#include "base/encodings.h"
#include "template/sprig/sprig.h"
#include "value/go_number.h"

namespace fencepost::tmpl::sprig {

namespace {

Value plain_int(std::int64_t number) { return Value(number, go::kInt); }

std::int64_t wrapping(std::uint64_t number) { return static_cast<std::int64_t>(number); }

// Sprig's integer arithmetic wraps as Go's int64 does.
template <typename Operation>
Value fold(Arguments a, std::int64_t start, Operation operation) {
    std::int64_t total = start;
    for (const Value* value : a)
        total = wrapping(
            operation(static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(to_int64(*value))));
    return Value(total);
}

Value divide(Arguments a, bool remainder) {
    const std::int64_t left = to_int64(*a[0]);
    const std::int64_t right = to_int64(*a[1]);
    if (right == 0) fail("runtime error: integer divide by zero");
    if (right == -1)
        return Value(remainder ? std::int64_t{0} : wrapping(0 - static_cast<std::uint64_t>(left)));
    return Value(remainder ? left % right : left / right);
}

Value extreme(Arguments a, bool largest) {
    std::int64_t best = to_int64(*a[0]);
    for (const Value* value : a.subspan(1))
        best = largest ? std::max(best, to_int64(*value)) : std::min(best, to_int64(*value));
    return Value(best);
}

// As Go's math.Pow comes to it, by squaring: the last bit may be another one than in C.
double power_of_ten(std::int64_t exponent) {
    if (exponent == 1) return 10;
    double power = 1;
    int power_exponent = 0;
    int square_exponent = 0;
    double square = std::frexp(10.0, &square_exponent);
    for (std::uint64_t bits = exponent < 0 ? 0 - static_cast<std::uint64_t>(exponent)
                                           : static_cast<std::uint64_t>(exponent);
         bits != 0; bits >>= 1U) {
        if (square_exponent < -(1 << 12) || square_exponent > 1 << 12) {
            power_exponent += square_exponent;
            break;
        }
        if ((bits & 1U) != 0) {
            power *= square;
            power_exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if (square < 0.5) {
            square += square;
            --square_exponent;
        }
    }
    return exponent < 0 ? std::ldexp(1 / power, -power_exponent) : std::ldexp(power, power_exponent);
}

Value round(Arguments a) {
    const double number = to_float64(*a[0]);
    const std::int64_t places = a[1]->as_int();
    const double round_on = a.size() > 2 ? to_float64(*a[2]) : 0.5;
    const double scale = power_of_ten(places);
    const double digit = scale * number;
    double whole = 0;
    const double fraction = std::modf(digit, &whole);
    return Value((fraction >= round_on ? std::ceil(digit) : std::floor(digit)) / scale);
}

// Octal text; anything else is 0.
Value to_decimal(Arguments a) {
    const GoInt read = parse_go_int(strval(*a[0]), 8);
    return Value(read.is_ok ? read.value : std::int64_t{0});
}

Value atoi(Arguments a) { return plain_int(parse_go_int(a[0]->as_string()).value); }

Value random_text(Arguments a, std::string_view alphabet) {
    constexpr std::int64_t kMost = 1'000'000;
    const std::int64_t count = a[0]->as_int();
    if (count < 0) fail("runtime error: makeslice: len out of range");
    if (count > kMost) fail("random text of more than " + std::to_string(kMost) + " characters");
    std::string out;
    for (const char byte : random_bytes(static_cast<std::size_t>(count)))
        out += alphabet[static_cast<unsigned char>(byte) % alphabet.size()];
    return Value(std::move(out));
}

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kLettersAndDigits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

std::string printable_ascii() {
    std::string all;
    for (char c = 32; c < 127; ++c) all += c;
    return all;
}

constexpr Param S = Param::kString;
constexpr Param I = Param::kInt;
constexpr Param A = Param::kAny;
using U = std::uint64_t;

const FunctionEntry kTable[] = {
    {.name = "add",
     .params = {A},
     .is_variadic = true,
     .call = [](Arguments a) { return fold(a, 0, [](U x, U y) { return x + y; }); }},
    {.name = "add1",
     .params = {A},
     .call = [](Arguments a) { return Value(wrapping(static_cast<U>(to_int64(*a[0])) + 1)); }},
    {.name = "atoi", .params = {S}, .call = atoi},
    {.name = "biggest",
     .params = {A, A},
     .is_variadic = true,
     .call = [](Arguments a) { return extreme(a, true); }},
    {.name = "ceil", .params = {A}, .call = [](Arguments a) { return Value(std::ceil(to_float64(*a[0]))); }},
    {.name = "div", .params = {A, A}, .call = [](Arguments a) { return divide(a, false); }},
    {.name = "float64", .params = {A}, .call = [](Arguments a) { return Value(to_float64(*a[0])); }},
    {.name = "floor",
     .params = {A},
     .call = [](Arguments a) { return Value(std::floor(to_float64(*a[0]))); }},
    {.name = "int", .params = {A}, .call = [](Arguments a) { return plain_int(to_int64(*a[0])); }},
    {.name = "int64", .params = {A}, .call = [](Arguments a) { return Value(to_int64(*a[0])); }},
    {.name = "max",
     .params = {A, A},
     .is_variadic = true,
     .call = [](Arguments a) { return extreme(a, true); }},
    {.name = "min",
     .params = {A, A},
     .is_variadic = true,
     .call = [](Arguments a) { return extreme(a, false); }},
    {.name = "mod", .params = {A, A}, .call = [](Arguments a) { return divide(a, true); }},
    {.name = "mul",
     .params = {A, A},
     .is_variadic = true,
     .call = [](Arguments a) { return fold(a, 1, [](U x, U y) { return x * y; }); }},
    {.name = "randAlpha", .params = {I}, .call = [](Arguments a) { return random_text(a, kLetters); }},
    {.name = "randAlphaNum",
     .params = {I},
     .call = [](Arguments a) { return random_text(a, kLettersAndDigits); }},
    {.name = "randAscii",
     .params = {I},
     .call = [](Arguments a) { return random_text(a, printable_ascii()); }},
    {.name = "randNumeric", .params = {I}, .call = [](Arguments a) { return random_text(a, "0123456789"); }},
    {.name = "round", .params = {A, I, Param::kFloat64}, .is_variadic = true, .call = round},
    {.name = "sub",
     .params = {A, A},
     .call =
         [](Arguments a) {
             return Value(wrapping(static_cast<U>(to_int64(*a[0])) - static_cast<U>(to_int64(*a[1]))));
         }},
    {.name = "toDecimal", .params = {A}, .call = to_decimal},
    {.name = "uuidv4", .params = {}, .call = [](Arguments) { return Value(random_uuid()); }},
};

}  // namespace

std::int64_t to_int64(const Value& value) {
    switch (value.kind()) {
        case Kind::kInt:
            return value.as_int();
        case Kind::kUint:
            return value.as_uint() > static_cast<std::uint64_t>(INT64_MAX)
                       ? INT64_MAX
                       : static_cast<std::int64_t>(value.as_uint());
        case Kind::kFloat:
            return std::isnan(value.as_double()) || std::fabs(value.as_double()) >= 9.3e18
                       ? INT64_MIN
                       : static_cast<std::int64_t>(value.as_double());
        case Kind::kBool:
            return value.as_bool() ? 1 : 0;
        case Kind::kString: {
            const GoInt read = parse_go_int(value.as_string());
            return read.is_ok ? read.value : 0;
        }
        default:
            return 0;
    }
}

double to_float64(const Value& value) {
    switch (value.kind()) {
        case Kind::kInt:
        case Kind::kUint:
        case Kind::kFloat:
            return value.as_double();
        case Kind::kBool:
            return value.as_bool() ? 1 : 0;
        case Kind::kString:
            return parse_go_float(value.as_string()).value_or(0);
        default:
            return 0;
    }
}

Table numbers() { return kTable; }

}  // namespace fencepost::tmpl::sprig
