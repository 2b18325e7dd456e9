package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
)

// lines counts the lines of one folder by what they are.
type lines struct{ code, tests, glsl int }

// item is a file or a function with its length in lines.
type item struct {
	name  string
	lines int
}

// census is what take found.
type census struct {
	folders   map[string]lines
	files     []item
	functions []item // of tests too
}

// take counts the module at fsys.
func take(fsys fs.FS) (census, error) {
	c := census{folders: map[string]lines{}}
	err := fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "out") {
				return fs.SkipDir
			}
			return nil
		}
		switch path.Ext(name) {
		case ".go", ".comp", ".glsl":
			data, err := fs.ReadFile(fsys, file)
			if err != nil {
				return err
			}
			c.count(file, data)
		}
		return nil
	})
	return c, err
}

func (c *census) count(file string, data []byte) {
	n := bytes.Count(data, []byte("\n"))
	folder := c.folders[path.Dir(file)]
	switch {
	case path.Ext(file) != ".go":
		folder.glsl += n
	case strings.HasSuffix(file, "_test.go"):
		folder.tests += n
	default:
		folder.code += n
	}
	c.folders[path.Dir(file)] = folder
	c.files = append(c.files, item{file, n})
	if path.Ext(file) != ".go" {
		return
	}
	positions := token.NewFileSet()
	tree, err := parser.ParseFile(positions, file, data, parser.SkipObjectResolution)
	if err != nil {
		return // the compiler's to report
	}
	for _, declaration := range tree.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			from, to := positions.Position(f.Pos()), positions.Position(f.End())
			name := fmt.Sprintf("%s:%d %s", file, from.Line, f.Name.Name)
			c.functions = append(c.functions, item{name, to.Line - from.Line + 1})
		}
	}
}

// print writes the table of folders, then the files and functions past their limits, longest first.
func (c census) print(w io.Writer, fileLimit, funcLimit int) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var total lines
	fmt.Fprintln(table, "go\ttests\tglsl\t\tfolder")
	for _, name := range slices.Sorted(maps.Keys(c.folders)) {
		n := c.folders[name]
		total = lines{total.code + n.code, total.tests + n.tests, total.glsl + n.glsl}
		fmt.Fprintf(table, "%d\t%d\t%d\t\t%s\n", n.code, n.tests, n.glsl, name)
	}
	fmt.Fprintf(table, "%d\t%d\t%d\t\ttotal\n", total.code, total.tests, total.glsl)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, list := range []struct {
		what  string
		limit int
		items []item
	}{{"files", fileLimit, c.files}, {"functions", funcLimit, c.functions}} {
		long := slices.DeleteFunc(slices.Clone(list.items), func(i item) bool { return i.lines <= list.limit })
		slices.SortFunc(long, func(a, b item) int {
			return cmp.Or(cmp.Compare(b.lines, a.lines), strings.Compare(a.name, b.name))
		})
		_, err := fmt.Fprintf(w, "\n%d %s of more than %d lines\n", len(long), list.what, list.limit)
		for _, i := range long {
			if err == nil {
				_, err = fmt.Fprintf(w, "%6d  %s\n", i.lines, i.name)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
