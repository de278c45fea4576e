package main

import "text/template"

func bench(kanister template.FuncMap) {}
