package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/executor"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// fake is a detector that finds what it is told to, in the pixels of the picture.
type fake struct {
	found    []glipvk.Detection
	err      error
	asked    []glipvk.Query
	inputs   []picture.Input
	checks   []glipvk.Difference
	fallback string
	notes    []string
	mu       sync.Mutex
	slow     func(context.Context, picture.Input) // called before an input is computed
	options  glipvk.DetectorOptions
	stream   glipvk.StreamOptions
	name     string
	closed   int
}

func (f *fake) Preprocess(p ...picture.Picture) (picture.Input, error) {
	return picture.Detector{Size: f.options.Size, Limits: f.options.Limits}.Apply(context.Background(), p[0])
}

// Stream is the library's own, with a computation of the test's.
func (f *fake) Stream(ctx context.Context, q glipvk.Query, loads iter.Seq[glipvk.Load], o glipvk.StreamOptions) iter.Seq2[glipvk.Found, error] {
	f.asked, f.stream = append(f.asked, q), o
	s := executor.Streaming[picture.Input, [][]glipvk.Detection]{
		Batch: o.Batch,
		Check: func(in picture.Input) error {
			if len(in.Data) > 0 && in.Data[0] != in.Data[0] {
				return executor.Blame(errors.New("not finite"))
			}
			return nil
		},
		Joins: func(a, b picture.Input) bool { return a.Height == b.Height && a.Width == b.Width },
		Ready: func(context.Context, []picture.Input) error { return nil },
		Compute: func(ctx context.Context, batch []picture.Input) ([][][]glipvk.Detection, error) {
			f.mu.Lock()
			f.inputs = append(f.inputs, batch...)
			f.mu.Unlock()
			if f.slow != nil {
				f.slow(ctx, batch[0])
			}
			list := make([][][]glipvk.Detection, len(batch))
			for i := range list {
				list[i] = [][]glipvk.Detection{f.found}
			}
			return list, errors.Join(f.err, ctx.Err())
		},
	}
	return func(yield func(glipvk.Found, error) bool) {
		for r, err := range s.Run(ctx, loads) {
			if !yield(glipvk.Found{Index: r.Index, Input: r.Input, Detections: r.Output, Elapsed: r.Elapsed}, err) {
				return
			}
		}
	}
}

func (f *fake) DetectInput(context.Context, glipvk.Query, picture.Input) ([][]glipvk.Detection, error) {
	return [][]glipvk.Detection{f.found}, f.err
}

func (f *fake) Verify(context.Context, glipvk.Query, picture.Input, [][]glipvk.Detection) ([]glipvk.Difference, error) {
	return f.checks, nil
}

func (f *fake) Taps(_ context.Context, _ glipvk.Query, _ picture.Input, patterns ...string) ([]glipvk.Map, error) {
	if patterns[0] == "nothing" {
		return nil, cli.Usage("no value matches %q", patterns[0])
	}
	return []glipvk.Map{{Name: "rpn.head", Shape: []int{1, 2}, Data: []float32{1, 2}}}, nil
}

func (f *fake) Info() glipvk.Info { return glipvk.Info{Name: "fake"} }
func (f *fake) Weights() string   { return f.options.WeightsName() }
func (f *fake) Notes() []string   { return f.notes }
func (f *fake) Device() glipvk.DeviceInfo {
	return glipvk.DeviceInfo{Name: "desk", Fallback: f.fallback, Precision: glipvk.F32}
}
func (f *fake) CloseWithin(context.Context, time.Duration) error { f.closed++; return nil }

// opener hands out the fake.
func (f *fake) opener() opener {
	return func(_ context.Context, name string, o glipvk.DetectorOptions) (finder, error) {
		f.name, f.options = name, o
		return f, nil
	}
}

// detect runs a detect command line with a detector of the test's.
func detect(t *testing.T, ctx context.Context, open opener, args ...string) ending {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(ctx, newDetect(open), args, &stdout, &stderr)
	return ending{code, stdout.String(), stderr.String()}
}

// twoBoxes are detections in a picture of 50 x 40 pixels (width x height).
func twoBoxes() []glipvk.Detection {
	return []glipvk.Detection{
		{Box: arch.Box{X1: 1.5, Y1: 2, X2: 10.25, Y2: 20}, Score: 0.75, Label: 2, Phrase: "traffic light", Span: text.Span{Begin: 5, End: 18}},
		{Box: arch.Box{X1: 30, Y1: 10, X2: 49, Y2: 39}, Score: 0.5, Label: 1, Phrase: "cat", Span: text.Span{Begin: 0, End: 3}},
	}
}

func TestDetectOptions(t *testing.T) {
	d := newDesk(t)
	f := &fake{}
	o := detect(t, t.Context(), f.opener(), "--class", "cat", "--model", "GLIP-L", "--weights", "synthetic:3", "--device", "cpu", "--precision", "f16",
		"--no-tune", "--threshold", "0.25", "--max", "7", "--size", "320,512", "--override", "rpn.head.bias0=-6.25", "--override", "a=1e-3",
		"--allow-non-finite", "--max-side", "999", d.path("cat.png"))
	if o.code != 0 {
		t.Fatal(o.stderr)
	}
	got := f.options
	if f.name != "GLIP-L" || got.Weights != "synthetic:3" || got.Device != "cpu" || got.Precision != glipvk.F16 || !got.Tuning.Off ||
		got.Threshold != 0.25 || got.Max != 7 || got.Size != (picture.DetectorSize{Short: 320, Long: 512}) || !got.AllowNonFinite ||
		len(got.Overrides) != 2 || got.Overrides["rpn.head.bias0"] != -6.25 || got.Overrides["a"] != 1e-3 || got.Limits.MaxSide != 999 || got.Arch != nil {
		t.Errorf("model %q, options %+v", f.name, got)
	}
	if f.closed != 1 || len(f.asked) != 1 || !slices.Equal(f.asked[0].Classes, []string{"cat"}) {
		t.Errorf("closed %d times, asked %+v", f.closed, f.asked)
	}
	if o := detect(t, t.Context(), f.opener(), "--text", "a cat", d.path("cat.png")); o.code != 0 {
		t.Fatal(o.stderr)
	}
	got = f.options
	if f.name != "glip-t" || got.Weights != "synthetic:1" || got.Threshold != 0.5 || got.Max != 100 || got.Size != picture.EvaluationSize || got.Overrides != nil {
		t.Errorf("model %q, default options %+v", f.name, got)
	}
	if o := detect(t, t.Context(), f.opener(), "--text", "a cat", "--max", "0", "--size", "original", d.path("cat.png")); o.code != 0 ||
		f.options.Max != glipvk.All || !f.options.Size.Original {
		t.Errorf("%s, options %+v", o.stderr, f.options)
	}
}

func TestDetectTable(t *testing.T) {
	d := newDesk(t)
	f := &fake{found: twoBoxes()}
	o := detect(t, t.Context(), f.opener(), "--class", "cat", "--class", "traffic light", "--class", "", d.path("cat.png"))
	for _, want := range []string{"fake, weights synthetic:1 (made up by a formula), f32, desk", "cat.png, 50 x 40 (width x height)", "2 boxes",
		"   1.5   2.0  10.2  20.0  0.750      2  \"traffic light\"", "  30.0  10.0  49.0  39.0  0.500      1  \"cat\""} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("%q is not in:\n%s", want, o.stdout)
		}
	}
	if o.code != 0 || !strings.Contains(o.stderr, "never found") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	o = detect(t, t.Context(), (&fake{}).opener(), "--class", "cat", d.path("cat.png"))
	if o.code != 0 || !strings.Contains(o.stdout, "nothing scores above 0.5") {
		t.Errorf("exit status %d, %s", o.code, o.stdout)
	}
}

func TestDetectJSON(t *testing.T) {
	d := newDesk(t)
	o := detect(t, t.Context(), (&fake{found: twoBoxes()}).opener(), "--class", "cat", "--format", "json", d.path("cat.png"), d.path("empty.png"))
	if o.code != 2 || !strings.Contains(o.stderr, "1 of 2 inputs failed") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil || len(list) != 2 {
		t.Fatalf("%v in %s", err, o.stdout)
	}
	if seconds, ok := list[0]["seconds"].(float64); !ok || !(seconds > 0) || list[0]["device"] != "desk" {
		t.Errorf("%v seconds on %v", list[0]["seconds"], list[0]["device"])
	}
	delete(list[0], "seconds")
	delete(list[0], "device")
	if list[0]["weights"] != "synthetic:1" || list[0]["model"] != "fake" || list[0]["asked"] != list[1]["asked"] {
		t.Errorf("what was asked of what: %v", list[0])
	}
	delete(list[0], "weights")
	delete(list[0], "model")
	delete(list[0], "asked")
	got, err := json.Marshal(list[0])
	want := fmt.Sprintf(`{"detections":[{"box":[1.5,2,10.25,20],"label":2,"phrase":"traffic light","score":0.75,"span":[5,18]},`+
		`{"box":[30,10,49,39],"label":1,"phrase":"cat","score":0.5,"span":[0,3]}],"height":40,"input":%q,"width":50}`, d.path("cat.png"))
	if err != nil || string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if list[1]["error"] == nil || len(list[1]["detections"].([]any)) != 0 {
		t.Errorf("the bad input is %v", list[1])
	}
}

// Files are written for pictures, all of an input or none.
func TestDetectFiles(t *testing.T) {
	d := newDesk(t)
	f := &fake{found: twoBoxes()}
	d.write(t, "input.npy", npyFile("<f4", "(1, 3, 32, 64)", make([]byte, 4*3*32*64)))
	o := detect(t, t.Context(), f.opener(), "--class", "cat", "--draw", "--crop", "--taps", "rpn.*", "--out", d.out, d.path("cat.png"), d.path("input.npy"))
	if o.code != 0 {
		t.Fatal(o.stderr)
	}
	want := "cat.boxes.png cat.crop001.png cat.crop002.png cat.taps.npz input.taps.npz"
	if got := strings.Join(d.files(t), " "); got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	for name, size := range map[string][2]int{"cat.boxes.png": {50, 40}, "cat.crop001.png": {9, 19}, "cat.crop002.png": {20, 30}} {
		img, err := png.Decode(bytes.NewReader(read(t, d.out, name)))
		if err != nil || img.Bounds().Dx() != size[0] || img.Bounds().Dy() != size[1] {
			t.Errorf("%s is %v, %v, want %v", name, img.Bounds(), err, size)
		}
	}
	in := f.inputs[slices.IndexFunc(f.inputs, func(in picture.Input) bool { return in.Height == 32 })]
	if in.Height != 32 || in.Width != 64 || in.View(0).Content != in.View(0).Original || in.View(0).Content != (picture.Extent{Height: 32, Width: 64}) || len(in.Data) != 3*32*64 {
		t.Errorf("the tensor becomes %d x %d, %v, %v", in.Height, in.Width, in.View(0).Content, in.View(0).Original)
	}
	for _, name := range d.files(t) {
		if readable(name) && !made(name) {
			t.Errorf("the result %s would be taken for an input", name)
		}
	}
}

// A failure while writing leaves nothing of that input, and the others have theirs.
func TestDetectNoSpace(t *testing.T) {
	d := newDesk(t)
	out, err := openFolder(d.out)
	if err != nil {
		t.Fatal(err)
	}
	left := 9000 // the drawing of 50 x 40 pixels and its crops take less, that of 200 x 130 more
	out.wrap = func(w io.Writer) io.Writer { return full{w, &left} }
	letters, err := runFlags{}.letters(t.Context(), out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	j := &search{finder: &fake{found: twoBoxes()}, out: out, meter: &meter.Meter{}, letters: letters}
	j.flags.draw, j.flags.crop = true, true
	err = j.run(t.Context(), []item{newItem(d.path("cat.png"), "cat.png"), newItem(d.path("wide.png"), "wide.png")}, io.Discard, io.Discard)
	if cli.ExitCode(err) != cli.Input {
		t.Error(err)
	}
	if err := j.results[1].err; cli.ExitCode(err) != cli.Input || !strings.Contains(err.Error(), errFull.Error()) || j.results[0].err != nil {
		t.Errorf("errors %v and %v", j.results[0].err, err)
	}
	if got, want := strings.Join(d.files(t), " "), "cat.boxes.png cat.crop001.png cat.crop002.png"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
}

func TestDetectVerify(t *testing.T) {
	d := newDesk(t)
	f := &fake{checks: []glipvk.Difference{{Name: "score", MaxAbs: 1e-7, AbsMax: 1, RelativeL2: 1e-7, Allowed: glipvk.Bounds{RelativeL2: 1e-6, Absolute: 1e-6}}}}
	o := detect(t, t.Context(), f.opener(), "--class", "cat", "--verify", d.path("cat.png"))
	if o.code != 0 || !strings.Contains(o.stdout, "1e-07") || !strings.Contains(o.stdout, "ok") {
		t.Errorf("exit status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
	f.checks[0].RelativeL2 = 1
	o = detect(t, t.Context(), f.opener(), "--class", "cat", "--verify", "--format", "json", d.path("cat.png"), d.path("empty.png"))
	if o.code != 3 || !strings.Contains(o.stdout, `"relative_l2": 1`) {
		t.Errorf("exit status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
}

// A failure that is not the user's ends with exit status 1, an interruption too.
func TestDetectFailures(t *testing.T) {
	d := newDesk(t)
	f := &fake{err: errors.New("the device was lost")}
	if o := detect(t, t.Context(), f.opener(), "--class", "cat", d.path("cat.png"), d.path("empty.png")); o.code != 1 || f.closed != 1 {
		t.Errorf("exit status %d, closed %d times, %s", o.code, f.closed, o.stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := detect(t, ctx, (&fake{}).opener(), "--class", "cat", "--format", "json", d.path("cat.png")); o.code != 1 || o.stdout != "[]\n" || !strings.Contains(o.stderr, "0 of 1 input done, 0 failed, 1 left: "+d.path("cat.png")) {
		t.Errorf("exit status %d, %s", o.code, o.stdout)
	}
}

func TestDetectExitCodes(t *testing.T) {
	d := newDesk(t)
	cat := d.path("cat.png")
	d.write(t, "odd.npy", npyFile("<f4", "(1, 3, 33, 32)", make([]byte, 4*3*33*32)))
	d.write(t, "two.npy", npyFile("<f4", "(2, 3, 32, 32)", make([]byte, 4*2*3*32*32)))
	d.write(t, "nan32.npy", npyFile("<f4", "(1, 3, 32, 32)", append([]byte{0, 0, 0xc0, 0x7f}, make([]byte, 4*(3*32*32-1))...)))
	class := func(args ...string) []string { return append([]string{"--class", "cat"}, args...) }
	for _, row := range []exitRow{
		{"no input", class(), 2, "none given"},
		{"no query", []string{cat}, 2, "nothing to look for"},
		{"class and text", class("--text", "a", cat), 2, "exclude"},
		{"no noun phrase", []string{"--text", ". . .", cat}, 2, "--phrase"},
		{"phrase elsewhere", []string{"--text", "a cat", "--phrase", "dog", cat}, 2, "does not stand"},
		{"bad span", []string{"--text", "a cat", "--span", "4:9", cat}, 2, "[4, 9)"},
		{"silent", []string{"--class", "", cat}, 2, "no token"},
		{"bad vocabulary", class("--vocab", cat, cat), 2, "--vocab"},
		{"bad format", class("--format", "csv", cat), 2, "coco"},
		{"threshold of one", class("--threshold", "1", cat), 2, "--threshold"},
		{"threshold below nothing", class("--threshold", "-0.1", cat), 2, "--threshold"},
		{"threshold of no number", class("--threshold", "NaN", cat), 2, "--threshold"},
		{"bad max", class("--max", "-1", cat), 2, "--max"},
		{"bad limit", class("--max-side", "0", cat), 2, "--max-side"},
		{"bad size", class("--size", "800x1333", cat), 2, "--size"},
		{"bad precision", class("--precision", "int4", cat), 2, "--precision"},
		{"override without value", class("--override", "rpn.head.bias0", cat), 2, "TENSOR=VALUE"},
		{"override of no number", class("--override", "a=NaN", cat), 2, "TENSOR=VALUE"},
		{"override twice", class("--override", "a=1", "--override", "a=2", cat), 2, "twice"},
		{"model and arch", class("--model", "glip-t", "--arch", d.path("nano.json"), cat), 2, "exclude"},
		{"no arch", class("--arch", d.path("none.json"), cat), 2, "none.json"},
		{"arch of a backbone", class("--arch", d.path("nano.json"), cat), 2, "nano.json"},
		{"empty folder", class(d.path("nothing")), 2, "holds no"},
		{"out is a file", class("--draw", "--out", cat, cat), 2, "--out"},
		{"missing input", class("--draw", "--out", d.out, d.path("none.png")), 2, "none.png"},
		{"empty picture", class("--draw", "--out", d.out, d.path("empty.png")), 2, "empty"},
		{"truncated", class("--draw", "--out", d.out, d.path("truncated.jpg")), 2, "cut short"},
		{"huge", class(d.path("huge.png")), 2, "--max-side"},
		{"grows too large", class("--size", "99999", cat), 2, "--max-side"},
		{"tensor of other sides", class(d.path("odd.npy")), 2, "multiples of 32"},
		{"tensor of two pictures", class(d.path("two.npy")), 2, "[2, 3, 32, 32]"},
		{"tensor with NaN", class(d.path("nan32.npy")), 2, "finite"},
		{"bad batch", class("--batch", "0", cat), 2, "--batch"},
		{"nothing to tap", class("--taps", "nothing", "--out", d.out, cat), 2, "no value matches"},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := detect(t, t.Context(), (&fake{found: twoBoxes()}).opener(), row.args...)
			out := o.stderr
			if row.code == 0 {
				out = o.stdout
			}
			if o.code != row.code || !strings.Contains(out, row.word) {
				t.Errorf("exit status %d, want %d and %q\nstdout: %s\nstderr: %s", o.code, row.code, row.word, o.stdout, o.stderr)
			}
			if row.code != 0 && len(d.files(t)) > 0 {
				t.Errorf("files are left: %v", d.files(t))
			}
		})
	}
}
