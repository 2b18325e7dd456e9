package kernels

import "github.com/glipvk/glipvk/graph"

// normalizePush mirrors the block of normalize.comp; cols in vectors.
type normalizePush struct {
	Rows, Cols uint32
	Eps        float32
}

// normalize lowers Normalize over the last axis.
func (l *lowerer) normalize(s step) {
	l.rowwise(s, "normalize", func(rows, cols uint32) any {
		return normalizePush{rows, cols, float32(s.op.(graph.Normalize).Eps)}
	})
}
