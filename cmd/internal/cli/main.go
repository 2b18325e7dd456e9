// Package cli is what the commands have in common: how they begin and end, their exit
// status, and the flags that several of them have.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/memory"
	"github.com/glipvk/glipvk/loader"
	"github.com/spf13/cobra"
)

// patience is how long the first interrupt waits for the work to notice. Everything that
// waits heeds its context; what computes looks at it now and then.
const patience = 900 * time.Millisecond

// Grace is how long an interrupted command waits for its device to let go, which together
// with what else it does then is less than the program's patience.
const Grace = 400 * time.Millisecond

// Main runs a command and ends the process with its status. The first Ctrl-C or SIGTERM
// ends the context of run, and within a second the program, whatever it does but for what
// asked for more time ([Hold]); a second one ends it at once.
func Main(name string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	if err := memory.Enough(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v; raise that limit, or end other programs\n", name, err)
		os.Exit(Failure)
	}
	memory.Bound()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, hold := holding(ctx)
	context.AfterFunc(ctx, func() {
		stop() // from now on a signal has its usual effect
		patient(hold, patience)
		fmt.Fprintf(os.Stderr, "%s: interrupted\n", name)
		os.Exit(Failure)
	})
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Hint says what helps against an error, in brackets, where that is known.
func Hint(err error) string {
	if errors.Is(err, loader.ErrChoice) {
		return " (--weights-entry)"
	}
	if remedy := file.Remedy(err); remedy != "" {
		return " (" + remedy + ")"
	}
	return ""
}

// Run executes the command line of root, prints its error and returns the exit status.
func Run(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	begun := false
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return Done
	}
	code := Input // cobra's own errors: unknown commands, flags and counts of arguments
	if begun {
		code = ExitCode(err)
	}
	var told *Interrupted
	if ctx.Err() != nil && errors.As(err, &told) {
		err, code = told, Failure
	} else if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err, code = &Interrupted{}, Failure
	}
	fmt.Fprintf(stderr, "%s: %s%s\n", root.Name(), Words(err.Error()), Hint(err))
	if !begun {
		fmt.Fprintf(stderr, "%q shows flags and examples.\n", root.Name()+" --help")
	}
	return code
}
