package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// exitRow is a command line and how it ends.
type exitRow struct {
	name string
	args []string
	code int
	word string // in stderr, or in stdout when the code is 0
}

// exitRows lists the ways in which a command line ends.
func exitRows(d desk) []exitRow {
	f := d.args
	checkpoints := filepath.Join("..", "..", "testdata", "checkpoints")
	pth := func(name string) string { return filepath.Join(checkpoints, name) }
	return []exitRow{
		{"help", []string{"help"}, 0, "glip features"},
		{"version of nothing", []string{"--version"}, 2, "unknown flag"},
		{"unknown command", []string{"feature"}, 2, "features"},
		{"unknown flag", f("--bogus", d.path("cat.png")), 2, "--bogus"},
		{"models", []string{"models"}, 0, "27,520,506"},
		{"models with argument", []string{"models", "x"}, 2, "x"},
		{"completion", []string{"completion", "bash"}, 0, "glip"},
		{"no input", f(), 2, "none given"},
		{"bad batch", f("--batch", "0", d.path("cat.png")), 2, "--batch"},
		{"bad number", f("--batch", "x", d.path("cat.png")), 2, "--batch"},
		{"bad format", f("--format", "csv", d.path("cat.png")), 2, "safetensors"},
		{"bad precision", f("--precision", "int4", d.path("cat.png")), 2, "--precision"},
		{"bad size", f("--size", "7", d.path("cat.png")), 2, "--size"},
		{"bad limit", f("--max-side", "0", d.path("cat.png")), 2, "--max-side"},
		{"model and arch", f("--model", "glip-t", d.path("cat.png")), 2, "exclude"},
		{"unknown model", []string{"features", "--model", "vit", "--out", d.out, d.path("cat.png")}, 2, "GLIP-L"},
		{"no arch file", []string{"features", "--arch", d.path("none.json"), d.path("cat.png")}, 2, "none.json"},
		{"bad arch", []string{"features", "--arch", d.path("bad.json"), d.path("cat.png")}, 2, "window_size"},
		{"bad out indices", f("--out-indices", "7", d.path("cat.png")), 2, "stage 7"},
		{"unknown device", f("--device", "abacus", d.path("cat.png")), 2, "device"},
		{"no weights", f("--weights", d.path("none.pth"), d.path("cat.png")), 2, "none.pth"},
		{"other weights", f("--weights", pth("pico.pth"), d.path("cat.png")), 2, "embed_dims"},
		{"entry of a formula", f("--weights", "synthetic:1", "--weights-entry", "ema", d.path("cat.png")), 2, "which have none"},
		{"no such entry", f("--weights", pth("mmpretrain-nano.pth"), "--weights-entry", "ema", d.path("cat.png")), 2, "no entry called"},
		{"evil weights", f("--weights", pth("bad-evil-system.pth"), d.path("cat.png")), 2, "os.system"},
		{"bad taps", f("--taps", "nothing", d.path("cat.png")), 2, "matches"},
		{"malformed taps", f("--taps", "[", d.path("cat.png")), 2, "syntax"},
		{"out is a file", []string{"features", "--device", "cpu", "--arch", d.path("nano.json"), "--out", d.path("cat.png"), d.path("cat.png")}, 2, "--out"},
		{"out below a file", []string{"features", "--device", "cpu", "--arch", d.path("nano.json"), "--out", d.path("cat.png/x"), d.path("cat.png")}, 2, "--out"},
		{"missing input", f(d.path("none.png")), 2, "none.png"},
		{"empty folder", f(d.path("nothing")), 2, "holds no"},
		{"one stem twice", f(d.path("cat.png"), d.path("album")), 2, "cat.*"},
		{"same input twice", f(d.path("cat.png"), d.path("cat.png")), 2, "cat.*"},
		{"empty picture", f(d.path("empty.png")), 2, "empty"},
		{"no picture", f(d.path("text.png")), 2, "text.png"},
		{"truncated", f(d.path("truncated.jpg")), 2, "cut short"},
		{"huge", f(d.path("huge.png")), 2, "--max-side"},
		{"small tensor", f(d.path("small.npy")), 2, "--pad-small-map"},
		{"small picture", f("--size", "original", d.path("cat.png")), 2, "--pad-small-map"},
		{"doubles", f(d.path("double.npy")), 2, "float64"},
		{"rank", f(d.path("flat.npy")), 2, "[3 32 32]"},
		{"short array", f(d.path("short.npy")), 2, "cut short"},
		{"NaN", f(d.path("nan.npy")), 2, "NaN"},
		{"inspect nothing", []string{"inspect"}, 2, "one checkpoint"},
		{"inspect missing", []string{"inspect", "none.pth"}, 2, "none.pth"},
		{"inspect picture", []string{"inspect", d.path("cat.png")}, 2, "cat.png"},
		{"inspect evil", []string{"inspect", pth("bad-evil-system.pth")}, 2, "os.system"},
		{"inspect NaN", []string{"inspect", pth("bad-nan.safetensors")}, 2, "1 problem"},
		{"inspect NaN quickly", []string{"inspect", "--quick", pth("bad-nan.safetensors")}, 0, "not read"},
		{"inspect other model", []string{"inspect", "--model", "glip-t", pth("pico.pth")}, 2, "problems"},
		{"inspect both", []string{"inspect", "--model", "glip-t", "--arch", d.path("nano.json"), pth("pico.pth")}, 2, "exclude"},
		{"inspect sound", []string{"inspect", pth("glip-detector-nano.pth")}, 0, "GLIP detector"},
		{"inspect with arch", []string{"inspect", "--arch", d.path("nano.json"), pth("mmpretrain-nano.pth")}, 0, "nothing wrong"},
	}
}

func TestExitCodes(t *testing.T) {
	d := newDesk(t)
	for _, c := range exitRows(d) {
		t.Run(c.name, func(t *testing.T) {
			o := glip(t, c.args...)
			text := o.stderr
			if c.code == 0 {
				text = o.stdout
			}
			if o.code != c.code || !strings.Contains(text, c.word) {
				t.Errorf("exit status %d, want %d and %q\nstdout: %s\nstderr: %s", o.code, c.code, c.word, o.stdout, o.stderr)
			}
			if c.code != 0 && len(d.files(t)) > 0 {
				t.Errorf("files are left: %v", d.files(t))
			}
		})
	}
}

// TestOthersFinish gives bad inputs among good ones.
func TestOthersFinish(t *testing.T) {
	d := newDesk(t)
	o := glip(t, d.args("--batch", "2", "--out-indices", "3",
		d.path("cat.png"), d.path("truncated.jpg"), d.path("tensor.npy"), d.path("small.npy"), d.path("dog.png"), d.path("picture.npy"))...)
	if o.code != 2 || !strings.Contains(o.stderr, "2 of 6 inputs failed") ||
		!strings.Contains(o.stderr, "truncated.jpg") || !strings.Contains(o.stderr, "small.npy") {
		t.Errorf("exit status %d, stderr:\n%s", o.code, o.stderr)
	}
	want := "cat.stage3.npy dog.stage3.npy picture.stage3.npy tensor.stage3.npy"
	if got := strings.Join(d.files(t), " "); got != want {
		t.Errorf("files %s, want %s", got, want)
	}
}

// TestBatchesAndFormats requires the same values whatever the batch and the format.
func TestBatchesAndFormats(t *testing.T) {
	d := newDesk(t)
	inputs := []string{d.path("cat.png"), d.path("dog.png"), d.path("wide.png")}
	if o := glip(t, d.args(append([]string{"--taps", "stages.0.blocks.1.attn.m*"}, inputs...)...)...); o.code != 0 {
		t.Fatal(o.stderr)
	}
	other := d
	other.out = d.path("batched")
	taps := []string{"--taps", "stages.0.blocks.1.attn.m*", "--batch", "2", "--size", "128x128"}
	if o := glip(t, other.args(append(taps, inputs...)...)...); o.code != 0 {
		t.Fatal(o.stderr)
	}
	if a, b := d.files(t), other.files(t); strings.Join(a, " ") != strings.Join(b, " ") || len(a) != 12 {
		t.Fatalf("files %v and %v, want the same 12", a, b)
	}
	for _, name := range d.files(t) {
		a, b := read(t, d.out, name), read(t, other.out, name)
		if !bytes.Equal(a[:128], b[:128]) || len(a) != len(b) {
			t.Errorf("%s has another header in a batch: %q and %q", name, a[:128], b[:128])
		}
	}
	for _, format := range formatNames()[1:] {
		o := glip(t, d.args("--format", format, d.path("cat.png"))...)
		if o.code != 0 {
			t.Fatal(o.stderr)
		}
		packed := read(t, d.out, "cat."+format)
		for _, m := range []string{"stage1", "stage2", "stage3"} {
			values := read(t, d.out, "cat."+m+".npy")[128:]
			if !bytes.Contains(packed, values) || !bytes.Contains(packed, []byte(m)) {
				t.Errorf("cat.%s does not hold the values of %s", format, m)
			}
		}
	}
}

// TestFolder requires a folder to stand for its pictures.
func TestFolder(t *testing.T) {
	d := newDesk(t)
	o := glip(t, d.args("--json", "--verify", "--out-indices", "2", d.path("album"))...)
	if o.code != 0 {
		t.Fatal(o.stderr)
	}
	want := "a.stage2.npy b.stage2.npy cat.stage2.npy"
	if got := strings.Join(d.files(t), " "); got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	var doc document
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil {
		t.Fatalf("%v in %s", err, o.stdout)
	}
	if doc.Failed != 0 || doc.Verified == nil || !*doc.Verified || len(doc.Inputs) != 3 || doc.Inputs[0].Maps[0].Name != "stage2" ||
		len(doc.Inputs[0].Verify) != 1 || !strings.HasPrefix(doc.Device.Name, "CPU (") {
		t.Errorf("document %+v", doc)
	}
}

// TestPrecision requires the word about a precision that the device cannot do.
func TestPrecision(t *testing.T) {
	d := newDesk(t)
	o := glip(t, d.args("--precision", "f16", "--out-indices", "3", "--verify", d.path("cat.png"))...)
	if o.code != 0 || !strings.Contains(o.stdout, "f32 (f16 needs a Vulkan device") {
		t.Errorf("exit status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
}

// TestViz requires a drawing of a picture and none of a tensor.
func TestViz(t *testing.T) {
	d := newDesk(t)
	if o := glip(t, d.args("--viz", "--out-indices", "2", d.path("wide.png"), d.path("tensor.npy"))...); o.code != 0 {
		t.Fatal(o.stderr)
	}
	if got, want := strings.Join(d.files(t), " "), "tensor.stage2.npy wide.stage2.npy wide.viz.png"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	img, err := png.Decode(bytes.NewReader(read(t, d.out, "wide.viz.png")))
	if err != nil || img.Bounds().Dx() < 300 {
		t.Errorf("the drawing cannot be used: %v", err)
	}
}

func TestReadable(t *testing.T) {
	for name, want := range map[string]bool{
		"a.png": true, "b.JPEG": true, "c.npy": true, "d.txt": false, "png": false, ".png": true, "a.b.webp": true,
		"cat.stage1.npy": false, "cat.viz.png": false, "stage1.npy": true, "a.gif.bmp": true, "e.npz": false,
	} {
		if got := readable(name) && !made(name); got != want {
			t.Errorf("%s is an input: %v, want %v", name, got, want)
		}
	}
}

// TestRegion requires the part of the picture that a crop shows.
func TestRegion(t *testing.T) {
	pic := picture.Picture{Height: 300, Width: 451, Pixels: make([]byte, 300*451*3)}
	for _, c := range []struct {
		p    picture.Pipeline
		want image.Rectangle
	}{
		{picture.Pipeline{}, image.Rect(0, 0, 451, 300)},
		{picture.Pipeline{Resize: picture.Exact(10, 20)}, image.Rect(0, 0, 451, 300)},
		{picture.Pipeline{CenterCrop: 100}, image.Rect(176, 100, 276, 200)},
	} {
		in, err := c.p.Apply(t.Context(), pic)
		if got := region(in); err != nil || got != c.want {
			t.Errorf("%+v shows %v, %v, want %v", c.p, got, err, c.want)
		}
	}
}

// TestJSON requires one object from every subcommand.
func TestJSON(t *testing.T) {
	for _, args := range [][]string{
		{"models", "--json"}, {"devices", "--json"},
		{"inspect", "--json", filepath.Join("..", "..", "testdata", "checkpoints", "mmpretrain-nano.pth")},
	} {
		o := glip(t, args...)
		var v any
		if err := json.Unmarshal([]byte(o.stdout), &v); o.code != 0 || err != nil {
			t.Errorf("%v: exit status %d, %v, %s", args, o.code, err, o.stderr)
		}
	}
}

// errFull stands for a full disk.
var errFull = errors.New("no space left on device")

// full fails after some bytes.
type full struct {
	w    io.Writer
	left *int
}

func (f full) Write(p []byte) (int, error) {
	n := min(len(p), *f.left)
	*f.left -= n
	if m, err := f.w.Write(p[:n]); err != nil || n < len(p) {
		return m, errors.Join(err, errFull)
	}
	return n, nil
}

// TestNoSpace lets the disk run full at every stage of writing three inputs.
func TestNoSpace(t *testing.T) {
	d := newDesk(t)
	o := glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu", Weights: "synthetic:1"}}
	cfg, err := cli.ReadArch(t.Context(), d.path("nano.json"), swin.ParseConfig)
	if err != nil {
		t.Fatal(err)
	}
	o.Arch = &cfg
	m, err := glipvk.OpenBackbone(t.Context(), "", o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	items, err := (&expansion{ctx: t.Context()}).expand([]string{d.path("cat.png"), d.path("dog.png"), d.path("wide.png")})
	if err != nil {
		t.Fatal(err)
	}
	// An input takes 29,056 bytes, its drawing more.
	for format, spaces := range map[string][]int{"npy": {0, 20_000, 40_000}, "npz": {5}, "safetensors": {30_000}} {
		for _, space := range spaces {
			d.out = filepath.Join(t.TempDir(), "out")
			out, err := openFolder(d.out)
			if err != nil {
				t.Fatal(err)
			}
			left := space
			out.wrap = func(w io.Writer) io.Writer { return full{w, &left} }
			j := &job{model: m, flags: featuresFlags{runFlags: runFlags{batch: 1}, format: format, viz: format == "npy" && space == 40_000}, out: out, meter: &meter.Meter{}, letters: &letters{}}
			var stderr bytes.Buffer
			verdict := j.run(t.Context(), items, io.Discard, &stderr)
			if cli.ExitCode(verdict) != cli.Input || !strings.Contains(stderr.String(), "no space left") {
				t.Errorf("%s, %d bytes: exit status %d, %s", format, space, cli.ExitCode(verdict), stderr.String())
			}
			finished := 0
			for _, r := range j.results {
				if r.err == nil {
					finished += len(r.files)
				}
			}
			if got := d.files(t); len(got) != finished {
				t.Errorf("%s, %d bytes: %d finished files, the folder holds %v", format, space, finished, got)
			}
		}
	}
}

// TestInterrupted requires that Ctrl-C leaves nothing behind.
func TestInterrupted(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, d.args(d.path("cat.png")), &stdout, &stderr)
	if code != cli.Failure || !strings.Contains(stderr.String(), "glip: interrupted") || len(d.files(t)) != 0 {
		t.Errorf("exit status %d, stderr %q, files %v", code, stderr.String(), d.files(t))
	}
}

// TestVerificationFails requires exit status 3 when numbers are wrong, also when another input is bad.
func TestVerificationFails(t *testing.T) {
	wrong := glipvk.Difference{Name: "stage1", MaxAbs: 1, AbsMax: 1, RelativeL2: 0.5}
	f := &flow[int]{outcomes: []*outcome{{checks: []glipvk.Difference{wrong}}, {err: cli.Usage("bad input")}}}
	if err := f.verdict(t.Context(), 2); cli.ExitCode(err) != cli.Wrong {
		t.Errorf("exit status %d for %v, want 3", cli.ExitCode(err), err)
	}
	f.outcomes = append(f.outcomes, &outcome{err: errors.New("the device was lost")})
	if err := f.verdict(t.Context(), 3); cli.ExitCode(err) != cli.Failure {
		t.Errorf("exit status %d for %v, want 1", cli.ExitCode(err), err)
	}
}
