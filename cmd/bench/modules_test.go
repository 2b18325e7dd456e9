package main

import (
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/text"
)

func TestModuleOf(t *testing.T) {
	for _, c := range []struct {
		path       string
		fusion     bool
		name, part string
	}{
		{"backbone.body.patch_embed.norm", true, "backbone patch_embed", ""},
		{"backbone.body.stages.0.downsample.reduction", true, "backbone stage1", ""},
		{"backbone.body.stages.3.blocks.1", true, "backbone stage4", ""},
		{"backbone.body.norm1", true, "backbone stage2", ""},
		{"backbone.fpn.fpn_inner3.upsample", true, "fpn inner", ""},
		{"backbone.fpn.fpn_layer2", true, "fpn layers", ""},
		{"backbone.fpn.top_blocks.p7", true, "fpn P6, P7", ""},
		{"language_backbone.body.model.embeddings", true, "bert embeddings", ""},
		{"language_backbone.body.model.encoder.layer.11.output.dense", true, "bert layer 11", ""},
		{"rpn.head.dyhead_tower.0.b_attn.layer_norm_v", true, "tower 0 VLFuse", "VLFuse concatenation, norms"},
		{"rpn.head.dyhead_tower.0.lang", true, "tower 0 VLFuse", "VLFuse residuals, maps"},
		{"rpn.head.dyhead_tower.0.p3", true, "tower 0 VLFuse", "VLFuse residuals, maps"},
		{"rpn.head.dyhead_tower.3.b_attn.attn.v_proj", true, "tower 1 VLFuse", "VLFuse projections of the picture"},
		{"rpn.head.dyhead_tower.3.b_attn.attn.absorbed.scores", true, "tower 1 VLFuse", "VLFuse scores"},
		{"rpn.head.dyhead_tower.3.b_attn.attn.absorbed.softmax_l", true, "tower 1 VLFuse", "VLFuse softmax_l"},
		{"rpn.head.dyhead_tower.3.b_attn.attn.absorbed.context_l", true, "tower 1 VLFuse", "VLFuse context of the text"},
		{"rpn.head.dyhead_tower.3.b_attn.attn.context_l", true, "tower 1 VLFuse", "VLFuse context of the text, out"},
		{"rpn.head.dyhead_tower.3.b_attn.attn.absorbed.keys", true, "tower 1 VLFuse", "VLFuse projections of the text"},
		{"rpn.head.dyhead_tower.16.attention.self", true, "tower 5 text layer", "text layer attention"},
		{"rpn.head.dyhead_tower.16.output.dense", true, "tower 5 text layer", "text layer MLP"},
		{"rpn.head.dyhead_tower.17.offset.modulated#4", true, "tower 5 DyConv", "DyConv offset conv"},
		{"rpn.head.dyhead_tower.17.DyConv.0.conv#2", true, "tower 5 DyConv", "DyConv dcn up"},
		{"rpn.head.dyhead_tower.17.DyConv.1.conv", true, "tower 5 DyConv", "DyConv dcn mid"},
		{"rpn.head.dyhead_tower.17.DyConv.2.conv", true, "tower 5 DyConv", "DyConv dcn down"},
		{"rpn.head.dyhead_tower.17.DyConv.2.bn#3", true, "tower 5 DyConv", "DyConv norm"},
		{"rpn.head.dyhead_tower.17.DyConv.0.upsample", true, "tower 5 DyConv", "DyConv resize"},
		{"rpn.head.dyhead_tower.17.h_sigmoid#12", true, "tower 5 DyConv", "DyConv gates, mean"},
		{"rpn.head.dyhead_tower.17.relu.fc.0", true, "tower 5 DyConv", "DyConv DyReLU"},
		{"rpn.head.dyhead_tower.17.p5", true, "tower 5 DyConv", "DyConv DyReLU"},
		{"rpn.head.dyhead_tower.4.p5", false, "tower 4 DyConv", "DyConv DyReLU"},
		{"rpn.head.dot.p3", true, "head", ""},
		{"rpn.head.bbox_pred#2", true, "head", ""},
		{"rpn.head.scores.p7", true, "selection", ""},
		{"rpn.head.candidates.p3", true, "selection", ""},
	} {
		if got := moduleOf(c.path, c.fusion); got != (module{c.name, c.part}) {
			t.Errorf("%s is in %+v, want %q and %q", c.path, got, c.name, c.part)
		}
	}
}

// TestModulesOfGraphs requires that every operation of the published detectors has a
// known module, and a part where it is in the tower.
func TestModulesOfGraphs(t *testing.T) {
	prefixes := []string{"backbone patch_embed", "backbone stage", "fpn inner", "fpn layers", "fpn P6, P7", "bert embeddings", "bert layer", "tower ", "head", "selection"}
	for _, name := range glip.PresetNames() {
		cfg, err := glip.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := glip.Record(cfg, glip.Grounding{Height: 64, Width: 96, Tokens: 5, Labels: 2})
		if err != nil {
			t.Fatal(err)
		}
		absorbed, _, err := rewrite.Absorb(g, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range append(g.Nodes, absorbed.Nodes...) {
			switch n.Op.(type) {
			case graph.Input, graph.Param:
				continue
			}
			m := moduleOf(n.Path, cfg.Fusion)
			known := false
			for _, p := range prefixes {
				known = known || strings.HasPrefix(m.name, p)
			}
			if !known || strings.HasPrefix(m.name, "tower") != (m.part != "") || strings.HasSuffix(m.part, " ") {
				t.Errorf("%s: %s is in %+v", name, n.Path, m)
			}
		}
	}
}

// TestCaptions requires captions of exactly the length and the phrases asked for.
func TestCaptions(t *testing.T) {
	bert := text.BERT()
	w, err := knownWords(bert)
	if err != nil || len(w.describing) != len(describing) || len(w.things) != len(things) {
		t.Fatalf("words that are not one token: %d of %d and %d of %d known, %v",
			len(w.describing), len(describing), len(w.things), len(things), err)
	}
	for tokens := 3; tokens <= text.MaxTokens; tokens++ {
		for _, phrases := range []int{1, tokens / 3, tokens - 2} {
			for variant := range 2 {
				q := w.caption(tokens, phrases, variant)
				c, err := measuredCaption(bert, q)
				if err != nil || c.Tokens != tokens || c.Labels != phrases {
					t.Fatalf("%d tokens, %d phrases: %+v, %v", tokens, phrases, c, err)
				}
				for _, s := range q.Spans {
					phrase := q.Caption[s.Begin:s.End]
					if strings.Contains(phrase, ".") && tokens-2 >= 2*phrases || phrase != strings.TrimSpace(phrase) {
						t.Fatalf("%q has the phrase %q", q.Caption, phrase)
					}
				}
			}
		}
	}
	f := flags{tokens: 20}
	list, err := f.captions(bert)
	if want := "small dog . young car . black tree . blue cat . wooden house . red horse ."; err != nil || list[0].Text != want {
		t.Errorf("the default caption is %q, want %q: %v", list[0].Text, want, err)
	}
	f.caption = "two young cats on a red sofa beside a window"
	if list, err = f.captions(bert); err != nil || list[1].Tokens != list[0].Tokens || list[1].Labels != list[0].Labels || list[0].Labels < 2 {
		t.Errorf("captions %+v: %v", list, err)
	}
}
