package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

// Exit status.
const (
	exitDone     = 0
	exitFailure  = 1
	exitInput    = 2
	exitVerified = 3 // verification failed
)

// errVerification is returned when a map is further from the oracle's than the bounds allow.
var errVerification = errors.New("verification failed")

// usageError marks wrong usage found by a command itself.
type usageError struct{ error }

// Unwrap implements the interface of package errors.
func (e usageError) Unwrap() error { return e.error }

// usage makes a usageError.
func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	started := false
	root := newRoot(func() { started = true })
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code := exitInput // cobra's own errors: unknown commands, flags and counts of arguments
	if started {
		code = exitCode(err)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err, code = errors.New("interrupted"), exitFailure
	}
	fmt.Fprintf(stderr, "glip: %v\n", err)
	if !started {
		fmt.Fprintln(stderr, `Run "glip help" for the commands, "glip help COMMAND" for flags and examples.`)
	}
	return code
}

// exitCode is the status for the error of a command. Wrong numbers weigh more than bad input.
func exitCode(err error) int {
	var wrong usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errVerification):
		return exitVerified
	case errors.As(err, &wrong), errors.Is(err, glipvk.ErrInput), errors.Is(err, text.ErrCaption):
		return exitInput
	}
	return exitFailure
}

// newRoot assembles the commands; begun is called when one of them starts to work.
func newRoot(begun func()) *cobra.Command {
	root := &cobra.Command{
		Use:   "glip",
		Short: "GLIP's detector and its Swin backbone, computed by Vulkan",
		Long: `glip finds in pictures what a sentence or a list of classes names, with GLIP's detector,
and computes the feature maps of its Swin backbone: by Vulkan compute shaders or, where
there is no Vulkan device, on the CPU.

Exit status: 0 done, 1 a failure of the program or the device, 2 wrong usage or
bad input, 3 verification failed.`,
		Example: `  glip detect --weights glip_tiny_model_o365_goldg_cc_sbu.pth --text "a cat and its whiskers" --draw --out found cat.png
  glip tokens "person. bicycle. traffic light. small dog."
  glip features --weights synthetic:7 --verify --viz --out out cat.png
  glip features --model GLIP-L --weights swin-l_glip-pre_3rdparty_384px_20230413-04b198e8.pth photos/
  glip inspect checkpoint.pth`,
		SilenceUsage:     true,
		SilenceErrors:    true,
		PersistentPreRun: func(*cobra.Command, []string) { begun() },
	}
	root.AddCommand(newModels(), newDevices(), newInspect(), newTokens(), newDetect(openDetector), newFeatures())
	return root
}

// writeJSON prints v as one indented object.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
