// Package kernels runs a recorded graph on a Vulkan device: it rewrites the graph
// into fewer, fatter steps, plans one arena for all intermediate values, lowers every
// step to dispatches of the shaders in package shaders, and records them once into
// commands that run as often as wanted.
//
//	w, err := kernels.Upload(ctx, dev, g, checkpoint, nil)  // once for all input sizes
//	p, err := kernels.Compile(ctx, dev, g, w, kernels.Options{})
//	maps, err := p.Run(ctx, pixels)
//
// One file per operation stem holds its push constants (the mirror of the shader's
// block), its grid arithmetic and its lowering. fuse.go holds the rewrites, each with
// the sentence that makes it legal; view.go the values that are ranges of others; plan.go the arena; split.go the splitting of
// operands that are larger than one binding may be; style.go what is chosen by device.
//
// The package knows no model. It imports graph, shaders and engine.
package kernels
