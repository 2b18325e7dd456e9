package arrows

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModuleHasNoCircles(t *testing.T) {
	watch(t)
	problems, err := Circles(context.Background(), root, "CGO_ENABLED=0")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range append(problems, Rows()...) {
		t.Error(problem)
	}
}

func TestCircles(t *testing.T) {
	for _, tc := range []struct{ name, arrows, want string }{
		{"none", "ab ac bc", "[]"},
		{"itself", "aa ab", "[]"},
		{"two", "ab ba", "[[a b]]"},
		{"shortest first", "ab bc bc ca cb", "[[b c] [a b c]]"},
		{"thinnest goes", "ab ab ba ac ac ca", "[[a b] [a c]]"},
		{"apart", "ab ba cd dc", "[[a b] [c d]]"},
	} {
		n := needs{}
		for i, arrow := range strings.Fields(tc.arrows) {
			n.add(arrow[:1], arrow[1:], fmt.Sprint("name", i))
		}
		if got := fmt.Sprint(n.circles()); got != tc.want {
			t.Errorf("%s: circles %v of %s, want %s", tc.name, got, tc.arrows, tc.want)
		}
	}
}

// TestFilesFormCircles wants functions, methods and fields to count, through values that other packages return too, and uses of
// other packages, of what is local and of tests not to.
func TestFilesFormCircles(t *testing.T) {
	const head = "package executor\n\n"
	for name, tc := range map[string]struct{ a, b, want string }{
		"downward": {"func A() { B() }\n", "func B() {}\n", ""},
		"functions": {
			"func A() { B() }\n", "func B() { A() }\n", "a.go uses B of b.go; b.go uses A of a.go",
		},
		"method": {
			"type T struct{}\n\nfunc A() { T{}.M() }\n", "func (T) M() {}\n", "a.go uses M of b.go; b.go uses T of a.go",
		},
		"method of what slices.Clone returns": {
			"import \"slices\"\n\nfunc A(list []T) { slices.Clone(list)[0].M() }\n\nfunc C() {}\n", "type T struct{}\n\nfunc (T) M() { C() }\n",
			"a.go uses M, T of b.go; b.go uses C of a.go",
		},
		"generic": {
			"type P[K any] struct{ k K }\n\nfunc A() { var p P[int]; p.M() }\n", "func (p P[K]) M() K { return p.k }\n",
			"a.go uses M of b.go; b.go uses P, k of a.go",
		},
		"field": {
			"type T struct{ next *T }\n\nfunc A() int { return value }\n", "var value = 1\n\nfunc B(t *T) bool { return t.next == nil }\n",
			"a.go uses value of b.go; b.go uses T, next of a.go",
		},
		"locals of one name": {"func A() { B := 1; _ = B }\n", "func B() { A() }\n", ""},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{
			"go.mod":             "module " + Module + "\n\ngo 1.24\n",
			"executor/a.go":      head + tc.a,
			"executor/b.go":      head + tc.b,
			"executor/b_test.go": head + "var _ = A\n",
			"tools/a.go":         "package tools\n\nfunc A() { B() }\n", // whose row does not ask
			"tools/b.go":         "package tools\n\nfunc B() { A() }\n",
		} {
			file = filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Circles(context.Background(), dir, "CGO_ENABLED=0")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := ""
		if tc.want != "" {
			want = Module + "/executor: files form a circle: " + tc.want
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%s: %q, want %q", name, text, want)
		}
	}
}
