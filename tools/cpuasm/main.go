// Command cpuasm writes the vector kernels of package cpu: Go assembly for amd64, once
// for AVX2 with FMA and once for AVX-512, and for arm64 (NEON, the products only), and the
// Go declarations beside it.
//
//	go generate ./cpu
//
// The instructions for amd64 are put together with avo, which checks their operands and lays
// out the stack frames. What each kernel computes stands in its comment, which avo
// copies into the declarations.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "folder of package cpu")
	flag.Parse()
	files, err := generate()
	for name, data := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(*dir, name), data, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "cpuasm: %v\n", err)
		os.Exit(1)
	}
}
