package kernels

import "github.com/glipvk/glipvk/graph"

// halves finds the values that are stored as 16-bit floats when matrices are: what a
// product or an attention hands to products and attentions alone. The residual stream, which
// every block adds to, keeps 32 bits, and so do inputs, results and whatever operations
// that were not joined read or write.
func (l *lowerer) halves(list []step, kept []graph.ID) map[graph.ID]bool {
	half := map[graph.ID]bool{}
	if l.precision != F16 {
		return half
	}
	stays := map[graph.ID]bool{}
	for _, id := range kept {
		stays[resolve(l.alias, id)] = true
	}
	for id := range l.begins { // views are of 32-bit floats
		stays[id], stays[resolve(l.alias, id)] = true, true
	}
	for _, s := range list {
		if !stays[s.out] && l.makesHalf(s, half) && l.allReadHalf(list, s.out) {
			half[s.out] = true
		}
	}
	return half
}

// makesHalf reports whether the shader of a step can store 16-bit floats.
func (l *lowerer) makesHalf(s step, half map[graph.ID]bool) bool {
	switch o := s.op.(type) {
	case linear:
		p := o.operands(s.in)
		return l.matrix[p.weight] == ofLinear && l.packing(p.weight).half && !half[p.x] && !o.residual && o.merge == nil
	case attention:
		return half[s.in[0]] // qkv and context have one type
	}
	return false
}

// allReadHalf reports whether every step that reads a value can read 16-bit floats.
func (l *lowerer) allReadHalf(list []step, id graph.ID) bool {
	for _, s := range list {
		for i, in := range s.in {
			if in == id && !l.readsHalf(s, i) {
				return false
			}
		}
	}
	return true
}

func (l *lowerer) readsHalf(s step, operand int) bool {
	if operand != 0 {
		return false
	}
	switch o := s.op.(type) {
	case linear:
		p := o.operands(s.in)
		if l.matrix[p.weight] != ofLinear || !l.packing(p.weight).half || o.norm != nil || o.merge != nil || o.rows != nil && o.rows.mode == partition {
			return false
		}
		return !l.packing(p.weight).panels || l.shape(p.weight).Elements()/l.shape(p.weight)[0]%16 == 0
	case attention:
		h := l.headed(s.in[0], o.heads)
		return l.style.Gemm != uniform || h.size%16 == 0
	}
	return false
}
