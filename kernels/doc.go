// Package kernels lowers a recorded graph for a Vulkan device: it rewrites the graph into fewer,
// fatter steps, plans one arena for all intermediate values, and turns every step into dispatches
// of the shaders in package shaders. It needs a description of the device, not the device: package
// vulkan executes the plan.
//
//	layout, err := kernels.LayoutOf(info, kernels.F32, "")  // how weights lie in memory
//	plan, err := kernels.Lower(g, info, layout, kernels.Options{})
//
// One file per operation stem holds its push constants (the mirror of the shader's
// block), its grid arithmetic and its lowering; lower.go lists all of them. fuse.go holds the
// rewrites, each with the sentence that makes it legal; view.go the values that are ranges of
// others; arena.go the arena; split.go the splitting of operands that are larger than one binding
// may be; pack.go the layouts of weights; style.go what is chosen by device, tuned.go what is best
// measured.
//
// The package knows no model. It imports graph, shaders and engine (its descriptions alone).
package kernels
