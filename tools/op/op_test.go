package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const moduleRoot = "../.."

// found is what there is, looked for once.
var found = sync.OnceValues(func() ([]operation, error) { return operations(moduleRoot) })

func all(t *testing.T) []operation {
	t.Helper()
	list, err := found()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestEveryOperationHasItsPlaces requires the eight places of every operation: tests in the oracle's package, in cpu and in
// kernels, and a benchmark on a device.
func TestEveryOperationHasItsPlaces(t *testing.T) {
	for _, o := range all(t) {
		if missing := o.missing(); len(missing) > 0 {
			t.Errorf("%s has no %s; it has\n%s", o.kind, strings.Join(missing, ", "), o)
		}
		for name, folders := range map[string][]string{tests: {"cpuref", "cpu", "kernels"}, benchmarks: {"kernels"}} {
			for _, folder := range folders {
				if !slices.ContainsFunc(o.places[name], func(p place) bool { return strings.HasPrefix(p.file, folder+"/") }) {
					t.Errorf("%s has no %s in %s", o.kind, name, folder)
				}
			}
		}
	}
}

func TestPageHasTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(moduleRoot, filepath.FromSlash(tablePage)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := withTable(page, all(t))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, want) {
		t.Errorf("the table of %s is not what the code says: go run ./tools/op -table", tablePage)
	}
	if _, err := withTable([]byte("no lines to write between"), nil); err == nil {
		t.Error("a page without a place for the table is accepted")
	}
}

// TestFoundInEachWay wants a function that is found by each of the ways that lead to one.
func TestFoundInEachWay(t *testing.T) {
	what := map[string]string{}
	for _, o := range all(t) {
		for name, list := range o.places {
			for _, p := range list {
				what[o.kind+" "+name] += p.what + " "
			}
		}
	}
	for at, want := range map[string]string{
		"softmax formula":     "type Softmax ",
		"softmax shapes":      "Softmax.infer ",
		"softmax lowering":    "lowerer.softmax ", // by the registry
		"deformconv lowering": "lowerer.conv ",    // by the registry, under another name
		"pad lowering":        "lowerer.move ",    // by the step that a switch makes
		"absorbbias oracle":   "absorbBias ",      // by a switch
		"context oracle":      "contextOf ",       // by a switch, under another name
		"context cpu":         "compiler.context ",
		"concattokens cpu":    "compiler.concatTokens ",
		"linear cpu":          "compiler.linear ",
		"relu shaders":        "unary _texel _scalar _scalar_texel ",
	} {
		if what[at] != want {
			t.Errorf("%s is %q, want %q", at, what[at], want)
		}
	}
}

// TestBenchmarksAreFollowed wants benchmarks to be found through functions and methods of parameters, and nothing by chance.
func TestBenchmarksAreFollowed(t *testing.T) {
	root := t.TempDir()
	write := func(file, text string) {
		file = filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("graph/op.go", "package graph\n\ntype Pad struct{}\n\nfunc (b *Builder) PadTo(x Value) Value { return b.add(Pad{}, x) }\n")
	write("kernels/a_test.go", `package kernels

func cases() { list("pad") }

func (c padCase) record(b *graph.Builder) { b.PadTo(c.x) }
func (c cropCase) record(b *graph.Builder) { b.Crop(c.x) }
func pads(c padCase) { c.record(nil) }
func crops(c cropCase) { c.record(nil) }
func indirect() { pads(padCase{}) }

func BenchmarkPad(b *testing.B) { indirect() }
func BenchmarkCrop(b *testing.B) { crops(cropCase{}); list("pad") }
func BenchmarkType(b *testing.B) { build(graph.Pad{}) }
`)
	p := project{rows: &source{}}
	var err error
	if p.graph, err = parse(root, "graph"); err != nil {
		t.Fatal(err)
	}
	s, err := parse(root, "kernels")
	if err != nil {
		t.Fatal(err)
	}
	tests, benchmarks := p.exercised(s, "pad", "Pad")
	if len(tests) != 1 || tests[0].at() != "kernels/a_test.go:3" || tests[0].what != "cases" {
		t.Errorf("tests %v, want cases in line 3", tests)
	}
	var names []string
	for _, b := range benchmarks {
		names = append(names, b.what)
	}
	if got := strings.Join(names, " "); got != "BenchmarkPad BenchmarkType" {
		t.Errorf("benchmarks %s, want BenchmarkPad BenchmarkType", got)
	}
}

func TestSentence(t *testing.T) {
	for doc, want := range map[string]string{
		"Pad appends zero rows below:\n[B, H] -> [B, Height].": "appends zero rows below",
		"Pad is x\n* y, element by element. It is quick.":      "x * y, element by element",
		"Pad is max(x, 0).": "max(x, 0)",
	} {
		if got := (operation{name: "Pad", doc: doc}).sentence(); got != want {
			t.Errorf("%q becomes %q, want %q", doc, got, want)
		}
	}
}

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-dir", moduleRoot, "CrossContext"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"CrossContext is", "\n  formula     graph/", "\n  oracle      cpuref/cross.go:", "\n  benchmarks  "} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in:\n%s", part, &out)
		}
	}
	if err := run([]string{"-dir", moduleRoot, "teapot"}, &out); err == nil || !strings.Contains(err.Error(), "teapot") {
		t.Errorf("an operation that is not there gives %v", err)
	}
}
