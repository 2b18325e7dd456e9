package arrows

import (
	"context"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Circles returns a sentence for every circle among the files of a package whose row asks for it, in the module at dir, tests left
// out. A file needs another when it names a function, type, method, field, variable or constant of the package that the other
// declares. Packages are compiled for what others know of them; settings are those of [List].
func Circles(ctx context.Context, dir string, settings ...string) ([]string, error) {
	packages, err := list[compiledPackage](ctx, dir, settings, "-export", "-json=ImportPath,Dir,Export,GoFiles")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, p := range packages {
		exports[p.ImportPath] = p.Export
	}
	table := rules()
	var problems []string
	for _, p := range packages {
		if from, ours := folder(p.ImportPath); !ours || !table[from].files {
			continue
		}
		n, err := p.needs(exports)
		if err != nil {
			return nil, err
		}
		for _, circle := range n.circles() {
			problems = append(problems, fmt.Sprintf("%s: files form a circle: %s", p.ImportPath, n.sentence(circle)))
		}
	}
	return problems, nil
}

// sentence says who needs what of whom, and of those the first few.
func (n needs) sentence(circle []string) string {
	const few = 4
	var parts []string
	for i, from := range circle {
		to := circle[(i+1)%len(circle)]
		names := n[from][to]
		text := strings.Join(names[:min(few, len(names))], ", ")
		if len(names) > few {
			text += fmt.Sprintf(" and %d more", len(names)-few)
		}
		parts = append(parts, fmt.Sprintf("%s uses %s of %s", from, text, to))
	}
	return strings.Join(parts, "; ")
}

// compiledPackage is what the go command says of a package that it compiled. Export is the file that says what others may know of it.
type compiledPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// needs reads the files of a package and says which needs what of which.
func (p compiledPackage) needs(exports map[string]string) (needs, error) {
	positions := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(positions, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(positions, "gc", open)}
	checked, err := config.Check(p.ImportPath, positions, files, &info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.ImportPath, err)
	}
	n := needs{}
	file := func(at token.Pos) string { return filepath.Base(positions.Position(at).Filename) }
	for ident, object := range info.Uses {
		if object.Pkg() == checked && shared(object) {
			n.add(file(ident.Pos()), file(object.Pos()), ident.Name)
		}
	}
	return n, nil
}

// shared reports whether an object of a package can be named in all of it.
func shared(object types.Object) bool {
	switch o := object.(type) {
	case *types.Func:
		return true // methods are in no scope
	case *types.Var:
		if o.IsField() {
			return true
		}
	}
	return object.Parent() == object.Pkg().Scope()
}

// Rows returns a sentence for every circle among the rows of the map: floors follow from it where there is none.
func Rows() []string {
	n := needs{}
	for from, r := range rules() {
		for _, to := range r.ours {
			n.add(from, to, "packages")
		}
	}
	var problems []string
	for _, circle := range n.circles() {
		problems = append(problems, "rows of tools/arrows/rules.go allow a circle: "+strings.Join(append(slices.Clone(circle), circle[0]), " -> "))
	}
	return problems
}
