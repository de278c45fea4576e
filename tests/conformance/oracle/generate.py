"""Random templates and data for the differential test: a grammar of text/template with the functions that give the
same result every time. Everything comes from the random.Random that is handed in."""
import base64
import json
import re

# name: (parameters, result). Upper case: variadic. s string, i int, n any number, b bool, a anything, l list, L list of
# strings, m map, t time, r pattern, v version; and so that no map comes to hold itself, which Go does not survive: g a map
# that is not made of others, h no map; j an index within a list (what is beyond its end depends on what Go has reserved); y a time, or seconds, as anything else is the time of now.
FUNCTIONS = {
    # Go's own
    "and": ("aA", "a"), "or": ("aA", "a"), "not": ("a", "b"), "len": ("c", "i"), "index": ("cI", "a"),
    "print": ("A", "s"), "println": ("A", "s"), "html": ("A", "s"), "js": ("A", "s"), "urlquery": ("A", "s"),
    "eq": ("aA", "b"), "ne": ("aa", "b"), "lt": ("nn", "b"), "le": ("ss", "b"), "gt": ("nn", "b"), "ge": ("nn", "b"),
    "printf": ("fA", "s"), "call": ("aA", "a"),
    # strings
    "abbrev": ("is", "s"), "abbrevboth": ("iis", "s"), "camelcase": ("s", "s"), "cat": ("A", "s"),
    "contains": ("ss", "b"), "hasPrefix": ("ss", "b"), "hasSuffix": ("ss", "b"), "hello": ("", "s"),
    "indent": ("is", "s"), "initials": ("s", "s"), "kebabcase": ("s", "s"), "lower": ("s", "s"),
    "nindent": ("is", "s"), "nospace": ("s", "s"), "plural": ("ssi", "s"), "quote": ("A", "s"), "repeat": ("is", "s"),
    "replace": ("sss", "s"), "snakecase": ("s", "s"), "squote": ("A", "s"), "substr": ("iis", "s"),
    "swapcase": ("s", "s"), "title": ("s", "s"), "toString": ("a", "s"), "trim": ("s", "s"), "trimAll": ("ss", "s"),
    "trimPrefix": ("ss", "s"), "trimSuffix": ("ss", "s"), "trimall": ("ss", "s"), "trunc": ("is", "s"),
    "untitle": ("s", "s"), "upper": ("s", "s"), "wrap": ("is", "s"), "wrapWith": ("iss", "s"),
    "toStrings": ("a", "L"), "split": ("ss", "m"), "splitList": ("ss", "L"), "splitn": ("sis", "m"),
    "join": ("sl", "s"), "sortAlpha": ("l", "L"),
    # numbers
    "add": ("N", "i"), "add1": ("n", "i"), "atoi": ("s", "i"), "biggest": ("nN", "i"), "ceil": ("n", "x"),
    "div": ("nn", "i"), "float64": ("n", "x"), "floor": ("n", "x"), "int": ("n", "i"), "int64": ("n", "i"),
    "max": ("nN", "i"), "min": ("nN", "i"), "mod": ("nn", "i"), "mul": ("nN", "i"), "round": ("ni", "x"),
    "sub": ("nn", "i"), "toDecimal": ("a", "i"), "until": ("i", "l"), "untilStep": ("iii", "l"),
    # lists and dicts
    "append": ("la", "l"), "push": ("la", "l"), "prepend": ("la", "l"), "first": ("l", "a"), "rest": ("l", "l"),
    "last": ("l", "a"), "initial": ("l", "l"), "reverse": ("l", "l"), "uniq": ("l", "l"), "without": ("lA", "l"),
    "has": ("al", "b"), "slice": ("lJ", "l"), "concat": ("lL", "l"), "compact": ("l", "l"), "list": ("A", "l"),
    "tuple": ("A", "l"), "dict": ("D", "m"), "set": ("msh", "m"), "unset": ("ms", "m"), "hasKey": ("ms", "b"),
    "pluck": ("sM", "l"), "pick": ("mS", "m"), "omit": ("mS", "m"), "merge": ("gG", "m"),
    "mergeOverwrite": ("gG", "m"), "deepCopy": ("a", "a"),
    # defaults, reflection
    "default": ("aa", "a"), "empty": ("a", "b"), "coalesce": ("A", "a"), "ternary": ("aab", "a"), "fail": ("s", "s"),
    "kindIs": ("sa", "b"), "kindOf": ("a", "s"), "typeIs": ("sa", "b"), "typeIsLike": ("sa", "b"), "typeOf": ("a", "s"),
    "deepEqual": ("aa", "b"),
    # encoding, crypto
    "b64enc": ("s", "s"), "b64dec": ("s", "s"), "b32enc": ("s", "s"), "b32dec": ("s", "s"), "sha1sum": ("s", "s"),
    "sha256sum": ("s", "s"), "adler32sum": ("s", "s"), "toJson": ("a", "s"), "toPrettyJson": ("a", "s"),
    "decryptAES": ("ss", "s"), "derivePassword": ("issss", "s"), "buildCustomCert": ("ss", "a"),
    # dates
    "date": ("oy", "s"), "dateInZone": ("oyz", "s"), "date_in_zone": ("oyz", "s"), "dateModify": ("ut", "t"),
    "date_modify": ("ut", "t"), "htmlDate": ("y", "s"), "htmlDateInZone": ("yz", "s"), "toDate": ("os", "t"),
    "unixEpoch": ("t", "s"),
    # patterns, paths, URLs, versions
    "regexFind": ("rs", "s"), "regexFindAll": ("rsi", "L"), "regexMatch": ("rs", "b"),
    "regexReplaceAll": ("rss", "s"), "regexReplaceAllLiteral": ("rss", "s"), "regexSplit": ("rsi", "L"),
    "base": ("p", "s"), "clean": ("p", "s"), "dir": ("p", "s"), "ext": ("p", "s"), "isAbs": ("p", "b"),
    "urlParse": ("w", "m"), "urlJoin": ("m", "s"), "semver": ("v", "e"), "semverCompare": ("kv", "b"),
}
# These give one order of several, random text, the time of now or a key of their own; the cases and the unit tests
# have them.
OTHERS = {"keys", "values", "shuffle", "randAlpha", "randAlphaNum", "randAscii", "randNumeric", "uuidv4", "now", "ago",
          "genCA", "genPrivateKey", "genSelfSignedCert", "genSignedCert", "encryptAES", "env", "expandenv",
          "getHostByName"}

STRINGS = ["", "a", "b", "c", "k", "Hello World", "  padded  ", "foo_bar-baz Qux", "HTTPServerID", "héllo wörld", "日本 ß é",
           "x,y,,z", "42", "-7", "0x1F", "010", "1e3", "3.5", "1_000", "1_0.5", "0x1p-2", "inf", "1e400", "+5", "+-5", "true", "nil", "line1\nline2\n\nline3", "a\tb\r\n",
           "<a href=\"x\">&'</a>", "%d %s", "back\\slash", "`tick`", "aGVsbG8=", "aGVsbG8", "NBSWY3DP", "é", "ǅ", "\u00a0x\u2003",
           "a.b.c/d", "$1", "${name}", "the quick brown fox jumps over the lazy dog", "ſKİıŉ", "\u200b\ufeff", "😀x", "\x00\x7f"]
PATTERNS = ["a", "a*", "[a-z]+", "(\\w+) (\\w+)", "(?P<name>l+)", "^", "$", "\\b", "", "(", "[", "a**", "x{2,1}", "(?i)HELLO",
            "\\pL+", "[^,]*", "(a)|(b)", ".", "(?s).+", "\\d+", "\\C", "(?<n>a)", "a{1001}", "(?P<n>a)(?P<n>b)", "[b-a]", "\\8",
            "*", "(?z)", "[[:foo:]]", "a\\", "(?m)^l", "\\Q.\\E", "o+?", "([a-z])([0-9])?"]
LAYOUTS = ["2006-01-02", "2006-01-02T15:04:05Z07:00", "Mon Jan _2 15:04:05 MST 2006", "02 Jan 06 03:04 PM", "Monday, January 2",
           "15:04:05.000", "15:04:05.999999999", "3:4:5pm -0700", "002 __2 06", "Z0700 -07 -07:00:00", "year 2006!", "", "05,000"]
ZONES = ["UTC", "", "Local", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "No/Where", "Australia/Lord_Howe"]
DURATIONS = ["1h", "-1.5h", "300ms", "1h15m30.918s", "bad", "", "-24h", "1us", "9999h"]
TIMES = ["2024-03-05", "2024-02-30", "2024-03-05T06:07:08+02:00", "bad", "06:07:08.5", "Tue Mar  5 06:07:08 UTC 2024", ""]
PATHS = ["", "/", "a", "a/b", "/a/../b/./c", "a//b", "../x", "/a/b/", "x.tar.gz", ".hidden", "a/.b", "./a/", "/..", "a/.."]
URLS = ["http://a/b", "https://u:p@h.x:8443/p/a?q=1&r=a+b#frag", "mailto:a@b", "://bad", "http://a/%zz", "s3://bucket/key", "/p?q",
        "", "//h/p", "http://[::1]:80/", "http://[::1", "http://a b/", "a:b:c", "1a:b", "http://u%40x@h/", "?q#f", "http://h:port/",
        "http://h/%41%20x", "#", "x:", "http://ü.de/é", "a%20b", "http://h?x=%", "*", "ht!tp://x", "\x01", "http://h#%zz"]
VERSIONS = ["1.2.3", "v1.2", "1", "1.2.3-beta.1+b7", "x", "", "1.2.3.4", "01.2.3", "1.2.3-", "10.0.0", "0.2.9", "0.0.3", "2.0.0-alpha",
            "1.0.0-rc.1", "99999999999999999999.1.1", "1.2.3-0a.x"]
CONSTRAINTS = ["*", "~1.2", "^1.2.0 || ^3", ">=1.0-0", "bad!", "!=1.2", "^0.2.3", "~1", "v1.2.3", "", ">1.2, <3", "1.2 - 1.4.5", "=1.2.3",
               "<=1.x", "^0.0.3", "~0.2.x", "=>1", "=<2", ">1.2.3-beta.0", "1.2.x", "X", "~>1.2.3", "^1.x", ">= 1.2 <3", "!=1.x", "^*",
               "<1.2.3-rc", ">2", "^2.0.0-0", "~2.0.0-alpha"]
VERBS = "vdsqxXtTgGeEfFcbBoOUwz!%"  # not p: addresses


def b64(data):
    return base64.b64encode(data).decode()


# A value of every type that a case can hold; each has a key in the data of every pair.
VALUES = {
    "s": "Hello World", "e": "", "num": "42", "uni": "héllo wörld ß", "i": 7, "neg": -7, "z": 0, "f": 2.5, "fz": 0.0, "fn": -1e21,
    "whole": 3.0000000000001, "big": 9007199254740993, "min": -9223372036854775808, "t": True, "no": False, "n": None,
    "by": {"$bytes": b64(b"secret")}, "bz": {"$bytes": b64(b"\x00\xff<x")}, "be": {"$bytes": ""},
    "gi": {"$int": 5}, "gu": {"$uint": 9}, "gf": {"$float": 4}, "tm": {"$time": "2024-03-05T06:07:08.123456789Z"},
    "tz": {"$time": "2024-03-05T06:07:08+05:30"},
    "l": [3, 1, 2], "ls": ["b", "a", "c", "a"], "el": [], "mix": [1, "1", None, 2.5, True, "", [1], {"a": 1}, {"$bytes": b64(b"b")}],
    "lm": [{"a": 1}, {"a": 2}, {"b": 3}], "ss": {"$strings": ["x", "y"]}, "se": {"$strings": []}, "is": {"$ints": [3, 0, 5]},
    "m": {"a": 1, "b": "x", "c": {"d": [1, 2]}}, "em": {}, "mn": {"z": None, "k": {"$bytes": b64(b"v")}, "s": ""},
    "ms": {"$mapss": {"k": "v", "a": ""}}, "mi": {"$mapsi": {"a": 1, "k": 0}}, "mb": {"$mapsb": {"a": True, "k": False}},
    "url": {"scheme": "https", "host": "h:1", "path": "p q", "query": "a=b", "userinfo": "u:p@", "fragment": "f<", "opaque": ""},
}
KEYS = {
    "s": ["s", "e", "num", "uni"], "i": ["gi"], "n": ["i", "neg", "z", "f", "gi", "gu", "gf", "num", "whole", "big", "min", "t"],
    "b": ["t", "no"], "a": list(VALUES), "l": ["l", "ls", "el", "mix", "lm", "ss", "is", "by"], "L": ["ss", "se", "ls"],
    "m": ["m", "em", "mn", "url"], "c": ["s", "l", "m", "ms", "by", "ss", "mi", "uni"], "t": ["tm", "tz", "i", "neg"], "x": ["f", "fn", "fz"],
}
WORDS = {"r": PATTERNS, "o": LAYOUTS, "z": ZONES, "u": DURATIONS, "p": PATHS, "w": URLS, "v": VERSIONS, "k": CONSTRAINTS}


def quoted(text):
    """A Go string literal."""
    out = json.dumps(text, ensure_ascii=False)
    return out.replace("\x7f", "\\x7f")


class Generator:
    def __init__(self, random):
        self.random = random
        self.variables = []

    def pick(self, items):
        return items[int(self.random.random() * len(items))]

    def chance(self, probability):
        return self.random.random() < probability

    # --- data

    def value(self, depth=2):
        if self.chance(0.5):
            return self.pick(list(VALUES.values()))
        kind = self.random.randrange(8 if depth else 6)
        if kind < 2:
            return self.pick(STRINGS)
        if kind == 2:
            return self.random.randint(-10, 100)
        if kind == 3:
            return self.pick([0.5, 1e6, 1e20, 1e21, -0.001, 1.5e-7, 123456.789, 5e-324, 1.7976931348623157e308, 0.1])
        if kind == 4:
            return self.pick([True, False, None])
        if kind == 5:
            return {"$mapss": {self.pick("abk"): self.pick(STRINGS)}}
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        return {self.pick(["a", "b", "k", "c", "x y", "Z"]): self.value(depth - 1) for _ in range(self.random.randrange(4))}

    def data(self):
        data = {key: VALUES[key] for key in self.random.sample(list(VALUES), 30)}
        data["v"] = self.value()
        data["w"] = self.value()
        return data

    # --- expressions

    def literal(self, kind):
        if kind in WORDS:
            return quoted(self.pick(WORDS[kind]))
        if kind == "s":
            return quoted(self.pick(STRINGS)) if self.chance(0.9) else "`raw" + self.pick(["", "\\n", "\n", " x"]) + "`"
        if kind == "f":
            return quoted(self.format())
        if kind == "i":
            return str(self.random.randint(-2, 12))
        if kind in "nx":
            return self.pick(["0", "1", "2", "-3", "2.5", "1e3", "0x1F", "'a'", "1i", "0b11", "0o17", "017", "1_000", "-0.0", "1e30",
                              "9223372036854775807", "0.1", "+4", "1e-7", "18446744073709551615", "2.0", "1.0i", "'\\n'", "0x1p-2"])
        if kind == "b":
            return self.pick(["true", "false"])
        if kind in "ah":
            return self.literal(self.pick("sinbx"))
        if kind == "j":
            return self.pick(["0", "1", "-1", '"1"', "0.5"])
        if kind == "y":
            return self.pick(['(toDate "2006-01-02" "2024-03-05")', '(toDate "2006-01-02T15:04:05Z07:00" "2024-03-05T06:07:08+02:00")',
                              '(toDate "2006" "bad")', "1709611628", "-1", "0", "(int64 \"99999999999\")", "(atoi \"1\")"])
        if kind == "g":
            return self.pick([".m", ".em", ".mn", '(dict "k" 1)', '(dict "a" "x" "z" (list 1))', '(dict "c" (dict "e" 1))', "nil", ".ms"])
        if kind in "lL":
            return "(list" + "".join(" " + self.argument(self.pick("sina"), 0) for _ in range(self.random.randrange(4))) + ")"
        if kind == "m":
            return "(dict" + "".join(f' "{key}" ' + self.argument(self.pick("sina"), 0)
                                     for key in self.random.sample(["a", "b", "k", "c"], self.random.randrange(4))) + ")"
        if kind == "t":
            return self.pick([".tm", ".tz", ".i"])
        if kind == "c":
            return self.literal(self.pick("slm"))
        if kind == "e":
            return "(semver " + quoted(self.pick(VERSIONS)) + ")"
        raise ValueError(kind)

    def format(self):
        out = ""
        for _ in range(self.random.randint(1, 3)):
            out += self.pick(["", "x ", "%%", "é"])
            verb = "%" + "".join(self.pick(["", "", "", "+", "-", "#", " ", "0"]) for _ in range(2))
            if self.chance(0.08):
                verb += self.pick(["[1]", "[2]", "[0]", "[x]", "[1", "[-1]"])
            verb += self.pick(["", "", "", "5", "12", "*", "2", "0", "20"])
            verb += self.pick(["", "", "", ".2", ".0", ".", ".*", ".10"])
            out += verb + self.pick(VERBS if self.chance(0.3) else "vdsqxtTgfe")
        return out if self.chance(0.97) else out + "%"

    def field(self, kind):
        keys = KEYS.get(kind, KEYS["a"])
        name = "." + self.pick(keys if self.chance(0.9) else KEYS["a"] + ["v", "w", "missing"])
        if name == ".tm" or name == ".tz":
            if self.chance(0.2):
                name += self.pick([".Unix", ".Year", ".Month", ".Nope", ".String", ".IsZero", ".Weekday", ".UTC", ".Hour", ".YearDay"])
        elif self.chance(0.12):
            name += "." + self.pick(["a", "b", "c", "k", "d", "Z", "c.d", "a.x", "missing"])
        return ("$" + name) if self.chance(0.1) else name

    def call(self, kind, depth, final=False):
        """A function's call as text; with `final` its last argument is left to a pipe."""
        names = BY_RESULT.get(kind) if kind not in "ac" else None
        name = self.pick(names) if names and self.chance(0.8) else self.pick(NAMES)
        params = FUNCTIONS[name][0]
        kinds = list(params)
        if kinds and kinds[-1].isupper() and not (name in ("concat",) and len(kinds) == 1):
            rest = kinds.pop().lower()
            rest = {"l": "l", "d": "a"}.get(rest, rest)
            for n in range(self.random.randrange(4)):
                kinds.append(("s" if n % 2 == 0 else "a") if params[-1] == "D" else rest)
        if final and kinds:
            kinds.pop()
        if self.chance(0.02):
            kinds.append("a")
        if self.chance(0.02) and kinds:
            kinds.pop()
        limit = name in ("repeat", "until", "untilStep", "indent", "nindent")
        return name + "".join(" " + (self.literal("i") if limit and k == "i" else self.argument(k, depth)) for k in kinds)

    def argument(self, kind, depth):
        if kind in "ghjy":
            return self.literal(kind)
        if self.chance(0.06):
            kind = self.pick("sinbalmtc")
        roll = self.random.random()
        if roll < 0.06 and self.variables:
            return self.pick(self.variables)
        if roll < 0.08:
            return self.pick([".", "$", "nil", "true"])
        if depth > 0 and roll < 0.35:
            return "(" + self.pipeline(kind, depth - 1) + ")" + (self.pick([".a", ".Major", ".b"]) if self.chance(0.04) else "")
        if roll < 0.68 and kind in KEYS:
            return self.field(kind)
        return self.literal(kind)

    def pipeline(self, kind="a", depth=2):
        if kind in "ghjy" or depth == 0 or self.chance(0.15):
            return self.argument(kind, 0)
        if self.chance(0.35):
            name = self.call(kind, depth - 1, final=True)
            last = FUNCTIONS[name.split(" ")[0]][0][-1:].lower() or "a"
            if name.split(" ")[0] in ("repeat", "until", "untilStep", "indent", "nindent") and last == "i":
                return self.literal("i") + " | " + name
            return self.pipeline({"d": "a"}.get(last, last), depth - 1) + " | " + name
        return self.call(kind, depth - 1)

    # --- statements

    def open(self):
        return "{{- " if self.chance(0.08) else "{{" + self.pick(["", " "])

    def close(self):
        return " -}}" if self.chance(0.08) else self.pick(["", " "]) + "}}"

    def action(self, text):
        return self.open() + text + self.close()

    def text(self):
        return self.pick(["", " ", "x", "\n", "a b\n  ", "é", "{", "}", "}}", "# ", "\t\n"])

    def body(self, depth, loop=False):
        mark = len(self.variables)
        out = "".join(self.statement(depth, loop) for _ in range(self.random.randint(1, 3)))
        del self.variables[mark:]
        return out

    def statement(self, depth, loop=False):
        roll = self.random.random()
        if roll < 0.15:
            return self.text()
        if depth == 0 or roll < 0.62:
            return self.action(self.pipeline(self.pick("asinlmbtx"), self.random.randint(1, 3)))
        if roll < 0.72:
            if self.variables and self.chance(0.3):
                return self.action(self.pick(self.variables) + " = " + self.pipeline())
            value = self.pipeline()
            self.variables.append("$" + self.pick(["x", "y", "z"]))
            return self.action(self.variables[-1] + " := " + value)
        if roll < 0.81:
            out = self.action("if " + self.condition()) + self.body(depth - 1, loop)
            if self.chance(0.3):
                out += self.action("else if " + self.condition()) + self.body(depth - 1, loop)
            return out + self.otherwise(depth, loop)
        if roll < 0.87:
            out = self.action("with " + self.condition()) + self.body(depth - 1, loop)
            if self.chance(0.2):
                out += self.action("else with " + self.condition()) + self.body(depth - 1, loop)
            return out + self.otherwise(depth, loop)
        if roll < 0.95:
            mark = len(self.variables)
            head = self.ranged()
            if self.chance(0.5):
                names = ["$x"] if self.chance(0.4) else ["$i", "$e"]
                head = ", ".join(names) + " := " + head
                self.variables += names
            out = self.action("range " + head) + self.body(depth - 1, True)
            del self.variables[mark:]
            return out + self.otherwise(depth, loop)
        if roll < 0.97 and loop:
            return self.action(self.pick(["break", "continue"]))
        name = self.pick(["t1", "t2"])
        if self.chance(0.5):
            return '{{define "' + name + '"}}' + self.text() + '{{.}}{{end}}{{template "' + name + '" ' + self.pipeline() + "}}"
        if self.chance(0.5):
            return '{{block "' + name + '" ' + self.pipeline() + "}}" + self.body(0) + "{{end}}"
        return "{{/* " + self.pick(["c", "", "{{"]) + " */}}"

    def ranged(self):
        """What range goes over: never a number that it would not come to the end of."""
        kind = self.pick("lmLi")
        if kind == "i" or self.chance(0.2):
            return self.literal("l" if kind == "L" else kind)
        if self.chance(0.5):
            return "." + self.pick(["l", "ls", "el", "mix", "lm", "ss", "is", "by", "m", "em", "mn", "ms", "mi", "s", "f", "n", "t", "tm"])
        name = self.pick([name for name in BY_RESULT[kind] if name not in ("until", "untilStep")])
        return name + "".join(" " + self.argument(k, 0) for k in FUNCTIONS[name][0].lower().replace("d", "a"))

    def condition(self):
        text = self.pipeline(self.pick("abis"), 2)
        if self.chance(0.15):
            self.variables.append("$c")
            return "$c := " + text
        return text

    def otherwise(self, depth, loop):
        return (self.action("else") + self.body(depth - 1, loop) if self.chance(0.3) else "") + self.action("end")

    def mutated(self, text):
        """The text with a mistake in it."""
        at = self.random.randrange(len(text) + 1)
        roll = self.random.randrange(3)
        if roll == 0:
            return text[:at] + text[at + self.random.randint(1, 4):]
        if roll == 1:
            return text[:at] + self.pick(["{{", "}}", "(", ")", "|", ".", "$", "\"", "'", "`", " ", "end", ":=", ",", "=", "{{end}}", "-", "1",
                                          "\\", "{{else}}", "é", "\x01", "*", "{{break}}", "/*", "&"]) + text[at:]
        return text[:at]

    def pair(self):
        self.variables = []
        template = self.body(2)
        if self.chance(0.06):
            template = self.mutated(template)
        return {"template": template, "data": self.data() if self.chance(0.97) else self.value(),
                "missingkey": "error" if self.chance(0.6) else self.pick(["default", "zero"]), "funcs": "kanister"}


NAMES = sorted(FUNCTIONS)
BY_RESULT = {}
for _name in NAMES:
    BY_RESULT.setdefault(FUNCTIONS[_name][1], []).append(_name)

# What an argument is where another one is tried.
PLAIN = {"s": '"aGk="', "i": "2", "n": "3", "b": "true", "a": '"x"', "l": ".l", "m": ".m", "t": ".tm", "c": ".l", "f": '"%v"', "r": '"[a-z]+"',
         "o": '"2006-01-02"', "z": '"UTC"', "u": '"1h"', "p": '"a/b"', "w": '"http://a/b"', "v": '"1.2.3"', "k": '"^1"', "d": '"a"', "g": ".m", "h": "1", "y": ".tm", "j": "1"}


def asked(template, missingkey="error"):
    """The pair of a template with the values that it names."""
    data = {key: VALUES[key] for key in re.findall(r"\.([a-z]+)", template) if key in VALUES}
    return {"template": template, "data": data, "missingkey": missingkey, "funcs": "kanister"}


def every_type():
    """Every function with a value of every type in every place, written and piped; every verb with every type."""
    for name in NAMES:
        places = [kind.lower() for kind in FUNCTIONS[name][0]]
        for place in range(len(places)):
            words = [PLAIN[kind] for kind in places]
            for key in VALUES:
                if (places[place] == "i" and key in ("big", "min", "neg")) or (places[place] == "h" and key == "m"):
                    continue
                words[place] = "." + key
                yield asked("{{ " + " ".join([name] + words) + " }}")
                if place == len(places) - 1:
                    yield asked("{{ ." + key + " | " + " ".join([name] + words[:-1]) + " | printf \"%T %#v\" }}")
            for word in ["nil", "1", "-1", "1.5", "'c'", "1i", "true", '""', '"é"', "(list)", "(dict)", ".missing", '(index .m "zz")']:
                words[place] = word
                yield asked("{{ " + " ".join([name] + words) + " }}", "default")
    for verb in VERBS:
        for flags in ["", "+", "#", " ", "0", "-8", "+#", "# ", "08", "8", ".3", "+.2", "8.3", "08.3", " 08", "+-8.2"]:
            for key in VALUES:
                yield asked("{{ printf \"%" + flags + verb + "\" ." + key + " }}")
