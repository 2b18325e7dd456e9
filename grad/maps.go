package grad

import "github.com/glipvk/glipvk/graph"

// maps has the rules of maps and windows.
func (t *tape) maps(g graph.Value) bool {
	shape := t.operand()
	switch o := t.node.Op.(type) {
	case graph.WindowPartition:
		t.to(0, t.at().WindowReverse(g, graph.WindowReverse{Size: o.Size, Height: shape[1], Width: shape[2]}))
	case graph.WindowReverse:
		t.to(0, t.at().WindowPartition(g, o.Size))
	case graph.Roll:
		t.to(0, t.at().Roll(g, -o.Down, -o.Right))
	case graph.PositionBias:
		t.to(0, t.at().Record(graph.PositionBiasGradTable(o), g))
	case graph.Patches:
		y := t.at("split").Record(graph.SplitPatches{Size: o.Size, Height: shape[2], Width: shape[3]}, g)
		t.to(0, t.at().ChannelsFirst(y))
	case graph.MergePatches:
		t.to(0, t.at().Record(graph.SplitPatches{Size: 2, Height: shape[1], Width: shape[2]}, g))
	case graph.SplitPatches:
		y := t.at("first").ChannelsFirst(g)
		t.to(0, t.at().Patches(y, o.Size))
	case graph.ChannelsFirst:
		y := t.at("flat").Reshape(g, shape[0], shape[3], shape[1]*shape[2])
		t.to(0, t.at().Reshape(t.at("swapped").SwapLast(y), shape...))
	case graph.Pad:
		t.to(0, t.at().Crop(g, shape[1], shape[2]))
	case graph.Crop:
		t.to(0, t.at().Pad(g, shape[1], shape[2]))
	case graph.ResizeNearest:
		t.to(0, t.at().Record(graph.ResizeNearestGradX{Height: shape[1], Width: shape[2]}, g))
	case graph.ResizeBilinear:
		t.to(0, t.at().Record(graph.ResizeBilinearGradX{Height: shape[1], Width: shape[2]}, g))
	case graph.GlobalMean:
		y := t.at("share").Scale(g, 1/float64(shape[1]*shape[2]))
		t.to(0, t.at().Record(graph.Tile{To: shape}, t.at("place").Reshape(y, shape[0], 1, 1, shape[3])))
	case graph.WeightedMean:
		t.weightedMean(g)
	default:
		return false
	}
	return true
}

// operand is the shape of the first one, nil where there is none.
func (t *tape) operand() graph.Shape {
	if len(t.node.Inputs) == 0 {
		return nil
	}
	return t.in(0).Shape()
}

func (t *tape) weightedMean(g graph.Value) {
	g = t.at("share").Scale(g, 2/float64(len(t.node.Inputs)))
	for i := 0; i < len(t.node.Inputs); i += 2 {
		x, gate := t.in(i), t.in(i+1)
		batch := x.Shape()[0]
		if t.wants(i) {
			t.to(i, t.at("map", i/2).Mul(g, t.at("gate", i/2).Reshape(gate, batch, 1, 1, 1)))
		}
		if t.wants(i + 1) {
			sum := t.at("sum", i/2).Record(graph.SumTiles{To: graph.Shape{batch, 1, 1, 1}}, t.at("times", i/2).Mul(g, x))
			t.to(i+1, t.at("shaped", i/2).Reshape(sum, batch, 1))
		}
	}
}
