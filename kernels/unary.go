package kernels

import "github.com/glipvk/glipvk/graph"

// unaryMode is the function that unary.comp computes.
type unaryMode uint32

// The modes of unary.comp.
const (
	sigmoidMode unaryMode = iota
	reluMode
	hardSigmoidMode
	clampMode
	scaleMode
	mulScalarMode
	expMode
	clipScaleMode
	shareMode
)

// unaryPush mirrors the block of unary.comp; count in vectors.
type unaryPush struct {
	Count, Channel uint32
	Cols, From     uint32
	By             float32
}

// unary lowers a function of each element.
func (l *lowerer) unary(s step, mode unaryMode, push unaryPush) {
	push.Cols = uint32(l.shape(s.out).Last())
	factor := l.read(s.in[0], 1, 0, 1) // bound but not read
	if mode == mulScalarMode {
		factor = l.whole(s.in[1], 1)
	}
	l.pointwise(s, "unary", []any{mode}, func(count, begin int) any {
		push.Count, push.Channel = uint32(count), uint32(begin)%push.Cols
		return push
	}, 1, factor)
}

func (l *lowerer) sigmoid(s step) {
	l.unary(s, sigmoidMode, unaryPush{From: uint32(s.op.(graph.Sigmoid).From)})
}

func (l *lowerer) relu(s step) { l.unary(s, reluMode, unaryPush{}) }

func (l *lowerer) hardSigmoid(s step) { l.unary(s, hardSigmoidMode, unaryPush{}) }

func (l *lowerer) clamp(s step) {
	l.unary(s, clampMode, unaryPush{By: float32(s.op.(graph.Clamp).Limit)})
}

func (l *lowerer) scaled(s step) {
	l.unary(s, scaleMode, unaryPush{By: float32(s.op.(graph.Scale).Factor)})
}

func (l *lowerer) exp(s step) { l.unary(s, expMode, unaryPush{}) }

func (l *lowerer) clipScale(s step) {
	l.unary(s, clipScaleMode, unaryPush{By: float32(s.op.(graph.ClipScale).Limit)})
}

func (l *lowerer) mulScalar(s step) { l.unary(s, mulScalarMode, unaryPush{}) }
