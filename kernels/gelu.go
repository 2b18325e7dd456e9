package kernels

// countPush mirrors the block of gelu.comp, in vectors.
type countPush struct{ Count uint32 }

// gelu lowers GELU where no product takes it over.
func (l *lowerer) gelu(s step) {
	l.pointwise(s, "gelu", nil, func(count, _ int) any { return countPush{uint32(count)} }, 1)
}
