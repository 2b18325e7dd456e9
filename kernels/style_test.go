package kernels

import (
	"testing"

	"github.com/glipvk/glipvk/engine"
)

// TestStyleOf: a software driver reads through texel buffers only where these hold as
// much as storage buffers do, and a graphics card never does.
func TestStyleOf(t *testing.T) {
	llvmpipe := engine.Caps{MaxTexels: 1 << 27, MaxStorageBufferRange: 1 << 27, SubgroupSize: 8}
	swiftShader := engine.Caps{MaxTexels: 1 << 16, MaxStorageBufferRange: 1 << 30, SubgroupSize: 4}
	for _, c := range []struct {
		kind, variant string
		caps          engine.Caps
		want          style
	}{
		{"cpu", "", llvmpipe, style{texel: true, direct: true, group: 8, lanes: 1}},
		{"cpu", "", swiftShader, style{direct: true, group: 4, lanes: 1}},
		{"cpu", "tiled", llvmpipe, style{group: 64, lanes: 32}},
		{"discrete", "", llvmpipe, style{group: 64, lanes: 32}},
		{"discrete", "direct", llvmpipe, style{direct: true, group: 64, lanes: 32}},
	} {
		got, err := styleOf(engine.Info{Kind: c.kind, Caps: c.caps}, c.variant)
		if err != nil || got != c.want {
			t.Errorf("%s, variant %q, %d texels: %+v, %v, want %+v", c.kind, c.variant, c.caps.MaxTexels, got, err, c.want)
		}
	}
	if _, err := styleOf(engine.Info{}, "fast"); err == nil {
		t.Error("an unknown variant is accepted")
	}
}
