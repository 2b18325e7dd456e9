package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/spf13/cobra"
)

// Device are the flags that say where and how a model runs.
type Device struct {
	Name, Precision  string
	NoTune, NoFusion bool
	Lost             string // of commands that work long
}

// Define adds the flags to a command.
func (f *Device) Define(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.Name, "device", "auto", "auto (a GPU by Vulkan, else cpu), cpu, vulkan (any Vulkan device, a software driver too), a Vulkan device by index or part of its name, or reference (the slow oracle); see glip devices")
	fl.StringVar(&f.Precision, "precision", "f32", "f32, f16 (weights and activations in 16 bits) or auto (f16 where the device gains by it)")
	fl.BoolVar(&f.NoTune, "no-tune", false, "take the kernels that the kind of device suggests, and measure none when a size is first met")
	fl.BoolVar(&f.NoFusion, "no-fusion", false, "run every operation of the graph by itself: slower, to find out which one is to blame")
	Complete(cmd, "device", func() []string { return []string{"auto", "cpu", "vulkan", "reference"} })
	Complete(cmd, "precision", func() []string {
		return []string{string(glipvk.F32), string(glipvk.F16), string(glipvk.AutoPrecision)}
	})
}

// DefineLost adds the flag that says what becomes of long work whose device is lost.
func (f *Device) DefineLost(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Lost, "on-device-lost", string(glipvk.LostStop), "where the device is lost: stop, or cpu to go on there, which is slower and loses nothing")
	Complete(cmd, "on-device-lost", func() []string { return []string{string(glipvk.LostStop), string(glipvk.LostCPU)} })
}

// Survive turns the flag of a lost device into the library's options; that it was lost is said on stderr.
func (f Device) Survive(cmd *cobra.Command, o *glipvk.Options) (err error) {
	if o.OnDeviceLost, err = glipvk.ParseOnLost(f.Lost); err != nil {
		return fmt.Errorf("--on-device-lost: %w", err)
	}
	o.Moved = func(why error, now glipvk.DeviceInfo) {
		call := ""
		if e := new(engine.Error); errors.As(why, &e) {
			call = " in " + e.Call
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: the device was lost%s; the work goes on on the %s (--on-device-lost cpu)\n", cmd.Root().Name(), call, now.Name)
	}
	return nil
}

// Apply turns the flags into the library's options.
func (f Device) Apply(o *glipvk.Options) (err error) {
	o.Device, o.Tuning.Off, o.NoFusion = f.Name, f.NoTune, f.NoFusion
	if o.Precision, err = glipvk.ParsePrecision(f.Precision); err != nil {
		return fmt.Errorf("--precision: %w", err)
	}
	return nil
}

// Fell says on stderr that the device is not a GPU though one was looked for, or that drivers beside it were left out.
func Fell(stderr io.Writer, command string, d glipvk.DeviceInfo) {
	if d.Fallback != "" {
		fmt.Fprintf(stderr, "%s: auto takes the CPU: %s\n", command, d.Fallback)
	}
	if d.Vulkan != nil && d.Vulkan.Note != "" {
		fmt.Fprintf(stderr, "%s: %s\n", command, d.Vulkan.Note)
	}
}

// Weights are the flags that say which model with which weights.
type Weights struct {
	Model, Arch, Path string
	Entry             string // of the file at Path
	AllowNonFinite    bool
}

// Define adds the flags to a command; model is the default, and models are those that there are.
func (f *Weights) Define(cmd *cobra.Command, model string, models func() []string) {
	fl := cmd.Flags()
	fl.StringVar(&f.Model, "model", model, "model, by name or nickname; see glip models. Not needed for weights whose file says what they are of, as glip train writes them")
	fl.StringVar(&f.Arch, "arch", "", "JSON file that describes the architecture, instead of --model")
	fl.StringVar(&f.Path, "weights", MadeUp, "checkpoint, or a name that glip fetch --list has, or synthetic[:SEED] for weights that are made up by a formula, or random:SEED for those that a training from nothing begins with; --model glip-world has its own")
	Entry(cmd, &f.Entry)
	fl.BoolVar(&f.AllowNonFinite, "allow-non-finite", false, "accept NaN and infinity in weights and tensors")
	Complete(cmd, "model", models)
}

// MadeUp are the weights where none are named.
const MadeUp = "synthetic:1"

// IsMadeUp says whether weights are made up by a formula, by their name.
func IsMadeUp(weights string) bool {
	name, _, seeded := strings.Cut(weights, ":")
	return name == "synthetic" || name == "random" && seeded
}

// Settle decides what is left open. Without --weights they are those of --model that the program has in it, if it has; a name that package
// fetch knows becomes the path of the file. Without --model and --arch it is the model that such a name says, or, where the file of the weights
// says what they are of, none: the file's is meant. A file that cannot be read is passed over here; opening it will say more.
func (f *Weights) Settle(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	path, model, err := Fetched(cmd, f.Path)
	if err != nil {
		return fmt.Errorf("--weights %w", err)
	}
	f.Path = path
	if !given("weights") && f.Arch == "" {
		if m, err := glipvk.LookupBackbone(f.Model); err == nil && m.Checkpoint == glipvk.Embedded {
			f.Path = glipvk.Embedded
		}
	}
	if given("model") || f.Arch != "" || IsMadeUp(f.Path) {
		return nil
	}
	f.Model = cmp.Or(model, f.Model)
	if card, err := glipvk.OpenCard(f.Path, f.Entry); err == nil && card.Config != nil {
		f.Model = ""
	}
	return nil
}

// Forgotten says on stderr that no weights were named, if so.
func (f *Weights) Forgotten(cmd *cobra.Command) {
	if !cmd.Flags().Changed("weights") && IsMadeUp(f.Path) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: no --weights: these are %s, made up by a formula, and what they give means nothing; \"glip models\" names checkpoints\n", cmd.Root().Name(), f.Path)
	}
}

// Files are the weights: a checkpoint, and the files beside an index.
func (f Weights) Files() []string {
	files := []string{f.Path}
	if strings.HasSuffix(f.Path, ".index.json") {
		folder := filepath.Dir(f.Path)
		entries, _ := os.ReadDir(folder) // opening the weights will say more
		for _, e := range entries {
			if filepath.Ext(e.Name()) == ".safetensors" {
				files = append(files, filepath.Join(folder, e.Name()))
			}
		}
	}
	return files
}

// Entry adds the flag that says which of several sets of weights in a file is meant.
func Entry(cmd *cobra.Command, entry *string) {
	cmd.Flags().StringVar(entry, "weights-entry", "", "of a checkpoint with several sets of weights the one that is meant: an entry (model_ema, or ema.state_dict by its path), or what names begin with (teacher)")
}

// Notes says on stderr what a user should know of the weights.
func Notes(stderr io.Writer, command string, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(stderr, "%s: %s\n", command, n)
	}
}

// Architecture applies the flags and returns the model's name and, where a file describes
// it, the architecture instead, as parse reads it.
func Architecture[T any](cmd *cobra.Command, f Weights, o *glipvk.Options, parse func([]byte) (T, error)) (name string, arch *T, err error) {
	o.Weights, o.WeightsEntry, o.AllowNonFinite = f.Path, f.Entry, f.AllowNonFinite
	if f.Arch == "" {
		return f.Model, nil, nil
	}
	if cmd.Flags().Changed("model") {
		return "", nil, Usage("--model and --arch exclude each other: give one")
	}
	cfg, err := ReadArch(cmd.Context(), f.Arch, parse)
	return "", &cfg, err
}

// mostArch bounds a file that describes an architecture, in bytes.
const mostArch = 1 << 20

// ReadArch reads the file of --arch: the arch object of a golden manifest, or of "glip models --json".
func ReadArch[T any](ctx context.Context, path string, parse func([]byte) (T, error)) (cfg T, err error) {
	data, err := file.ReadAll(ctx, path, mostArch)
	if err != nil {
		return cfg, Usage("--arch: %w", err)
	}
	if cfg, err = parse(data); err != nil {
		return cfg, Usage("--arch %s: %w", path, err)
	}
	return cfg, nil
}

// Limits adds the flags that bound pictures to a command.
func Limits(cmd *cobra.Command, l *picture.Limits) {
	fl := cmd.Flags()
	fl.IntVar(&l.MaxSide, "max-side", picture.DefaultMaxSide, "longest side of a picture or tensor, in pixels")
	fl.Int64Var(&l.MaxPixels, "max-pixels", picture.DefaultMaxPixels, "pixels of a picture, or of all pictures of a tensor")
	fl.Int64Var(&l.MaxMemory, "max-memory", picture.DefaultMaxMemory, "bytes that decoding one picture may take")
}

// CheckLimits refuses limits that no picture keeps.
func CheckLimits(l picture.Limits) error {
	if l.MaxSide < 1 || l.MaxPixels < 1 || l.MaxMemory < 1 {
		return Usage("--max-side %d, --max-pixels %d and --max-memory %d: want at least 1", l.MaxSide, l.MaxPixels, l.MaxMemory)
	}
	return nil
}

// Complete offers values for a flag on the shell's command line.
func Complete(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // a flag that this program did not define
	}
}

// Meter shows on stderr, if that is a terminal, how far the stages of long work are.
func Meter(stderr io.Writer) *meter.Meter {
	m := meter.New(stderr)
	m.Say("compile", "compiling %d of %d kernels, once for this device")
	m.Say("verify", "verifying by the CPU reference")
	m.Say("weights", "loading weights")
	return m
}
