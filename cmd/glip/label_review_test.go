package main

import (
	"os"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
)

func TestReview(t *testing.T) {
	s := newShelf(t)
	s.write(t, `in/<b>&.png`, photograph(t, 40, 50))
	s.write(t, "in/bad.png", []byte("hello"))
	f := &fake{found: twoBoxes()}
	page := func(more ...string) string {
		o := label(t, t.Context(), f.opener(), s.args(append(more, "--overwrite", "--review", "3")...)...)
		if o.code != cli.Input || !strings.Contains(o.stdout, "review.html") {
			t.Fatalf("exit status %d, %s%s", o.code, o.stdout, o.stderr)
		}
		return string(read(t, s.out, "review.html"))
	}
	text := page()
	if n := strings.Count(text, `<img src="data:image/jpeg;base64,`); n != 3 {
		t.Errorf("%d pictures, want 3", n)
	}
	for _, want := range []string{"&lt;b&gt;&amp;.png", `0.74 to 0.76: 4 labelled`, "1 skipped", "bad.png", "traffic light 0.75, cat 0.50", "Doubtful"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(text, "<b>&.png") || strings.Contains(text, "http") || strings.Contains(text, "ZgotmplZ") {
		t.Error("the page needs others, or takes names for its own text")
	}
	if text := page("--threshold", "cat=0.9", "--threshold", "traffic light=0.8"); !strings.Contains(text, "no label; the best box is traffic light 0.75") || !strings.Contains(text, "Nearly") {
		t.Error("pictures without labels are not shown")
	}
	if err := os.Remove(s.path("in/1.png")); err != nil {
		t.Fatal(err)
	}
	if text := page("--threshold", "cat=0.45"); !strings.Contains(text, "Doubtful") {
		t.Error("a picture that is gone ends the page")
	}
}
