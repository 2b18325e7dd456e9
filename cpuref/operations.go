package cpuref

import (
	"fmt"
	"reflect"

	"github.com/glipvk/glipvk/graph"
)

// operations are what lays each kind of operation out as rows that are computed independently:
// functions of the operation, where it has attributes, of its result and of its operands.
var operations = map[string]any{
	"linear": linear, "conv": conv, "deformconv": deformConv, "scores": scores, "context": contextOf,
	"crossscores": crossScores, "crosscontext": crossContext, "absorbkeys": absorbKeys, "absorbbias": absorbBias,
	"absorbvalues": absorbValues, "headlinear": headLinear, "tokenlogits": tokenLogits,
	"layernorm": layerNorm, "groupnorm": groupNorm, "normalize": normalize, "softmax": softmax,
	"windowpartition": windowPartition, "windowreverse": windowReverse, "roll": roll, "positionbias": positionBias, "shiftmask": shiftMask,
	"patches": patches, "mergepatches": mergePatches, "resizeposition": resizePosition, "channelsfirst": channelsFirst, "pad": pad, "crop": crop,
	"resizenearest": resizeNearest, "resizebilinear": resizeBilinear, "globalmean": globalMean, "weightedmean": weightedMean,
	"embed": embed, "concattokens": concatTokens, "slicetokens": sliceTokens, "reshape": reshape, "swaplast": swapLast,
	"add": add, "addscaled": addScaled, "scale": scale, "mulscalar": mulScalar, "gelu": gelu, "relu": relu,
	"sigmoid": sigmoid, "hardsigmoid": hardSigmoid, "clamp": clamp, "dynamicrelu": dynamicReLU,
	"phrasescores": phraseScores, "candidates": candidates,

	"lineargradx": linearGradX, "lineargradweight": linearGradWeight, "convgradx": convGradX, "convgradweight": convGradWeight,
	"deformconvgradx": deformConvGradX, "deformconvgradoffset": deformConvGradOffset, "deformconvgradweight": deformConvGradWeight,
	"headlineargradweight": headLinearGradWeight,
	"layernormgradx":       layerNormGradX, "layernormgradweight": layerNormGradWeight, "groupnormgradx": groupNormGradX,
	"groupnormgradweight": groupNormGradWeight, "normalizegradx": normalizeGradX, "softmaxgradx": softmaxGradX,
	"positionbiasgradtable": positionBiasGradTable, "splitpatches": splitPatches, "resizenearestgradx": resizeNearestGradX,
	"resizebilineargradx": resizeBilinearGradX, "embedgradword": embedGradWord, "slicechannels": sliceChannels, "concatchannels": concatChannels,
	"mul": mul, "tile": tile, "sumtiles": sumTiles, "fill": fill, "exp": exponential,
	"packhalves": packHalves, "unpackhalves": unpackHalves,
	"gelugradx": geluGradX, "relugradx": reluGradX, "sigmoidgradx": sigmoidGradX, "hardsigmoidgradx": hardSigmoidGradX,
	"clampgradx": clampGradX, "dynamicrelugradx": dynamicReLUGradX, "dynamicrelugradt": dynamicReLUGradT,
	"tokenfocalloss": tokenFocalLoss, "tokenfocallossgradx": tokenFocalLossGradX, "giouloss": gIoULoss, "gioulossgradx": gIoULossGradX,
	"centernessloss": centernessLoss, "centernesslossgradx": centernessLossGradX,
	"keep": keep, "dropblock": dropBlock, "sumsquares": sumSquares, "clipscale": clipScale, "moment": moment, "adamw": adamW,
}

// interpret lays out an operation.
func interpret(op graph.Op, y tensor, in []tensor) (rows, error) {
	f, known := operations[graph.Kind(op)]
	if !known {
		return rows{}, fmt.Errorf("the oracle does not know operation %T", op)
	}
	var arguments []reflect.Value
	if reflect.TypeOf(f).In(0) == reflect.TypeOf(op) {
		arguments = append(arguments, reflect.ValueOf(op))
	}
	for _, x := range append([]tensor{y}, in...) {
		arguments = append(arguments, reflect.ValueOf(x))
	}
	return reflect.ValueOf(f).Call(arguments)[0].Interface().(rows), nil
}
