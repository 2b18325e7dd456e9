package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/convert"
)

// TestConvert: the flags reach the conversion, what is left out is said on stderr, and refusals have status 2 and the words of flags.
func TestConvert(t *testing.T) {
	folder := t.TempDir()
	data := func(parts ...string) string {
		return filepath.Join(append([]string{"..", "..", "testdata"}, parts...)...)
	}
	out := func(name string) string { return filepath.Join(folder, name) }
	model, nano := data("glip", "tiny", "model.pth"), data("checkpoints", "mmpretrain-nano.pth")
	arch, vocab := data("glip", "tiny", "arch.json"), data("glip", "tiny", "vocab.txt")
	for _, row := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{model, out("tiny.safetensors")}, 0, []string{"tiny.safetensors: 298 tensors, ", " bytes, float32, names of microsoft/GLIP detector", "left out: ", "(anchors, computed anew)", "shapes do not tell all of an architecture (--arch)"}},
		{[]string{model, out("tiny.safetensors")}, cli.Input, []string{"is there already", "(--force)"}},
		{[]string{"--force", "--precision", "bf16", model, out("tiny.safetensors")}, 0, []string{"bfloat16"}},
		{[]string{"--force", out("tiny.safetensors"), out("tiny.safetensors")}, cli.Input, []string{"which is read: choose another name"}},
		{[]string{"--names", "mmdetection", "--arch", arch, "--vocab", vocab, "--size", "64,96", "--about", "commit=1f2e3d,ap=0.5", out("tiny.safetensors"), out("moved.pth")}, 0, []string{"bfloat16, names of MMDetection GLIP detector"}},
		{[]string{"--names", "timm", nano, out("x.pth")}, cli.Input, []string{"norm1.weight", "(--out-indices 3)"}},
		{[]string{"--names", "timm", "--out-indices", "3", nano, out("timm.pth")}, 0, []string{"names of timm"}},
		{[]string{"--names", "swin", model, out("x.pth")}, cli.Input, []string{"a whole detector: ", "(--backbone)"}},
		{[]string{"--names", "swin", "--backbone", model, out("swin.pth")}, 0, []string{"names of Microsoft", "left out: "}},
		{[]string{"--weights-entry", "model_ema", nano, out("x.pth")}, cli.Input, []string{`no entry called "model_ema"`}},
		{[]string{"--prompt", "drop", model, out("drop.pth")}, 0, []string{"298 tensors"}},
		{[]string{model}, cli.Input, []string{"a checkpoint and the file to write, 1 given"}},
		{[]string{"--model", "glip-t", "--arch", arch, model, out("x.pth")}, cli.Input, []string{"exclude each other"}},
		{[]string{"--model", "glip-t", model, out("x.pth")}, cli.Input, []string{"the file has 32, the model 256"}},
		{[]string{"--model", "glip-z", model, out("x.pth")}, cli.Input, []string{"glip-z"}},
		{[]string{"--arch", "none.json", model, out("x.pth")}, cli.Input, []string{"--arch", "none.json"}},
		{[]string{"--vocab", "none.txt", model, out("x.pth")}, cli.Input, []string{"--vocab", "none.txt"}},
		{[]string{"--size", "9,3", model, out("x.pth")}, cli.Input, []string{`--size: `}},
		{[]string{"--arch", arch, model, out("x.pth")}, cli.Input, []string{"rows for 209", "(--vocab)"}},
		{[]string{"--names", "keras", model, out("x.pth")}, cli.Input, []string{`names "keras"`}},
		{[]string{data("checkpoints", "bad-evil-system.pth"), out("x.pth")}, cli.Input, []string{"os.system"}},
		{[]string{model, out("x.npz")}, cli.Input, []string{"want a name that ends with .safetensors"}},
		{[]string{model, filepath.Join(model, "x.pth")}, cli.Input, []string{"model.pth"}},
	} {
		o := glip(t, append([]string{"convert"}, row.args...)...)
		if o.code != row.code || !all(row.says, o.stdout+o.stderr) {
			t.Errorf("%q: status %d, want %d and %q in\n%s\n%s", row.args, o.code, row.code, row.says, o.stdout, o.stderr)
		}
	}
	if _, err := os.Stat(out("x.pth")); err == nil {
		t.Error("a refused file is there")
	}
	if o := glip(t, "inspect", out("moved.pth")); o.code != 0 || !all([]string{"64,96", "1f2e3d", "209 tokens, in the file", "nothing wrong"}, o.stdout) {
		t.Errorf("what was written is said to be, status %d:\n%s", o.code, o.stdout)
	}
	o := glip(t, "convert", "--json", model, out("said.pth"))
	var r convert.Report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || r.Path != out("said.pth") || r.Tensors != 298 || len(r.Notes) == 0 || strings.Join(r.Types, "") != "float32" {
		t.Errorf("%+v, %v of %s", r, err, o.stdout)
	}
}
