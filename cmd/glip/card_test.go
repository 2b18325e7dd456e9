package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/loader"
)

// What a training leaves needs no flags to be used: every command takes from the file what it is of, and refuses what contradicts it.
func TestCards(t *testing.T) {
	d := toy(t)
	data := []string{"--data", d.path("train.json"), "--batch", "2", "--steps", "1"}
	if o := glip(t, d.train(append(data, "--val", d.path("val.json"), "--half", "--long", "96", "--about", "commit=1f2e3d,made.by=a test")...)...); o.code != 0 {
		t.Fatalf("status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
	last, best := filepath.Join(d.out, "last.safetensors"), filepath.Join(d.out, "best.safetensors")
	if card, err := glipvk.OpenCard(best, ""); err != nil || card.About["ap"] == "" || card.About["steps"] != "1" || card.About["made.by"] != "a test" || !strings.HasPrefix(card.About["program"], "glip ") {
		t.Errorf("the best says %+v, %v", card, err)
	}
	tiny := filepath.Join("..", "..", "testdata", "glip", "tiny")
	on := []string{"--device", "cpu", "--weights", last}
	for _, row := range []struct {
		args []string
		code int
		says []string
	}{
		{append([]string{"detect", "--class", "cat", "--threshold", "0", d.path("1.png")}, on...), 0, []string{"custom, weights " + last, "96 x 64", "1.png"}},
		{append([]string{"detect", "--class", "cat", "--model", "glip-t", d.path("1.png")}, on...), cli.Input, []string{"another model than glip-t", "the file has 12, the model 96"}},
		{append([]string{"detect", "--class", "cat", "--vocab", filepath.Join("..", "..", "text", "vocab.txt"), d.path("1.png")}, on...), cli.Input, []string{"other tokens", "(--vocab)"}},
		{append([]string{"features", "--out", d.path("maps"), d.path("1.png")}, on...), 0, []string{"1.stage3.npy"}},
		{[]string{"inspect", last}, 0, []string{"float16 ", "vocabulary ", "209 tokens, in the file", "64,96", "made.by ", "a test", `"num_attention_heads":4`, "nothing wrong"}},
		{[]string{"inspect", "--arch", filepath.Join(tiny, "arch.json"), last}, 0, []string{"nothing wrong"}},
		{[]string{"inspect", "--model", "glip-t", last}, cli.Input, []string{"text num_attention_heads: the file has 4, the model 12"}},
		{append(append([]string{"train", "--out", d.path("next")}, data...), on...), 0, []string{"try it: glip detect --weights " + d.path("next/last.safetensors") + " --class cat --draw"}},
		{[]string{"train", "--resume", d.path("next"), "--steps", "2"}, 0, []string{"step 2/2"}},
	} {
		if o := glip(t, row.args...); o.code != row.code || !all(row.says, o.stdout+o.stderr) {
			t.Errorf("%q: status %d, want %d and %q in\n%s\n%s", row.args, o.code, row.code, row.says, o.stdout, o.stderr)
		}
	}
	var next trainConfig
	if err := json.Unmarshal(read(t, d.path("next"), "config.json"), &next); err != nil || next.Plan.Model != "" || next.Plan.Long != 96 || len(next.Plan.Shorts) != 1 || next.Plan.Shorts[0] != 64 {
		t.Errorf("a training from such a file has the plan %+v, %v", next.Plan, err)
	}
}

// all says whether every text is in what was said.
func all(texts []string, said string) bool {
	for _, text := range texts {
		if !strings.Contains(said, text) {
			return false
		}
	}
	return true
}

// The model in the program needs no --weights, and is one as any other.
func TestWorldModel(t *testing.T) {
	d := toy(t)
	cpu := func(args ...string) []string { return append(args, "--device", "cpu") }
	for _, row := range []struct {
		args   []string
		says   string
		silent bool // nothing is said on stderr
	}{
		{cpu("detect", "--model", "glip-world", "--class", "cat", d.path("1.png")), "glip-world, weights embedded", true},
		{cpu("detect", "--model", "GLIP_World", "--weights", "synthetic:2", "--class", "cat", d.path("1.png")), "weights synthetic:2", true},
		{cpu("detect", "--weights", "embedded", "--class", "cat", d.path("1.png")), "glip-world, weights embedded", true},
		{cpu("features", "--model", "glip-world", "--out", d.path("maps"), d.path("1.png")), "swin-world, weights embedded", true},
		{cpu("train", "--model", "glip-world", "--data", d.path("train.json"), "--mode", "prompt", "--batch", "2", "--steps", "1", "--out", d.out), "try it: glip detect --weights", false},
		{[]string{"tokens", "--weights", "embedded", strings.Repeat("cat. ", 200)}, "caption 1 of ", true},
		{[]string{"tokens", "--weights", filepath.Join("..", "..", "testdata", "glip", "tiny", "model.pth"), "a cat"}, "4937", true},
		{[]string{"inspect", "--quick", "embedded"}, "fits              glip-world", true},
	} {
		o := glip(t, row.args...)
		if o.code != 0 || !strings.Contains(o.stdout, row.says) || row.silent && o.stderr != "" || strings.Contains(o.stderr, "no --weights") {
			t.Errorf("%q: status %d, want %q in\n%s\n%s", row.args, o.code, row.says, o.stdout, o.stderr)
		}
	}
}

// A file that says something damaged of itself is refused by every command.
func TestDamagedCard(t *testing.T) {
	d := toy(t)
	path := d.path("odd.safetensors")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	one := loader.Saved{Name: "x", Shape: []int{1}, Data: func() ([]float32, error) { return []float32{1}, nil }}
	if err := loader.SaveSafetensors(f, map[string]string{"glipvk.config": "{"}, []loader.Saved{one}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"detect", "--class", "cat", "--weights", path, d.path("1.png")}, {"inspect", path},
		{"train", "--weights", path, "--data", d.path("train.json"), "--out", d.out},
	} {
		if o := glip(t, args...); o.code != cli.Input || !strings.Contains(o.stderr+o.stdout, glipvk.ErrCard.Error()) {
			t.Errorf("%q: status %d\n%s\n%s", args, o.code, o.stdout, o.stderr)
		}
	}
	if files := d.files(t); len(files) > 0 {
		t.Errorf("it left %q", files)
	}
}
