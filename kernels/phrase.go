package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// phraseListsPush mirrors the block of phraselists.comp.
type phraseListsPush struct{ Labels, Tokens uint32 }

// phraseScoresPush mirrors the block of phrasescores.comp.
type phraseScoresPush struct{ Rows, Labels, Tokens, Positions, First uint32 }

// phraseScratch is what the lists of the tokens of all pictures' labels take.
func (l *lowerer) phraseScratch(s step) int64 {
	out := l.shape(s.out)
	return 4 * int64(out[0]*out[2]) * int64(l.shape(s.in[0])[2]+1)
}

// phraseScores lowers PhraseScores: a label has few tokens, so they are listed first, and
// no position looks at the others.
func (l *lowerer) phraseScores(s step) {
	out, tokens := l.shape(s.out), l.shape(s.in[0])[2]
	labels, all := out[2], out[0]*out[2]
	list := l.spans(out[0]*out[1], 0, 4*int64(labels), 4*int64(tokens))
	bytes := l.phraseScratch(s)
	l.emit(s, "phraselists", dispatch{
		constants: constants(l.style.Group), groups: l.fold(ceilDiv(all, l.style.Group)), push: phraseListsPush{uint32(all), uint32(tokens)},
		operands: []operand{l.whole(s.in[1], 1), l.scratchPart(0, bytes, 1, engine.Write)},
	})
	for _, r := range list {
		l.emit(s, "phrasescores", dispatch{
			constants: constants(l.style.Group, columnBlock, int(s.op.(graph.PhraseScores).Aggregate)), groups: l.columnBlocks(r.units(), labels, columnBlock),
			push: phraseScoresPush{uint32(r.units()), uint32(labels), uint32(tokens), uint32(out[1]), uint32(r.begin)},
			operands: []operand{l.read(s.in[0], 1, r.begin*tokens, r.units()*tokens), l.scratchPart(0, bytes, 1, engine.Read),
				l.write(s.out, 1, r.begin*labels, r.units()*labels)},
		})
	}
}
