package engine

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStubMatches compares the exported functions and methods of the build with Vulkan and
// of the one without: a program must compile with either.
func TestStubMatches(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	real, stub := map[string]string{}, map[string]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		src, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case bytes.HasPrefix(src, []byte("//go:build cgo\n")):
			collect(t, e.Name(), src, real)
		case bytes.HasPrefix(src, []byte("//go:build !cgo\n")):
			collect(t, e.Name(), src, stub)
		}
	}
	if len(real) == 0 {
		t.Fatal("found no exported functions")
	}
	if d := cmp.Diff(real, stub); d != "" {
		t.Errorf("with Vulkan (-) and without (+) differ:\n%s", d)
	}
}

// collect adds each exported function's types by name, and exported types, to out; every one
// must have a comment.
func collect(t *testing.T, name string, src []byte, out map[string]string) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	text := func(n any) string {
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, n); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
					out[ts.Name.Name] = "type"
					if d.Doc == nil && ts.Doc == nil {
						t.Errorf("%s: type %s has no comment", name, ts.Name.Name)
					}
				}
			}
		case *ast.FuncDecl:
			receiver := ""
			if d.Recv != nil {
				receiver = text(d.Recv.List[0].Type)
			}
			if !d.Name.IsExported() || receiver != "" && !ast.IsExported(strings.TrimPrefix(receiver, "*")) {
				continue
			}
			if d.Doc == nil {
				t.Errorf("%s: %s has no comment", name, d.Name.Name)
			}
			var types []string
			for _, list := range []*ast.FieldList{d.Type.Params, d.Type.Results} {
				types = append(types, "|")
				if list == nil {
					continue
				}
				for _, field := range list.List {
					for range max(1, len(field.Names)) {
						types = append(types, text(field.Type))
					}
				}
			}
			out[receiver+"."+d.Name.Name] = strings.Join(types, " ")
		}
	}
}
