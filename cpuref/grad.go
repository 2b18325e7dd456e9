package cpuref

import "github.com/glipvk/glipvk/graph"

// interpretGrad lays out the gradients of products, norms and functions.
func interpretGrad(op graph.Op, y tensor, in []tensor) (rows, error) {
	switch o := op.(type) {
	case graph.LinearGradX:
		return linearGradX(y, in[0], in[1]), nil
	case graph.LinearGradWeight:
		return linearGradWeight(y, in[0], in[1]), nil
	case graph.ConvGradX:
		return convGradX(o, y, in[0], in[1]), nil
	case graph.ConvGradWeight:
		return convGradWeight(o, y, in[0], in[1]), nil
	case graph.DeformConvGradX:
		return deformConvGradX(o, y, in[0], in[1], in[2]), nil
	case graph.DeformConvGradOffset:
		return deformConvGradOffset(o, y, in[0], in[1], in[2], in[3]), nil
	case graph.DeformConvGradWeight:
		return deformConvGradWeight(o, y, in[0], in[1], in[2]), nil
	case graph.HeadLinearGradWeight:
		return headLinearGradWeight(o, y, in[0], in[1]), nil
	case graph.LayerNormGradX:
		return layerNormGradX(o, y, in[0], in[1], in[2]), nil
	case graph.LayerNormGradWeight:
		return layerNormGradWeight(o, y, in[0], in[1]), nil
	case graph.GroupNormGradX:
		return groupNormGradX(o, y, in[0], in[1], in[2]), nil
	case graph.GroupNormGradWeight:
		return groupNormGradWeight(o, y, in[0], in[1]), nil
	case graph.NormalizeGradX:
		return normalizeGradX(o, y, in[0], in[1]), nil
	case graph.SoftmaxGradX:
		return softmaxGradX(y, in[0], in[1]), nil
	}
	return interpretGradMaps(op, y, in)
}

// interpretGradMaps lays out those of maps and lists, and what gradients are made of.
func interpretGradMaps(op graph.Op, y tensor, in []tensor) (rows, error) {
	switch o := op.(type) {
	case graph.PositionBiasGradTable:
		return positionBiasGradTable(o, y, in[0]), nil
	case graph.SplitPatches:
		return splitPatches(o, y, in[0]), nil
	case graph.ResizeNearestGradX:
		return resizeNearestGradX(y, in[0]), nil
	case graph.ResizeBilinearGradX:
		return resizeBilinearGradX(y, in[0]), nil
	case graph.EmbedGradWord:
		return embedGradWord(y, in[0], in[1]), nil
	case graph.SliceChannels:
		return sliceChannels(o, y, in[0]), nil
	case graph.ConcatChannels:
		return concatChannels(y, in), nil
	case graph.Mul:
		return mul(y, in[0], in[1]), nil
	case graph.Tile:
		return tile(y, in[0]), nil
	case graph.SumTiles:
		return sumTiles(y, in[0]), nil
	case graph.Fill:
		return fill(o, y), nil
	case graph.Exp:
		return pointwise(y, in[0], exponential), nil
	case graph.GELUGradX:
		return derivative(y, in[0], in[1], geluSlope), nil
	case graph.ReLUGradX:
		return derivative(y, in[0], in[1], reluSlope), nil
	case graph.SigmoidGradX:
		return sigmoidGradX(o, y, in[0], in[1]), nil
	case graph.HardSigmoidGradX:
		return derivative(y, in[0], in[1], hardSigmoidSlope), nil
	case graph.ClampGradX:
		return derivative(y, in[0], in[1], clampSlope(o.Limit)), nil
	case graph.DynamicReLUGradX:
		return dynamicReLUGradX(y, in[0], in[1], in[2]), nil
	case graph.DynamicReLUGradT:
		return dynamicReLUGradT(y, in[0], in[1], in[2]), nil
	}
	return interpretLoss(op, y, in)
}
