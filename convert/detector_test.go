package convert_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// described is what there is to say of the small detector.
func described(t *testing.T) glipvk.Card {
	t.Helper()
	cfg, err := glip.ParseConfig(content(t, filepath.Join(tiny, "arch.json")))
	if err != nil {
		t.Fatal(err)
	}
	words, err := text.Open(filepath.Join(tiny, "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return glipvk.Card{Config: &cfg, Vocabulary: words, Size: picture.DetectorSize{Short: 64, Long: 96}, About: map[string]string{"commit": "1f2e3d", "ap": "0.5"}}
}

// tuned is the small detector with a table of prompt tuning, whose rows are what row says.
func tuned(t *testing.T, row func(i int) float32) string {
	t.Helper()
	cfg := described(t).Config
	table := make([]float32, (cfg.MaxTokens+1)*cfg.Text.Hidden)
	for i := range table {
		table[i] = row(i/cfg.Text.Hidden) + float32(i%cfg.Text.Hidden)/64
	}
	return edited(t, filepath.Join(tiny, "model.pth"), nil, func(list []loader.Saved) []loader.Saved {
		return append(list, saved("module."+glip.PromptTable, []int{cfg.MaxTokens + 1, cfg.Text.Hidden}, table))
	})
}

// TestPrompt: the table of prompt tuning stays, goes, or becomes a part of the text encoder where it can.
func TestPrompt(t *testing.T) {
	const bias = "language_backbone.body.model.encoder.layer.1.output.LayerNorm.bias"
	rows := tuned(t, func(i int) float32 { return float32(i) })
	_, want := weights(t, rows, "")
	_, plain := weights(t, filepath.Join(tiny, "model.pth"), "")
	kept := converted(t, rows, "kept.pth", convert.Options{})
	_, got := weights(t, kept, "")
	same(t, "kept", got, want)
	_, got = weights(t, converted(t, rows, "dropped.pth", convert.Options{Prompt: convert.Drop, Names: convert.MMDetection}), "")
	same(t, "dropped", got, plain)
	refused(t, "MMDetection has no name for rpn.tunable_linear.weight", rows, "a.pth", convert.Options{Names: convert.MMDetection})
	refused(t, "its row 1 is not its row 0", rows, "a.pth", convert.Options{Prompt: convert.Merge})
	refused(t, `prompt "mix", want one of ["keep" "merge" "drop"]`, rows, "a.pth", convert.Options{Prompt: "mix"})

	read := described(t).Config.MaxTokens
	one := tuned(t, func(i int) float32 { return float32(i / read) }) // the last row is no caption's
	_, got = weights(t, converted(t, one, "merged.safetensors", convert.Options{Prompt: convert.Merge, Names: convert.MMDetection}), "")
	merged := maps.Clone(plain)
	merged[bias] = slices.Clone(plain[bias])
	for i := range merged[bias] {
		merged[bias][i] += float32(i) / 64
	}
	same(t, "merged", got, merged)
	_, got = weights(t, converted(t, filepath.Join(tiny, "model.pth"), "none.safetensors", convert.Options{Prompt: convert.Merge}), "")
	same(t, "without a table", got, plain)
}

// TestCard: what a file says of itself stays, and what is known besides is added.
func TestCard(t *testing.T) {
	model := filepath.Join(tiny, "model.pth")
	silent := filepath.Join(t.TempDir(), "silent.safetensors")
	r, err := convert.File(t.Context(), model, silent, convert.Options{})
	if err != nil || !strings.Contains(strings.Join(r.Notes, "\n"), "does not say what it is of") || r.Tensors != 298 || r.Family != glip.Official || r.From != glip.Official {
		t.Errorf("%+v, %v", r, err)
	}
	if said := opened(t, silent, "").Metadata(); !maps.Equal(said, map[string]string{"format": "pt"}) {
		t.Errorf("it says %q", said)
	}
	told := converted(t, silent, "told.pth", convert.Options{Card: described(t)})
	moved := converted(t, told, "moved.safetensors", convert.Options{Names: convert.MMDetection, Precision: convert.F16, Card: glipvk.Card{About: map[string]string{"ap": "0.6"}}})
	for path, ap := range map[string]string{told: "0.5", moved: "0.6"} {
		card, err := glipvk.OpenCard(path, "")
		if err != nil || card.Config == nil || card.About["ap"] != ap || card.About["commit"] != "1f2e3d" || card.Size.String() != "64,96" || card.Vocabulary.Size() != 209 {
			t.Errorf("%s says %+v, %v", path, card, err)
		}
	}
	l, err := glipvk.LoadDetector("", glipvk.DetectorOptions{Options: glipvk.Options{Weights: moved}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	other := described(t)
	heads := *other.Config
	heads.Text.Heads = 1
	other.Config = &heads
	refused(t, "text num_attention_heads: the file has 4, the model 1", told, "a.pth", convert.Options{Card: other})
	refused(t, "is said of a whole detector, and a backbone is written", told, "a.pth", convert.Options{Backbone: true, Card: described(t)})
	wordless := described(t)
	wordless.Vocabulary = nil
	refused(t, "the vocabulary has 30522 tokens, the detector rows for 209", model, "a.pth", convert.Options{Card: wordless})
	refused(t, "give the architecture (Card.Config)", model, "a.pth", convert.Options{Card: glipvk.Card{About: map[string]string{"ap": "1"}}})
	bad := described(t)
	bad.About = map[string]string{"AP": "1"}
	refused(t, `key "AP"`, model, "a.pth", convert.Options{Card: bad})
	bare := converted(t, told, "bare.safetensors", convert.Options{Backbone: true})
	if said := opened(t, bare, "").Metadata(); !maps.Equal(said, map[string]string{"format": "pt"}) {
		t.Errorf("a backbone says %q", said)
	}
	foreign := edited(t, nano, map[string]string{"made by": "a test", "format": "tf"}, func(list []loader.Saved) []loader.Saved { return list })
	if said := opened(t, converted(t, foreign, "a.pth", convert.Options{}), "").Metadata(); !maps.Equal(said, map[string]string{"made by": "a test"}) {
		t.Errorf("of what others said is left %q", said)
	}
}

// TestEmbedded: the model in the program is converted like any other, with what it says.
func TestEmbedded(t *testing.T) {
	path := converted(t, glipvk.Embedded, "world.pth", convert.Options{Names: convert.MMDetection})
	want, err := glipvk.OpenCard(glipvk.Embedded, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := glipvk.OpenCard(path, "")
	if err != nil || !maps.Equal(got.About, want.About) || got.Size != want.Size {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// TestPlaces: neither what is read nor what is there is written over.
func TestPlaces(t *testing.T) {
	folder := t.TempDir()
	in, there := filepath.Join(folder, "in.pth"), filepath.Join(folder, "there.pth")
	for path, data := range map[string][]byte{in: content(t, nano), there: []byte("something")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := map[string]string{in: "which is read", there: "is there already", folder + "/none/": "want a name that ends", filepath.Join(folder, "x.zip"): "want a name that ends"}
	if err := os.Mkdir(filepath.Join(folder, "folder.pth"), 0o700); err != nil {
		t.Fatal(err)
	}
	rows[filepath.Join(folder, "folder.pth")] = "is a folder"
	for name, link := range map[string]func(old, second string) error{"soft.pth": os.Symlink, "hard.pth": os.Link} {
		if path := filepath.Join(folder, name); link(in, path) == nil {
			rows[path] = "which is read"
		}
	}
	for out, says := range rows {
		for _, force := range []bool{false, true} {
			if force && out == there {
				continue
			}
			if _, err := convert.File(t.Context(), in, out, convert.Options{Force: force}); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s, %v: %v, want %q", out, force, err, says)
			}
		}
	}
	if string(content(t, there)) != "something" || !slices.Equal(content(t, in), content(t, nano)) {
		t.Error("something was written over")
	}
	if _, err := convert.File(t.Context(), in, there, convert.Options{Force: true}); err != nil || string(content(t, there)) == "something" {
		t.Errorf("it was not replaced: %v", err)
	}
}
