// Command glipbeam looks for what a query names in very many pictures, or computes their features, on one machine or on many: as an
// Apache Beam pipeline, by the runner that is in it (Prism) or by Flink, Spark or Dataflow. docs/beam.md tells how.
//
// Exit status: 0 done, whatever the number of dead letters, 1 a failure of the program, the device or the runner, or an interrupt,
// 2 wrong usage or bad input.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

func main() {
	if isWorker(os.Args[1:]) {
		flag.Parse()
		beam.Init() // does the work of a worker, and ends the process
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal has its usual effect
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// isWorker says whether a runner's container started the program, and not a person.
func isWorker(args []string) bool {
	for _, a := range args {
		if a = strings.TrimLeft(a, "-"); a == "worker" || a == "worker=true" {
			return true
		}
	}
	return false
}

// usageError marks wrong usage.
type usageError struct{ error }

// usage makes one.
func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	begun := false
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "glipbeam: interrupted; shards that are done are kept, and the same command goes on")
		return 1
	case !begun:
		fmt.Fprintf(stderr, "glipbeam: %v; \"glipbeam --help\" shows flags\n", err)
		return 2
	}
	fmt.Fprintf(stderr, "glipbeam: %s\n", flagNames(err.Error()))
	if errors.As(err, &wrong) || errors.Is(err, glipvk.ErrInput) || errors.Is(err, text.ErrCaption) {
		return 2
	}
	return 1
}
