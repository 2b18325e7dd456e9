package main

import (
	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
	"github.com/spf13/cobra"
)

const trainHelp = `train fine-tunes a detector on pictures with boxes, as tools/finetune.py of microsoft/GLIP does.

--data is COCO's JSON or the folder that holds it as in ODinW's layout, or grounding JSON,
whose pictures have captions and whose boxes name parts of them (tokens_positive). The
caption of COCO's pictures is the names of all its categories; --negatives draws some of
them, --shuffle their order. --task is one of ODinW's task files, with names, caption
prompts and data below --root. --data and --val may be labels of another format, too: YOLO, Pascal
VOC, CVAT, LabelMe, Label Studio, JSON Lines, Parquet. What is wrong in the data is counted, named and left out;
--strict refuses it.

--mode says what is trained: full (all but the first stage of the backbone; --frozen -1 for
all), head (tower and predictions), linear (the last layers), language (the text encoder),
prompt (a table that is added to the text, the fewest weights) or adapters (of low rank, beside
linear maps; they become part of the weights that are saved). Rates, decay, schedule,
augmentation and when to stop are the paper's for the mode and --shots; each can be given.

--out gets config.json with all that was chosen and the program's version, metrics.jsonl with
a line for each step and measurement, loss.png and ap.png, classes.txt, val/ with what was
found in some pictures of --val, last.safetensors and best.safetensors (--format pth for the
original program), under the names of microsoft/GLIP or MMDetection (--names), and last.state, from which --resume goes on to the same bits. A folder that
has a run already is refused. Ctrl-C saves, says how to go on, and ends with status 1.

--dry-run looks at every picture and takes two steps, to say what is wrong with the data and
how much memory and time it will take; it writes nothing. --overfit N learns N pictures by
heart, without augmentation, and says whether the loss falls: try that first where something
is wrong.`

// trainFlags are the flags of "glip train".
type trainFlags struct {
	device  cli.Device
	weights cli.Weights
	plan    trainPlan
	resume  string
	dry     bool

	model     glipvk.Info // what is trained
	tokenizer *text.Tokenizer
}

func newTrain() *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "train [flags]",
		Short: "fine-tune a detector on pictures with boxes",
		Long:  trainHelp,
		Example: `  glip train --data shapes.json --images photos --weights glip_tiny_model_o365_goldg_cc_sbu.pth --mode prompt --epochs 10 --val val.json --out runs/a
  glip train --resume runs/a --steps 4000
  glip train --task configs/odinw_13/pothole.yaml --root DATASET --weights glip_tiny_model_o365_goldg_cc_sbu.pth --shots 3 --out runs/pothole
  glip train --data shapes.json --weights glip_tiny_model_o365_goldg_cc_sbu.pth --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.device.Define(cmd)
	f.device.DefineLost(cmd)
	f.weights.Define(cmd, "glip-t", detectorNames)
	f.defineData(cmd)
	f.defineRecipe(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.plan.Out, "out", "out/train", "folder for what is saved")
	fl.StringVar(&f.plan.Vocab, "vocab", "", vocabBeside)
	fl.StringVar(&f.resume, "resume", "", "folder of an earlier run to go on with, with all its choices; only --steps, --save, --recompute, --remember, --memory and the flags of the device may be given")
	fl.BoolVar(&f.dry, "dry-run", false, "check data, memory and time, and write nothing")
	cli.Complete(cmd, "format", func() []string { return []string{"safetensors", "pth"} })
	cli.Complete(cmd, "schedule", func() []string { return []string{string(train.Auto), string(train.Steps), string(train.Cosine)} })
	cli.Complete(cmd, "names", func() []string { return []string{string(convert.Microsoft), string(convert.MMDetection)} })
	cli.Complete(cmd, "mode", func() (list []string) {
		for _, m := range train.Modes() {
			list = append(list, string(m))
		}
		return list
	})
	return cmd
}

// defineData adds the flags about what is learned from.
func (f *trainFlags) defineData(cmd *cobra.Command) {
	fl, p := cmd.Flags(), &f.plan
	fl.StringVar(&p.Data, "data", "", "annotations to learn from, a file or the folder that holds them")
	fl.StringVar(&p.Images, "images", "", "folder of their pictures (default: that of the annotations)")
	fl.StringVar(&p.Val, "val", "", "annotations to measure on, a file or a folder, which may be that of --data where it has parts")
	fl.StringVar(&p.Part, "part", "", "part of --data to learn from: train, val, test or all (default: train, where it has parts)")
	fl.StringVar(&p.ValPart, "val-part", "", "part of --val to measure on (default: val, where it has parts)")
	p.labelSource.define(cmd, "--data and --val")
	fl.StringVar(&p.ValImages, "val-images", "", "folder of the pictures of --val (default: --images, or that of --val)")
	fl.StringVar(&p.Task, "task", "", "task file of ODinW (YAML), instead of --data and --val")
	fl.StringVar(&p.Root, "root", ".", "folder that the paths of --task are in: the one that holds odinw, or odinw itself")
	fl.IntVar(&p.Shots, "shots", 0, "learn from so many pictures of each category, by the original's choice; 0 for all")
	fl.IntVar(&p.Prepared, "prepared", 0, "with --task and --shots: the subsets that were made with this seed (3, 30 or 300)")
	fl.IntVar(&p.Overfit, "overfit", 0, "learn so many pictures by heart, without augmentation, and measure on them; 0 for an ordinary training")
	fl.BoolVar(&p.Strict, "strict", false, "refuse data with anything wrong instead of leaving that out")
	fl.IntVar(&p.Negatives, "negatives", 0, "a caption names what its picture shows and so many other categories at most, by chance (pre-training: 85); 0 for all categories")
	fl.BoolVar(&p.Shuffle, "shuffle", false, "names in a random order, new for each sample")
	fl.IntSliceVar(&p.Shorts, "short", nil, "shorter side of pictures in pixels, one of them drawn for each; the largest is measured on (default: what the weights' file says, else 480,560,640,720,800)")
	fl.IntVar(&p.Long, "long", 0, "longer side at most (default: what the weights' file says, else 1333)")
	fl.Float64Var(&p.Flip, "flip", 0, "how often left and right are exchanged (default: 0.5)")
	cli.Limits(cmd, &p.Limits)
}

// defineRecipe adds the flags about how it is learned. Those without a default have the mode's.
func (f *trainFlags) defineRecipe(cmd *cobra.Command) {
	fl, p := cmd.Flags(), &f.plan
	fl.StringVar(&p.Mode, "mode", string(train.Full), "what is trained: full, head, linear, language, prompt or adapters")
	fl.IntVar(&p.Frozen, "frozen", 0, "of full: -1 freezes nothing, 2 the first stage of the backbone, 3 two stages (default: 2)")
	fl.IntVar(&p.Epochs, "epochs", 0, "times through the data, unless --steps is given (default: 200 with --val, which ends it earlier, else 12)")
	fl.IntVar(&p.Steps, "steps", 0, "steps of the whole training")
	fl.IntVar(&p.Batch, "batch", 4, "pictures of a step")
	fl.IntVar(&p.Seed, "seed", 0, "of chance")
	fl.IntVar(&p.Validate, "validate", 0, "steps between measurements; 0 for once through the data")
	fl.Float64Var(&p.Rate, "rate", 0, "learning rate (default: 0.0001, of prompt 0.05, of adapters 0.001)")
	fl.Float64Var(&p.LanguageRate, "language-rate", 0, "that of the text encoder (default: 0.00001, of adapters 0.001)")
	fl.Float64Var(&p.Decay, "decay", 0, "decay of weights (default: 0.05, of prompt 0.25)")
	fl.Float64Var(&p.Clip, "clip", 1, "length of all gradients together at most; 0 for no bound")
	fl.Float64Var(&p.Average, "average", 0, "decay of a moving average of the weights; 0 for none")
	fl.Float64Var(&p.DropPath, "drop-path", 0.2, "share of residual branches that are left out in the backbone's last block (GLIP-L: 0.4)")
	fl.Float64Var(&p.DropBlock, "drop-block", 0.3, "share of the pyramid's maps that is cleared")
	fl.Float64Var(&p.Dropout, "dropout", 0.1, "share of text and attention that is cleared")
	fl.IntVar(&p.Warmup, "warmup", 0, "steps in which the rate grows from a thousandth")
	fl.StringVar(&p.Schedule, "schedule", "", "how the rate falls: auto, where measurements are no better; steps, at each --milestone; cosine, along half a cosine to the end of --steps (default: auto, with --milestone steps)")
	fl.Float64SliceVar(&p.Milestones, "milestone", nil, "when the rate falls to a tenth: steps, or, below 1, shares of all (default: when measurements are no better)")
	fl.IntVar(&p.Patience, "patience", 0, "measurements that may be no better before the rate falls to a tenth (default: 2, with --shots 3)")
	fl.IntVar(&p.Stop, "stop", 0, "measurements in a row below the best that end the training; 0 for never (default: 4, with --shots 8)")
	fl.IntVar(&p.Repeat, "repeat", 0, "how often each picture comes in a time through the data (default: 1, with few --shots up to 8, else what --task says)")
	fl.IntVar(&p.Save, "save", 0, "steps between saves of the state; measurements save it too")
	fl.StringSliceVar(&p.Recompute, "recompute", nil, "scopes, by globs of paths, whose values are computed again for the gradients and not kept: less memory, more time, the same numbers; blocks for all that come in numbers")
	fl.Int64Var(&p.Remember, "remember", 0, "bytes for what frozen parts make of pictures, which are computed once then; 0 for 2 GiB, -1 for none")
	fl.Int64Var(&p.Memory, "memory", 0, "bytes that weights, moments, gradients and what a step works in may take together; a step that would take more is refused, with what would fit; 0 for no bound")
	fl.StringSliceVar(&p.Adapt, "adapt", nil, "of mode adapters: the linear maps that get one, by globs of paths (default: those of attention in backbone and text encoder)")
	fl.IntVar(&p.Rank, "rank", 0, "of adapters (default: 8)")
	fl.Float64Var(&p.Alpha, "alpha", 0, "of adapters, which are scaled with it over the rank (default: 16)")
	fl.BoolVar(&p.Half, "half", false, "store the weights that are saved in 16 bits: half the file, numbers are rounded")
	fl.StringToStringVar(&p.About, "about", nil, "KEY=TEXT that the files of weights are to say of themselves, as in commit=1f2e3d; may be repeated")
	fl.StringVar(&p.Format, "format", "safetensors", "of the weights that are saved: safetensors, or pth as the original program reads them")
	fl.StringVar(&p.Names, "names", string(convert.Microsoft), "of the weights that are saved: microsoft, or mmdetection")
}
