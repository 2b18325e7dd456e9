package kernels

import (
	"errors"
	"runtime"
	"testing"

	"github.com/glipvk/glipvk/engine"
)

// TestStyleOf: a software driver reads through texel buffers only where these hold as
// much as storage buffers do and it has 64-bit integers, and a graphics card never does.
func TestStyleOf(t *testing.T) {
	llvmpipe := engine.Caps{MaxTexels: 1 << 27, MaxStorageBufferRange: 1 << 27, SubgroupSize: 8, Int64: true}
	swiftShader := engine.Caps{MaxTexels: 1 << 16, MaxStorageBufferRange: 1 << 30, SubgroupSize: 4}
	shuffles := []string{"basic", "arithmetic", "ballot", "shuffle"}
	newer := engine.Caps{MaxTexels: 1 << 27, MaxStorageBufferRange: 1 << 27, SubgroupSize: 8, SubgroupOperations: shuffles, BufferAddress: true, Int64: true}
	wide := newer
	wide.SubgroupSize = 16
	cores := runtime.NumCPU()
	for _, c := range []struct {
		kind, version, variant string
		caps                   engine.Caps
		want                   Style
	}{
		{"cpu", "", "", llvmpipe, Style{Texel: true, Gemm: direct, Group: 8, Lanes: 1, Cores: cores}},
		{"cpu", "", "", swiftShader, Style{Gemm: direct, Group: 4, Lanes: 1, Cores: cores}},
		{"cpu", "", "tiled", llvmpipe, Style{Gemm: tiled, Group: 64, Lanes: 32, Keys: fewKeys}},
		{"cpu", "", "", engine.Caps{MaxTexels: 1 << 27, MaxStorageBufferRange: 1 << 27, SubgroupSize: 8}, Style{Gemm: direct, Group: 8, Lanes: 1, Cores: cores}},
		{"discrete", "", "", llvmpipe, Style{Gemm: tiled, Group: 64, Lanes: 32, Keys: fewKeys, Registers: narrowRegisters}},
		{"discrete", "", "direct", llvmpipe, Style{Gemm: direct, Group: 64, Lanes: 32, Keys: fewKeys, Registers: narrowRegisters}},
		{"cpu", "Mesa 26.2.6-1 (LLVM 21.1.8)", "", newer, Style{Texel: true, Gemm: uniform, Group: 8, Lanes: 1, Cores: cores}},
		{"cpu", "Mesa 22.3.6 (LLVM 15.0.6)", "", newer, Style{Texel: true, Gemm: direct, Group: 8, Lanes: 1, Cores: cores}},
		{"cpu", "Mesa 22.3.6 (LLVM 15.0.6)", "uniform", newer, Style{Texel: true, Gemm: uniform, Group: 8, Lanes: 1, Cores: cores}},
		{"cpu", "Mesa 26.2.6-1 (LLVM 21.1.8)", "", wide, Style{Texel: true, Gemm: direct, Group: 16, Lanes: 1, Cores: cores}},
		{"discrete", "Mesa 26.2.6", "", newer, Style{Gemm: tiled, Group: 64, Lanes: 32, Keys: fewKeys, Registers: narrowRegisters}},
	} {
		got, err := StyleOf(engine.Info{Kind: c.kind, Driver: "llvmpipe", DriverVersion: c.version, Caps: c.caps}, c.variant)
		if err != nil || got != c.want {
			t.Errorf("%s %q, variant %q, %d texels: %+v, %v, want %+v", c.kind, c.version, c.variant, c.caps.MaxTexels, got, err, c.want)
		}
	}
	if _, err := StyleOf(engine.Info{Kind: "cpu", Caps: llvmpipe}, "uniform"); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("variant uniform without addresses: %v", err)
	}
	if _, err := StyleOf(engine.Info{}, "fast"); err == nil {
		t.Error("an unknown variant is accepted")
	}
}
