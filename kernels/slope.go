package kernels

import "github.com/glipvk/glipvk/graph"

// The modes of slope.comp.
const (
	geluSlope = iota
	reluSlope
	sigmoidSlope
	hardSigmoidSlope
	clampSlope
	firstMoment
	secondMoment
)

// slopePush mirrors the block of slope.comp; count in vectors.
type slopePush struct {
	Count, Channel uint32
	Cols, From     uint32
	By, Rest       float32
}

// slope lowers a function of two values element by element.
func (l *lowerer) slope(s step, mode int, push slopePush) {
	push.Cols = uint32(l.shape(s.out).Last())
	factor := l.read(s.in[0], 1, 0, 1) // bound but not read
	if len(s.in) > 2 {
		factor = l.whole(s.in[2], 1)
	}
	l.pointwise(s, "slope", []any{mode}, func(count, begin int) any {
		push.Count, push.Channel = uint32(count), uint32(begin)%push.Cols
		return push
	}, 2, factor)
}

func (l *lowerer) geluGradX(s step) { l.slope(s, geluSlope, slopePush{}) }

func (l *lowerer) reluGradX(s step) { l.slope(s, reluSlope, slopePush{}) }

func (l *lowerer) sigmoidGradX(s step) {
	l.slope(s, sigmoidSlope, slopePush{From: uint32(s.op.(graph.SigmoidGradX).From)})
}

func (l *lowerer) hardSigmoidGradX(s step) { l.slope(s, hardSigmoidSlope, slopePush{}) }

func (l *lowerer) clampGradX(s step) {
	l.slope(s, clampSlope, slopePush{By: float32(s.op.(graph.ClampGradX).Limit)})
}

// moment lowers Moment.
func (l *lowerer) moment(s step) {
	o, mode := s.op.(graph.Moment), firstMoment
	if o.Power == 2 {
		mode = secondMoment
	}
	l.slope(s, mode, slopePush{By: float32(o.Beta), Rest: float32(1 - o.Beta)})
}

// adamWPush mirrors the block of adamw.comp; count in vectors.
type adamWPush struct {
	Count uint32
	Eps   float32
}

// adamW lowers AdamW.
func (l *lowerer) adamW(s step) {
	eps := float32(s.op.(graph.AdamW).Eps)
	l.pointwise(s, "adamw", nil, func(count, _ int) any { return adamWPush{uint32(count), eps} }, 3, l.whole(s.in[3], 1))
}
