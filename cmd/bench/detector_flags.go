package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

const detectorHelp = `--detector measures the whole detector, in rounds of three detections: with nothing
known, then another picture with the same caption, which needs no text encoder, then
another caption on the same picture, which needs no backbone and no pyramid. Pictures
are of --size, as if that were what they are resized to, and padded to multiples of 32.
The caption has --tokens tokens with [CLS] and [SEP], a phrase for every three, or is
that of --caption, whose noun phrases are looked for. GFLOP/s and the share of the GEMM
peak count the products that are executed, with the cross attention in its absorbed
form unless --no-absorb; what the direct form would take is printed beside it. --per-op
prints device time by the modules of GLIP, a column for each of the three detections,
where what is known takes no part. Detections of all runs must be the same.`

// What --per-op asks for.
const (
	perModule = "modules"
	perPath   = "full"
)

// detectorFlags are those that go with --detector alone.
type detectorFlags struct {
	detector, noAbsorb bool
	caption, vocab     string
	tokens, iterations int
}

// register names the flags on the command line.
func (f *detectorFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.BoolVar(&f.detector, "detector", false, "measure the whole detector, a picture and a caption to boxes")
	fl.StringVar(&f.caption, "caption", "", "sentence whose noun phrases the detector looks for, instead of one of --tokens")
	fl.IntVar(&f.tokens, "tokens", defaultTokens, "length of the detector's caption, [CLS] and [SEP] included")
	fl.StringVar(&f.vocab, "vocab", "", "vocab.txt of the detector's text encoder (default: that of bert-base-uncased)")
	fl.IntVar(&f.iterations, "iterations", 0, "rounds of detections for each --count, instead of --duration")
	fl.BoolVar(&f.noAbsorb, "no-absorb", false, "compute the detector's cross attention as the original does, with more multiply-adds")
}

// alone refuses the detector's flags where no detector is measured.
func (f flags) alone(cmd *cobra.Command) error {
	for _, name := range []string{"caption", "tokens", "vocab", "iterations", "no-absorb"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s goes with --detector: give that too, or leave it out", name)
		}
	}
	return nil
}

// detection checks the flags that go with --detector.
func (f flags) detection(cmd *cobra.Command) (*detectorBench, error) {
	for _, other := range []string{"gemm", "batch", "pad-small-map", "trace"} {
		if cmd.Flags().Changed(other) {
			return nil, fmt.Errorf("--%s does not go with --detector", other)
		}
	}
	if !cmd.Flags().Changed("duration") {
		f.duration = detectorDuration
	}
	base, err := f.options()
	if err != nil {
		return nil, err
	}
	b := &detectorBench{flags: f, name: strings.ToLower(f.model), ran: func(int) {}}
	b.options = glipvk.DetectorOptions{
		Options: base, NoAbsorb: f.noAbsorb,
		Vocabulary: f.vocab, Size: picture.DetectorSize{Original: true}, // they are made in the size
	}
	size, err := glipvk.ParseSize(f.size)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--size: %w", err)
	case size.Original:
		return nil, errors.New("--size original: there is no picture here; want HEIGHTxWIDTH")
	case size.Height == 0:
		size = glipvk.Size{Height: 800, Width: 1333}
	case size.Height > picture.DefaultMaxSide || size.Width > picture.DefaultMaxSide || size.Height > picture.DefaultMaxPixels/size.Width:
		return nil, fmt.Errorf("--size %s: want sides of at most %d and at most %d pixels", f.size, picture.DefaultMaxSide, picture.DefaultMaxPixels)
	}
	b.height, b.width = size.Height, size.Width
	switch {
	case !slices.Contains([]string{"auto", "oracle", "finite", "none"}, f.check):
		return nil, fmt.Errorf("--check %q: want oracle, finite, auto or none", f.check)
	case f.caption != "" && cmd.Flags().Changed("tokens"):
		return nil, errors.New("--caption and --tokens exclude each other: give one")
	case f.tokens < 3 || f.tokens > text.MaxTokens:
		return nil, fmt.Errorf("--tokens %d: want 3 to %d, [CLS] and [SEP] included", f.tokens, text.MaxTokens)
	case f.iterations < 0:
		return nil, fmt.Errorf("--iterations %d: want 1 or more, or leave it out", f.iterations)
	}
	if b.options.Arch, err = architecture(f, cmd, glip.ParseConfig); b.options.Arch != nil {
		b.name = ""
	}
	return b, err
}
