package arrows

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// What a reserved call does, and who may.
const (
	reads = "reads the environment, which is left to cmd and tests"
	ends  = "ends the process, which is left to cmd and tools"
	opens = "opens a file, which is left to internal/file"
	makes = "changes what is on a disk, which is left to internal/file"
	fakes = "lets calls fail, which is left to tests"
)

// reserved maps a function to what calling it does.
func reserved() map[string]string {
	return map[string]string{
		"os.Getenv": reads, "os.LookupEnv": reads, "os.Environ": reads, "os.ExpandEnv": reads, "syscall.Getenv": reads,
		"os.Exit": ends, "log.Fatal": ends, "log.Fatalf": ends, "log.Fatalln": ends,
		"os.Open": opens, "os.OpenFile": opens, "os.ReadFile": opens,
		"os.Create": makes, "os.CreateTemp": makes, "os.WriteFile": makes, "os.Mkdir": makes, "os.MkdirAll": makes, "os.MkdirTemp": makes, "os.CopyFS": makes,
		"os.Rename": makes, "os.Remove": makes, "os.RemoveAll": makes, "os.Link": makes, "os.Symlink": makes, "os.Truncate": makes, "os.Chmod": makes,
		"file.Intercept": fakes,
	}
}

// allowed maps what a call does to the folders where it may be done.
func allowed(what string) []string {
	return map[string][]string{
		reads: {"cmd/", "beam/cmd/", "tools/poser/", "tools/faults/", "engine/manifests.go"}, // there: what the Vulkan loader reads of it
		ends:  {"cmd/", "beam/cmd/", "tools/"},
		opens: {"internal/file/", "tools/"},
		makes: {
			"internal/file/", "tools/", "internal/ort/", // which serves tests and tools
			"serve/run.go",                             // removes a socket that nobody listens at
			"viz/fonts.go",                             // the list of fonts is a cache that a module of others writes
			"cmd/bench/tune.go", "cmd/bench/memory.go", // a folder of its own below the system's, and a file of /proc
		},
	}[what]
}

// Reserved returns a sentence for every use of a reserved function where it does not belong, in the Go files of the module at fsys
// whatever their build constraints. Tests, and internal/difftest, goldtrain and soak (which serve tests only), may do as they like.
func Reserved(fsys fs.FS) ([]string, error) {
	var problems []string
	err := fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skipFolder(file) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		found, err := uses(fsys, file)
		problems = append(problems, found...)
		return err
	})
	slices.Sort(problems)
	return problems, err
}

// skipFolder reports whether a folder is none of the check's business.
func skipFolder(dir string) bool {
	name := path.Base(dir)
	return dir == "internal/difftest" || dir == "internal/goldtrain" || dir == "internal/soak" || name == "testdata" || name == "out" ||
		name != "." && strings.HasPrefix(name, ".")
}

func uses(fsys fs.FS, file string) ([]string, error) {
	source, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil // the compiler's to report
	}
	table := reserved()
	var problems []string
	ast.Inspect(tree, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := selector.X.(*ast.Ident)
		if !ok {
			return true
		}
		name := pkg.Name + "." + selector.Sel.Name
		what := table[name]
		here := func(folder string) bool { return strings.HasPrefix(file, folder) }
		if what != "" && !slices.ContainsFunc(allowed(what), here) {
			problems = append(problems, fmt.Sprintf("%s: %s %s", files.Position(selector.Pos()), name, what))
		}
		return true
	})
	return problems, nil
}
