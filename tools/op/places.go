package main

import (
	"fmt"
	"go/ast"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// The eight places of an operation, in the order in which one reads them.
const (
	formula    = "formula"
	shapes     = "shapes"
	oracle     = "oracle"
	lowering   = "lowering"
	shader     = "shaders"
	processor  = "cpu"
	tests      = "tests"
	benchmarks = "benchmarks"
)

func eight() []string {
	return []string{formula, shapes, oracle, lowering, shader, processor, tests, benchmarks}
}

// operation is one of [graph.Kinds] with its places.
type operation struct {
	kind, name string // "crosscontext", "CrossContext"
	doc        string // of its type in package graph
	places     map[string][]place
}

// missing lists the places that the operation has not.
func (o operation) missing() []string {
	return slices.DeleteFunc(eight(), func(name string) bool { return len(o.places[name]) > 0 })
}

// project is what the places are found in.
type project struct {
	graph, cpuref, kernels, cpu *source
	rows                        *source // internal/gradrows, whose rows tests of several packages share
	shaders                     lowered
}

// operations finds the places of every operation of the module at root.
func operations(root string) ([]operation, error) {
	var p project
	var err error
	for dir, to := range map[string]**source{"graph": &p.graph, "cpuref": &p.cpuref, "kernels": &p.kernels, "cpu": &p.cpu, "internal/gradrows": &p.rows} {
		if *to, err = parse(root, dir); err != nil {
			return nil, err
		}
	}
	if p.shaders, err = readShaders(root); err != nil {
		return nil, err
	}
	var list []operation
	for _, op := range graph.Kinds() {
		o, err := p.operation(op)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

func (p *project) operation(op graph.Op) (operation, error) {
	o := operation{kind: graph.Kind(op), name: reflect.TypeOf(op).Name(), places: map[string][]place{}}
	if i := slices.IndexFunc(p.graph.types, func(t typeDeclaration) bool { return t.name == o.name }); i >= 0 {
		o.doc = p.graph.types[i].doc
		o.add(formula, p.graph.types[i].place)
	}
	if f, ok := p.graph.methodOf(reflect.TypeOf(op), "infer"); ok {
		o.add(shapes, f.place)
	}
	for name, s := range map[string]*source{oracle: p.cpuref, lowering: p.kernels, processor: p.cpu} {
		if f, ok := s.entry(o.kind, o.name); ok {
			o.add(name, f.place)
		}
	}
	used, err := p.shaders.places(o.kind)
	if err != nil {
		return o, err
	}
	o.add(shader, used...)
	for _, s := range []*source{p.cpuref, p.cpu, p.kernels} {
		test, benchmark := p.exercised(s, o.kind, o.name)
		o.add(tests, test...)
		o.add(benchmarks, benchmark...)
	}
	return o, nil
}

func (o operation) add(name string, list ...place) { o.places[name] = append(o.places[name], list...) }

// entry is the function of an executor that computes an operation: of its row in a registry; of a case of a type switch, or of the
// row of the step that such a case makes; at last the one with its stem for a name.
func (s *source) entry(kind, name string) (function, bool) {
	if f, ok := s.row(kind); ok {
		return f, true
	}
	clauses := s.clauses(name)
	for _, clause := range clauses {
		for _, statement := range clause.Body {
			if result, ok := statement.(*ast.ReturnStmt); ok && len(result.Results) > 0 {
				if f, ok := s.named(result.Results[0], kind); ok {
					return f, true
				}
			}
		}
	}
	for _, clause := range clauses {
		if f, ok := s.rowOfStep(clause); ok {
			return f, true
		}
	}
	for _, f := range s.functions {
		if !f.test() && strings.EqualFold(f.Name.Name, kind) {
			return f, true
		}
	}
	return function{}, false
}

// rowOfStep is the registry's row of a step that a piece of code makes, which is called as its type is.
func (s *source) rowOfStep(code ast.Node) (found function, ok bool) {
	ast.Inspect(code, func(n ast.Node) bool {
		if literal, isLiteral := n.(*ast.CompositeLit); isLiteral && !ok {
			if ident, isIdent := literal.Type.(*ast.Ident); isIdent {
				found, ok = s.row(strings.ToLower(ident.Name))
			}
		}
		return !ok
	})
	return found, ok
}

// mentions reports whether a part of a function is wanted.
func mentions(f function, wanted func(ast.Node) bool) bool {
	found := false
	ast.Inspect(f.FuncDecl, func(n ast.Node) bool {
		found = found || n != nil && wanted(n)
		return !found
	})
	return found
}

// exercised are the functions of a package's tests that have a case of a kind, and the benchmarks that come to record one.
func (p *project) exercised(s *source, kind, name string) (tests, benchmarks []place) {
	verbs := p.verbs(name)
	shared := slices.ContainsFunc(p.rows.functions, func(f function) bool { return mentions(f, func(n ast.Node) bool { return isOperation(n, name) }) })
	reached := map[string]bool{} // functions that record one
	for _, f := range s.functions {
		if !f.test() {
			continue
		}
		if !strings.HasPrefix(f.what, "Benchmark") && mentions(f, func(n ast.Node) bool { return isText(n, kind) || shared && isRows(n) }) {
			tests = append(tests, f.place)
		}
		reached[f.what] = mentions(f, func(n ast.Node) bool { return isOperation(n, name) || isVerb(n, verbs) })
	}
	for grown := true; grown; {
		grown = false
		for _, f := range s.functions {
			if f.test() && !reached[f.what] && mentions(f, func(n ast.Node) bool { return reached[f.called(n)] }) {
				reached[f.what], grown = true, true
			}
		}
	}
	for _, f := range s.functions {
		if reached[f.what] && strings.HasPrefix(f.what, "Benchmark") {
			benchmarks = append(benchmarks, f.place)
		}
	}
	return tests, benchmarks
}

// isText reports whether a node is a string.
func isText(n ast.Node, text string) bool {
	literal, ok := n.(*ast.BasicLit)
	return ok && literal.Value == strconv.Quote(text)
}

// isRows reports whether a node names the shared rows.
func isRows(n ast.Node) bool {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Rows" {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && pkg.Name == "gradrows"
}

// isVerb reports whether a node is a call of a method of one of these names.
func isVerb(n ast.Node, verbs []string) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	return ok && slices.Contains(verbs, selector.Sel.Name)
}

// called is the function that a node in f names: one of the package that it calls, or a method of one of f's parameters.
func (f function) called(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		if ident, ok := n.Fun.(*ast.Ident); ok {
			return ident.Name
		}
	case *ast.SelectorExpr:
		if ident, ok := n.X.(*ast.Ident); ok {
			return f.typeOf(ident.Name) + "." + n.Sel.Name
		}
	}
	return ""
}

// typeOf is the type of a parameter, "" where that is no plain name.
func (f function) typeOf(parameter string) string {
	for _, field := range f.Type.Params.List {
		if t, ok := field.Type.(*ast.Ident); ok && slices.ContainsFunc(field.Names, func(x *ast.Ident) bool { return x.Name == parameter }) {
			return t.Name
		}
	}
	return ""
}

// verbs are the methods of the builder that record an operation.
func (p *project) verbs(name string) []string {
	var list []string
	for _, f := range p.graph.functions {
		if f.receiver == "Builder" && !f.test() && f.Name.IsExported() && (f.Name.Name == name ||
			mentions(f, func(n ast.Node) bool { ident, ok := n.(*ast.Ident); return ok && ident.Name == name })) {
			list = append(list, f.Name.Name)
		}
	}
	return list
}

// String is everything that is known of an operation.
func (o operation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(o.doc))
	for _, name := range eight() {
		title := name
		list := o.places[name]
		if len(list) == 0 {
			fmt.Fprintf(&b, "  %-12snone\n", title)
		}
		for _, p := range list {
			fmt.Fprintf(&b, "  %-12s%-40s%s\n", title, p.at(), p.what)
			title = ""
		}
	}
	return b.String()
}
