//go:build 386 || arm || mips || mipsle

package graph

// A build for 32 bits ends here: one tensor of a model may be larger than an int, and a process than its address space.
var _ int = "glipvk needs a processor of 64 bits: build with GOARCH=amd64 or GOARCH=arm64 (docs/limits.md)"
