package shaders_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/shaders"
	"github.com/glipvk/glipvk/tools/shaderc/recipe"
)

// TestNotStale recomputes what every committed module was made from, without a compiler.
func TestNotStale(t *testing.T) {
	fsys := os.DirFS(".")
	rows, err := recipe.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := recipe.ReadManifest(fsys)
	if err != nil {
		t.Fatalf("%v: %s", err, recipe.Remedy)
	}
	if err := recipe.Stale(fsys, rows, manifest); err != nil {
		t.Error(err)
	}
	var want []string
	for _, row := range rows {
		want = append(want, row.Name)
	}
	if got := shaders.Names(); !slices.Equal(got, want) {
		t.Errorf("embedded variants %q, rows %q", got, want)
	}
}

func TestCodeUnknown(t *testing.T) {
	for _, name := range []string{"", "no_such", "../embed", "manifest"} {
		if code, err := shaders.Code(name); err == nil || !strings.Contains(err.Error(), "variants.json") {
			t.Errorf("Code(%q) = %d words, %v", name, len(code), err)
		}
	}
}
