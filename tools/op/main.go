// Op shows where an operation lives: formula, shape rule, oracle, lowering, shaders, step of package cpu, tests, benchmarks.
//
//	go run ./tools/op crosscontext
//	go run ./tools/op            # the names of all
//	go run ./tools/op -table     # write the table of docs/operations.md
//
// Nothing of it is a list that somebody keeps: operations are [graph.Kinds], functions are found in the code, by the
// registries and switches of the executors, and shaders by lowering the operation alone.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "op:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("op", flag.ContinueOnError)
	root := flags.String("dir", ".", "module root")
	table := flags.Bool("table", false, "write the table of docs/operations.md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	list, err := operations(*root)
	if err != nil {
		return err
	}
	if *table {
		return writeTable(*root, list)
	}
	if flags.NArg() == 0 {
		for _, o := range list {
			fmt.Fprintln(stdout, o.kind)
		}
	}
	for n, name := range flags.Args() {
		i := slices.IndexFunc(list, func(o operation) bool { return o.kind == strings.ToLower(name) })
		if i < 0 {
			return fmt.Errorf("no operation is called %q; without a name, op lists all", name)
		}
		if n > 0 {
			fmt.Fprintln(stdout)
		}
		fmt.Fprint(stdout, list[i])
	}
	return nil
}
