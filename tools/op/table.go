package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Where the table stands: a page, and lines of it before and after.
const (
	tablePage  = "docs/operations.md"
	tableBegin = "<!-- The table is written by: go run ./tools/op -table -->\n"
	tableEnd   = "<!-- The table ends. -->\n"
)

// table is a row for each operation: its name, what it computes, the shaders that it may run as by itself.
func table(list []operation) string {
	var b strings.Builder
	b.WriteString("\n| operation | computes | in | shaders |\n| --- | --- | --- | --- |\n")
	for _, o := range list {
		var in, stems []string
		for _, p := range o.places[formula] {
			in = append(in, "`"+p.file+"`")
		}
		for _, p := range o.places[shader] {
			stems = append(stems, "`"+strings.TrimSuffix(path.Base(p.file), ".comp")+"`")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", o.name, strings.NewReplacer("|", `\|`, "*", `\*`).Replace(o.sentence()), strings.Join(in, ", "), strings.Join(stems, ", "))
	}
	b.WriteString("\n")
	return b.String()
}

// sentence is what the operation's documentation says first, up to the shapes, without the name: "x * y, element by element".
func (o operation) sentence() string {
	text := strings.TrimPrefix(strings.Join(strings.Fields(o.doc), " "), o.name+" ")
	text = strings.TrimPrefix(text, "is ")
	for _, end := range []string{": ", ". ", " -> "} {
		text, _, _ = strings.Cut(text, end)
	}
	return strings.TrimSuffix(text, ".")
}

// withTable is the page with another table.
func withTable(page []byte, list []operation) ([]byte, error) {
	before, rest, begins := bytes.Cut(page, []byte(tableBegin))
	_, after, ends := bytes.Cut(rest, []byte(tableEnd))
	if !begins || !ends {
		return nil, fmt.Errorf("%s has no lines %q and %q, between which the table of operations stands", tablePage, tableBegin, tableEnd)
	}
	return bytes.Join([][]byte{before, []byte(tableBegin), []byte(table(list)), []byte(tableEnd), after}, nil), nil
}

func writeTable(root string, list []operation) error {
	name := filepath.Join(root, filepath.FromSlash(tablePage))
	page, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if page, err = withTable(page, list); err != nil {
		return err
	}
	return os.WriteFile(name, page, 0o666)
}
