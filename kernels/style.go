package kernels

import (
	"fmt"

	"github.com/glipvk/glipvk/engine"
)

// style is how a device likes its shaders written. It changes speed, never results
// beyond rounding.
type style struct {
	texel  bool // read through uniform texel buffers (shaders/include/bindings.glsl says why)
	direct bool // GEMM in registers alone, not through shared memory
	group  int  // invocations of a workgroup where a shader lets us choose
	lanes  int  // invocations that share one row in LayerNorm and softmax
}

// styleOf picks the style of a device. A software driver runs a workgroup on one
// core, so one subgroup is enough, barriers only cost, and rows are not shared.
func styleOf(info engine.Info, variant string) (style, error) {
	s := style{group: 64, lanes: 32}
	if info.Kind == "cpu" {
		s = style{texel: readsTexels(info.Caps), direct: true, group: max(info.Caps.SubgroupSize, 4), lanes: 1}
	}
	switch variant {
	case "":
	case "direct":
		s.direct = true
	case "tiled": // what a graphics card gets
		s = style{group: 64, lanes: 32}
	default:
		return s, fmt.Errorf("kernels: no variant is called %q; there are \"\" (by device), \"direct\" and \"tiled\"", variant)
	}
	return s, nil
}

// readsTexels reports whether a texel buffer can hold whatever a storage buffer can.
// Only 65536 texels are guaranteed, and SwiftShader has no more: not even one window's
// scores would fit.
func readsTexels(c engine.Caps) bool { return 4*c.MaxTexels >= c.MaxStorageBufferRange }

// shader completes a stem: "softmax" is "softmax_texel" for a device that reads so.
func (s style) shader(stem string) string {
	if s.texel {
		return stem + "_texel"
	}
	return stem
}
