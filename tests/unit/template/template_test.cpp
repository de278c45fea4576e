#include "template/template.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/task_group.h"
#include "template/function_entry.h"
#include "template/json_lines.h"
#include "value/json.h"

using namespace fencepost;

namespace {

std::string render(const std::string& text, const Value& data = Value(Map{})) {
    return tmpl::Template::parse("config", text, tmpl::FunctionSet::kKanister)->render(data);
}

std::string failure(const std::string& text) {
    try {
        (void)render(text);
    } catch (const Error& e) {
        return e.what();
    }
    return "";
}

// sprig 2.22.0's text functions: what its TxtFuncMap holds.
constexpr const char* kSprig =
    "abbrev abbrevboth add add1 adler32sum ago append atoi b32dec b32enc b64dec b64enc base biggest "
    "buildCustomCert camelcase cat ceil clean coalesce compact concat contains date dateInZone dateModify "
    "date_in_zone date_modify decryptAES deepCopy deepEqual default derivePassword dict dir div empty "
    "encryptAES env expandenv ext fail first float64 floor genCA genPrivateKey genSelfSignedCert "
    "genSignedCert getHostByName has hasKey hasPrefix hasSuffix hello htmlDate htmlDateInZone indent initial "
    "initials int int64 isAbs join kebabcase keys kindIs kindOf last list lower max merge mergeOverwrite min "
    "mod mul nindent nospace now omit pick pluck plural prepend push quote randAlpha randAlphaNum randAscii "
    "randNumeric regexFind regexFindAll regexMatch regexReplaceAll regexReplaceAllLiteral regexSplit repeat "
    "replace rest reverse round semver semverCompare set sha1sum sha256sum shuffle slice snakecase sortAlpha "
    "split splitList splitn squote sub substr swapcase ternary title toDate toDecimal toJson toPrettyJson "
    "toString toStrings trim trimAll trimPrefix trimSuffix trimall trunc tuple typeIs typeIsLike typeOf uniq "
    "unixEpoch unset until untilStep untitle upper urlJoin urlParse uuidv4 values without wrap wrapWith";

}  // namespace

TEST_CASE("sprig's 150 functions are there and no other name") {
    std::istringstream names(kSprig);
    std::set<std::string> all;
    for (std::string name; names >> name;) {
        CAPTURE(name);
        CHECK(tmpl::find_sprig(name) != nullptr);
        all.insert(name);
    }
    CHECK(all.size() == 150);
    CHECK(tmpl::sprig_names() == std::vector<std::string>(all.begin(), all.end()));
}

TEST_CASE("title and untitle know words by other signs") {
    CHECK(render(R"({{ "\"ap\" bc-de_fg" | title }})") == "\"Ap\" Bc-De_fg");
    CHECK(render(R"({{ "\"AP\" Bc-De" | untitle }})") == "\"AP\" bc-De");
}

TEST_CASE("env, expandenv and getHostByName are refused") {
    for (const std::string name : {"env", "expandenv", "getHostByName"}) {
        CHECK(failure("{{ " + name + " \"HOME\" }}") ==
              "template: config:1:3: executing \"config\" at <" + name + " \"HOME\">: error calling " + name +
                  ": " + name + " is not allowed: templates read neither the environment nor the network");
    }
}

TEST_CASE("keys and certificates are what OpenSSL reads, and a signed one is signed by its authority") {
    CHECK(
        render(
            R"({{ $ca := genCA "ca" 365 }}{{ $c := genSignedCert "x" (list "10.0.0.1" "::1") (list "a.b") 1 $ca }})"
            R"({{ $d := buildCustomCert (b64enc $c.Cert) (b64enc $c.Key) }}{{ eq $c.Cert $d.Cert }})"
            R"({{ hasPrefix "-----BEGIN RSA PRIVATE KEY-----" $c.Key }}{{ $c | typeOf }})") ==
        "truetruesprig.certificate");
    CHECK(render(R"({{ genPrivateKey "ecdsa" | trunc 30 }})") == "-----BEGIN EC PRIVATE KEY-----");
    CHECK(render(R"({{ encryptAES "k" "a secret of more than a block" | decryptAES "k" }})") ==
          "a secret of more than a block");
}

TEST_CASE("random functions give what they say, and not the same twice") {
    for (const std::string call :
         {"randAlpha 20", "randAlphaNum 20", "randAscii 20", "randNumeric 20", "uuidv4"}) {
        CAPTURE(call);
        CHECK(render("{{ " + call + " }}") != render("{{ " + call + " }}"));
    }
    CHECK(render(R"({{ regexMatch "^[0-9]{20}$" (randNumeric 20) }}{{ len (shuffle "abcd") }})") == "true4");
    CHECK(render(
              R"({{ $d := dict "b" 2 "a" 1 }}{{ keys $d | sortAlpha }}{{ values $d | len }}{{ ago now }})") ==
          "[a b]20s");
}

TEST_CASE("set changes the map for every variable that holds it, also from inside a loop") {
    CHECK(
        render(
            R"({{ $c := dict "a" 1 }}{{ $d := $c }}{{ set $c "a" 2 }} {{ range $i, $e := until 3 }}{{ set $c (toString $i) $i | len }}{{ end }} {{ $d }})") ==
        "map[a:2] 234 map[0:0 1:1 2:2 a:2]");
    CHECK(
        render(R"({{ $c := dict "a" 1 }}{{ $d := deepCopy $c }}{{ $_ := unset $c "a" }}{{ $c }} {{ $d }})") ==
        "map[] map[a:1]");
}

TEST_CASE(
    "maps are shared as in Go: what set changes is changed wherever the map is, and in this render alone") {
    const Value data = parse_json(R"({"m": {"a": 1, "n": {"x": 1}}})");
    CHECK(render(R"({{ $_ := set .m "a" 9 }}{{ .m.a }}{{ $n := .m.n }}{{ $_ := set .m.n "x" 5 }}{{ $n.x }})",
                 data) == "95");
    CHECK(render(R"({{ $d := deepCopy .m }}{{ $_ := set $d.n "x" 7 }}{{ .m.n.x }}{{ $d.n.x }})", data) ==
          "17");
    CHECK(
        render(R"({{ range $k, $v := .m }}{{ $_ := set $.m (print $k $k) 1 }}{{ $k }} {{ end }}{{ len .m }})",
               data) == "a n 4");
    CHECK(render(R"({{ $s := "a" }}{{ range 3 }}{{ $s = print $s "b" }}{{ end }}{{ $s }})") == "abbb");
    CHECK(data["m"]["a"] == Value(1));
    CHECK_THAT(failure(R"({{ $d := dict "a" 1 }}{{ set $d "b" (list $d) }})"),
               Catch::EndsWith("error calling set: a map cannot be put into itself"));
}

TEST_CASE("a line that is no request is told as one") {
    CHECK(parse_json(tmpl::answer_line("no json"))["stage"] == Value("request"));
    CHECK(parse_json(tmpl::answer_line(R"({"template": "", "missingkey": "x"})"))["error"] ==
          Value("missingkey 'x' is none of default, error, zero and invalid"));
    CHECK(tmpl::answer_line(R"({"template": "{{ .a }}", "data": {"a": {"$int": 1}}})") ==
          R"({"ok":true,"output":"1"})");
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

TEST_CASE("one call cannot make more than a render may hold") {
    for (const std::string call :
         {"repeat 1000000000 \"ab\"", "indent 1000000000 \"a\"",
          "repeat 60000 \"a\" | replace \"a\" (repeat 60000 \"b\")",
          "repeat 9000 \"a \" | wrapWith 1 (repeat 9000 \"b\")", "printf (repeat 9000 \"%999999[1]d\") 1",
          "regexReplaceAll \"a\" (repeat 60000 \"a\") (repeat 60000 \"b\")",
          "until 100000 | join (repeat 60000 \"b\")"}) {
        CAPTURE(call);
        CHECK_THAT(failure("{{ " + call + " | len }}"),
                   Catch::Contains("larger than") || Catch::Contains("more than"));
    }
}

TEST_CASE("every budget ends a template with what was too much") {
    const auto ends = [](const std::string& text, const tmpl::RenderOptions& options) {
        try {
            (void)tmpl::Template::parse("config", text, tmpl::FunctionSet::kKanister)
                ->render(Value(Map{}), options);
        } catch (const Error& e) {
            CHECK(e.kind() == ErrorKind::kExhausted);
            return e.message();
        }
        return std::string();
    };
    const std::string loop = "{{ range until 1000 }}{{ . }}{{ end }}";
    CHECK_THAT(ends(loop, {.max_steps = 500}), Catch::Contains("exceeded 500 steps"));
    CHECK(ends(loop, {.max_steps = 10'000}).empty());
    CHECK_THAT(ends(loop, {.max_output_bytes = 100}), Catch::Contains("output is larger than 100 bytes"));
    CHECK_THAT(ends(loop, {.max_kept_bytes = 1'000}), Catch::Contains("bytes"));
    const std::string nested =
        "{{ define \"a\" }}{{ if . }}{{ template \"a\" (sub . 1) }}{{ end }}{{ end }}{{ template \"a\" 9 }}";
    CHECK_THAT(ends(nested, {.max_depth = 5}), Catch::Contains("exceeded maximum template depth (5)"));
    CHECK(ends(nested, {.max_depth = 50}).empty());
    CHECK_THAT(ends("{{ range 999999 }}{{ sha256sum \"a\" }}{{ end }}",
                    {.max_steps = 100'000'000, .max_time = std::chrono::milliseconds(20)}),
               Catch::Contains("took longer than 20 ms"));
}
