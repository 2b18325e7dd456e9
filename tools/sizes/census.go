package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
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
type lines struct {
	code, tests, generated, glsl int
	pure                         int // of code: neither blank nor comment
}

func (n lines) plus(m lines) lines {
	return lines{n.code + m.code, n.tests + m.tests, n.generated + m.generated, n.glsl + m.glsl, n.pure + m.pure}
}

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
	c.files = append(c.files, item{file, n})
	var add lines
	if path.Ext(file) == ".go" {
		generated := c.read(file, data)
		switch {
		case strings.HasSuffix(file, "_test.go"):
			add.tests = n
		case generated:
			add.generated = n
		default:
			add.code, add.pure = n, pure(data)
		}
	} else {
		add.glsl = n
	}
	c.folders[path.Dir(file)] = c.folders[path.Dir(file)].plus(add)
}

// read lists the functions of a Go file and reports whether a program wrote it.
func (c *census) read(file string, data []byte) (generated bool) {
	positions := token.NewFileSet()
	tree, err := parser.ParseFile(positions, file, data, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return false // the compiler's to report
	}
	for _, declaration := range tree.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			from, to := positions.Position(f.Pos()), positions.Position(f.End())
			name := fmt.Sprintf("%s:%d %s", file, from.Line, f.Name.Name)
			c.functions = append(c.functions, item{name, to.Line - from.Line + 1})
		}
	}
	return ast.IsGenerated(tree)
}

// pure counts the lines that hold more than comments.
func pure(data []byte) int {
	positions := token.NewFileSet()
	file := positions.AddFile("", positions.Base(), len(data))
	var s scanner.Scanner
	s.Init(file, data, nil, 0)
	n, last := 0, 0
	for {
		at, kind, text := s.Scan()
		if kind == token.EOF {
			return n
		}
		if kind == token.SEMICOLON && text != ";" {
			continue // put there by the scanner
		}
		first := file.Line(at)
		end := first + strings.Count(text, "\n") // of a string in back quotes
		n += end - max(first-1, last)
		last = end
	}
}

// print writes the table of folders, the lines that people wrote, then the files and functions past their limits, longest first.
func (c census) print(w io.Writer, fileLimit, funcLimit int) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var total, tools lines
	fmt.Fprintln(table, "go\ttests\tgenerated\tglsl\t\tfolder")
	for _, name := range slices.Sorted(maps.Keys(c.folders)) {
		n := c.folders[name]
		total = total.plus(n)
		if strings.HasPrefix(name, "tools/") {
			tools = tools.plus(n)
		}
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t\t%s\n", n.code, n.tests, n.generated, n.glsl, name)
	}
	fmt.Fprintf(table, "%d\t%d\t%d\t%d\t\ttotal\n", total.code, total.tests, total.generated, total.glsl)
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nwritten by hand, Go without tests and generated files: %d lines, %d of them neither blank nor comment; %d and %d without tools\n",
		total.code, total.pure, total.code-tools.code, total.pure-tools.pure)
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
