package pages

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNamesAreDocumented wants a sentence that begins with the name for every exported type, function and method, and a comment for
// every exported constant and variable: "go doc" of each has to read well alone. Generated files are left out.
func TestNamesAreDocumented(t *testing.T) {
	count := 0
	err := filepath.WalkDir(moduleRoot, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); name != ".." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "out" || name == "dist") {
			return fs.SkipDir
		}
		count += documented(t, dir)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 500 {
		t.Errorf("%d exported names only", count)
	}
}

// documented looks at the package in a folder and counts its exported names.
func documented(t *testing.T, dir string) (count int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	positions := token.NewFileSet()
	var parsed []*ast.File
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(positions, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.IsGenerated(f) {
			parsed = append(parsed, f)
		}
	}
	if len(parsed) == 0 || parsed[0].Name.Name == "main" {
		return 0
	}
	p, err := doc.NewFromFiles(positions, parsed, dir)
	if err != nil {
		t.Fatal(err)
	}
	say := func(name, text string, at token.Pos) {
		if count++; !strings.HasPrefix(text, name+" ") {
			t.Errorf("%s: the comment of %s does not begin with it: %.60q", positions.Position(at), name, text)
		}
	}
	say("Package "+p.Name, p.Doc, parsed[0].Package)
	values := p.Consts
	values = append(values, p.Vars...)
	functions := p.Funcs
	for _, kind := range p.Types {
		say(kind.Name, kind.Doc, kind.Decl.Pos())
		values = append(append(values, kind.Consts...), kind.Vars...)
		functions = append(append(functions, kind.Funcs...), kind.Methods...)
	}
	for _, f := range functions {
		say(f.Name, f.Doc, f.Decl.Pos())
	}
	for _, v := range values {
		for _, s := range v.Decl.Specs {
			if spec := s.(*ast.ValueSpec); v.Doc == "" && spec.Doc == nil && spec.Comment == nil {
				t.Errorf("%s: %s has no comment", positions.Position(spec.Pos()), spec.Names[0].Name)
			}
			count++
		}
	}
	return count
}
