package kernels

// geluPush mirrors the block of gelu.comp; count in vectors.
type geluPush struct{ Count uint32 }

// gelu lowers GELU where no product takes it over.
func (l *lowerer) gelu(s step) {
	l.pointwise(s, "gelu", nil, func(count, _ int) any { return geluPush{uint32(count)} }, nil)
}
