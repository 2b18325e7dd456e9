package main

import (
	"errors"
	"fmt"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/picture"
	"github.com/spf13/cobra"
)

// runFlags are the flags that features, detect and label share.
type runFlags struct {
	device            cli.Device
	weights           cli.Weights
	limits            picture.Limits
	batch             int
	out               string
	taps, fonts       []string
	recursive, verify bool
	stored            bool // pictures are not turned upright

	without string // a folder in folders that is not read: that of the results, where they are pictures too
}

// inputHelp explains what both take.
const inputHelp = `INPUT is a PNG, JPEG, GIF, WebP, BMP or TIFF picture, an .npy file, a folder of such, a pipe,
or - for a picture or an array on standard input. Of a folder links are followed, files
whose names begin with a dot and results of this program are not read, folders in it
only with --recursive; how many are left out is said on stderr.`

// define adds the flags to a command; model is the default, and models are those that there are.
func (f *runFlags) define(cmd *cobra.Command, model string, models func() []string) {
	f.defineRun(cmd, model, models)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", ".", "folder for the files that are written")
	fl.StringArrayVar(&f.taps, "taps", nil, "write the values inside the model whose path matches this pattern; may be repeated")
	fl.BoolVar(&f.verify, "verify", false, "also compute on the CPU reference and compare")
}

// defineRun adds those that every command that runs a model over pictures has.
func (f *runFlags) defineRun(cmd *cobra.Command, model string, models func() []string) {
	fl := cmd.Flags()
	f.weights.Define(cmd, model, models)
	f.device.Define(cmd)
	f.device.DefineLost(cmd)
	cli.Limits(cmd, &f.limits)
	fl.BoolVar(&f.stored, "ignore-orientation", false, "take pictures as they are stored, whatever way up the camera noted: for data sets whose boxes count stored pixels")
	fl.IntVar(&f.batch, "batch", 1, "neighbouring pictures of one size that are computed together, at most")
	fl.BoolVar(&f.recursive, "recursive", false, "read the folders in folders too; their results go into folders of the same names")
	fl.StringArrayVar(&f.fonts, "font", nil, "a TrueType or OpenType file for the texts in drawings, beside the program's font and those of the system; may be repeated")
}

// someInput refuses a command line without one.
func someInput(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cli.Usage("%s takes pictures, folders, .npy files or - for standard input, none given", cmd.Name())
	}
	return nil
}

// apply checks the flags and turns them into options of the library.
func apply[T any](cmd *cobra.Command, f runFlags, o *glipvk.Options, parse func([]byte) (T, error)) (name string, arch *T, err error) {
	if f.batch < 1 {
		return "", nil, cli.Usage("--batch %d: want at least 1", f.batch)
	}
	o.Limits, o.IgnoreOrientation = f.limits, f.stored
	if err := errors.Join(cli.CheckLimits(o.Limits), f.device.Apply(o), f.device.Survive(cmd, o)); err != nil {
		return "", nil, err
	}
	f.weights.Forgotten(cmd)
	return cli.Architecture(cmd, f.weights, o, parse)
}

// inputs are the files of the command line; what is left out of folders is said.
func (f runFlags) inputs(cmd *cobra.Command, args []string) ([]item, error) {
	e := expansion{ctx: cmd.Context(), stdin: cmd.InOrStdin(), recursive: f.recursive, without: f.without, say: func(format string, args ...any) {
		fmt.Fprintf(cmd.ErrOrStderr(), "glip: "+format+"\n", args...)
	}}
	return e.expand(args)
}

// results readies the folder for the results of items, whose names end in endings, where those are
// known; they replace nothing that the run reads, nor the other files that it is told of by name and path.
func (f runFlags) results(items []item, endings []string, others ...[2]string) (*folder, error) {
	if err := distinct(items); err != nil {
		return nil, err
	}
	out, err := openFolder(f.out)
	if err != nil {
		return nil, err
	}
	out.keepItems(items)
	out.keepModel(f.weights)
	for _, other := range others {
		out.keep(other[0], other[1])
	}
	return out, out.precheck(items, endings)
}
