package glipvk_test

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// recomputed are the maps of a picture's tokens, made anew and plainly from the logits that Taps gives: shift is how many places of P3 a
// level's position is wide, as a power of two, beyond what is right.
func recomputed(t *testing.T, d *glipvk.Detector, q glipvk.Query, in picture.Input, i, shift int) (maps [][]float64, height, width int) {
	t.Helper()
	levels, err := d.Taps(t.Context(), q, in, "rpn.head.dot.p?")
	if err != nil || len(levels) != 5 {
		t.Fatalf("%d levels, %v", len(levels), err)
	}
	tokens := levels[0].Shape[2]
	v := in.View(i).Content
	height, width = (v.Height+7)/8, (v.Width+7)/8
	for token := 1; token < tokens-1; token++ { // but for [CLS] and [SEP]
		m := make([]float64, 0, height*width)
		for y := range height {
			for x := range width {
				best := math.Inf(-1)
				for l, level := range levels {
					side := 8 << l // pixels to a position
					columns := in.Width / 8
					for range l {
						columns = (columns + 1) / 2
					}
					position := y*8/(side<<shift)*columns + x*8/(side<<shift)
					best = max(best, float64(level.Data[(i*level.Shape[1]+position)*tokens+token]))
				}
				m = append(m, 1/(1+math.Exp(-best)))
			}
		}
		maps = append(maps, m)
	}
	return maps, height, width
}

// mapsApart compares maps with what was recomputed.
func mapsApart(t *testing.T, got []glipvk.WordMap, want [][]float64) glipvk.Difference {
	t.Helper()
	var a, b []float32
	for _, m := range got {
		a = append(a, m.Map...)
	}
	for _, m := range want {
		for _, v := range m {
			b = append(b, float32(v))
		}
	}
	if len(got) != len(want) || len(a) != len(b) || len(b) == 0 {
		t.Fatalf("%d maps of %d values, want %d of %d", len(got), len(a), len(want), len(b))
	}
	return compare.Values("maps", a, b)
}

// closeMaps are probabilities within what scores may be off in 32 bits.
var closeMaps = glipvk.Bounds{RelativeL2: 5e-4, Absolute: 1e-4}

// TestAlign requires the maps that plain arithmetic makes of the logits inside, in both forms of the cross attention and in 16 bits, for
// pictures with padding too, from programs that are made once.
func TestAlign(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	oracle := openTiny(t, c, on("reference"))
	in := stack(t, oracle, photo(50, 90, 7), c.photo())
	want := make([][][]float64, 2)
	var size [2][2]int
	for i := range want {
		want[i], size[i][0], size[i][1] = recomputed(t, oracle, c.query, in, i, 0)
	}
	if size != [2][2]int{{7, 12}, {8, 12}} {
		t.Fatalf("grids %v", size)
	}
	onEach(t, func(t *testing.T, device string) {
		for _, v := range []struct {
			name    string
			bounds  glipvk.Bounds
			change  func(*glipvk.DetectorOptions)
			devices []string
		}{
			{"absorbed", closeMaps, func(*glipvk.DetectorOptions) {}, []string{"reference", "cpu", "vulkan"}},
			{"direct", closeMaps, func(o *glipvk.DetectorOptions) { o.NoAbsorb = true }, []string{"cpu", "vulkan"}},
			{"f16", glipvk.DetectorBounds("rpn.head.dot.p3", glipvk.F16), func(o *glipvk.DetectorOptions) { o.Precision = glipvk.F16 }, []string{"vulkan"}},
		} {
			if !slices.Contains(v.devices, device) {
				continue // which has no such form
			}
			t.Run(v.name, func(t *testing.T) {
				d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device = device; v.change(o) })
				s := look(t, d, in)
				for range 2 {
					list, r, err := s.Align(t.Context(), c.query)
					if err != nil || len(list) != 2 || len(list[0]) != 1 || !r.PictureKnown || r.Grounding <= 0 {
						t.Fatalf("%d lists, %+v, %v", len(list), r, err)
					}
					for i, of := range list {
						if d := mapsApart(t, of[0].Tokens, want[i]).Within(v.bounds); !d.OK() {
							t.Errorf("picture %d: %s", i, d)
						}
						checkAlignment(t, of[0], c.query.Caption, in.View(i))
						if of[0].Height != size[i][0] || of[0].Width != size[i][1] {
							t.Errorf("picture %d: a grid of %d x %d, want %v", i, of[0].Height, of[0].Width, size[i])
						}
					}
				}
				if problem := differ(detect(t, d, c.photo(), c.query), c.golden(t), exact); problem != "" && v.name != "f16" {
					t.Errorf("detections afterwards: %s", problem)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if _, _, err := s.Align(t.Context(), c.query); !errors.Is(err, glipvk.ErrClosed) {
					t.Errorf("a closed sight: %v", err)
				}
			})
		}
	})
	// The bounds see a level that lies at the wrong places.
	list, _, err := oracle.AlignInput(t.Context(), c.query, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, shift := range []int{1, 2} {
		wrong, _, _ := recomputed(t, oracle, c.query, in, 1, shift)
		d := mapsApart(t, list[1][0].Tokens, wrong)
		t.Logf("levels %d times too wide: %s", 1<<shift, d)
		if d.Within(glipvk.DetectorBounds("rpn.head.dot.p3", glipvk.F16)).OK() {
			t.Errorf("levels %d times too wide are accepted", 1<<shift)
		}
	}
}

// checkAlignment requires tokens and words of the caption at their places, and values that peaks, bytes and scales agree with.
func checkAlignment(t *testing.T, a glipvk.Alignment, caption string, v picture.View) {
	t.Helper()
	runes := []rune(caption)
	if a.Caption != caption || a.Stride != 8 || !(a.ScaleX*float64(v.Original.Width) <= float64(a.Width)) || !(a.ScaleY*float64(v.Original.Height) <= float64(a.Height)) ||
		!(a.ScaleX*float64(v.Original.Width) > float64(a.Width)-1) || !(a.ScaleY*float64(v.Original.Height) > float64(a.Height)-1) {
		t.Errorf("%q, stride %d, scales %g and %g to %d x %d", a.Caption, a.Stride, a.ScaleX, a.ScaleY, a.Width, a.Height)
	}
	for _, m := range slices.Concat(a.Tokens, a.Words) {
		if m.Text == "" || m.Span.Begin < 0 || m.Span.End <= m.Span.Begin || m.Span.End > len(runes) || len(m.Map) != a.Height*a.Width {
			t.Fatalf("%q at %v, %d values", m.Text, m.Span, len(m.Map))
		}
		if peak := slices.Max(m.Map); m.Peak != float64(peak) || !(peak > 0 && peak <= 1) || !(slices.Min(m.Map) >= 0) {
			t.Errorf("%q has the peak %g, the largest value is %g", m.Text, m.Peak, peak)
		}
		for i, b := range m.Append(nil) {
			if math.Abs(float64(b)-255*float64(m.Map[i])) > 0.5001 {
				t.Fatalf("%q: byte %d for %g", m.Text, b, m.Map[i])
			}
		}
	}
}

// TestAlignWords: pieces are joined to words, by their mean; what the model does not read has no map.
func TestAlignWords(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	caption := "Å catly dog, xq. [SEP] umbrellaing"
	list, _, err := d.AlignInput(t.Context(), glipvk.Query{Caption: caption, Phrases: []string{"dog"}}, preprocess(t, d, c.photo()))
	if err != nil {
		t.Fatal(err)
	}
	a := list[0][0]
	var got []string
	for _, m := range a.Tokens {
		got = append(got, fmt.Sprint(m.Text, " ", m.Span.Begin, ":", m.Span.End))
	}
	want := []string{"a 0:1", "cat 2:5", "##ly 5:7", "dog 8:11", ", 11:12", "x 13:14", "##q 14:15", ". 15:16", "[SEP] 17:22", "umbrella 23:31", "##ing 31:34"}
	if !slices.Equal(got, want) {
		t.Errorf("tokens %q, want %q", got, want)
	}
	checkAlignment(t, a, caption, preprocess(t, d, c.photo()).View(0))
	words := map[string][2]int{"catly": {1, 3}, "xq": {5, 7}, "umbrellaing": {9, 11}}
	if len(a.Words) != len(words) {
		t.Errorf("%d words, want %d", len(a.Words), len(words))
	}
	for _, w := range a.Words {
		tokens := a.Tokens[words[w.Text][0]:words[w.Text][1]]
		if len(tokens) != 2 || w.Span != (text.Span{Begin: tokens[0].Span.Begin, End: tokens[1].Span.End}) {
			t.Fatalf("%q at %v", w.Text, w.Span)
		}
		for i, v := range w.Map {
			if !(math.Abs(float64(v)-float64(tokens[0].Map[i]+tokens[1].Map[i])/2) < 1e-6) {
				t.Fatalf("%q: %g is not the mean of %g and %g", w.Text, v, tokens[0].Map[i], tokens[1].Map[i])
			}
		}
	}
	long := fourThings()
	for range 5 {
		long.Caption += " " + long.Caption
	}
	list, _, err = d.AlignInput(t.Context(), long, preprocess(t, d, c.photo()))
	if err != nil || len(list[0][0].Tokens) != 254 {
		t.Errorf("of a long caption %d tokens, %v", len(list[0][0].Tokens), err)
	}
	names := slices.Repeat([]string{"cat", "dog"}, 42) // three captions
	list, _, err = d.AlignInput(t.Context(), glipvk.Query{Classes: names}, preprocess(t, d, c.photo()))
	if err != nil || len(list[0]) != 3 {
		t.Errorf("of 84 names %d captions, %v", len(list[0]), err)
	}
	if _, _, err := d.AlignInput(t.Context(), glipvk.Query{}, preprocess(t, d, c.photo())); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("no query: %v", err)
	}
	if _, _, err := d.AlignInput(ended(), c.query, preprocess(t, d, c.photo())); err == nil {
		t.Error("a context that had ended")
	}
}

// TestAlignPrepared: PrepareAlign makes all programs that Align takes, and one length of captions shares them.
func TestAlignPrepared(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	made := d.CountPrograms()
	in := preprocess(t, d, c.photo())
	if err := d.PrepareAlign(t.Context(), glipvk.SizeOf(in), c.query); err != nil {
		t.Fatal(err)
	}
	n := made()
	for _, q := range []glipvk.Query{c.query, {Caption: "a dog, a cat and a person"}} {
		if _, _, err := d.AlignInput(t.Context(), q, in); err != nil {
			t.Fatal(err)
		}
	}
	if made() != n || n != 2 {
		t.Errorf("%d programs once prepared, %d after calls, want 2", n, made())
	}
}

// openWorld opens the model that is in the program, and reads a scene.
func openWorld(t *testing.T) (*glipvk.Detector, picture.Input) {
	t.Helper()
	d, err := glipvk.OpenDetector(t.Context(), "glip-world", glipvk.DetectorOptions{Options: glipvk.Options{Device: "cpu"}, Threshold: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	p, err := picture.Open(t.Context(), filepath.Join("testdata", "world", "scene1.png"), picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return d, preprocess(t, d, p)
}

// TestAlignWorld: the model that is in the program answers to what a scene shows, where it shows it, and as its logits say.
func TestAlignWorld(t *testing.T) {
	d, in := openWorld(t)
	q := glipvk.Query{Caption: "a red apple and two dogs"}
	list, _, err := d.AlignInput(t.Context(), q, in)
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := recomputed(t, d, q, in, 0, 0)
	if d := mapsApart(t, list[0][0].Tokens, want).Within(closeMaps); !d.OK() {
		t.Error(d)
	}
	a := list[0][0]
	found, err := d.DetectInput(t.Context(), q, in)
	if err != nil || len(found[0]) == 0 {
		t.Fatalf("%d detections, %v", len(found[0]), err)
	}
	for _, f := range found[0] {
		inside := 0.0 // the largest value of the phrase's words within the box
		for _, m := range a.Tokens {
			if m.Span.Begin < f.Span.Begin || m.Span.End > f.Span.End {
				continue
			}
			for i, v := range m.Map {
				x, y := (float64(i%a.Width)+0.5)/a.ScaleX, (float64(i/a.Width)+0.5)/a.ScaleY
				if x >= f.Box.X1 && x <= f.Box.X2 && y >= f.Box.Y1 && y <= f.Box.Y2 {
					inside = max(inside, float64(v))
				}
			}
		}
		if !(inside >= f.Score*f.Score) { // of which the mean over the tokens is a factor
			t.Errorf("%s is found with %.2f, and its words answer with %.2f there", f.Phrase, f.Score, inside)
		}
	}
}
