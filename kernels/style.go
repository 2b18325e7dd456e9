package kernels

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// style is how a device likes its shaders written. It changes speed, never results
// beyond rounding.
type style struct {
	texel   bool // read through uniform texel buffers (shaders/include/bindings.glsl says why)
	gemm    gemmKind
	group   int  // invocations of a workgroup where a shader lets us choose
	lanes   int  // invocations that share one row in LayerNorm and softmax
	shuffle bool // lanes may read one another's values
	cores   int  // that share the work of a software driver, 0 for a graphics card
	matrix  matrix
}

// gemmKind is the family of shaders that multiply matrices, and how weights are packed for it.
type gemmKind string

const (
	tiled   gemmKind = "tiled"   // through shared memory and registers: graphics cards
	direct  gemmKind = "direct"  // in registers alone: software drivers
	uniform gemmKind = "uniform" // by uniform addresses: software drivers that keep those in scalar registers
	coop    gemmKind = "coop"    // with cooperative matrices: 16-bit weights, where that was measured to be faster
)

// uniformLanes is the only size of a subgroup that the uniform shaders are written for.
const uniformLanes = 8

// styleOf picks the style of a device. A software driver runs a workgroup on one
// core, so one subgroup is enough, barriers only cost, and rows are not shared.
func styleOf(info engine.Info, variant string) (style, error) {
	c := info.Caps
	s := style{gemm: tiled, group: 64, lanes: 32, shuffle: slices.Contains(c.SubgroupOperations, "shuffle"), matrix: matrixOf(c)}
	card := s
	if info.Kind == "cpu" {
		s.gemm, s.group, s.lanes, s.texel, s.cores, s.matrix = direct, max(c.SubgroupSize, 4), 1, readsTexels(c), runtime.NumCPU(), matrix{}
		if scalarAddresses(info) {
			s.gemm = uniform
		}
	}
	switch variant {
	case "":
	case "direct":
		s.gemm = direct
	case "tiled": // what a graphics card gets
		s = card
	case "coop":
		if s = card; s.matrix.lanes == 0 {
			return s, fmt.Errorf("kernels: variant coop needs cooperative matrices of 16-bit floats with 32-bit sums in subgroups, %s has none of these (it has %d others): %w",
				info.Name, len(c.CooperativeMatrices), engine.ErrUnsupported)
		}
		s.gemm = coop
	case "uniform":
		if !runsUniform(c) {
			return s, fmt.Errorf("kernels: variant uniform needs buffer addresses and subgroups of %d, %s has subgroups of %d: %w",
				uniformLanes, info.Name, c.SubgroupSize, engine.ErrUnsupported)
		}
		s.gemm = uniform
	default:
		return s, fmt.Errorf("kernels: no variant is called %q; there are \"\" (by device), \"coop\", \"direct\", \"tiled\" and \"uniform\"", variant)
	}
	return s, nil
}

// readsTexels reports whether a texel buffer can hold whatever a storage buffer can.
// Only 65536 texels are guaranteed, and SwiftShader has no more: not even one window's
// scores would fit.
func readsTexels(c engine.Caps) bool { return 4*c.MaxTexels >= c.MaxStorageBufferRange }

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
func (s style) shader(stem string) string {
	if s.texel {
		return stem + "_texel"
	}
	return stem
}
