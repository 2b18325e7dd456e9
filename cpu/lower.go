package cpu

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// lower makes the step that computes a value.
func (c *compiler) lower(id graph.ID) (step, error) {
	if s, ok := c.product(id); ok {
		return s, nil
	}
	if s, ok := c.pointwise(id); ok {
		return s, nil
	}
	n := c.node(id)
	switch o := n.Op.(type) {
	case graph.Patches, graph.LayerNorm, graph.Pad, graph.Crop, graph.Roll, graph.WindowPartition,
		graph.WindowReverse, graph.MergePatches:
		return c.move(id), nil
	case graph.ChannelsFirst:
		return c.channelsFirst(id), nil
	case graph.GELU:
		return c.gelu(id), nil
	case graph.Add:
		return c.add(id), nil
	case graph.Softmax:
		return c.softmax(id), nil
	case graph.Scores:
		return c.scores(id, o), nil
	case graph.Context:
		if s, ok := c.attention(id, o); ok {
			return s, nil
		}
		return c.context(id, o), nil
	case graph.PositionBias:
		return c.positionBias(id, o), nil
	case graph.ShiftMask:
		return c.shiftMask(id, o), nil
	case graph.ResizePosition:
		return c.resizePosition(id), nil
	}
	return c.lowerDetector(id)
}

// lowerDetector is lower for the operations of the detector.
func (c *compiler) lowerDetector(id graph.ID) (step, error) {
	switch o := c.node(id).Op.(type) {
	case graph.Conv:
		return c.conv(id, o)
	case graph.DeformConv:
		return c.deformConv(id, o)
	case graph.Sigmoid:
		return c.sigmoid(id, o), nil
	case graph.GroupNorm:
		return c.groupNorm(id, o), nil
	case graph.ResizeNearest:
		return c.resizeNearest(id), nil
	case graph.ResizeBilinear:
		return c.resizeBilinear(id), nil
	case graph.GlobalMean:
		return c.globalMean(id), nil
	case graph.WeightedMean:
		return c.weightedMean(id), nil
	case graph.DynamicReLU:
		return c.dynamicReLU(id), nil
	case graph.AddScaled:
		return c.addScaled(id), nil
	case graph.Normalize:
		return c.normalize(id, o), nil
	}
	return c.lowerTokens(id)
}

// lowerTokens is lower for the operations on tokens and on what is said of them.
func (c *compiler) lowerTokens(id graph.ID) (step, error) {
	n := c.node(id)
	switch o := n.Op.(type) {
	case graph.SliceTokens:
		return c.sliceTokens(id, o), nil
	case graph.Reshape:
		return c.reshape(id), nil
	case graph.Embed:
		return c.embed(id), nil
	case graph.CrossScores:
		return c.crossScores(id, o), nil
	case graph.SwapLast:
		return c.swapLast(id), nil
	case graph.CrossContext:
		return c.crossContext(id, o), nil
	case graph.TokenLogits:
		return c.tokenLogits(id, o), nil
	case graph.PhraseScores:
		return c.phraseScores(id, o), nil
	case graph.Candidates:
		return c.candidates(id, o), nil
	case graph.AbsorbKeys:
		return c.absorbKeys(id, o), nil
	case graph.AbsorbBias:
		return c.absorbBias(id, o), nil
	case graph.AbsorbValues:
		return c.absorbValues(id, o), nil
	case graph.HeadLinear:
		return c.headLinear(id, o), nil
	}
	return step{}, fmt.Errorf("package cpu does not know operation %T", n.Op)
}
