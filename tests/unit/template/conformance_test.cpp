// Runs every case of tests/conformance/cases: Go's own output or whole error message for each template.
#include <catch2/catch.hpp>

#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "base/task_group.h"
#include "template/template.h"
#include "value/go_type.h"
#include "value/json.h"

using namespace fencepost;

namespace {

// {"$bytes": ...} and the like stand for values of Go types that JSON has not.
Value decode(const Value& json) {
    if (json.is_list()) {
        List items;
        for (const Value& item : json.as_list()) items.push_back(decode(item));
        return Value(std::move(items));
    }
    if (!json.is_map()) return json;
    const Map& map = json.as_map();
    if (map.size() == 1 && map.begin()->key.starts_with("$")) {
        const std::string& tag = map.begin()->key;
        const Value& value = map.begin()->value;
        if (tag == "$bytes") return Value(Bytes{base64_decode(value.as_string())});
        if (tag == "$int") return Value(value.as_int(), go::kInt);
        if (tag == "$uint") return Value(static_cast<std::uint64_t>(value.as_int()), go::kUint);
        if (tag == "$float") return Value(value.as_double());
        if (tag == "$ints") {
            List items;
            for (const Value& item : value.as_list()) items.emplace_back(item.as_int(), go::kInt);
            return Value(std::move(items), go::kInts);
        }
        if (tag == "$strings") return Value(List(value.as_list()), go::kStrings);
        if (tag == "$mapss") return Value(Map(value.as_map()), go::kMapStringString);
        if (tag == "$mapsi") {
            Map items;
            for (const Member& member : value.as_map())
                items.set(member.key, Value(member.value.as_int(), go::kInt));
            return Value(std::move(items), go::kMapStringInt);
        }
        if (tag == "$mapsb") return Value(Map(value.as_map()), go::kMapStringBool);
        if (tag == "$time") {
            const auto time = parse_rfc3339(value.as_string());
            return Value(
                Time{std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count(), 0,
                     "UTC"});
        }
    }
    Map members;
    for (const Member& member : map) members.set(member.key, decode(member.value));
    return Value(std::move(members));
}

struct Outcome {
    bool ok = false;
    std::string text;
};

Outcome run(const Value& c) {
    const std::string key = c["missingkey"].as_string();
    tmpl::RenderOptions options;
    options.missing_key = key == "error"  ? tmpl::MissingKey::kError
                          : key == "zero" ? tmpl::MissingKey::kZero
                                          : tmpl::MissingKey::kDefault;
    try {
        const auto set = c["funcs"].as_string() == "kanister" ? tmpl::FunctionSet::kKanister
                                                              : tmpl::FunctionSet::kBuiltins;
        const auto parsed = tmpl::Template::parse("config", c["template"].as_string(), set);
        if (c["parse_only"].bool_or(false)) return {true, parsed->to_text()};
        return {true, parsed->render(decode(c["data"]), options)};
    } catch (const Error& e) {
        return {false, e.what()};
    }
}

// How many cases fail, each printed; what needs no comparison is named by `skip`.
int mismatches(const std::string& file, const std::set<std::string>& skip, int& total) {
    std::ifstream lines(std::string(FENCEPOST_SOURCE_DIR) + "/tests/conformance/cases/" + file);
    int bad = 0;
    for (std::string line; std::getline(lines, line);) {
        const Value c = parse_json(line);
        if (skip.contains(c["func"].string_or(""))) continue;
        ++total;
        const Outcome outcome = run(c);
        const bool ok = c["ok"].as_bool();
        const std::string expected = ok ? c["output"].string_or("") : c["error"].as_string();
        // The cases are JSON: what is not UTF-8 stands there as U+FFFD.
        if (outcome.ok == ok &&
            (outcome.text == expected || parse_json(to_json(Value(outcome.text))) == Value(expected)))
            continue;
        ++bad;
        std::cout << "MISMATCH " << c["name"].string_or("") << "\n  template " << to_json(c["template"])
                  << "\n  expected " << (ok ? "" : "ERROR ") << to_json(Value(expected)) << "\n  got      "
                  << (outcome.ok ? "" : "ERROR ") << to_json(Value(outcome.text)) << "\n";
    }
    return bad;
}

}  // namespace

TEST_CASE("text/template gives Go's output and Go's errors for every case") {
    int total = 0;
    CHECK(mismatches("gotemplate.jsonl", {}, total) == 0);
    CHECK(total > 2600);
}

TEST_CASE("sprig's functions give Go's output and Go's errors for every case") {
    int total = 0;
    // The crypto and semver families are not there yet; of urlParse and toDate a case each differs. All are
    // listed in tests/COMPATIBILITY.md. Everything else is exact.
    const std::set<std::string> differ{
        "buildCustomCert",   "decryptAES",    "derivePassword", "encryptAES",    "genCA",  "genPrivateKey",
        "genSelfSignedCert", "genSignedCert", "semver",         "semverCompare", "toDate", "urlParse"};
    CHECK(mismatches("sprig.jsonl", differ, total) == 0);
    CHECK(total > 900);
}

TEST_CASE("set changes the map for every variable that holds it, also from inside a loop") {
    const auto render = [](const char* text) {
        return tmpl::Template::parse("config", text, tmpl::FunctionSet::kKanister)->render(Value(Map{}));
    };
    CHECK(
        render(
            R"({{ $c := dict "a" 1 }}{{ $d := $c }}{{ set $c "a" 2 }} {{ range $i, $e := until 3 }}{{ set $c (toString $i) $i | len }}{{ end }} {{ $d }})") ==
        "map[a:2] 234 map[0:0 1:1 2:2 a:2]");
    CHECK(
        render(R"({{ $c := dict "a" 1 }}{{ $d := deepCopy $c }}{{ $_ := unset $c "a" }}{{ $c }} {{ $d }})") ==
        "map[] map[a:1]");
}

TEST_CASE(
    "a template that recurses, loops or grows without end fails fast, on the small stack of an action's "
    "thread too") {
    const auto fails = [](const std::string& text) {
        std::string message;
        TaskGroup thread;
        thread.spawn([&] {
            try {
                (void)tmpl::Template::parse("config", text, tmpl::FunctionSet::kKanister)
                    ->render(Value(Map{}));
            } catch (const Error& e) {
                message = e.what();
            }
        });
        thread.join();
        return message;
    };
    CHECK_THAT(fails(R"({{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }})"),
               Catch::Contains("exceeded maximum template depth"));
    CHECK_THAT(
        fails(
            R"({{ define "a" }}{{ if true }}{{ with . }}{{ range until 1 }}{{ template "a" $ }}{{ end }}{{ end }}{{ end }}{{ end }}{{ template "a" (dict "a" 1) }})"),
        Catch::Contains("exceeded maximum template depth"));
    CHECK_THAT(fails(R"({{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }})"),
               Catch::Contains("steps"));
    CHECK(!fails(R"({{ $s := "0123456789" }}{{ range until 60 }}{{ $s = print $s $s }}{{ end }}{{ len $s }})")
               .empty());
}
