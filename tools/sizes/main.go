// Sizes prints how large the project is: lines per folder (Go, tests, what programs wrote, GLSL), what people wrote in all, and the
// files and functions past the project's limits.
//
//	go run ./tools/sizes            # or: make sizes
//	go run ./tools/sizes -file 300 -func 40
//
// Lines are counted as they stand, blank ones and comments included, but where it says otherwise. Folders named testdata, out or .* are left out.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("sizes", flag.ContinueOnError)
	dir := flags.String("dir", ".", "module root")
	fileLimit := flags.Int("file", 400, "name files longer than this many lines")
	funcLimit := flags.Int("func", 60, "name functions longer than this many lines")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := take(os.DirFS(*dir))
	if err != nil {
		return err
	}
	return c.print(stdout, *fileLimit, *funcLimit)
}
