package kernels

// channelsFirstPush mirrors the block of channelsfirst.comp and, in the operands' vectors, that of swapblocks.comp.
type channelsFirstPush struct {
	Tokens, Token0, AllTokens       uint32
	Channels, Channel0, AllChannels uint32
	XStart, YStart                  uint32
}

// tileSide is that of the square tile in shared memory.
const tileSide = 16

// channelsFirst lowers the layout change, as many pictures at a time as fit; a picture that does not
// fit is cut into runs of tokens on the one side and of channels on the other.
func (l *lowerer) channelsFirst(s step) {
	in := l.shape(s.in[0])
	l.transposed(s, in[0], in[1]*in[2], in[3])
}

// swapLast lowers SwapLast the same way.
func (l *lowerer) swapLast(s step) {
	in := l.shape(s.in[0])
	tokens, c := in[len(in)-2], in[len(in)-1]
	l.transposed(s, in.Elements()/(tokens*c), tokens, c)
}

// transposed lowers [pictures, tokens, c] -> [pictures, c, tokens].
func (l *lowerer) transposed(s step, pictures, tokens, c int) {
	most := tileSide * min(l.caps.MaxWorkgroups[0], l.caps.MaxWorkgroups[1])
	tokenSpans := l.earlySpans(tokens, most, 4*int64(c))
	channelSpans := l.earlySpans(c, most, 4*int64(tokens))
	if len(tokenSpans) == 1 && len(channelSpans) == 1 {
		for _, r := range l.earlySpans(pictures, l.caps.MaxWorkgroups[2], 4*int64(tokens*c)) {
			l.emitTransposed(s, r, [2]int{tokens, c}, [2]span{tokenSpans[0], channelSpans[0]})
		}
		return
	}
	for b := range pictures {
		for _, t := range tokenSpans {
			for _, ch := range channelSpans {
				l.emitTransposed(s, span{b, b + 1}, [2]int{tokens, c}, [2]span{t, ch})
			}
		}
	}
}

// emitTransposed transposes some tokens of some channels of one picture, sizes being all
// there are, or several pictures whole.
func (l *lowerer) emitTransposed(s step, pictures span, sizes [2]int, of [2]span) {
	tokens, c, t, ch := sizes[0], sizes[1], of[0], of[1]
	stem, xw, yw := "channelsfirst", 1, 1 // widths of the operands
	if l.style.Lanes == 1 && (c|ch.begin|ch.units())%4 == 0 {
		if stem, xw = "swapblocks_ragged", 4; (tokens|t.begin|t.units())%4 == 0 {
			stem, yw = "swapblocks", 4
		}
	}
	more := (pictures.units() - 1) * tokens * c
	x := l.read(s.in[0], xw, (pictures.begin*tokens+t.begin)*c, more+t.units()*c)
	y := l.write(s.out, yw, (pictures.begin*c+ch.begin)*tokens, more+ch.units()*tokens)
	push := channelsFirstPush{Tokens: uint32(t.units() / yw), Token0: uint32(t.begin / yw), AllTokens: uint32(tokens / yw),
		Channels: uint32(ch.units() / xw), Channel0: uint32(ch.begin / xw), AllChannels: uint32(c / xw)}
	push.XStart, push.YStart = l.aligned(&x)/uint32(xw), l.aligned(&y)/uint32(yw)
	d := dispatch{constants: constants(max(l.style.Group, tileSide), tileSide), push: push, operands: []operand{x, y},
		groups: [3]int{ceilDiv(t.units(), tileSide), ceilDiv(ch.units(), tileSide), 1}}
	if xw == 4 {
		d.constants = constants(l.style.Group, swapBlocks)
		d.groups = l.fold(ceilDiv(t.units()/yw*ceilDiv(ch.units()/xw, swapBlocks), l.style.Group))
	}
	d.groups[2] = pictures.units()
	l.emit(s, stem, d)
}

// swapBlocks is how many blocks an invocation of swapblocks.comp turns: a cache line's.
const swapBlocks = 4
