package cpuref

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// interpretMaps lays out the detector's operations on maps.
func interpretMaps(op graph.Op, y tensor, in []tensor) (rows, error) {
	switch o := op.(type) {
	case graph.Conv:
		return conv(o, y, in[0], in[1], in[2:]), nil
	case graph.DeformConv:
		return deformConv(o, y, in[0], in[1], in[2], in[3]), nil
	case graph.GroupNorm:
		return groupNorm(o, y, in[0], in[1], in[2]), nil
	case graph.ResizeNearest:
		return resizeNearest(y, in[0]), nil
	case graph.ResizeBilinear:
		return resizeBilinear(y, in[0]), nil
	case graph.Sigmoid:
		return sigmoid(o, y, in[0]), nil
	case graph.ReLU:
		return pointwise(y, in[0], rectified), nil
	case graph.HardSigmoid:
		return pointwise(y, in[0], hardSigmoid), nil
	case graph.GlobalMean:
		return globalMean(y, in[0]), nil
	case graph.WeightedMean:
		return weightedMean(y, in), nil
	case graph.DynamicReLU:
		return dynamicReLU(y, in[0], in[1]), nil
	}
	return interpretTokens(op, y, in)
}

// interpretTokens lays out those on tokens and between pictures and text.
func interpretTokens(op graph.Op, y tensor, in []tensor) (rows, error) {
	switch o := op.(type) {
	case graph.ConcatTokens:
		return concatTokens(y, in), nil
	case graph.SliceTokens:
		return sliceTokens(o, y, in[0]), nil
	case graph.Reshape:
		return reshape(y, in[0]), nil
	case graph.SwapLast:
		return swapLast(y, in[0]), nil
	case graph.Embed:
		return embed(y, in[0], in[1], in[2], in[3]), nil
	case graph.CrossScores:
		return crossScores(o, y, in[0], in[1], in[2:]), nil
	case graph.CrossContext:
		return crossContext(o, y, in[0], in[1], in[2:]), nil
	case graph.AbsorbKeys:
		return absorbKeys(o, y, in[0], in[1]), nil
	case graph.AbsorbBias:
		return absorbBias(o, y, in[0], in[1], in[2:]), nil
	case graph.AbsorbValues:
		return absorbValues(o, y, in[0], in[1]), nil
	case graph.HeadLinear:
		return headLinear(o, y, in[0], in[1], in[2]), nil
	}
	return interpretScores(op, y, in)
}

// interpretScores lays out scaling and what makes detections of scores.
func interpretScores(op graph.Op, y tensor, in []tensor) (rows, error) {
	switch o := op.(type) {
	case graph.Clamp:
		return pointwise(y, in[0], func(v float64) float64 { return clamped(v, -o.Limit, o.Limit) }), nil
	case graph.Scale:
		return pointwise(y, in[0], func(v float64) float64 { return v * o.Factor }), nil
	case graph.MulScalar:
		factor := float64(in[1].data[0])
		return pointwise(y, in[0], func(v float64) float64 { return v * factor }), nil
	case graph.AddScaled:
		return addScaled(y, in[0], in[1], in[2]), nil
	case graph.Normalize:
		return normalize(o, y, in[0]), nil
	case graph.TokenLogits:
		return tokenLogits(o, y, in), nil
	case graph.PhraseScores:
		return phraseScores(o, y, in[0], in[1]), nil
	case graph.Candidates:
		return candidates(o, y, in[0], in[1], in[2]), nil
	}
	return rows{}, fmt.Errorf("the oracle does not know operation %T", op)
}
