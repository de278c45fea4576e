package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"text/template"
	"time"

	"github.com/Masterminds/sprig"
)

// bench reads cases and prints, as JSON, the mean nanoseconds and bytes that a render takes: Kanister's way (the function
// map, parse, execute, for every string), with the map built once, and execution alone.
func bench(kanister template.FuncMap) {
	var requests []request
	var parsed []*template.Template
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			r, wrong := read(line)
			if wrong != nil {
				fmt.Fprintln(os.Stderr, "oracle:", wrong)
				os.Exit(1)
			}
			requests = append(requests, r)
			parsed = append(parsed, parse(r, template.New("config").Option("missingkey=error").Funcs(kanister)))
		}
		if err != nil {
			break
		}
	}
	built := template.New("built").Option("missingkey=error").Funcs(kanister)
	result := map[string]measure{
		"kanister": timed(len(requests), func(i int) {
			fresh := template.New("config").Option("missingkey=error").Funcs(sprig.TxtFuncMap())
			execute(parse(requests[i], fresh), requests[i].Data)
		}),
		"parse+execute": timed(len(requests), func(i int) {
			execute(parse(requests[i], built.New("config")), requests[i].Data)
		}),
		"execute": timed(len(requests), func(i int) { execute(parsed[i], requests[i].Data) }),
	}
	text, _ := json.Marshal(result)
	fmt.Println(string(text))
}

type measure struct {
	Nanoseconds float64 `json:"ns"`
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
}

func parse(r request, empty *template.Template) *template.Template {
	t, err := empty.Parse(r.Template)
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
	return t
}

func execute(t *template.Template, data any) {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

// timed runs all of them, again and again for half a second.
func timed(count int, render func(int)) measure {
	for i := 0; i < count; i++ {
		render(i)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	renders := 0
	for time.Since(began) < 500*time.Millisecond {
		for i := 0; i < count; i++ {
			render(i)
		}
		renders += count
	}
	spent := time.Since(began)
	runtime.ReadMemStats(&after)
	n := float64(renders)
	return measure{float64(spent.Nanoseconds()) / n, float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n}
}
