package glipvk_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/text"
)

// words that the small vocabulary knows.
var words = strings.Fields("cat dog person bicycle umbrella horse bird cow sheep car bus truck train boat chair table cup bottle bowl fork knife spoon book phone clock hat")

// names are n different ones of one to three words, from word first on.
func names(n, first int) []string {
	list := make([]string, n)
	for i := range list {
		k := first + i
		list[i] = words[k%len(words)]
		for level := k / len(words); level > 0; level /= len(words) {
			list[i] = words[level%len(words)] + " " + list[i]
		}
	}
	return list
}

// TestProgramsOfManyLists: a hundred lists of 1 to 20 names take ten programs at most, one query
// of 1203 names six.
func TestProgramsOfManyLists(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	count := d.CountPrograms()
	in := preprocess(t, d, c.photo())
	state := uint64(7)
	different := map[string]bool{}
	for range 100 {
		state = state*6364136223846793005 + 1442695040888963407
		list := names(1+int(state>>33)%20, int(state>>40)%50)
		different[fmt.Sprint(list)] = true
		if _, err := d.DetectInput(t.Context(), glipvk.Query{Classes: list}, in); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n > 10 || n < 2 || len(different) < 60 {
		t.Errorf("%d different lists took %d programs, want at most 10", len(different), n)
	}

	d = openTiny(t, c, on("cpu"))
	count = d.CountPrograms()
	found := detect(t, d, c.photo(), glipvk.Query{Classes: names(1203, 0)})
	if n := count(); n > 6 || n < 2 {
		t.Errorf("1203 names took %d programs, want at most 6", n)
	}
	last := slices.MaxFunc(found, func(a, b glipvk.Detection) int { return a.Label - b.Label })
	if last.Label <= 1163 || last.Label > 1203 {
		t.Errorf("the last label that is found is %d of 1203", last.Label)
	}
}

// TestRounding requires of programs of rounded sizes what those of exact sizes give.
func TestRounding(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	near := allowance{1e-5, 5e-3}
	onEach(t, func(t *testing.T, device string) {
		queries := []glipvk.Query{c.query, {Classes: names(1, 0)}, {Classes: names(3, 30)}, {Classes: names(50, 0)}}
		if device == "vulkan" {
			queries = queries[:2]
		}
		rounded := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Max = device, glipvk.All })
		precise := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Max, o.ExactSizes = device, glipvk.All, true })
		for i, q := range queries {
			want := detect(t, precise, c.photo(), q)
			if problem := differ(detect(t, rounded, c.photo(), q), want, near); problem != "" || len(want) == 0 {
				t.Errorf("query %d: %d detections; %s", i, len(want), problem)
			}
		}
	})
}

// TestSilentLabelsCostNothing: a label without a token changes neither what is found nor how
// many programs that takes, rounded or not.
func TestSilentLabelsCostNothing(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	silent := c.query
	silent.Spans = slices.Concat([]text.Span{{Begin: 7, End: 8}}, c.query.Spans, []text.Span{{Begin: 16, End: 17}}) // blanks
	for _, precise := range []bool{false, true} {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.ExactSizes = "cpu", precise })
		count := d.CountPrograms()
		want := detect(t, d, c.photo(), c.query)
		before := count()
		found := detect(t, d, c.photo(), silent)
		for i := range found {
			found[i].Label-- // behind the first silent one
		}
		if problem := differ(found, want, allowance{}); problem != "" {
			t.Error(problem)
		}
		if n := count(); n != before {
			t.Errorf("labels without a token took %d programs more", n-before)
		}
	}
	d := openTiny(t, c, on("cpu"))
	count := d.CountPrograms()
	_, err := d.Detect(t.Context(), glipvk.Query{Caption: c.query.Caption, Spans: []text.Span{{Begin: 7, End: 8}}}, c.photo())
	if !errors.Is(err, glipvk.ErrInput) || count() != 0 {
		t.Errorf("a query in which nothing is heard: %v, %d programs", err, count())
	}
}
