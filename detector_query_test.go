package glipvk_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/go-gl/mathgl/mgl64"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// TestDetectorPrompts splits 85 names into three captions and requires of the merged list
// what each of them finds alone, by the labels of the whole query.
func TestDetectorPrompts(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	words := []string{"cat", "dog", "person", "bicycle", "umbrella"}
	names := make([]string, 85)
	for i := range names {
		names[i] = words[i%len(words)]
	}
	for _, device := range []string{"reference", "cpu"} { // what joins the lists is the same for all
		d := openTiny(t, c, on(device))
		found := detect(t, d, c.photo(), glipvk.Query{Classes: names})
		var want []glipvk.Detection
		for first := 0; first < len(names); first += 40 {
			for _, f := range detect(t, d, c.photo(), glipvk.Query{Classes: names[first:min(first+40, len(names))]}) {
				f.Label += first
				want = append(want, f)
			}
		}
		slices.SortStableFunc(want, func(a, b glipvk.Detection) int { return cmpScores(b, a) })
		if problem := differ(found, want, allowance{}); problem != "" {
			t.Error(problem)
		}
		seen := map[int]bool{}
		for _, f := range found {
			seen[(f.Label-1)/40] = true
		}
		if len(seen) != 3 {
			t.Errorf("detections are of captions %v, want all three", seen)
		}
		checkNames(t, glipvk.Query{Classes: names}, found)
	}
}

func cmpScores(a, b glipvk.Detection) int {
	switch {
	case a.Score < b.Score:
		return -1
	case a.Score > b.Score:
		return 1
	}
	return 0
}

// TestDetectorSilent finds a label without tokens never, and the others as without it.
func TestDetectorSilent(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	for _, f := range detect(t, d, c.photo(), glipvk.Query{Classes: []string{"", "cat"}}) {
		if f.Label != 2 || f.Phrase != "cat" {
			t.Errorf("found %+v", f)
		}
	}
	q := fourThings()
	q.Spans = append(q.Spans, text.Span{Begin: 6, End: 7}) // a full stop is a token
	q.Caption = strings.Repeat(q.Caption+" ", 40)          // what lies behind 256 tokens is not read
	q.Spans = append(q.Spans, text.Span{Begin: 43 * 39, End: 43*39 + 6})
	found := detect(t, d, c.photo(), q)
	if len(found) == 0 {
		t.Error("a caption that is cut off finds nothing")
	}
	for _, f := range found {
		if f.Label == 6 {
			t.Errorf("a phrase behind the last token is found: %+v", f)
		}
	}
}

// TestDetectorOptions changes one limit at a time and requires what the definition says of
// the golden set.
func TestDetectorOptions(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	all := c.golden(t)
	above := func(score float64) []glipvk.Detection {
		return slices.DeleteFunc(slices.Clone(all), func(d glipvk.Detection) bool { return d.Score <= score })
	}
	run := func(t *testing.T, change func(*glipvk.DetectorOptions)) []glipvk.Detection {
		return detect(t, openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device = "cpu"; change(o) }), c.photo(), c.query)
	}
	for _, tc := range []struct {
		name   string
		change func(*glipvk.DetectorOptions)
		want   []glipvk.Detection
	}{
		{"Threshold 0.5", func(o *glipvk.DetectorOptions) { o.Threshold = 0.5 }, above(0.5)},
		{"Threshold 1", func(o *glipvk.DetectorOptions) { o.Threshold = 1 }, nil},
		{"Max 7", func(o *glipvk.DetectorOptions) { o.Max = 7 }, all[:7]},
		{"Max all", func(o *glipvk.DetectorOptions) { o.Max = glipvk.All }, all},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if len(tc.want) == len(all) && tc.name != "Max all" {
				t.Fatal("the case changes nothing")
			}
			if problem := differ(run(t, tc.change), tc.want, exact); problem != "" {
				t.Error(problem)
			}
		})
	}
	kept := run(t, func(o *glipvk.DetectorOptions) { o.IoU, o.Max = 2, glipvk.All })
	if len(kept) <= len(all) {
		t.Errorf("without suppression %d detections, with it %d", len(kept), len(all))
	}
	if n := len(run(t, func(o *glipvk.DetectorOptions) { o.IoU = math.SmallestNonzeroFloat64 })); n < 4 || n >= len(kept) {
		t.Errorf("the least IoU leaves %d detections of 4 labels", n)
	}
	if n := len(run(t, func(o *glipvk.DetectorOptions) { o.PerLevel, o.IoU = 3, 2 })); n == 0 || n > 5*3 {
		t.Errorf("3 candidates for each of 5 levels give %d detections", n)
	}
	if n := len(run(t, func(o *glipvk.DetectorOptions) { o.Probability, o.IoU, o.Max = -1, 2, glipvk.All })); n != 4*(96+24+6+2+1) {
		t.Errorf("without a threshold %d detections, want each label at each position", n)
	}
	largest := run(t, func(o *glipvk.DetectorOptions) { o.Aggregate = glipvk.AggregateMax })
	if differ(largest, all, exact) == "" {
		t.Error("the largest token changes nothing where labels have two tokens")
	}
}

// TestDetectorSizes requires boxes within the original picture, whatever it was resized to.
func TestDetectorSizes(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	p := photo(50, 122, 5)
	for _, tc := range []struct {
		name          string
		size          picture.DetectorSize
		height, width int // with the padding
	}{
		{"original", picture.DetectorSize{Original: true}, 64, 128},
		{"short", picture.DetectorSize{Short: 100}, 128, 256},
		{"capped", picture.DetectorSize{Short: 100, Long: 160}, 96, 192}, // 66 x 161: the original rounds the short side
		{"down", picture.DetectorSize{Short: 20}, 32, 64},
		{"evaluation", picture.DetectorSize{}, 576, 1344},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Size, o.Max = "cpu", tc.size, 20 })
			in := preprocess(t, d, p)
			if in.Height != tc.height || in.Width != tc.width {
				t.Fatalf("the picture becomes %d x %d, want %d x %d", in.Height, in.Width, tc.height, tc.width)
			}
			found := detect(t, d, p, c.query)
			if len(found) == 0 {
				t.Fatal("nothing is found")
			}
			var right, bottom float64
			for _, f := range found {
				b := f.Box
				if !(b.X1 >= 0 && b.Y1 >= 0 && b.X1 <= b.X2 && b.Y1 <= b.Y2 && b.X2 < 122 && b.Y2 < 50) {
					t.Errorf("the box %v is not within the picture", b)
				}
				right, bottom = max(right, b.X2), max(bottom, b.Y2)
			}
			if !(right > 61 && bottom > 25) {
				t.Errorf("no box reaches beyond %v, %v: they are not scaled to the picture", right, bottom)
			}
		})
	}
}

// TestRoundTrip takes corners of boxes from a picture to the detector's input and back, for
// pictures and sizes of all kinds: ToPicture undoes the resizing, and nothing but it.
func TestRoundTrip(t *testing.T) {
	state := uint64(20)
	next := func(from, to int) int { // from from to to
		state = state*6364136223846793005 + 1442695040888963407
		return from + int((state>>33)%uint64(to-from+1))
	}
	for range 200 {
		height, width := next(1, 90), next(1, 90)
		size := []picture.DetectorSize{{Original: true}, {Short: next(1, 80)}, {Short: next(1, 40), Long: next(40, 90)}}[next(0, 2)]
		name := fmt.Sprintf("%d x %d, %+v", height, width, size)
		in, err := picture.Detector{Size: size}.Apply(t.Context(), photo(height, width, 1))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		there := in.View(0).ToPicture().Inv()
		end := there.Mul3x1(mgl64.Vec3{float64(width), float64(height), 1})
		if math.Abs(end[0]-float64(in.View(0).Content.Width)) > 1e-9 || math.Abs(end[1]-float64(in.View(0).Content.Height)) > 1e-9 {
			t.Fatalf("%s: the corner goes to %v, want that of %v", name, end, in.View(0).Content)
		}
		for range 5 {
			x, y := float64(next(0, 1000))/1000*float64(width), float64(next(0, 1000))/1000*float64(height)
			point := there.Mul3x1(mgl64.Vec3{x, y, 1})
			back := in.View(0).ToPicture().Mul3x1(point)
			if !(math.Abs(back[0]-x) <= 1e-9 && math.Abs(back[1]-y) <= 1e-9 && math.Abs(back[2]-1) <= 1e-12) {
				t.Fatalf("%s: (%v, %v) comes back as %v", name, x, y, back)
			}
			if !(point[0] <= float64(in.Width) && point[1] <= float64(in.Height)) {
				t.Fatalf("%s: (%v, %v) goes to %v, outside %d x %d", name, x, y, point, in.Width, in.Height)
			}
		}
	}
}
