//go:build !amd64 && !arm64

package cpu

// native is empty: on this architecture everything runs in plain Go.
func native() []*kernels { return nil }
