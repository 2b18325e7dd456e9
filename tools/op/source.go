package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// place is where something stands, and what stands there.
type place struct {
	file string // from the module's root, with slashes
	line int    // 0 for the whole file
	what string
}

func (p place) at() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d", p.file, p.line)
}

// source is a parsed package, tests included.
type source struct {
	dir       string // from the module's root
	files     []*ast.File
	functions []function // by file and line
	types     []typeDeclaration
	positions *token.FileSet
}

// function is one with a body.
type function struct {
	*ast.FuncDecl
	receiver string // its type, "" without one
	place
}

// test reports whether the function stands in a test.
func (f function) test() bool { return strings.HasSuffix(f.file, "_test.go") }

// typeDeclaration is a type with what is said of it.
type typeDeclaration struct {
	name, doc string
	place
}

// parse reads the Go files of a folder, whatever their build constraints.
func parse(root, dir string) (*source, error) {
	s := &source{dir: dir, positions: token.NewFileSet()}
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".go" {
			continue
		}
		tree, err := parser.ParseFile(s.positions, filepath.Join(root, dir, entry.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, tree)
		for _, d := range tree.Decls {
			s.declare(d)
		}
	}
	return s, nil
}

func (s *source) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Body != nil {
			receiver := receiverOf(d)
			what := d.Name.Name
			if receiver != "" {
				what = receiver + "." + what
			}
			s.functions = append(s.functions, function{d, receiver, s.place(d, what)})
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if t, ok := spec.(*ast.TypeSpec); ok {
				doc := cmp.Or(t.Doc.Text(), d.Doc.Text())
				s.types = append(s.types, typeDeclaration{t.Name.Name, doc, s.place(t, "type "+t.Name.Name)})
			}
		}
	}
}

// receiverOf is the type that a method is of, without pointer and type parameters.
func receiverOf(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return ""
	}
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok && name == "" {
			name = ident.Name
		}
		return true
	})
	return name
}

func (s *source) place(n ast.Node, what string) place {
	at := s.positions.Position(n.Pos())
	return place{s.dir + "/" + filepath.Base(at.Filename), at.Line, what}
}

// find is the function of a name; of several, the first that is no test.
func (s *source) find(name string) (function, bool) {
	i := slices.IndexFunc(s.functions, func(f function) bool { return f.Name.Name == name && !f.test() })
	if i < 0 {
		return function{}, false
	}
	return s.functions[i], true
}

// method is that of a type.
func (s *source) method(receiver, name string) (function, bool) {
	i := slices.IndexFunc(s.functions, func(f function) bool { return f.receiver == receiver && f.Name.Name == name && !f.test() })
	if i < 0 {
		return function{}, false
	}
	return s.functions[i], true
}

// methodOf is that of a type or of what is embedded in it.
func (s *source) methodOf(t reflect.Type, name string) (function, bool) {
	f, ok := s.method(t.Name(), name)
	for i := 0; !ok && t.Kind() == reflect.Struct && i < t.NumField(); i++ {
		if t.Field(i).Anonymous {
			f, ok = s.methodOf(t.Field(i).Type, name)
		}
	}
	return f, ok
}

// row is the function that a registry holds for a key: an element of a map, written "key": f or "key": {f, ...}.
func (s *source) row(key string) (found function, ok bool) {
	s.walk(func(n ast.Node) {
		pair, isPair := n.(*ast.KeyValueExpr)
		if !isPair || ok {
			return
		}
		if text, isText := pair.Key.(*ast.BasicLit); isText && text.Value == strconv.Quote(key) {
			found, ok = s.named(pair.Value, key)
		}
	})
	return found, ok
}

// named is the function of the package that a piece of code names: that of the stem, else the first. Names of fields are none.
func (s *source) named(code ast.Node, stem string) (found function, ok bool) {
	fields := map[ast.Node]bool{}
	ast.Inspect(code, func(n ast.Node) bool {
		if pair, isPair := n.(*ast.KeyValueExpr); isPair {
			fields[pair.Key] = true
		}
		ident, isIdent := n.(*ast.Ident)
		if !isIdent || fields[n] || ok && strings.EqualFold(found.Name.Name, stem) {
			return true
		}
		if f, known := s.find(ident.Name); known && (!ok || strings.EqualFold(ident.Name, stem)) {
			found, ok = f, true
		}
		return true
	})
	return found, ok
}

// clauses are the cases of type switches, outside tests, that take an operation.
func (s *source) clauses(operation string) []*ast.CaseClause {
	var list []*ast.CaseClause
	s.walk(func(n ast.Node) {
		if clause, ok := n.(*ast.CaseClause); ok && slices.ContainsFunc(clause.List, func(e ast.Expr) bool { return isOperation(e, operation) }) {
			list = append(list, clause)
		}
	})
	return list
}

// walk visits the package but its tests.
func (s *source) walk(visit func(ast.Node)) {
	for _, file := range s.files {
		if strings.HasSuffix(s.positions.Position(file.Pos()).Filename, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				visit(n)
			}
			return true
		})
	}
}

// isOperation reports whether an expression is an operation of package graph.
func isOperation(e ast.Node, name string) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && pkg.Name == "graph"
}
