// Package graph is the vocabulary in which a model is written down: a list of
// operations on shaped values, with no device, no weights and nothing computed.
//
// A model records itself once through a [Builder]; the result, a [Graph], is a
// slice of nodes in execution order. Executors walk that slice: package kernels
// lowers it to Vulkan dispatches, package cpu to loops over packed weights, package
// cpuref interprets it. A graph prints, counts and compares without any of them.
//
// # Shape letters
//
//	B      pictures in a batch
//	H W    height and width of a map, always in this order
//	C      channels, fastest in memory (except in [B, C, H, W])
//	w n    window side and tokens of a window, n = w*w
//	nW     windows of one picture; windows of a batch are B*nW, picture outermost
//	h d    attention heads and size of one head, C = h*d
//	M N K  rows, columns and inner length of a product
//
// # Paths
//
// A node's path is the scope of the builder it was recorded with, as in
// "stages.0.blocks.1.attn.w_msa.qkv". One name serves as checkpoint key (of
// parameters), error text, printed graph, debug label, profile row and golden file.
//
// The package imports the standard library only, so that every other package may
// import it.
package graph
