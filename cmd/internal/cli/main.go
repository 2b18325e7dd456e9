// Package cli is what the commands have in common.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long the first interrupt waits for the work to notice. Everything that
// waits heeds its context; what computes looks at it now and then.
const patience = 900 * time.Millisecond

// exitInterrupted is the status of a program that did not notice: that of a failure.
const exitInterrupted = 1

// Main runs a command and ends the process with its status. The first Ctrl-C or SIGTERM
// ends the context of run, and within a second the program, whatever it does; a second
// one ends it at once.
func Main(name string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		stop() // from now on a signal has its usual effect
		time.Sleep(patience)
		fmt.Fprintf(os.Stderr, "%s: interrupted\n", name)
		os.Exit(exitInterrupted)
	})
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
