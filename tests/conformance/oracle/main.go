// Renders templates with Go's own text/template and sprig 2.22.0, set up as Kanister does: JSON lines of cases
// (../cases/README.md) on stdin, one of {"ok", "output"} or {"ok", "stage", "error"} on stdout for each. What
// `fencepost template` says of the same lines must be the same bytes.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig"
)

type request struct {
	Template   string `json:"template"`
	Data       any    `json:"data"`
	MissingKey string `json:"missingkey"`
	Funcs      string `json:"funcs"`
	ParseOnly  bool   `json:"parse_only"`
}

type answer struct {
	OK     bool   `json:"ok"`
	Output string `json:"output"`
	Stage  string `json:"stage,omitempty"`
	Error  string `json:"error,omitempty"`
	Varies bool   `json:"varies,omitempty"` // another run gave something else: an address, a random text
}

func main() {
	kanister := kanisterFunctions()
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		bench(kanister)
		return
	}
	debug.SetMaxStack(16 << 20)
	// Memory is given back between two lines alone, and not between the two runs of one: what is allocated in
	// both has two addresses then, and is known to vary.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for lines := 1; ; lines++ {
		if lines%1000 == 0 {
			runtime.GC()
		}
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			said := answerTo(line, kanister)
			again := answerTo(line, kanister)
			said.Varies = said != again
			text, _ := json.Marshal(said)
			out.Write(append(text, '\n'))
			out.Flush() // so that the answers tell which line Go died of
		}
		if err != nil {
			break
		}
	}
	out.Flush()
}

func answerTo(line []byte, kanister template.FuncMap) answer {
	r, err := read(line)
	if err != nil {
		return answer{Stage: "request", Error: err.Error()}
	}
	return render(r, kanister)
}

func read(line []byte) (request, error) {
	var r request
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&r); err != nil {
		return r, err
	}
	r.Data = decode(r.Data)
	return r, nil
}

func render(r request, kanister template.FuncMap) answer {
	t := template.New("config")
	if r.MissingKey != "" {
		t = t.Option("missingkey=" + r.MissingKey)
	}
	if r.Funcs == "kanister" {
		t = t.Funcs(kanister)
	}
	t, err := t.Parse(r.Template)
	if err != nil {
		return answer{Stage: "parse", Error: err.Error()}
	}
	if r.ParseOnly {
		return answer{OK: true, Output: t.Root.String()}
	}
	var out strings.Builder
	if err := t.Execute(&out, r.Data); err != nil {
		return answer{Stage: "exec", Error: err.Error()}
	}
	return answer{OK: true, Output: out.String()}
}

// Kanister's own changes to sprig.
func kanisterFunctions() template.FuncMap {
	functions := sprig.TxtFuncMap()
	forbidden := func(what string) error {
		return fmt.Errorf("sprig usage of '%s' is not allowed by kanister as it is not FIPS compatible", what)
	}
	functions["derivePassword"] = func(counter uint32, kind, password, user, site string) (string, error) {
		return "", forbidden("derivePassword")
	}
	generate := functions["genPrivateKey"].(func(string) string)
	functions["genPrivateKey"] = func(kind string) (string, error) {
		switch kind {
		case "rsa", "ecdsa", "ed25519":
			return generate(kind), nil
		}
		return "", forbidden("genPrivateKey for " + kind)
	}
	return functions
}

// Whole numbers are int64, others float64; {"$int": 1} and the like stand for a value of that Go type.
func decode(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = decode(v[i])
		}
		return v
	case map[string]any:
		if len(v) == 1 {
			for key, value := range v {
				if strings.HasPrefix(key, "$") {
					if typed, err := tagged(key, value); err == nil {
						return typed
					}
				}
			}
		}
		for key := range v {
			v[key] = decode(v[key])
		}
		return v
	}
	return v
}

func tagged(tag string, value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	switch tag {
	case "$bytes":
		return into[[]byte](text)
	case "$int":
		return into[int](text)
	case "$uint":
		return into[uint](text)
	case "$float":
		return into[float64](text)
	case "$ints":
		return into[[]int](text)
	case "$strings":
		return into[[]string](text)
	case "$mapss":
		return into[map[string]string](text)
	case "$mapsi":
		return into[map[string]int](text)
	case "$mapsb":
		return into[map[string]bool](text)
	case "$time":
		return into[time.Time](text)
	}
	return nil, fmt.Errorf("no type %s", tag)
}

func into[T any](text []byte) (T, error) {
	var value T
	err := json.Unmarshal(text, &value)
	return value, err
}
