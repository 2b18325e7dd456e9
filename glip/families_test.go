package glip_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// toMMDetection is what MMDetection's converter makes of an official name: the tables
// of the specification glip-mmdet, sections 2 to 6, read from right to left.
func toMMDetection(name string) string {
	name = strings.TrimPrefix(name, "module.")
	for _, dropped := range []string{"cls_logits", "cell_anchors", "resizer"} {
		if strings.Contains(name, dropped) {
			return ""
		}
	}
	for _, row := range [][2]string{
		{"backbone.fpn.fpn_inner2.", "neck.lateral_convs.0.conv."}, {"backbone.fpn.fpn_inner3.", "neck.lateral_convs.1.conv."},
		{"backbone.fpn.fpn_inner4.", "neck.lateral_convs.2.conv."}, {"backbone.fpn.fpn_layer2.", "neck.fpn_convs.0.conv."},
		{"backbone.fpn.fpn_layer3.", "neck.fpn_convs.1.conv."}, {"backbone.fpn.fpn_layer4.", "neck.fpn_convs.2.conv."},
		{"backbone.fpn.top_blocks.p6.", "neck.fpn_convs.3.conv."}, {"backbone.fpn.top_blocks.p7.", "neck.fpn_convs.4.conv."},
		{"language_backbone.", "language_model.language_backbone."},
	} {
		if rest, ok := strings.CutPrefix(name, row[0]); ok {
			return row[1] + rest
		}
	}
	if rest, ok := strings.CutPrefix(name, "rpn.head."); ok {
		rest = strings.ReplaceAll(rest, ".DyConv.", ".dyconvs.")
		return "bbox_head.head." + strings.ReplaceAll(rest, ".AttnConv.", ".attnconv.")
	}
	rest, ok := strings.CutPrefix(name, "backbone.body.")
	if !ok {
		return name
	}
	for _, row := range [][2]string{
		{"patch_embed.proj.", "patch_embed.projection."}, {".attn.", ".attn.w_msa."}, {".mlp.fc1.", ".ffn.layers.0.0."},
		{".mlp.fc2.", ".ffn.layers.1."}, {"layers.", "stages."},
	} {
		if row[0] != "layers." || strings.HasPrefix(rest, row[0]) {
			rest = strings.Replace(rest, row[0], row[1], 1)
		}
	}
	return "backbone." + rest
}

// convert is the whole conversion: names, and the order of patch merging.
func convert(t testing.TB, src bind.Source) *memory {
	t.Helper()
	m := copyOf(t, src, toMMDetection)
	for _, name := range m.names {
		if !strings.Contains(name, ".downsample.") {
			continue
		}
		shape := m.shapes[name]
		width, p := shape[len(shape)-1], []int{0, 2, 1, 3}
		off, mm := m.data[name], make([]float32, len(m.data[name]))
		for row := 0; row < len(mm); row += width {
			for c := range width / 4 {
				for j := range 4 {
					mm[row+4*c+j] = off[row+p[j]*width/4+c]
				}
			}
		}
		m.data[name] = mm
	}
	return m
}

// TestMMDetectionBinds: the same detector in official and in MMDetection's form gives
// the same tensors, bit for bit, whatever revision of the converter wrote it.
func TestMMDetectionBinds(t *testing.T) {
	src, c := openTiny(t)
	cfg := c.config(t)
	want, err := glip.Bind(src, cfg, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for what, edit := range map[string]func(m *memory){
		"zero-shot":     func(*memory) {},
		"data-parallel": func(m *memory) { renameAll(m, func(n string) string { return "module." + n }) },
		"fine-tuned": func(m *memory) {
			for i := range 5 {
				m.shapes[fmt.Sprintf("bbox_head.head.scales.%d.scale", i)] = []int{}
			}
		},
		"older converter": func(m *memory) {
			renameAll(m, func(n string) string {
				return strings.NewReplacer("dyconvs", "DyConv", "attnconv", "AttnConv").Replace(n)
			})
			m.add("bbox_head.head.cls_logits.weight", []int{80, 32, 1, 1})
			m.add("bbox_head.head.cls_logits.bias", []int{80})
			m.add("bbox_head.anchor_generator.cell_anchors.0", []int{1, 4}, -28, -28, 35, 35)
		},
	} {
		t.Run(what, func(t *testing.T) {
			m := convert(t, src)
			edit(m)
			got, err := glip.Bind(m, cfg, bind.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Family() != glip.MMDetection {
				t.Errorf("family %s", got.Family())
			}
			sameTensors(t, got, want)
			if _, err := got.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// renameAll gives every tensor another name.
func renameAll(m *memory, rename func(string) string) {
	old := *m
	*m = memory{}
	for _, name := range old.names {
		m.add(rename(name), old.shapes[name], old.data[name]...)
		m.dtypes[rename(name)] = old.dtypes[name]
	}
}

// TestMMDetectionIsStrict: official names are none of an MMDetection file's, and both
// spellings of one module are one too many.
func TestMMDetectionIsStrict(t *testing.T) {
	src, c := openTiny(t)
	for _, extra := range []string{
		"rpn.head.bias0", "neck.lateral_convs.3.conv.weight", "neck.fpn_convs.5.conv.weight", "backbone.fpn.fpn_inner2.weight",
		"bbox_head.head.dyhead_tower.2.DyConv.0.bn.bias", "bbox_head.head.dyhead_tower.2.attn.w_msa.weight", "bbox_head.cls.weight",
	} {
		m := convert(t, src)
		m.add(extra, []int{1})
		_, err := glip.Bind(m, c.config(t), bind.Options{})
		if !errors.Is(err, bind.ErrUnexpected) || errors.Is(err, bind.ErrMissing) || !strings.Contains(err.Error(), extra) {
			t.Errorf("with %s: %v", extra, err)
		}
	}
}

// TestInfer: published architectures and the test's own are read off their shapes, in
// both families.
func TestInfer(t *testing.T) {
	tiny, c := openTiny(t)
	a := tinyCase(t, "tiny_a.caption").config(t)
	for _, row := range []struct {
		what    string
		src     bind.Source
		cfg     glip.Config
		variant string
		exact   bool // shapes tell everything
	}{
		{"T", made(t, preset(t, "glip-t"), synthetic.Detector{}), preset(t, "glip-t"), "GLIP-T: (B)", true},
		{"T (A)", made(t, preset(t, "glip-t-a"), synthetic.Detector{}), preset(t, "glip-t-a"), "GLIP-T (A)", true},
		{"L", made(t, preset(t, "glip-l"), synthetic.Detector{}), preset(t, "glip-l"), "GLIP-L", true},
		{"tiny", tiny, c.config(t), glip.Custom, false},
		{"tiny, MMDetection", convert(t, tiny), c.config(t), glip.Custom, false},
		{"tiny_a", made(t, a, synthetic.Detector{}), a, glip.Custom, false},
	} {
		cfg, variant, err := glip.Infer(row.src)
		if err != nil {
			t.Errorf("%s: %v", row.what, err)
			continue
		}
		if !strings.HasPrefix(variant, row.variant) || glip.Differences(cfg, row.cfg) != nil {
			t.Errorf("%s: %q, %v", row.what, variant, glip.Differences(cfg, row.cfg))
		}
		if row.exact && fmt.Sprintf("%+v", cfg) != fmt.Sprintf("%+v", row.cfg) {
			t.Errorf("%s: inferred %+v, want %+v", row.what, cfg, row.cfg)
		}
		if _, err := glip.Bind(row.src, cfg, bind.Options{}); err != nil {
			t.Errorf("%s: does not bind to what was read off it: %v", row.what, err)
		}
	}
}

// TestDifferences: binding to another model says in words what differs.
func TestDifferences(t *testing.T) {
	src := made(t, preset(t, "glip-l"), synthetic.Detector{})
	for asked, want := range map[string][]string{
		"glip-t":   {"backbone embed_dims: the file has 192, the model 96", "layers: the file has 8, the model 6", "choose the model"},
		"glip-t-a": {"fusion: the file has true, the model false"},
	} {
		_, err := glip.Bind(src, preset(t, asked), bind.Options{})
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %q", asked, err, part)
			}
		}
	}
	cfg := preset(t, "glip-t")
	file := made(t, cfg, synthetic.Detector{})
	cfg.Backbone.WindowSize = 12
	if _, err := glip.Bind(file, cfg, bind.Options{}); err == nil || !strings.Contains(err.Error(), "only the position tables differ") {
		t.Errorf("another window: %v", err)
	}
	if _, err := glip.Bind(file, cfg, bind.Options{Resize: bind.Geometric}); err != nil {
		t.Errorf("another window, resized: %v", err)
	}
	if _, err := glip.Bind(file, glip.Config{}, bind.Options{}); !errors.Is(err, glip.ErrConfig) {
		t.Errorf("no configuration: %v", err)
	}
}

// TestRefusedFamilies: a file that is no whole detector is refused with what it is.
func TestRefusedFamilies(t *testing.T) {
	for _, row := range []struct {
		what  string
		names []string
		file  string // instead of names
		want  string
	}{
		{what: "a GLIP backbone by mmpretrain", file: "mmpretrain-nano.pth", want: "it is a Swin backbone alone (mmpretrain); use it for features (glip features)"},
		{what: "a detector cut down", file: "glip-detector-nano.pth", want: "no head with a tower (dyhead_tower)"},
		{what: "a classifier", names: []string{"patch_embed.proj.weight", "layers.0.downsample.norm.weight", "head.weight"}, want: "a Swin classifier (Microsoft)"},
		{what: "Mask R-CNN", names: []string{"backbone.patch_embed.projection.weight", "backbone.stages.0.blocks.0.attn.w_msa.qkv.weight", "roi_head.x"}, want: "another detector with a Swin backbone"},
		{what: "Grounding DINO", names: []string{"module.transformer.encoder.fusion_layers.0.gamma_v", "module.bert.embeddings.word_embeddings.weight"}, want: "Grounding DINO"},
		{what: "MM Grounding DINO", names: []string{
			"backbone.stages.0.blocks.0.attn.w_msa.qkv.weight", "language_model.language_backbone.body.model.x", "bbox_head.cls_branches.0.bias", "encoder.fusion_layers.0.x",
		}, want: "Grounding DINO"},
		{what: "DyHead", names: []string{"backbone.body.layers.0.x", "rpn.head.dyhead_tower.0.x"}, want: "without a text encoder (DyHead)"},
		{what: "GLIP on a ResNet", names: []string{"backbone.body.stem.x", "rpn.head.dyhead_tower.0.x", "language_backbone.body.model.x"}, want: "no plain Swin backbone"},
		{what: "BERT", names: []string{"bert.embeddings.word_embeddings.weight", "cls.x"}, want: "a text encoder alone"},
		{what: "something else", names: []string{"a", "b", "c", "d", "e", "f"}, want: "among its 6 tensors are a, b, c, d, e"},
		{what: "nothing", want: "no tensors at all"},
	} {
		t.Run(row.what, func(t *testing.T) {
			var src bind.Source = &memory{}
			if row.file != "" {
				file, err := loader.Open("../testdata/checkpoints/" + row.file)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				src = file
			}
			for _, name := range row.names {
				shape := []int{32}
				if strings.Contains(name, "patch_embed") {
					shape = []int{8, 3, 4, 4}
				}
				src.(*memory).add(name, shape)
			}
			_, err := glip.Bind(src, preset(t, "glip-t"), bind.Options{})
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "glip: ") {
				t.Fatalf("%v, want %q", err, row.want)
			}
			if _, _, inferred := glip.Infer(src); inferred == nil || inferred.Error() != err.Error() {
				t.Errorf("Infer says otherwise: %v", inferred)
			}
			if !errors.Is(err, glip.ErrFamily) && !errors.Is(err, bind.ErrMissing) {
				t.Errorf("no sentinel in %v", err)
			}
		})
	}
}

// TestVisionLanguageSwin: GLIP's own variant of the backbone with text inside is
// refused by name.
func TestVisionLanguageSwin(t *testing.T) {
	src, c := openTiny(t)
	m := copyOf(t, src, keep)
	m.add("module.backbone.body.layers.3.blocks.0.attn.qkv_text.weight", []int{1, 1})
	_, err := glip.Bind(m, c.config(t), bind.Options{})
	if !errors.Is(err, swin.ErrFamily) || !strings.Contains(err.Error(), "vision-language Swin") {
		t.Error(err)
	}
}
