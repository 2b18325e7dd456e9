package kernels

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// Style is how a device likes its shaders written, and so how weights lie in memory. It
// changes speed, never results beyond rounding.
type Style struct {
	Texel  bool // read through uniform texel buffers (shaders/include/bindings.glsl says why)
	Gemm   Gemm
	Group  int // invocations of a workgroup where a shader lets us choose
	Lanes  int // invocations that share one row in LayerNorm and softmax
	Cores  int // that share the work of a software driver, 0 for a graphics card
	Keys   int // that an attention takes at a time of a long row of a window, at most; 0 = all
	Matrix Matrix

	Registers int // that an invocation is thought to have, where these are few (narrow.go); 0 = enough

	// Sums of a product that an invocation has registers for, and of one without a norm, taps and merging: manySums, someSums or 0 for few.
	Sums, PlainSums int
}

// Gemm is a family of shaders that multiply matrices, and how weights are packed for it:
// "tiled", "direct", "uniform" or "coop".
type Gemm string

const (
	tiled   Gemm = "tiled"   // through shared memory and registers: graphics cards
	direct  Gemm = "direct"  // in registers alone: software drivers
	uniform Gemm = "uniform" // by uniform addresses: software drivers that keep those in scalar registers
	coop    Gemm = "coop"    // with cooperative matrices: 16-bit weights, where that was measured to be faster
)

// uniformLanes is the only size of a subgroup that the uniform shaders are written for.
const uniformLanes = 8

// StyleOf picks the style of a device. A software driver runs a workgroup on one
// core, so one subgroup is enough, barriers only cost, and rows are not shared. The variant
// overrides what the device would get: "direct" (GEMM in registers), "tiled" (through shared
// memory, what a graphics card gets), "coop" (that with cooperative matrices wherever they
// can be used, which is with F16) or "uniform" (by uniform addresses); "" is by device.
func StyleOf(info engine.Info, variant string) (Style, error) {
	c := info.Caps
	s := Style{Gemm: tiled, Group: 64, Lanes: 32, Keys: keysOf(info), Matrix: matrixOf(c), Registers: registersOf(info)}
	s.Sums, s.PlainSums = sumsOf(info)
	card := s
	if info.Kind == "cpu" {
		s = Style{Gemm: direct, Group: max(c.SubgroupSize, 4), Lanes: 1, Texel: readsTexels(c), Cores: runtime.NumCPU()}
		if scalarAddresses(info) {
			s.Gemm = uniform
		}
	}
	switch variant {
	case "":
	case "direct":
		s.Gemm = direct
	case "tiled": // what a graphics card gets
		s = card
	case "coop":
		if s = card; s.Matrix.Lanes == 0 {
			return s, fmt.Errorf("kernels: variant coop needs cooperative matrices of 16-bit floats with 32-bit sums in subgroups, %s has none of these (it has %d others): %w",
				info.Name, len(c.CooperativeMatrices), engine.ErrUnsupported)
		}
		s.Gemm = coop
	case "uniform":
		if !runsUniform(c) {
			return s, fmt.Errorf("kernels: variant uniform needs buffer addresses and subgroups of %d, %s has subgroups of %d: %w",
				uniformLanes, info.Name, c.SubgroupSize, engine.ErrUnsupported)
		}
		s.Gemm = uniform
	default:
		return s, fmt.Errorf("kernels: no variant is called %q; there are \"\" (by device), \"coop\", \"direct\", \"tiled\" and \"uniform\"", variant)
	}
	return s, nil
}

// readsTexels reports whether a texel buffer can hold whatever a storage buffer can, and whether
// shaders that read so can store, which they do by 64 bits. Only 65536 texels are guaranteed, and
// SwiftShader has no more: not even one window's scores would fit.
func readsTexels(c engine.Caps) bool { return c.Int64 && 4*c.MaxTexels >= c.MaxStorageBufferRange }

// runsUniform reports whether the uniform shaders can run at all.
func runsUniform(c engine.Caps) bool {
	for _, operation := range []string{"basic", "arithmetic", "ballot", "shuffle"} {
		if !slices.Contains(c.SubgroupOperations, operation) {
			return false
		}
	}
	return c.BufferAddress && c.SubgroupSize == uniformLanes
}

// scalarAddresses reports whether the driver keeps values that are the same for a whole
// subgroup in scalar registers and loads once from such an address: newer versions of Mesa's
// llvmpipe (seen in 26.2; 22.3 loads for every lane, thirty times slower).
func scalarAddresses(info engine.Info) bool {
	return info.Kind == "cpu" && runsUniform(info.Caps) && strings.Contains(info.Driver, "llvmpipe") && mesaYear(info.DriverVersion) >= 26
}

// mesaYear reads the first number after "Mesa" in a driver's version, 0 where there is none.
func mesaYear(version string) int {
	_, rest, _ := strings.Cut(version, "Mesa ")
	number, _, _ := strings.Cut(rest, ".")
	year, _ := strconv.Atoi(number)
	return year
}

// shader completes a stem: "softmax" is "softmax_texel" for a device that reads so.
func (s Style) shader(stem string) string {
	if s.Texel {
		return stem + "_texel"
	}
	return stem
}
