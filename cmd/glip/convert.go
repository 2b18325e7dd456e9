package main

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/convert"
	detector "github.com/glipvk/glipvk/glip" // the tests have a function glip
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

// convertFlags are the flags of "glip convert".
type convertFlags struct {
	options                  convert.Options
	names, precision, prompt string
	model, arch, vocab, size string
	about                    map[string]string
	json                     bool
}

func newConvert() *cobra.Command {
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "convert [flags] IN OUT",
		Short: "write a checkpoint in another format, under other names, in other types",
		Long: `convert writes the weights of the checkpoint IN to OUT: as safetensors, or, where the
name ends with .pth, .pt or .bin, as torch.save does. What a training left beside them, such
as the state of its optimizer, is left out, and so is what no program needs.

Names and the order of elements are those of IN, or with --names those of another program:
  microsoft    microsoft/GLIP: detectors, and backbones below backbone.body
  mmdetection  MMDetection: the same, backbones as mmpretrain
  mmpretrain, huggingface (transformers), timm (0.9 and later), swin
               (microsoft/Swin-Transformer, old timm), torchvision: backbones
Of a detector, --backbone writes the backbone alone. What the names cannot say is refused
with a list: timm and torchvision know one output, which --out-indices 3 asks for.

Types are those of IN, or with --precision f32, f16 or bf16; numbers are rounded to the
nearest. --weights-entry model_ema takes the averages of a file that has them. The table of
prompt tuning is kept, left out (--prompt drop), or merged into the text encoder, which
only a table of equal rows can be (--prompt merge).

What IN says of itself is kept, and what --arch, --vocab, --size and --about say is added. A
detector of a published size says so from then on. OUT is complete or what was there
before; one that is there is replaced with --force only, and IN never.`,
		Example: `  glip convert glip_tiny_model_o365_goldg_cc_sbu.pth glip-t.safetensors
  glip convert --names mmdetection --precision f16 glip_large_model.pth glip-l.pth
  glip convert --backbone --names huggingface glip_tiny_model_o365_goldg_cc_sbu.pth swin/model.safetensors`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usage("convert takes a checkpoint and the file to write, %d given", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runConvert(cmd, f, args[0], args[1]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.names, "names", "", "of tensors: "+choices(convert.AllNames())+" (default: those of IN)")
	fl.StringVar(&f.precision, "precision", "", "of values: "+choices(convert.Precisions())+" (default: that of each tensor of IN)")
	fl.StringVar(&f.prompt, "prompt", string(convert.Keep), "the table of prompt tuning: "+choices(convert.Prompts()))
	fl.BoolVar(&f.options.Backbone, "backbone", false, "write the Swin backbone alone, of a detector or a classifier")
	fl.IntSliceVar(&f.options.OutIndices, "out-indices", nil, "of a backbone, the stages whose norms are written (default: all that IN has)")
	cli.Entry(cmd, &f.options.Entry)
	fl.StringVar(&f.model, "model", "", "the detector that IN has weights of, by name, where it does not say so; see glip models")
	fl.StringVar(&f.arch, "arch", "", "JSON file with the detector's architecture, instead of --model")
	fl.StringVar(&f.vocab, "vocab", "", "vocab.txt of the detector's text encoder (default: what IN says, else bert-base-uncased's)")
	fl.StringVar(&f.size, "size", "", "SHORT,LONG that OUT is to say pictures are resized to (default: what IN says)")
	fl.StringToStringVar(&f.about, "about", nil, "KEY=TEXT that OUT is to say of itself, as in commit=1f2e3d; may be repeated")
	fl.BoolVar(&f.options.AllowNonFinite, "allow-non-finite", false, "accept NaN and infinity in weights")
	fl.BoolVar(&f.options.Force, "force", false, "replace OUT if it is there")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	cli.Complete(cmd, "names", func() []string { return texts(convert.AllNames()) })
	cli.Complete(cmd, "precision", func() []string { return texts(convert.Precisions()) })
	cli.Complete(cmd, "prompt", func() []string { return texts(convert.Prompts()) })
	cli.Complete(cmd, "model", detectorNames)
	return cmd
}

// texts are names as plain strings.
func texts[T ~string](names []T) (list []string) {
	for _, n := range names {
		list = append(list, string(n))
	}
	return list
}

// choices names what there is to choose from.
func choices[T ~string](names []T) string {
	list := texts(names)
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

func runConvert(cmd *cobra.Command, f convertFlags, in, out string) (err error) {
	o := f.options
	o.Names, o.Precision, o.Prompt = convert.Names(f.names), convert.Precision(f.precision), convert.Prompt(f.prompt)
	if o.Card, err = f.card(cmd); err != nil {
		return err
	}
	defer cli.Hold(cmd.Context())() // an interrupt ends it between two tensors, and nothing is left beside OUT
	r, err := convert.File(cmd.Context(), in, out, o)
	if err != nil {
		return err
	}
	for i, n := range r.Notes {
		r.Notes[i] = cli.Words(n)
	}
	if f.json {
		return writeJSON(cmd.OutOrStdout(), r)
	}
	cli.Notes(cmd.ErrOrStderr(), "glip", r.Notes)
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d tensors, %d bytes, %s, names of %s\n", r.Path, r.Tensors, r.Bytes, strings.Join(r.Types, " and "), r.Family)
	return err
}

// card is what the flags say of the detector.
func (f convertFlags) card(cmd *cobra.Command) (c glipvk.Card, err error) {
	switch {
	case f.model != "" && f.arch != "":
		return c, cli.Usage("--model and --arch exclude each other: give one")
	case f.model != "":
		m, err := glipvk.LookupDetector(f.model)
		if err != nil {
			return c, err
		}
		c.Config = m.Detector
	case f.arch != "":
		cfg, err := cli.ReadArch(cmd.Context(), f.arch, detector.ParseConfig)
		if err != nil {
			return c, err
		}
		c.Config = &cfg
	}
	if f.vocab != "" {
		if c.Vocabulary, err = text.Open(f.vocab); err != nil {
			return c, cli.Usage("--vocab: %w", err)
		}
	}
	if c.Size, err = picture.ParseDetectorSize(f.size); err != nil {
		return c, cli.Usage("--size: %w", err)
	}
	c.About = f.about
	return c, nil
}
