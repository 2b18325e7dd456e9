package cpu

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// lowerings make the step that computes a value by itself.
var lowerings = map[string]func(c *compiler, id graph.ID) step{
	"patches": (*compiler).move, "layernorm": (*compiler).move, "pad": (*compiler).move, "crop": (*compiler).move, "roll": (*compiler).move,
	"windowpartition": (*compiler).move, "windowreverse": (*compiler).move, "mergepatches": (*compiler).move, "resizenearest": (*compiler).move,
	"channelsfirst":  (*compiler).channelsFirst,
	"gelu":           (*compiler).gelu,
	"add":            (*compiler).add,
	"softmax":        (*compiler).softmax,
	"linear":         (*compiler).linear,
	"scores":         (*compiler).scores,
	"context":        (*compiler).context,
	"positionbias":   (*compiler).positionBias,
	"shiftmask":      (*compiler).shiftMask,
	"resizeposition": (*compiler).resizePosition,
	"conv":           (*compiler).conv,
	"deformconv":     (*compiler).deformConv,
	"relu":           pointwise(relu),
	"hardsigmoid":    pointwise(hardSigmoid),
	"clamp":          (*compiler).clamp,
	"scale":          (*compiler).scale,
	"mulscalar":      (*compiler).mulScalar,
	"sigmoid":        (*compiler).sigmoid,
	"groupnorm":      (*compiler).groupNorm,
	"resizebilinear": (*compiler).resizeBilinear,
	"globalmean":     (*compiler).globalMean,
	"weightedmean":   (*compiler).weightedMean,
	"dynamicrelu":    (*compiler).dynamicReLU,
	"addscaled":      (*compiler).addScaled,
	"normalize":      (*compiler).normalize,
	"slicetokens":    (*compiler).sliceTokens,
	"reshape":        (*compiler).reshape,
	"embed":          (*compiler).embed,
	"crossscores":    (*compiler).crossScores,
	"swaplast":       (*compiler).swapLast,
	"crosscontext":   (*compiler).crossContext,
	"tokenlogits":    (*compiler).tokenLogits,
	"phrasescores":   (*compiler).phraseScores,
	"candidates":     (*compiler).candidates,
	"absorbkeys":     (*compiler).absorbKeys,
	"absorbbias":     (*compiler).absorbBias,
	"absorbvalues":   (*compiler).absorbValues,
	"headlinear":     (*compiler).headLinear,
}

// lower makes the step that computes a value, with those before it that it can compute on its way.
func (c *compiler) lower(id graph.ID) (step, error) {
	if s, ok := c.product(id); ok {
		return s, nil
	}
	f, ok := lowerings[graph.Kind(c.node(id).Op)]
	if !ok {
		return step{}, fmt.Errorf("package cpu does not know operation %T", c.node(id).Op)
	}
	return f(c, id), nil
}
