package graph

import (
	"reflect"
	"strings"
	"sync"
)

// Op is one kind of operation with its attributes. The set is closed: only this
// package defines operations, so that every executor can be tested to know all of
// them (see [Kinds]).
type Op interface {
	// infer gives the output shape for operands that are what the operation takes ([taker])
	// and valid ([checked]).
	infer(in []Shape, s *sizes) Shape
}

// Kind is the stem of an operation, the name of its type in lower case: its shader, its
// oracle, its tests and its benchmark have it too. Packages that join operations name theirs so.
func Kind(op any) string {
	t := reflect.TypeOf(op)
	if kind, known := kinds.Load(t); known {
		return kind.(string)
	}
	kind := strings.ToLower(t.Name())
	kinds.Store(t, kind)
	return kind
}

// kinds are those asked for before, by type.
var kinds sync.Map

// product is an operation that is counted as multiply-adds.
type product interface {
	// inner is how many multiply-adds make an element of the result.
	inner(in []Shape) int
}

// gathered is a product whose elements take differing numbers of multiply-adds.
type gathered interface {
	adds(in []Shape) int64
}

// Input is a value given at run time. Its shape is stated when it is recorded.
type Input struct{ shape Shape }

func (Input) takes(int) []string            { return nil }
func (o Input) infer([]Shape, *sizes) Shape { return o.shape }

// InputOf is an input of the given shape, for those who rewrite a graph.
func InputOf(shape Shape) Input { return Input{shape} }

// Param is a weight, named by its path, which is the canonical checkpoint key.
// Bytes are supplied by whoever executes the graph.
type Param struct{ shape Shape }

func (Param) takes(int) []string            { return nil }
func (o Param) infer([]Shape, *sizes) Shape { return o.shape }

// Kinds lists one value of every operation that computes something, file by file. Tests
// walk it to require an oracle and a lowering for each.
func Kinds() []Op {
	return []Op{
		Linear{}, Conv{}, DeformConv{}, Scores{}, Context{}, CrossScores{}, CrossContext{},
		AbsorbKeys{}, AbsorbBias{}, AbsorbValues{}, HeadLinear{}, TokenLogits{},
		LayerNorm{}, GroupNorm{}, Normalize{}, Softmax{},
		WindowPartition{}, WindowReverse{}, Roll{}, PositionBias{}, ShiftMask{},
		Patches{}, MergePatches{}, ResizePosition{}, ChannelsFirst{}, Pad{}, Crop{},
		ResizeNearest{}, ResizeBilinear{}, GlobalMean{}, WeightedMean{},
		Embed{}, ConcatTokens{}, SliceTokens{}, Reshape{}, SwapLast{},
		Add{}, AddScaled{}, Scale{}, MulScalar{}, GELU{}, ReLU{}, Sigmoid{}, HardSigmoid{}, Clamp{}, DynamicReLU{},
		PhraseScores{}, Candidates{},

		LinearGradX{}, LinearGradWeight{}, ConvGradX{}, ConvGradWeight{}, DeformConvGradX{}, DeformConvGradOffset{}, DeformConvGradWeight{},
		HeadLinearGradWeight{},
		LayerNormGradX{}, LayerNormGradWeight{}, GroupNormGradX{}, GroupNormGradWeight{}, NormalizeGradX{}, SoftmaxGradX{},
		PositionBiasGradTable{}, SplitPatches{}, ResizeNearestGradX{}, ResizeBilinearGradX{},
		EmbedGradWord{}, SliceChannels{}, ConcatChannels{},
		Mul{}, Tile{}, SumTiles{}, Fill{}, Exp{}, PackHalves{}, UnpackHalves{},
		GELUGradX{}, ReLUGradX{}, SigmoidGradX{}, HardSigmoidGradX{}, ClampGradX{}, DynamicReLUGradX{}, DynamicReLUGradT{},
		TokenFocalLoss{}, TokenFocalLossGradX{}, GIoULoss{}, GIoULossGradX{}, CenternessLoss{}, CenternessLossGradX{},
		Keep{}, DropBlock{}, SumSquares{}, ClipScale{}, Moment{}, AdamW{},
	}
}
