package onnx

// Why operations have no lowering.
const (
	gradient  = "it is a gradient, which training computes; export the graph of inference"
	lossOf    = "it is a loss or its gradient, which training computes; export the graph of inference"
	bookkeep  = "it is a part of training's gradients, and no model has it; export the graph of inference"
	chance    = "it throws dice, as training does; export the graph of inference"
	optimizer = "it is a step of the optimizer; export the graph of inference"
	packing   = "it stores values between the passes of training in 16 bits; export the graph of inference"
)

// reasons are those of the operations that have no lowering, by kind.
var reasons = map[string]string{
	"lineargradx": gradient, "lineargradweight": gradient, "convgradx": gradient, "convgradweight": gradient, "deformconvgradx": gradient,
	"deformconvgradoffset": gradient, "deformconvgradweight": gradient, "headlineargradweight": gradient, "layernormgradx": gradient,
	"layernormgradweight": gradient, "groupnormgradx": gradient, "groupnormgradweight": gradient, "normalizegradx": gradient,
	"softmaxgradx": gradient, "positionbiasgradtable": gradient, "splitpatches": gradient, "resizenearestgradx": gradient,
	"resizebilineargradx": gradient, "embedgradword": gradient, "gelugradx": gradient, "relugradx": gradient, "sigmoidgradx": gradient,
	"hardsigmoidgradx": gradient, "clampgradx": gradient, "dynamicrelugradx": gradient, "dynamicrelugradt": gradient,

	"slicechannels": bookkeep, "concatchannels": bookkeep, "mul": bookkeep, "tile": bookkeep, "sumtiles": bookkeep, "fill": bookkeep, "exp": bookkeep,
	"packhalves": packing, "unpackhalves": packing,

	"tokenfocalloss": lossOf, "tokenfocallossgradx": lossOf, "giouloss": lossOf, "gioulossgradx": lossOf, "centernessloss": lossOf,
	"centernesslossgradx": lossOf,
	"keep":                chance, "dropblock": chance,
	"sumsquares": optimizer, "clipscale": optimizer, "moment": optimizer, "adamw": optimizer,
}
