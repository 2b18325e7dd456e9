package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
)

func TestCensus(t *testing.T) {
	long := "package p\n\nfunc f() {\n" + strings.Repeat("\t_ = 0\n", 10) + "}\n" // 14 lines, f is 12 of them
	c, err := take(fstest.MapFS{
		"p/a.go":          {Data: []byte(long)},
		"p/a_test.go":     {Data: []byte("package p\n")},
		"p/x.comp":        {Data: []byte("#version 450\nvoid main() {}\n")},
		"p/testdata/b.go": {Data: []byte(long)},
		".git/c.go":       {Data: []byte(long)},
		"broken.go":       {Data: []byte("func\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.folders["p"], (lines{code: 14, tests: 1, glsl: 2}); got != want {
		t.Errorf("p holds %v, want %v", got, want)
	}
	if len(c.folders) != 2 {
		t.Errorf("folders %v, want p and the root", c.folders)
	}
	var out bytes.Buffer
	if err := c.print(&out, 13, 12); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 files of more than 13 lines", "14  p/a.go", "0 functions of more than 12 lines", "total"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	out.Reset()
	if err := c.print(&out, 13, 11); err != nil || !strings.Contains(out.String(), "12  p/a.go:3 f\n") {
		t.Errorf("f is not named, %v:\n%s", err, &out)
	}
}
