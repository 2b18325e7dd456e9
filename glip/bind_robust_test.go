package glip_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
)

// TestRobust: no shape, name or element type of a crafted file makes anything panic.
func TestRobust(t *testing.T) {
	src, c := openTiny(t)
	cfg := c.config(t)
	const huge = 1 << 62
	shapes := [][]int{nil, {}, {0}, {-1}, {huge}, {huge, huge}, {0, 0}, {huge, -1, 3, 3}, {4, 0, 1, 1}, {4, huge, 1, 1}, {1, 1, 1, 1, 1}}
	names := src.Names()
	for i := 0; i < len(names); i += 4 { // each with one of the shapes, so that every part meets all
		m := shapeOnly{src, map[string][]int{names[i]: shapes[i%len(shapes)]}}
		if read, _, err := glip.Infer(m); err == nil {
			_, _ = glip.Bind(m, read, bind.Options{})
		}
		if w, err := glip.Bind(m, cfg, bind.Options{}); err == nil {
			_, _ = w.Check(t.Context())
		}
	}
	for _, key := range []string{ // those that sizes are read off, with all of them
		"rpn.head.bbox_pred.weight", "rpn.head.dyhead_tower.0.b_attn.attn.v_proj.weight", "backbone.body.patch_embed.proj.weight",
		"backbone.body.layers.0.blocks.0.attn.relative_position_bias_table", "backbone.body.layers.0.blocks.0.mlp.fc1.weight",
		"language_backbone.body.model.embeddings.word_embeddings.weight", "language_backbone.body.model.embeddings.position_embeddings.weight",
		"language_backbone.body.model.encoder.layer.0.intermediate.dense.weight",
	} {
		for _, shape := range shapes {
			m := shapeOnly{src, map[string][]int{"module." + key: shape}}
			if read, _, err := glip.Infer(m); err == nil {
				_, _ = glip.Bind(m, read, bind.Options{})
			}
			if _, err := glip.Bind(m, cfg, bind.Options{}); err == nil {
				t.Errorf("%s %v passes", key, shape)
			}
		}
	}
	for _, name := range []string{
		"module.rpn.head.dyhead_tower.99999999999999999999.offset.weight", "module.rpn.head.dyhead_tower..offset.weight", "module.", "", ".", "module.rpn.head.",
		"module.language_backbone.body.model.encoder.layer.4294967296.output.dense.bias", "module.rpn.anchor_generator.cell_anchors.-1",
		"module.rpn.anchor_generator.cell_anchors.999", "module.backbone.body.layers.7.blocks.999.norm1.bias", "module.backbone.fpn.fpn_inner9.weight",
	} {
		m := copyOf(t, src, keep)
		m.add(name, []int{1})
		_, _, _ = glip.Infer(m)
		if _, err := glip.Bind(m, cfg, bind.Options{}); err == nil && !strings.Contains(name, "cell_anchors") {
			t.Errorf("%q passes", name)
		}
	}
}

// shapeOnly states other shapes than its source.
type shapeOnly struct {
	bind.Source
	shapes map[string][]int
}

func (s shapeOnly) Shape(name string) ([]int, bool) {
	if shape, ok := s.shapes[name]; ok {
		return shape, shape != nil
	}
	return s.Source.Shape(name)
}

// FuzzNames: whatever the names and sides of a file, binding answers with an error or
// with weights, and the map of names holds every tensor once.
func FuzzNames(f *testing.F) {
	src, c := openTiny(f)
	cfg := c.config(f)
	base := copyOf(f, src, func(name string) string {
		if strings.Contains(name, "position_ids") {
			return ""
		}
		return name
	})
	f.Add("module.rpn.head.bias0", 1, 0, false)
	f.Add("rpn.head.scales.3.scale", 0, -1, false)
	f.Add("bbox_head.head.dyhead_tower.2.dyconvs.0.bn.bias", 1<<62, 1<<62, true)
	f.Add("module.module.backbone.body.layers.0.blocks.0.attn.qkv.bias", 36, 0, false)
	f.Fuzz(func(t *testing.T, name string, a, b int, mmdet bool) {
		m := &memory{names: slices.Clone(base.names), shapes: maps.Clone(base.shapes), dtypes: maps.Clone(base.dtypes), data: base.data}
		if mmdet {
			renameAll(m, toMMDetection)
			m.drop("")
		}
		if !slices.Contains(m.names, name) {
			m.names = append(m.names, name)
		}
		m.shapes[name], m.dtypes[name] = []int{a, b}, "float32"
		if names, err := glip.MapNames(m); err == nil {
			n := len(names.Ignored) + len(names.Unknown)
			for _, keys := range names.Keys {
				n += len(keys)
			}
			if n != len(m.names) {
				t.Errorf("%d of %d tensors are accounted for", n, len(m.names))
			}
		}
		_, _, _ = glip.Infer(m)
		if w, err := glip.Bind(m, cfg, bind.Options{}); err == nil && len(w.Names()) != len(cfg.Params()) {
			t.Errorf("%d parameters", len(w.Names()))
		}
	})
}
