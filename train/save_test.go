package train_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/train"
)

// stepped is a trainer that took a step of the toy set.
func stepped(t *testing.T, m train.Mode, change func(*train.Options)) *train.Trainer {
	t.Helper()
	folder := t.TempDir()
	c := course(t, toy(t, folder, 2), filepath.Join(folder, "out"))
	c.Steps = 1
	tr := trainer(t, func(o *train.Options) {
		o.Mode, o.Frozen = m, -1
		if change != nil {
			change(o)
		}
	})
	if err := tr.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return tr
}

// tensors reads all weights of the small detector from a file.
func tensors(t *testing.T, path, entry string, rows int) map[string][]float32 {
	t.Helper()
	cfg, err := glip.ParseConfig([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	l, err := glipvk.LoadDetector("", glipvk.DetectorOptions{
		Options: glipvk.Options{Weights: path, WeightsEntry: entry}, Arch: &cfg, Vocabulary: "../testdata/glip/tiny/vocab.txt",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if cfg = l.Config(); cfg.PromptRows != rows {
		t.Errorf("%s: a table of %d rows, want %d", path, cfg.PromptRows, rows)
	}
	list := map[string][]float32{}
	for _, p := range cfg.Params() {
		if list[p.Name], err = l.Tensor(p.Name, p.Shape); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// TestSaved: what is saved has the same bits when it is loaded, in each format and under each names.
func TestSaved(t *testing.T) {
	for m, rows := range map[train.Mode]int{train.Full: 0, train.Prompt: 1000} {
		tr := stepped(t, m, func(o *train.Options) { o.Average = 0.5 })
		want, err := tr.Weights(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, names := range []convert.Names{convert.Microsoft, convert.MMDetection} {
			for _, ending := range []string{"pth", "safetensors"} {
				path := filepath.Join(t.TempDir(), "saved."+ending)
				if err := tr.Save(t.Context(), path, train.Saving{Names: names}); err != nil {
					t.Fatal(err)
				}
				got := tensors(t, path, "", rows)
				for name, data := range want {
					if !slices.Equal(got[name], data) {
						t.Errorf("%s, %s, %s: %s has other bits", m, names, ending, name)
					}
				}
				averaged := filepath.Join(t.TempDir(), "averaged."+ending)
				if err := tr.Save(t.Context(), averaged, train.Saving{Names: names, Averaged: true}); err != nil {
					t.Fatal(err)
				}
				average := tensors(t, averaged, "", rows)
				if m == train.Full && slices.Equal(average["rpn.head.log_scale"], want["rpn.head.log_scale"]) {
					t.Error("the average is the weights")
				}
				if names == convert.Microsoft && ending == "pth" {
					for name, data := range tensors(t, path, "model_ema", rows) {
						if !slices.Equal(average[name], data) {
							t.Errorf("%s: model_ema: %s has other bits", m, name)
						}
					}
				}
			}
		}
	}
	if err := stepped(t, train.Linear, nil).Save(t.Context(), filepath.Join(t.TempDir(), "x.pth"), train.Saving{Averaged: true}); err == nil {
		t.Error("an average that is not kept was saved")
	}
}

// TestSavedCard: a file that is saved says what it has weights of, needs nothing else to be opened, and can be trained on.
func TestSavedCard(t *testing.T) {
	for m, rows := range map[train.Mode]int{train.Full: 0, train.Prompt: 1000} {
		tr := stepped(t, m, nil)
		want, err := tr.Weights(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for path, o := range map[string]train.Saving{
			"whole.safetensors": {About: map[string]string{"commit": "1f2e3d", "seed": "from elsewhere"}}, "half.safetensors": {Half: true},
			"whole.pth": {}, "half.pth": {Names: convert.MMDetection, Half: true},
		} {
			path = filepath.Join(t.TempDir(), path)
			if err := tr.Save(t.Context(), path, o); err != nil {
				t.Fatal(err)
			}
			card, err := glipvk.OpenCard(path, "")
			if err != nil {
				t.Fatal(err)
			}
			if about := card.About; about["steps"] != "1" || about["mode"] != string(m) || about["commit"] != o.About["commit"] || about["seed"] != cmp.Or(o.About["seed"], "0") {
				t.Errorf("%s says %q", path, about)
			}
			l, err := glipvk.LoadDetector("", glipvk.DetectorOptions{Options: glipvk.Options{Weights: path, Device: "cpu"}})
			if err != nil {
				t.Fatal(err)
			}
			cfg := l.Config()
			if cfg.PromptRows != rows || l.Options().Size != picture.EvaluationSize || l.Tokenizer().Size() != cfg.Text.VocabSize {
				t.Errorf("%s: a table of %d rows, size %v, %d tokens", path, cfg.PromptRows, l.Options().Size, l.Tokenizer().Size())
			}
			for _, p := range cfg.Params() {
				got, err := l.Tensor(p.Name, p.Shape)
				if data, trained := want[p.Name]; err != nil || trained && !within(got, data, o.Half) {
					t.Errorf("%s: %s differs, %v", path, p.Name, err)
				}
			}
			next, _ := train.Defaults(m, 0)
			if err := readied(t, l, next).Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := stepped(t, train.Linear, nil).Save(t.Context(), filepath.Join(t.TempDir(), "x.pth"), train.Saving{About: map[string]string{"Key": ""}}); err == nil {
		t.Error("a key that cannot be read again was saved")
	}
}

// within says whether values are those that were saved: to the bit, or to what 16 bits have of them.
func within(got, want []float32, half bool) bool {
	for i, v := range want {
		if bound := math.Max(math.Abs(float64(v))/2048, 1.0/(1<<25)); got[i] != v && !(half && math.Abs(float64(got[i]-v)) <= bound) {
			return false
		}
	}
	return len(got) == len(want)
}

// torchReads prints the sum of all tensors of a file, in the order of their names.
const torchReads = `
import hashlib, sys, torch
model = torch.load(sys.argv[1], map_location="cpu", weights_only=True)["model"]
h = hashlib.sha256()
for name in sorted(model):
    h.update(name.encode())
    h.update(model[name].contiguous().numpy().tobytes())
print(h.hexdigest())`

// TestTorchReads has PyTorch read a .pth that is saved.
func TestTorchReads(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import torch").CombinedOutput(); err != nil {
		t.Skipf("PyTorch is not there to read what is saved (Debian's package python3-torch): %v: %.200s", err, out)
	}
	tr := stepped(t, train.Linear, nil)
	path := filepath.Join(t.TempDir(), "saved.pth")
	if err := tr.Save(t.Context(), path, train.Saving{}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("python3", "-c", torchReads, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all := tensors(t, path, "", 0)
	cfg, err := glip.ParseConfig([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	official := map[string][]float32{}
	var names []string
	for _, p := range cfg.Params() {
		name, data := glip.OfficialTensor(p, all[p.Name])
		official[name], names = data, append(names, name)
	}
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		h.Write([]byte(name))
		if err := binary.Write(h, binary.LittleEndian, official[name]); err != nil {
			t.Fatal(err)
		}
	}
	if want := fmt.Sprintf("%x", h.Sum(nil)); strings.TrimSpace(string(out)) != want {
		t.Errorf("PyTorch reads other bits: %s, want %s", out, want)
	}
}

// TestSaveRefuses: a folder that is not there is an error that names it.
func TestSaveRefuses(t *testing.T) {
	tr := stepped(t, train.Linear, nil)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "x.pth"), file + "/"} {
		if err := tr.Save(t.Context(), path, train.Saving{}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := tr.Save(t.Context(), filepath.Join(t.TempDir(), "x.pth"), train.Saving{Names: "other"}); err == nil {
		t.Error("other names were taken")
	}
}
