package kernels

import (
	"github.com/glipvk/glipvk/graph"
)

// headed are the sizes of an attention over qkv [G, n, 3C].
type headed struct{ groups, tokens, channels, heads, size int }

func (l *lowerer) headed(qkv graph.ID, heads int) headed {
	s := l.shape(qkv)
	return headed{s[0], s[1], s[2] / 3, heads, s[2] / 3 / heads}
}

// attentionPush mirrors the block of attention.comp.
type attentionPush struct {
	Channels, Heads uint32
	Window0         uint32
	Across, Down    uint32
	Shift           uint32
	Scale           float32
}

// addressedAttentionPush is the same with addresses, which the engine fills in.
type addressedAttentionPush struct {
	QKV, Table, Y uint64
	attentionPush
}

// attention lowers scores, softmax and context as one dispatch for a run of windows.
func (l *lowerer) attention(s step) {
	o := s.op.(attention)
	h := l.headed(s.in[0], o.heads)
	push := attentionPush{Channels: uint32(h.channels), Heads: uint32(h.heads), Across: 1, Down: 1, Scale: float32(o.scale)}
	if m := o.mask; m != nil {
		push.Across, push.Down, push.Shift = uint32(m.Width/m.Size), uint32(m.Height/m.Size), uint32(m.Shift)
	}
	stem, split := "attention", l.style.attentionSplit(h)
	if l.half[s.in[0]] {
		stem += "_half"
	}
	if split > 1 {
		stem += "_dealt"
	}
	byAddress := l.style.Gemm == uniform
	rowQKV, rowY := h.tokens*3*h.channels, h.tokens*h.channels
	perUnit := []int64{l.size(s.in[0]) * int64(rowQKV), l.size(s.out) * int64(rowY)}
	if byAddress {
		perUnit = nil
	}
	list := l.spans(h.groups, l.caps.MaxWorkgroups[2], perUnit...)
	group, keys := l.attentionGroup(o, h, split)
	queries := l.attentionQueries(h, group)
	for _, r := range list {
		push.Window0 = uint32(r.begin)
		qkv := l.read(s.in[0], 4, r.begin*rowQKV, r.units()*rowQKV)
		table := qkv.unread()
		if o.bias {
			table = l.whole(s.in[1], 1)
		} else {
			table.width = 1
		}
		d := dispatch{
			constants: constants(group, o.bias, o.mask != nil, o.side, h.size/4, queries),
			push:      push,
			operands:  []operand{qkv, table, l.write(s.out, 4, r.begin*rowY, r.units()*rowY)},
			groups:    [3]int{ceilDiv(h.tokens*split, group*queries), h.heads, r.units()},
			flops:     4 * int64(h.tokens*h.tokens*h.channels) * int64(r.units()),
		}
		if keys > 0 {
			d.constants = append(d.constants, uint32(keys), l.attentionKeys(o.side))
		}
		if split > 1 {
			d.constants = append(d.constants, uint32(split))
		}
		if !byAddress {
			l.emit(s, stem, d)
			continue
		}
		d.path, d.shader, d.addressed = s.path, stem+"_uniform", true
		d.push = addressedAttentionPush{attentionPush: push}
		l.list = append(l.list, d)
	}
}

// attentionGroup is the workgroup size, an invocation for each query (or split of them) as far as the device
// allows, and how many keys are staged in shared memory at a time; 0 where nothing is staged. A graphics card gets a row of a window,
// which leaves room for as many workgroups as registers allow. A software driver, which runs them one by one, gets all of a window where
// they leave room for a second workgroup, else as many of its rows as fit the 16 KiB that every device has.
func (l *lowerer) attentionGroup(o attention, h headed, split int) (group, keys int) {
	if l.style.Texel || l.style.Gemm == uniform {
		return l.style.Group, 0
	}
	const step = 32
	lanes, most := h.tokens*split, l.caps.MaxInvocations
	if split > 1 {
		most = min(most, dealtGroup)
	}
	group = min(ceilDiv(lanes, step)*step, most)
	if lanes > group { // as few workgroups as possible, of equal size
		group = ceilDiv(ceilDiv(lanes, ceilDiv(lanes, group)), 16) * 16
	}
	if l.style.Cores == 0 {
		return group, o.side
	}
	row := 2 * 4 * h.size // bytes of a key and its value
	bias := 4 * (2*o.side - 1) * (2*o.side - 1)
	if room := l.caps.MaxSharedMemory / 2; h.tokens*row+bias <= room {
		return group, h.tokens
	}
	room := min(l.caps.MaxSharedMemory, 16<<10) - bias
	return group, max(room/(row*o.side), 1) * o.side
}

// attentionKeys is how many keys of a row of side an invocation takes at a time: the fewer, the fewer registers it needs, and the more often it
// rescales what it has summed.
func (l *lowerer) attentionKeys(side int) uint32 {
	keys := side
	if most := l.style.Keys; most > 0 && side > shortRow {
		for keys = most; side%keys != 0; keys-- {
		}
	}
	return uint32(keys)
}

// attentionQueries is how many queries an invocation has. A read of a texel buffer is so
// dear that several share it, as long as not too many invocations are idle for it.
func (l *lowerer) attentionQueries(h headed, group int) int {
	if !l.style.Texel || l.style.Gemm == uniform {
		return 1
	}
	return min(4, ceilDiv(h.tokens, group))
}
