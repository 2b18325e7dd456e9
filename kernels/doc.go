// Package kernels makes a plan of a recorded graph for a Vulkan device: it rewrites the graph
// into fewer, fatter steps, plans one arena for all intermediate values, and lowers every
// step to dispatches of the shaders in package shaders. It needs no device, only what is
// known of one; package vulkan makes a program of the plan and runs it.
//
//	at, err := kernels.LayoutOf(info, kernels.F32, "")         // how weights lie there
//	plan, err := kernels.Lower(g, info, at, kernels.Options{}) // dispatches, arena, their bytes
//
// A file by family of operations holds push constants (the mirror of the shader's
// block), grid arithmetic and lowerings. fuse.go holds the rewrites, each with the
// sentence that makes it legal; view.go the values that are ranges of others; arena.go the
// arena; split.go the splitting of operands that are larger than one binding may be;
// style.go what is chosen by device.
//
// The package knows no model. It imports graph, shaders and, for its types, engine.
package kernels
