package arrows

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// root is the module, seen from this folder.
const root = "../.."

// watch looks at every Go file of the module. What the go command reads is hidden from go test's cache of results; this is not, so a
// changed file runs the test again.
func watch(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".go" {
			_, err = os.Stat(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestModuleKeepsItsMap(t *testing.T) {
	watch(t)
	var whole []Package
	for _, cgo := range []string{"CGO_ENABLED=1", "CGO_ENABLED=0"} {
		packages, err := List(context.Background(), root, cgo)
		if err != nil {
			t.Fatal(err)
		}
		if len(packages) < 10 {
			t.Fatalf("%s: go list reports only %d packages", cgo, len(packages))
		}
		for _, problem := range Wrong(packages) {
			t.Errorf("%s: %s", cgo, problem)
		}
		whole = append(whole, packages...)
	}
	for _, problem := range Idle(whole) {
		t.Error(problem)
	}
}

func TestIdle(t *testing.T) {
	got := Idle([]Package{{ImportPath: ours("rewrite/inner"), Imports: []string{ours("graph")}}})
	if len(got) == 0 || !slices.IsSorted(got) {
		t.Fatalf("%q", got)
	}
	for from, idle := range map[string]bool{"rewrite": false, "swin": true} {
		if want := "tools/arrows/rules.go lets " + from + " import graph, which nothing there does"; slices.Contains(got, want) != idle {
			t.Errorf("%q said: %v, want %v", want, !idle, idle)
		}
	}
}

func TestModuleKeepsReservedCalls(t *testing.T) {
	problems, err := Reserved(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

func TestWrong(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		wrong    bool
	}{
		{"graph", "fmt", false},
		{"graph", "graph/internal/shape", false},
		{"graph", "shaders", true},
		{"graph", "golang.org/x/sync/errgroup", true},
		{"swin", "graph", false},
		{"swin", "cpuref", true},
		{"cpuref", "graph", false},
		{"cpuref", "shaders", true},
		{"cpuref", "swin", true},
		{"kernels", "engine", false},
		{"kernels", "swin", true},
		{"kernels", "", true},
		{"engine", vulkan, false},
		{"engine", "graph", true},
		{"kernels", vulkan, true},
		{"cmd/glip", vulkan, true},
		{"", vulkan, true},
		{"shaders", "tools/shaderc/recipe", true},
		{"loader", "github.com/nlpodyssey/gopickle/pickle", false},
		{"loader", "github.com/spf13/cobra", true},
		{"loader", "graph", true},
		{"synthetic", "loader", true},
		{"picture", "github.com/go-gl/mathgl/mgl32", false},
		{"picture", "graph", true},
		{"viz", "picture", true},
		{"text", "golang.org/x/text/unicode/norm", false},
		{"text", "github.com/jdkato/prose/v2", false},
		{"text", "golang.org/x/sync/errgroup", true},
		{"text", "graph", true},
		{"text", "picture", true},
		{"swin", "text", true},
		{"kernels", "text", true},
		{"", "text", false},
		{"", "executor", false},
		{"", "kernels", true},
		{"cmd/glip", "text", false},
		{"", "cpuref", true},
		{"", "internal/difftest", true},
		{"", "cmd/glip", true},
		{"cmd/glip", "", false},
		{"cmd/glip", "cpuref", true},
		{"cmd/bench", "shaders", true},
		{"internal/difftest", "cpuref", false},
		{"tools/shaderstats", "kernels", false},
		{"tools/shaderstats", "cpuref", true},
		{"tools/shaderc", "kernels", true},
		{"glip", "bind", false},
		{"bind", "glip", true},
		{"glip", "executor", true},
		{"executor", "vulkan", false},
		{"executor", "glip", true},
		{"executor", "picture", true},
		{"executor", "", true},
		{"vulkan", "kernels", false},
		{"vulkan", "executor", true},
		{"kernels", "vulkan", true},
		{"graph", "bind", true},
		{"picture", "internal/file", false},
		{"internal/file", "picture", true},
		{"internal/compare", "graph", true},
		{"cmd/glip", "cmd/internal/cli", false},
		{"cmd/internal/cli", "cmd/glip", true},
		{"cmd/internal/cli", "", false},
		{"", "cmd/internal/cli", true},
		{"internal/util", "fmt", true}, // no such folders on the map
		{"util", "fmt", true},
	} {
		t.Run(tc.from+"->"+tc.to, func(t *testing.T) {
			packages := []Package{
				{ImportPath: "fmt", Standard: true},
				{ImportPath: ours(tc.from), Imports: []string{ours(tc.to)}},
			}
			if got := Wrong(packages); (len(got) > 0) != tc.wrong {
				t.Errorf("problems %q, want some: %v", got, tc.wrong)
			}
		})
	}
}

// ours turns a folder of this module into its import path and leaves other paths alone.
func ours(path string) string {
	if path == "" {
		return Module
	}
	if path == "fmt" || strings.Contains(path, ".") {
		return path
	}
	return Module + "/" + path
}

func TestReserved(t *testing.T) {
	const getenv = "package p\n\nimport \"os\"\n\nvar home = os.Getenv(\"HOME\")\n"
	const exit = "//go:build windows\n\npackage p\n\nimport \"os\"\n\nfunc f() { os.Exit(1) }\n"
	for file, want := range map[string]int{
		"engine/a.go": 1, "engine/a_test.go": 0, "cmd/glip/a.go": 0, "tools/x/a.go": 1, "a.go": 1, "internal/difftest/a.go": 0,
		".git/a.go": 0, "graph/testdata/a.go": 0,
	} {
		got, err := Reserved(fstest.MapFS{file: {Data: []byte(getenv)}})
		if err != nil || len(got) != want {
			t.Errorf("%s reading the environment: %q, %v; want %d problems", file, got, err, want)
		}
	}
	const open = "package p\n\nimport \"os\"\n\nvar data, _ = os.ReadFile(\"a\")\n"
	for file, want := range map[string]int{
		"loader/a.go": 1, "a.go": 1, "cmd/glip/a.go": 1, "cmd/glip/a_test.go": 0, "internal/file/a.go": 0, "internal/meter/a.go": 1, "engine/a.go": 1, "tools/x/a.go": 0,
	} {
		got, err := Reserved(fstest.MapFS{file: {Data: []byte(open)}})
		if err != nil || len(got) != want {
			t.Errorf("%s opening a file: %q, %v; want %d problems", file, got, err, want)
		}
	}
	const remove = "package p\n\nimport \"os\"\n\nvar err = os.Remove(\"a\")\n"
	for file, want := range map[string]int{"fetch/a.go": 1, "cmd/glip/a.go": 1, "viz/fonts.go": 0, "viz/a.go": 1, "cmd/glip/a_test.go": 0, "internal/file/a.go": 0, "tools/x/a.go": 0} {
		got, err := Reserved(fstest.MapFS{file: {Data: []byte(remove)}})
		if err != nil || len(got) != want {
			t.Errorf("%s removing a file: %q, %v; want %d problems", file, got, err, want)
		}
	}
	for file, want := range map[string]int{"engine/a.go": 1, "cmd/glip/a.go": 0, "tools/x/a.go": 0} {
		got, err := Reserved(fstest.MapFS{file: {Data: []byte(exit)}})
		if err != nil || len(got) != want {
			t.Errorf("%s ending the process: %q, %v; want %d problems", file, got, err, want)
		}
	}
}
