package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// lossPush mirrors the block of centerness.comp and begins those of the other losses.
type lossPush struct{ Count, Blocks uint32 }

// focalPush mirrors the block of focal.comp.
type focalPush struct {
	lossPush
	Positions, Tokens, Boxes uint32
	Alpha, Gamma             float32
}

// giouPush mirrors the block of giou.comp.
type giouPush struct {
	lossPush
	AnchorCount uint32
}

// lossTerms are the terms that a loss is the sum of: positions, or tokens of positions.
func (l *lowerer) lossTerms(s step) int {
	switch s.op.(type) {
	case graph.GIoULoss:
		return l.shape(s.in[3]).Elements()
	case graph.GIoULossGradX:
		return l.shape(s.in[4]).Elements()
	case graph.TokenFocalLossGradX, graph.CenternessLossGradX:
		return l.shape(s.out).Elements()
	}
	return l.shape(s.in[0]).Elements()
}

func (l *lowerer) lossScratch(s step) int64 {
	return l.sumScratch(ceilDiv(l.lossTerms(s), sumBlock), 1)
}

// loss lowers a loss, or its gradient, whose first operand is that of the sum.
func (l *lowerer) loss(s step, stem string, gradient bool, push func(lossPush) any) {
	n := l.lossTerms(s)
	blocks := ceilDiv(n, sumBlock)
	operands := []operand{l.read(s.in[0], 1, 0, 1)}
	if gradient {
		operands = nil
	}
	for _, id := range s.in {
		operands = append(operands, l.whole(id, 1))
	}
	groups, y := blocks, l.scratchPart(0, 4*int64(blocks), 1, engine.Write)
	if gradient {
		groups, y = n, l.write(s.out, 1, 0, l.shape(s.out).Elements())
	}
	l.emit(s, stem, dispatch{constants: constants(l.style.Group, gradient), groups: l.fold(ceilDiv(groups, l.style.Group)),
		push: push(lossPush{uint32(n), uint32(blocks)}), operands: append(operands, y)})
	if !gradient {
		l.addUp(s, 0, blocks, 1, s.out, 0)
	}
}

func (l *lowerer) tokenFocalLoss(s step) { l.focal(s, s.op.(graph.TokenFocalLoss), s.in, false) }

func (l *lowerer) tokenFocalLossGradX(s step) {
	l.focal(s, s.op.(graph.TokenFocalLossGradX).TokenFocalLoss, s.in[1:], true)
}

func (l *lowerer) focal(s step, o graph.TokenFocalLoss, in []graph.ID, gradient bool) {
	z := l.shape(in[0])
	l.loss(s, "focal", gradient, func(p lossPush) any {
		return focalPush{p, uint32(z[1]), uint32(z[2]), uint32(l.shape(in[2])[1]), float32(o.Alpha), float32(o.Gamma)}
	})
}

func (l *lowerer) gIoULoss(s step) { l.giou(s, s.in, false) }

func (l *lowerer) gIoULossGradX(s step) { l.giou(s, s.in[1:], true) }

func (l *lowerer) giou(s step, in []graph.ID, gradient bool) {
	l.loss(s, "giou", gradient, func(p lossPush) any { return giouPush{p, uint32(l.shape(in[1])[0])} })
}

func (l *lowerer) centernessLoss(s step) {
	l.loss(s, "centerness", false, func(p lossPush) any { return p })
}

func (l *lowerer) centernessLossGradX(s step) {
	l.loss(s, "centerness", true, func(p lossPush) any { return p })
}
