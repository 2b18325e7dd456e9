package main

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	detector "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/onnx"
	"github.com/glipvk/glipvk/swin"
	"github.com/spf13/cobra"
)

const exportHelp = `export writes a model as ONNX (opset 20), for other runtimes: the backbone, with the feature
maps of its stages for outputs, or the whole detector, vision, language and grounding as
one model of image, input_ids, attention_mask, positive_map and image_size, with boxes,
scores and labels for outputs, or with --raw the head's logits, centerness and box
regression. What is left to do before and behind the model, tokens and suppression for
example, is said in FILE.json, with the names and shapes of all inputs and outputs.

--model, --arch and --weights say which model: a detector's give the detector, those of a
backbone the backbone; a name that stands for both gives the detector, and --part backbone
its backbone.

--batch 0 leaves the batch open. Height, width, tokens and labels are fixed, as windows,
masks and positions are made for one size; a shorter caption is padded with attention_mask
0, and a row of zeros in positive_map is a label that is not looked for: both change nothing.

The weights are inside FILE, or beside it in FILE.data where they are more than a file of
ONNX holds, 2 GB; --data says so otherwise. Deformable convolutions are DeformConv, which
ONNX Runtime 1.30 has on the CPU, or gathers with --gather, for runtimes that lack it.
--absorb takes the projections of the attention between positions and words into its
smaller side, as this program does itself: less work, other rounding.`

// exportFlags are the flags of "glip export".
type exportFlags struct {
	weights                   cli.Weights
	onnx                      bool
	part, size, out, data     string
	batch, tokens, labels     int
	threshold                 float64
	perLevel                  int
	raw, absorb, gather, json bool
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export --onnx [flags] --out FILE",
		Short: "write a model as ONNX, for other runtimes",
		Long:  exportHelp,
		Example: `  glip export --onnx --model glip-world --out glip-world.onnx
  glip export --onnx --weights glip_tiny_model_o365_goldg_cc_sbu.pth --size 800x1344 --labels 80 --out glip.onnx
  glip export --onnx --part backbone --weights swin-t_glip-pre_3rdparty_20230413-d85813b5.pth --batch 0 --out swin.onnx
  glip export --onnx --arch tiny.json --weights tiny.pth --size 64 --raw --out tiny.onnx`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExport(cmd, f) },
	}
	f.weights.Define(cmd, "GLIP-T", func() []string { return append(backboneNames(), detectorNames()...) })
	fl := cmd.Flags()
	fl.BoolVar(&f.onnx, "onnx", false, "write ONNX, which is the only form so far")
	fl.StringVar(&f.out, "out", "", "the file to write")
	fl.StringVar(&f.part, "part", "", "detector or backbone, where the model has both (default: what --model, --arch or the weights name)")
	fl.StringVar(&f.size, "size", "", "HEIGHTxWIDTH of the input in pixels, or one number for a square; of a detector multiples of 32 (default: the model's, 800x1344 for a detector)")
	fl.IntVar(&f.batch, "batch", 1, "pictures of an input, 0 to leave it open")
	fl.IntVar(&f.tokens, "tokens", 0, "of a detector: tokens of a padded caption (default: as many as the model reads)")
	fl.IntVar(&f.labels, "labels", 80, "of a detector: labels of a query, at most")
	fl.Float64Var(&f.threshold, "threshold", detector.DefaultThreshold, "of a detector: what a label's probability must exceed, before centerness")
	fl.IntVar(&f.perLevel, "per-level", detector.DefaultPerLevel, "of a detector: candidates of each of the five levels")
	fl.BoolVar(&f.raw, "raw", false, "of a detector: outputs are the head's, not boxes")
	fl.BoolVar(&f.absorb, "absorb", false, "of a detector: less work in the attention between positions and words, other rounding")
	fl.BoolVar(&f.gather, "gather", false, "of a detector: deformable convolutions by gathers, without the operator DeformConv")
	fl.StringVar(&f.data, "data", "auto", "where the weights are: inside, beside (in FILE.data) or auto")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	cli.Complete(cmd, "part", func() []string { return []string{"detector", "backbone"} })
	cli.Complete(cmd, "data", func() []string { return []string{"auto", "inside", "beside"} })
	return cmd
}

// places are the values of --data.
var places = map[string]onnx.Where{"auto": onnx.Auto, "inside": onnx.Inside, "beside": onnx.Beside}

// check refuses flags that mean nothing.
func (f exportFlags) check(cmd *cobra.Command) error {
	_, place := places[f.data]
	switch {
	case !f.onnx:
		return cli.Usage("export wants --onnx: there is no other form so far")
	case f.out == "":
		return cli.Usage("export wants --out FILE, the file to write")
	case !place:
		return cli.Usage("--data %q: want inside, beside or auto", f.data)
	case f.part != "" && f.part != "detector" && f.part != "backbone":
		return cli.Usage("--part %q: want detector or backbone", f.part)
	case f.weights.Arch != "" && cmd.Flags().Changed("model"):
		return cli.Usage("--model and --arch exclude each other: give one")
	case f.batch < 0 || f.tokens < 0 || f.labels < 1 || f.perLevel < 1:
		return cli.Usage("--batch %d, --tokens %d, --labels %d and --per-level %d: want 0 and 1 at least", f.batch, f.tokens, f.labels, f.perLevel)
	case !(f.threshold >= 0 && f.threshold < 1): // NaN too
		return cli.Usage("--threshold %g: want 0 to below 1", f.threshold)
	}
	return f.overwrites()
}

// written are the files that a run may write.
func (f exportFlags) written() []string { return []string{f.out, f.out + ".data", f.out + ".json"} }

// overwrites refuses to replace what the run reads, by any of its names, or a folder.
func (f exportFlags) overwrites() error {
	read := f.weights.Files()
	if f.weights.Arch != "" {
		read = append(read, f.weights.Arch)
	}
	for _, out := range f.written() {
		there, err := os.Stat(out)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return cli.Usage("--out: %w", err)
		}
		if there.IsDir() {
			return cli.Usage("--out: %s is a folder: want a file", out)
		}
		for _, path := range read {
			if in, err := os.Stat(path); err == nil && os.SameFile(in, there) {
				return cli.Usage("--out: %s would replace %s, which is read: choose another name", out, path)
			}
		}
	}
	return nil
}

func runExport(cmd *cobra.Command, f exportFlags) (err error) {
	if err := f.weights.Settle(cmd); err != nil {
		return err
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	f.weights.Forgotten(cmd)
	asked, err := f.target(cmd)
	if err != nil {
		return err
	}
	var bound *glipvk.Bound
	var m *onnx.Model
	var about exported
	if asked.detector != nil {
		bound, m, about, err = f.detector(*asked.detector)
	} else if err = unflagged(cmd); err == nil {
		bound, m, about, err = f.backbone(*asked.backbone)
	}
	if bound != nil {
		defer func() { err = errors.Join(err, bound.Close()) }()
	}
	if err != nil {
		return err
	}
	cli.Notes(cmd.ErrOrStderr(), "glip", bound.Notes())
	about.Files = m.Files(f.out, places[f.data])
	about.describe(m, f.weights.Path)
	var text bytes.Buffer
	if err := writeJSON(&text, about); err != nil {
		return err
	}
	if _, err := m.Write(f.out, bound, places[f.data], onnx.Note{Path: f.out + ".json", Text: text.Bytes()}); err != nil {
		return err
	}
	if f.json {
		_, err = text.WriteTo(cmd.OutOrStdout())
		return err
	}
	return about.print(cmd.OutOrStdout(), f.out)
}

// target is the architecture that is meant: one of its fields is set.
func (f exportFlags) target(cmd *cobra.Command) (t target, err error) {
	if f.weights.Model == "" && f.weights.Arch == "" { // the file says what it is of
		card, err := glipvk.OpenCard(f.weights.Path, f.weights.Entry)
		if err != nil {
			return t, err
		}
		t.detector = card.Config
	} else {
		model := f.weights.Model
		if f.weights.Arch != "" {
			model = ""
		}
		if t, err = (inspectFlags{model: model, arch: f.weights.Arch}).expected(cmd.Context()); err != nil {
			return t, err
		}
	}
	switch {
	case f.part == "detector" && t.detector == nil:
		return t, cli.Usage("--part detector: what is named is a backbone; name a detector by --model or --arch")
	case f.part == "backbone" && t.backbone == nil:
		t.backbone = &t.detector.Backbone
	}
	if f.part == "backbone" {
		t.detector = nil
	}
	return t, nil
}

// sides reads --size.
func (f exportFlags) sides(height, width int) (int, int, error) {
	if f.size == "" {
		return height, width, nil
	}
	if n, err := strconv.Atoi(f.size); err == nil && n > 0 {
		return n, n, nil
	}
	s, err := glipvk.ParseSize(f.size)
	if err != nil || s.Original {
		return 0, 0, cli.Usage("--size %q: want HEIGHTxWIDTH in pixels, as in 800x1344, or one number for a square", f.size)
	}
	return s.Height, s.Width, nil
}

// options are those of the weights.
func (f exportFlags) options() glipvk.Options {
	return glipvk.Options{Weights: f.weights.Path, WeightsEntry: f.weights.Entry, AllowNonFinite: f.weights.AllowNonFinite}
}

// name is the model's in the catalogue, "" where the architecture is a file's or the weights' own.
func (f exportFlags) name() string {
	if f.weights.Arch != "" {
		return ""
	}
	return f.weights.Model
}

func (f exportFlags) detector(cfg detector.Config) (*glipvk.Bound, *onnx.Model, exported, error) {
	o := glipvk.DetectorOptions{Options: f.options()}
	if f.name() == "" {
		o.Arch = &cfg
	}
	bound, err := glipvk.BindDetector(f.name(), o)
	if err != nil {
		return nil, nil, exported{}, err
	}
	info := bound.Info()
	height, width, err := f.sides(multiple(cmp.Or(info.Size.Short, 800)), multiple(cmp.Or(info.Size.Long, info.Size.Short, 1333)))
	if err != nil {
		return bound, nil, exported{}, err
	}
	threshold := f.threshold
	if threshold == 0 {
		threshold = -1 // none
	}
	cfg = *info.Detector
	m, err := onnx.Detector(cfg, onnx.DetectorOptions{
		Batch: f.batch, Height: height, Width: width, Tokens: cmp.Or(f.tokens, cfg.MaxTokens), Labels: f.labels, Threshold: threshold,
		PerLevel: f.perLevel, Raw: f.raw, Absorb: f.absorb, Gather: f.gather,
	})
	return bound, m, exported{Detector: &cfg, info: info}, cli.Blame(err)
}

func (f exportFlags) backbone(cfg swin.Config) (*glipvk.Bound, *onnx.Model, exported, error) {
	o := glipvk.BackboneOptions{Options: f.options()}
	if f.name() == "" {
		o.Arch = &cfg
	}
	bound, err := glipvk.BindBackbone(f.name(), o)
	if err != nil {
		return nil, nil, exported{}, err
	}
	info := bound.Info()
	height, width, err := f.sides(cmp.Or(info.Height, cfg.ImageSize), cmp.Or(info.Width, cfg.ImageSize))
	if err != nil {
		return bound, nil, exported{}, err
	}
	cfg = info.Backbone
	m, err := onnx.Backbone(cfg, swin.Input{Batch: f.batch, Height: height, Width: width})
	return bound, m, exported{Backbone: &cfg, info: info}, cli.Blame(err)
}

// multiple is a side of a picture, padded.
func multiple(side int) int {
	return (side + detector.Divisor - 1) / detector.Divisor * detector.Divisor
}

// unflagged are flags of a detector that were given for a backbone.
func unflagged(cmd *cobra.Command) error {
	var given []string
	for _, name := range []string{"tokens", "labels", "threshold", "per-level", "raw", "absorb", "gather"} {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 0 {
		return cli.Usage("%s: a backbone has none of this; leave it out, or export the detector", strings.Join(given, ", "))
	}
	return nil
}
