package glipvk_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// card is that of the small detector.
func card(t *testing.T) glipvk.Card {
	t.Helper()
	words, err := text.Open(tiny("vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := tinyCases(t)["tiny.caption"].config
	return glipvk.Card{
		Config: &cfg, Vocabulary: words, Size: picture.DetectorSize{Short: 64, Long: 96}, About: map[string]string{"commit": "1f2e3d", "ap50.pairs": "0.8"},
	}
}

// carded writes the small checkpoint with what it says of itself, as change leaves it.
func carded(t *testing.T, change func(said map[string]string)) string {
	t.Helper()
	said, err := card(t).Metadata()
	if err != nil {
		t.Fatal(err)
	}
	change(said)
	src, err := loader.Open(tiny("model.pth"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var list []loader.Saved
	for _, name := range src.Names() {
		shape, data, err := src.Tensor(name)
		if err == nil { // others are whole numbers: buffers
			list = append(list, loader.Saved{Name: name, Shape: shape, Data: func() ([]float32, error) { return data, nil }})
		}
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "carded.safetensors"))
	if err == nil {
		err = errors.Join(loader.SaveSafetensors(f, said, list), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// What a file says of its weights opens it, and finds the same.
func TestCard(t *testing.T) {
	path, want := carded(t, func(map[string]string) {}), card(t)
	got, err := glipvk.OpenCard(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if glip.Contradictions(*got.Config, *want.Config) != nil || got.Config.MaxTokens != want.Config.MaxTokens || got.Size != want.Size || !slices.Equal(got.Vocabulary.Tokens(), want.Vocabulary.Tokens()) {
		t.Errorf("card %+v, want %+v", got, want)
	}
	if got.About["commit"] != "1f2e3d" || got.About["ap50.pairs"] != "0.8" || !strings.HasPrefix(got.About["program"], "glipvk ") || len(got.About) != 3 {
		t.Errorf("about the weights: %q", got.About)
	}
	if got, err := glipvk.OpenCard(tiny("model.pth"), ""); err != nil || got.Config != nil {
		t.Errorf("of a file that says nothing: %+v, %v", got, err)
	}
	o := glipvk.DetectorOptions{Options: glipvk.Options{Weights: path, Device: "cpu"}}
	d, err := glipvk.OpenDetector(t.Context(), "", o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := tinyCases(t)["tiny.caption"]
	same, query := c.options(), glipvk.Query{Caption: "a cat and a dog"}
	same.Device, same.Size = "cpu", want.Size
	e, err := glipvk.OpenDetector(t.Context(), "", same)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p := picture.Picture{Height: 50, Width: 70, Pixels: make([]byte, 3*50*70)}
	found, err := d.Detect(t.Context(), query, p)
	expected, failed := e.Detect(t.Context(), query, p)
	if err := errors.Join(err, failed); err != nil || !slices.Equal(found[0], expected[0]) {
		t.Errorf("found %v, want %v, %v", found, expected, err)
	}
	if info := d.Info(); info.Name != "custom" || info.Size != want.Size || info.Preprocess != "short edge to 64, long edge to 96 at most (Pillow bilinear), padded to multiples of 32" {
		t.Errorf("%s: %s", info.Name, info.Preprocess)
	}
	b, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Options: o.Options})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got := b.Info().Backbone; fmt.Sprint(got) != fmt.Sprint(want.Config.Backbone) {
		t.Errorf("backbone %+v, want %+v", got, want.Config.Backbone)
	}
}

// What contradicts the file is refused; what a user may choose is not.
func TestCardContradicted(t *testing.T) {
	path, own := carded(t, func(map[string]string) {}), card(t)
	other := filepath.Join(t.TempDir(), "vocab.txt")
	words := own.Vocabulary.Tokens()
	slices.Reverse(words)
	if err := os.WriteFile(other, []byte(strings.Join(words, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	heads, tokens := *own.Config, *own.Config
	heads.Text.Heads, tokens.MaxTokens = 1, 8
	for _, row := range []struct {
		name string
		o    glipvk.DetectorOptions
		says string // "" for nothing wrong
	}{
		{"glip-t", glipvk.DetectorOptions{}, "another model than glip-t, as the file itself says: backbone embed_dims: the file has 12"},
		{"", glipvk.DetectorOptions{Arch: &heads}, "text num_attention_heads: the file has 4, the model 1"},
		{"", glipvk.DetectorOptions{Vocabulary: other}, other + " has other tokens"},
		{"", glipvk.DetectorOptions{Vocabulary: tiny("vocab.txt")}, ""},
		{"", glipvk.DetectorOptions{Arch: own.Config}, ""},
		{"", glipvk.DetectorOptions{Arch: &tokens, Size: picture.DetectorSize{Original: true}}, ""},
	} {
		row.o.Weights = path
		l, err := glipvk.LoadDetector(row.name, row.o)
		switch {
		case row.says == "" && err != nil:
			t.Errorf("%q, %+v: %v", row.name, row.o, err)
		case row.says != "" && (!errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%q, %+v: %v, want %q", row.name, row.o, err, row.says)
		case err == nil:
			if got := l.Tokenizer().Tokens(); !slices.Equal(got, own.Vocabulary.Tokens()) || row.o.Arch == &tokens && (l.Config().MaxTokens != 8 || !l.Options().Size.Original) {
				t.Errorf("%q, %+v: other words or sizes", row.name, row.o)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A damaged card is refused, whatever is asked for, and never believed.
func TestCardDamaged(t *testing.T) {
	for says, change := range map[string]func(map[string]string){
		"unexpected EOF":         func(said map[string]string) { said["glipvk.config"] = said["glipvk.config"][:40] },
		"unknown field":          func(said map[string]string) { said["glipvk.config"] = `{"stages": 4}` },
		"config has 70000 bytes": func(said map[string]string) { said["glipvk.config"] = strings.Repeat(" ", 70000) },
		"not of these tensors": func(said map[string]string) {
			said["glipvk.config"] = strings.Replace(said["glipvk.config"], `"layers":2`, `"layers":1048576`, 1)
		},
		"vocabulary: text: ": func(said map[string]string) { said["glipvk.vocabulary"] = "cat" },
		"vocabulary has 5 tokens": func(said map[string]string) {
			said["glipvk.vocabulary"] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]"
		},
		"vocabulary has 30522 tokens":  func(said map[string]string) { delete(said, "glipvk.vocabulary") },
		`size "9,3": want SHORT,LONG`:  func(said map[string]string) { said["glipvk.size"] = "9,3" },
		`key "AP": want`:               func(said map[string]string) { said["glipvk.AP"] = "1" },
		"can be printed":               func(said map[string]string) { said["glipvk.commit"] = "\x1b[2J" },
		"a line of at most 4096 bytes": func(said map[string]string) { said["glipvk.commit"] = strings.Repeat("x", 5000) },
		"entries, want 64 at most": func(said map[string]string) {
			for i := range 70 {
				said[fmt.Sprintf("glipvk.k%d", i)] = "x"
			}
		},
	} {
		path := carded(t, change)
		arch := card(t).Config
		for _, o := range []glipvk.DetectorOptions{{}, {Arch: arch, Vocabulary: tiny("vocab.txt")}} {
			o.Weights = path
			if _, err := glipvk.LoadDetector("", o); !errors.Is(err, glipvk.ErrCard) || !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %q", err, says)
			}
		}
		if _, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Options: glipvk.Options{Weights: path}}); !errors.Is(err, glipvk.ErrCard) {
			t.Errorf("a backbone: %v, want %q", err, says)
		}
	}
	foreign := carded(t, func(said map[string]string) {
		maps.DeleteFunc(said, func(k, _ string) bool { return k == "glipvk.config" })
	})
	if got, err := glipvk.OpenCard(foreign, ""); err != nil || got.Config != nil {
		t.Errorf("without an architecture it says nothing: %+v, %v", got, err)
	}
	bad := card(t)
	for _, about := range []map[string]string{{"config": "x"}, {"Commit": "x"}, {"commit": "a\nb"}} {
		bad.About = about
		if _, err := bad.Metadata(); !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("%q was taken: %v", about, err)
		}
	}
	if _, err := (glipvk.Card{}).Metadata(); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("a card that says nothing was taken: %v", err)
	}
}
