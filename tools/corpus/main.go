// Corpus looks after the inputs of fuzz targets that are kept in testdata/fuzz of their packages.
//
//	go run ./tools/corpus coverage [PACKAGE]...    # or: make fuzz-coverage
//	go run ./tools/corpus keep [PACKAGE]...        # or: make fuzz-keep
//
// coverage prints which share of a package's statements its fuzz targets reach, run on what they begin with and what is kept, and which of
// each file that they reach at all.
//
// keep adds, of the inputs that "go test -fuzz" found on this machine (in the folder fuzz of go env GOCACHE), those that reach a statement that
// nothing before them reached, small ones first. What is kept already stays, whatever it reaches: it may have failed once.
//
// PACKAGE is as the go command takes it, by default ./... .
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("corpus", flag.ContinueOnError)
	most := flags.Int64("most", 4<<10, "keep no input of more bytes")
	cache := flags.String("cache", "", "folder of found inputs, by default fuzz in go env GOCACHE")
	if len(args) == 0 {
		return fmt.Errorf("want coverage or keep, see the head of tools/corpus/main.go")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	packages, err := find(ctx, flags.Args())
	if err != nil {
		return err
	}
	for _, p := range packages {
		switch args[0] {
		case "coverage":
			err = printCoverage(ctx, p, stdout)
		case "keep":
			err = keep(ctx, p, *cache, *most, stdout)
		default:
			err = fmt.Errorf("there is no %q: want coverage or keep", args[0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
