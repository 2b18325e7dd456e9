package swin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/swin"
)

// TestStore: each family has the names that the renaming by hand gives, and the order of patch merging that the gather gives.
func TestStore(t *testing.T) {
	want := fromNano(t, canonical)
	one, several := nanoConfig(), nanoConfig()
	one.OutIndices = []int{3}
	for _, row := range []struct {
		family bind.Family
		cfg    swin.Config
		rename func(string) string
	}{
		{swin.MMPretrain, several, canonical},
		{swin.MMPretrain, one, canonical},
		{swin.GLIPDetector, several, keepNorms},
		{swin.Microsoft, several, keepNorms},
		{swin.Microsoft, one, toMicrosoft},
		{swin.Timm, one, toTimm},
		{swin.Torchvision, one, toTorchvision},
		{swin.HuggingFace, several, toHuggingFace},
		{swin.HuggingFace, one, func(s string) string {
			return strings.Replace(toHuggingFace(s), "hidden_states_norms.stage4", "layernorm", 1)
		}},
	} {
		for _, name := range want.names {
			if stage, numbered := strings.CutPrefix(name, "norm"); numbered && len(row.cfg.OutIndices) == 1 && stage[0] != '3' {
				if keys := swin.Keys(row.family, row.cfg, name); (keys == nil) != (row.family == swin.Timm || row.family == swin.Torchvision) {
					t.Errorf("%s: %s is %q", row.family, name, keys)
				}
				continue
			}
			s, ok := swin.Store(row.family, row.cfg, name, want.shapes[name])
			renamed := []string{row.rename(name)}
			if before, leaf, is := strings.Cut(renamed[0], "self.qkv."); is {
				renamed = []string{before + "self.query." + leaf, before + "self.key." + leaf, before + "self.value." + leaf}
			}
			if !ok || !slices.Equal(s.Keys, renamed) || s.Shape[0]*len(s.Keys) != want.shapes[name][0] {
				t.Errorf("%s: %s is %q %v, want %q", row.family, name, s.Keys, s.Shape, renamed)
			}
			data := slices.Clone(want.data[name])
			if s.Order != nil {
				s.Order(data)
			}
			moved := newMemory()
			if moved.add(name, want.shapes[name], slices.Clone(want.data[name])...); row.family != swin.MMPretrain {
				moved.blockOrder()
			}
			if !slices.Equal(data, moved.data[name]) {
				t.Errorf("%s: %s has another order", row.family, name)
			}
		}
	}
}

// TestStoreOdd: what is no parameter has no name, nor has a position embedding in transformers; microsoft/GLIP keeps one by channels.
func TestStoreOdd(t *testing.T) {
	one := nanoConfig()
	for _, name := range []string{"head.weight", "stages.0.attn", "absolute_pos_embed"} {
		if s, ok := swin.Store(swin.HuggingFace, one, name, []int{1, 4, 8}); ok {
			t.Errorf("%s is %q", name, s.Keys)
		}
	}
	s, ok := swin.Store(swin.GLIPDetector, one, "absolute_pos_embed", []int{1, 4, 2})
	data := []float32{0, 1, 2, 3, 4, 5, 6, 7}
	if !ok || !slices.Equal(s.Shape, []int{1, 2, 2, 2}) || s.Order == nil {
		t.Fatalf("a position embedding is %+v", s)
	}
	if s.Order(data); !slices.Equal(data, []float32{0, 2, 4, 6, 1, 3, 5, 7}) {
		t.Errorf("it has the order %v", data)
	}
}

// keepNorms is toMicrosoft where several outputs have norms.
func keepNorms(s string) string {
	if strings.HasPrefix(s, "norm") {
		return s
	}
	return toMicrosoft(s)
}
