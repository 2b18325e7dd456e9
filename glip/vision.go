package glip

import (
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// vision records the backbone and the pyramid: image [B, 3, H, W] to P3..P7.
func (m model) vision(b *graph.Builder, image graph.Value) []graph.Value {
	var maps []graph.Value // C3, C4, C5
	swin.Body(b.In("backbone", "body"), m.cfg.Backbone, image, swin.DropPath{Rate: m.random.DropPath, Dice: m.dice}, func(_ int, y graph.Value) {
		maps = append(maps, y)
	})
	for len(maps) < 3 { // an error was recorded before
		maps = append(maps, graph.Value{})
	}
	return m.pyramid(b.In("backbone", "fpn"), maps)
}

// pyramid records the FPN (maskrcnn_benchmark/modeling/backbone/fpn.py): C3..C5
// [B, h, w, Ci] to P3..P7 [B, h, w, C]. The path from the top down adds the coarser map,
// resized by the nearest rule; P6 comes of P5, P7 of P6 rectified, which itself is not.
func (m model) pyramid(b *graph.Builder, maps []graph.Value) []graph.Value {
	c := m.cfg.Channels
	inner := func(name string, x graph.Value) graph.Value {
		n := b.In(name)
		return n.LinearOf(x, n.Param("weight", c, x.Shape().Last(), 1, 1), graph.WithBias)
	}
	lateral, layer := []string{"fpn_inner2", "fpn_inner3", "fpn_inner4"}, []string{"fpn_layer2", "fpn_layer3", "fpn_layer4"}
	levels := make([]graph.Value, Levels)
	var above graph.Value
	for i := 2; i >= 0; i-- {
		x := inner(lateral[i], maps[i])
		if size := x.Shape(); i < 2 && len(size) == 4 {
			up := b.In(lateral[i], "upsample").ResizeNearest(above, size[1], size[2])
			x = b.In(lateral[i], "sum").Add(x, up)
		}
		above = x
		if i < 2 {
			x = m.dice.ThinBlocks(b.In(layer[i]), x, m.random.DropBlock, 3)
		}
		levels[i] = b.In(layer[i]).Conv(x, c, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias)
	}
	top := b.In("top_blocks")
	half := graph.Conv{Stride: 2, Pad: 1}
	levels[3] = top.In("p6").Conv(levels[2], c, 3, half, graph.WithBias)
	levels[4] = top.In("p7").Conv(top.In("p6", "relu").ReLU(levels[3]), c, 3, half, graph.WithBias)
	return levels
}
