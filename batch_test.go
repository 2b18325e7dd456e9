package glipvk_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// crowd are pictures of different sizes that have one size with their padding, 64 x 96.
func crowd() []picture.Picture {
	return []picture.Picture{photo(64, 96, 1), photo(50, 90, 7), photo(61, 70, 8), photo(33, 96, 9), photo(64, 65, 10)}
}

// TestDetectorBatch requires of two and three pictures of different true sizes at once what each
// gives alone, one list for each, with boxes within their own picture.
func TestDetectorBatch(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		pictures := crowd()
		var want [][]glipvk.Detection
		for _, p := range pictures {
			want = append(want, detect(t, d, p, c.query))
		}
		for _, batch := range [][]int{{0, 1}, {2, 3, 4}} {
			var list []picture.Picture
			for _, i := range batch {
				list = append(list, pictures[i])
			}
			found, err := d.Detect(t.Context(), c.query, list...)
			if err != nil || len(found) != len(batch) {
				t.Fatalf("%d lists for %d pictures, %v", len(found), len(batch), err)
			}
			for k, i := range batch {
				if problem := differ(found[k], want[i], exact); problem != "" || len(want[i]) == 0 {
					t.Errorf("batch %v, picture %d: %s", batch, i, problem)
				}
				for _, f := range found[k] {
					if !(f.Box.X2 < float64(pictures[i].Width) && f.Box.Y2 < float64(pictures[i].Height)) {
						t.Fatalf("picture %d has a box %v beyond its %d x %d", i, f.Box, pictures[i].Height, pictures[i].Width)
					}
				}
			}
		}
	})
}

// TestBatchRefuses pictures that have no size in common, and names the one that differs.
func TestBatchRefuses(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	_, err := d.Detect(t.Context(), c.query, photo(64, 96, 1), photo(64, 97, 1))
	if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "picture 1 becomes 64x128") || !strings.Contains(err.Error(), "Stream") {
		t.Errorf("two sizes: %v", err)
	}
	if _, err := d.Detect(t.Context(), c.query); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("no picture: %v", err)
	}
}

// TestDetectorStream requires one result for each element, in order, equal to that of the element
// alone, with sizes, batches and failures mixed; an error concerns its element alone.
func TestDetectorStream(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		pictures := crowd()
		var inputs []picture.Input
		for _, p := range pictures {
			inputs = append(inputs, preprocess(t, d, p))
		}
		nan := preprocess(t, d, pictures[0])
		nan.Data[7] = float32(math.NaN())
		odd := tensor(1, 40, 64, 1) // no multiple of 32
		pair := stack(t, d, pictures[3], pictures[4])
		loads := []glipvk.Load{gives(inputs[0]), slowly(inputs[1], 10), fails, gives(inputs[2]), gives(nan), gives(pair), gives(odd),
			gives(preprocess(t, d, photo(32, 64, 3))), gives(inputs[3]), gives(inputs[4])}
		want := [][][]glipvk.Detection{}
		words := []string{"", "", errLoad.Error(), "", "NaN", "", "multiples of 32", "", "", ""}
		for i, load := range loads {
			var found [][]glipvk.Detection
			if words[i] == "" {
				in, err := load(t.Context())
				if err == nil {
					found, err = d.DetectInput(t.Context(), c.query, in)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			want = append(want, found)
		}
		for _, o := range []glipvk.StreamOptions{{}, {Batch: 2}, {Batch: 3, Loaders: 5}} {
			n := 0
			for r, err := range d.Stream(t.Context(), c.query, elements(loads...), o) {
				if r.Index != n {
					t.Fatalf("result %d comes as number %d", r.Index, n)
				}
				if (err != nil) != (words[n] != "") || err != nil && !strings.Contains(err.Error(), words[n]) {
					t.Errorf("%+v, element %d: error %v, want %q", o, n, err, words[n])
				}
				if err == nil && len(r.Detections) != len(want[n]) {
					t.Fatalf("%+v, element %d: %d lists, want %d", o, n, len(r.Detections), len(want[n]))
				}
				for i := range r.Detections {
					if problem := differ(r.Detections[i], want[n][i], exact); problem != "" {
						t.Errorf("%+v, element %d: %s", o, n, problem)
					}
				}
				n++
			}
			if n != len(loads) {
				t.Errorf("%+v: %d results for %d elements", o, n, len(loads))
			}
		}
	})
}

// TestDetectorStreamEnds: by a break, by a context, by Close, and where the query is none.
func TestDetectorStreamEnds(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	noGoroutines(t)
	d := openTiny(t, c, on("cpu"))
	in := preprocess(t, d, c.photo())
	many := make([]glipvk.Load, 50)
	for i := range many {
		many[i] = gives(in)
	}
	for r, err := range d.Stream(t.Context(), c.query, elements(many...), glipvk.StreamOptions{Batch: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Index == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var last error
	for r, err := range d.Stream(ctx, c.query, elements(many...), glipvk.StreamOptions{Batch: 2}) {
		if last = err; r.Index == 3 {
			cancel()
		}
	}
	cancel()
	if !errors.Is(last, context.Canceled) {
		t.Errorf("cancelled: the last result is %v", last)
	}
	for _, refused := range []struct {
		q glipvk.Query
		o glipvk.StreamOptions
	}{{glipvk.Query{}, glipvk.StreamOptions{}}, {c.query, glipvk.StreamOptions{Taps: []string{"rpn.**"}}}, {c.query, glipvk.StreamOptions{Batch: -1}}} {
		n := 0
		for _, err := range d.Stream(t.Context(), refused.q, elements(many...), refused.o) {
			if n++; !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("%+v: %v", refused, err)
			}
		}
		if n != 1 {
			t.Errorf("%+v: %d results, want one refusal", refused, n)
		}
	}
	results, closed := 0, 0
	for r, err := range d.Stream(t.Context(), c.query, elements(many...), glipvk.StreamOptions{}) {
		results++
		if r.Index == 1 {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		} else if errors.Is(err, glipvk.ErrClosed) {
			closed++
		} else if err != nil {
			t.Errorf("element %d: %v", r.Index, err)
		}
	}
	if results != len(many) || closed < 30 {
		t.Errorf("%d results, %d refused", results, closed)
	}
}
