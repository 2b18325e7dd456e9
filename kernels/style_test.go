package kernels

import (
	"errors"
	"runtime"
	"testing"

	"github.com/glipvk/glipvk/engine"
)

// TestStyleOf: a software driver reads through texel buffers only where these hold as
// much as storage buffers do, and a graphics card never does.
func TestStyleOf(t *testing.T) {
	llvmpipe := engine.Caps{MaxTexels: 1 << 27, MaxStorageBufferRange: 1 << 27, SubgroupSize: 8}
	swiftShader := engine.Caps{MaxTexels: 1 << 16, MaxStorageBufferRange: 1 << 30, SubgroupSize: 4}
	shuffles := []string{"basic", "arithmetic", "ballot", "shuffle"}
	newer := engine.Caps{MaxTexels: 1 << 27, MaxStorageBufferRange: 1 << 27, SubgroupSize: 8, SubgroupOperations: shuffles, BufferAddress: true}
	wide := newer
	wide.SubgroupSize = 16
	cores := runtime.NumCPU()
	for _, c := range []struct {
		kind, version, variant string
		caps                   engine.Caps
		want                   style
	}{
		{"cpu", "", "", llvmpipe, style{texel: true, gemm: direct, group: 8, lanes: 1, cores: cores}},
		{"cpu", "", "", swiftShader, style{gemm: direct, group: 4, lanes: 1, cores: cores}},
		{"cpu", "", "tiled", llvmpipe, style{gemm: tiled, group: 64, lanes: 32}},
		{"discrete", "", "", llvmpipe, style{gemm: tiled, group: 64, lanes: 32}},
		{"discrete", "", "direct", llvmpipe, style{gemm: direct, group: 64, lanes: 32}},
		{"cpu", "Mesa 26.2.6-1 (LLVM 21.1.8)", "", newer, style{texel: true, gemm: uniform, group: 8, lanes: 1, shuffle: true, cores: cores}},
		{"cpu", "Mesa 22.3.6 (LLVM 15.0.6)", "", newer, style{texel: true, gemm: direct, group: 8, lanes: 1, shuffle: true, cores: cores}},
		{"cpu", "Mesa 22.3.6 (LLVM 15.0.6)", "uniform", newer, style{texel: true, gemm: uniform, group: 8, lanes: 1, shuffle: true, cores: cores}},
		{"cpu", "Mesa 26.2.6-1 (LLVM 21.1.8)", "", wide, style{texel: true, gemm: direct, group: 16, lanes: 1, shuffle: true, cores: cores}},
		{"discrete", "Mesa 26.2.6", "", newer, style{gemm: tiled, group: 64, lanes: 32, shuffle: true}},
	} {
		got, err := styleOf(engine.Info{Kind: c.kind, Driver: "llvmpipe", DriverVersion: c.version, Caps: c.caps}, c.variant)
		if err != nil || got != c.want {
			t.Errorf("%s %q, variant %q, %d texels: %+v, %v, want %+v", c.kind, c.version, c.variant, c.caps.MaxTexels, got, err, c.want)
		}
	}
	if _, err := styleOf(engine.Info{Kind: "cpu", Caps: llvmpipe}, "uniform"); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("variant uniform without addresses: %v", err)
	}
	if _, err := styleOf(engine.Info{}, "fast"); err == nil {
		t.Error("an unknown variant is accepted")
	}
}
