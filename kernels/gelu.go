package kernels

// countPush mirrors the blocks of gelu.comp, in vectors, and of zero.comp.
type countPush struct{ Count uint32 }

// gelu lowers GELU where no product takes it over.
func (l *lowerer) gelu(s step) {
	l.pointwise(s, "gelu", nil, func(count, _ int) any { return countPush{uint32(count)} }, nil)
}
