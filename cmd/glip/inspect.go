package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	detector "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
	"github.com/spf13/cobra"
)

// inspectFlags are the flags of "glip inspect".
type inspectFlags struct {
	model, arch  string
	entry        string
	resizeTables bool
	quick, json  bool
}

func newInspect() *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect [flags] CHECKPOINT",
		Short: "show what a checkpoint holds and whether it fits a model",
		Long: `inspect shows the container and family of a checkpoint, its tensors with element
type and shape, which parameter each would become, which are ignored and why, and
what is wrong. Nothing that the file names is ever run.

The file of a whole GLIP detector, microsoft/GLIP's or MMDetection's, is inspected as
such; any other, one cut down to its backbone too, as a Swin backbone.

The architecture is the one that the file names, as those of glip train do, else read off
the shapes, unless --model or --arch says what the file should fit. GLIP-T and GLIP-L are names of the detector and of its backbone: which is
meant follows from the file. GLIP-T-A is the detector GLIP-T (A). All values are read and looked at for NaN and infinity, and a published
file's sum is compared with the one in its name; --quick leaves both out.

The exit status is 2 when something is wrong.`,
		Example: `  glip inspect swin-t_glip-pre_3rdparty_20230413-d85813b5.pth
  glip inspect --model GLIP-L --quick glip_large_model.pth
  glip inspect --json model.safetensors`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usage("inspect takes one checkpoint, %d given", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runInspect(cmd, f, args[0])
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "the model that the file should fit, by name or nickname")
	fl.StringVar(&f.arch, "arch", "", "JSON file with the architecture of the backbone or the detector that the file should fit")
	cli.Entry(cmd, &f.entry)
	fl.BoolVar(&f.resizeTables, "resize-tables", false, "position tables of another window are no mistake")
	fl.BoolVar(&f.quick, "quick", false, "read the index only, no values")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	cli.Complete(cmd, "model", func() []string { return append(backboneNames(), detectorNames()...) })
	return cmd
}

// finding is what inspect found out.
type finding struct {
	File       string           `json:"file"`
	Container  string           `json:"container"`
	Wrapper    string           `json:"wrapper,omitempty"` // entry that holds the tensors
	Prefix     string           `json:"prefix,omitempty"`  // of their names, left out here
	Others     []string         `json:"others,omitempty"`  // entries that hold weights too
	Family     bind.Family      `json:"family,omitempty"`
	Variant    string           `json:"variant,omitempty"`  // of a detector: which published one it is
	Arch       *swin.Config     `json:"arch,omitempty"`     // of a backbone: asked for, or else read off the shapes
	Detector   *detector.Config `json:"detector,omitempty"` // of a detector: the same
	Inferred   bool             `json:"inferred"`           // Arch or Detector was read off the shapes
	Own        *own             `json:"card,omitempty"`     // what the file says of its weights
	Fits       []string         `json:"fits,omitempty"`     // named models of that architecture
	Tensors    []tensorEntry    `json:"tensors"`
	Skipped    []string         `json:"skipped,omitempty"` // left unread in the file
	ValuesRead bool             `json:"values_read"`
	Zeros      []string         `json:"zeros,omitempty"`  // matrices that are zeros, all or in part
	Values     *bind.Report     `json:"values,omitempty"` // what they are like, where they were read
	Problems   []string         `json:"problems"`
	Remedy     string           `json:"remedy,omitempty"`
}

// own is what a file says of its weights besides their architecture.
type own struct {
	Vocabulary int               `json:"vocabulary,omitempty"` // tokens; 0 for bert-base-uncased's
	Size       string            `json:"size,omitempty"`       // of pictures, as --size
	About      map[string]string `json:"about,omitempty"`
}

// tensorEntry is a tensor and its use.
type tensorEntry struct {
	Name  string       `json:"name"`
	DType loader.DType `json:"dtype"`
	Shape []int        `json:"shape"`
	Use   string       `json:"use"`          // "bound", "ignored" or "unexpected"; "" where the family is not known
	As    string       `json:"as,omitempty"` // parameter it becomes, or the reason why it is ignored
}

func runInspect(cmd *cobra.Command, f inspectFlags, path string) (err error) {
	asked, err := f.expected(cmd.Context())
	if err != nil {
		return err
	}
	if path, _, err = cli.Fetched(cmd, path); err != nil {
		return err
	}
	file, _, err := glipvk.OpenCheckpoint(path, f.entry)
	if err != nil {
		return cli.Blame(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	found, err := inspect(cmd.Context(), file, asked, f)
	if err != nil {
		return err
	}
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), found)
	} else {
		err = found.print(cmd.OutOrStdout())
	}
	if err == nil && len(found.Problems) > 0 {
		err = cli.Usage("%s: %s; see the list", path, counted(len(found.Problems), "problem", "problems"))
	}
	return err
}

// inspect looks at a checkpoint. Problems of the file are in the finding; the
// error is only that of ctx.
func inspect(ctx context.Context, file *loader.Checkpoint, asked target, f inspectFlags) (*finding, error) {
	found := &finding{
		File: file.Path(), Container: file.Container(), Wrapper: file.Wrapper(), Prefix: file.Prefix(), Others: file.Others(), Skipped: file.Skipped(),
		Inferred: asked.none(), ValuesRead: !f.quick, Problems: []string{},
	}
	if !f.quick {
		if _, err := loader.VerifySum(ctx, file.Path()); err != nil {
			found.problem(err)
		}
	}
	suspicions, err := file.Suspicions()
	found.problem(err)
	found.Problems = append(found.Problems, suspicions...)
	found.list(file)
	asked = found.card(file, asked)
	if asked.isDetector(file) {
		found.detector(ctx, file, asked.detector, f)
	} else {
		found.backbone(ctx, file, asked.backbone, f)
	}
	return found, ctx.Err()
}

// card reads what the file says of its weights. What they are of is asked for then, where no flag asks for something else.
func (found *finding) card(file *loader.Checkpoint, asked target) target {
	c, err := glipvk.ReadCard(file)
	if err != nil || c.Config == nil {
		found.problem(err)
		return asked
	}
	found.Own = &own{Size: c.Size.String(), About: c.About}
	if c.Vocabulary != nil {
		found.Own.Vocabulary = c.Vocabulary.Size()
	}
	switch {
	case asked.none():
		asked.detector, found.Inferred = c.Config, false
	case asked.detector != nil:
		found.Problems = append(found.Problems, detector.Contradictions(*c.Config, *asked.detector)...)
	}
	return asked
}

// bindOptions are what the flags say about binding.
func (f inspectFlags) bindOptions() bind.Options {
	if f.resizeTables {
		return bind.Options{Resize: bind.Geometric}
	}
	return bind.Options{}
}

// backbone looks at the file as that of a Swin backbone.
func (found *finding) backbone(ctx context.Context, file *loader.Checkpoint, asked *swin.Config, f inspectFlags) {
	if names, err := swin.MapNames(file); err == nil {
		found.Family = names.Family
		found.use(names.Keys, names.Ignored, names.Unknown)
	}
	found.Arch = asked
	if asked == nil {
		cfg, family, err := swin.Infer(file)
		found.Family = family
		if err != nil {
			found.problem(err)
			return
		}
		found.Arch = &cfg
	}
	found.fit()
	bound, err := swin.Bind(file, *found.Arch, f.bindOptions())
	found.values(ctx, bound, err, f)
}

// values looks at those of a file that was bound.
func (found *finding) values(ctx context.Context, bound *bind.Weights, err error, f inspectFlags) {
	if err == nil && !f.quick {
		var values bind.Report
		values, err = bound.Check(ctx)
		found.Values, found.Zeros = &values, bound.Zeros()
	}
	found.problem(err)
}

// list takes down the tensors of the file.
func (found *finding) list(file *loader.Checkpoint) {
	found.Tensors = []tensorEntry{}
	for _, name := range file.Names() {
		info, _ := file.Info(name)
		found.Tensors = append(found.Tensors, tensorEntry{Name: name, DType: info.DType, Shape: info.Shape})
	}
}

// use says of every tensor what it is for.
func (found *finding) use(keys map[string][]string, ignored []bind.IgnoredKey, unknown []string) {
	use, as := map[string]string{}, map[string]string{}
	for canonical, list := range keys {
		for _, key := range list {
			use[key], as[key] = "bound", canonical
		}
	}
	for _, i := range ignored {
		use[i.Key], as[i.Key] = "ignored", i.Reason
	}
	for _, key := range unknown {
		use[key] = "unexpected"
	}
	for i, t := range found.Tensors {
		found.Tensors[i].Use, found.Tensors[i].As = use[t.Name], as[t.Name]
	}
}

// fit names the models whose weights these could be.
func (found *finding) fit() {
	for _, m := range glipvk.Models() {
		switch {
		case found.Arch != nil && m.Detector == nil && swin.Differences(*found.Arch, m.Backbone) == nil:
			found.Fits = append(found.Fits, fmt.Sprintf("%s (%s)", m.Name, m.Nickname))
		case found.Detector != nil && m.Detector != nil && detector.Differences(*found.Detector, *m.Detector) == nil:
			found.Fits = append(found.Fits, m.Name)
		}
	}
}

// problem adds an error, one line for each thing that it lists.
func (found *finding) problem(err error) {
	if err == nil {
		return
	}
	if parts := joined(err); parts != nil {
		for _, e := range parts {
			found.problem(e)
		}
		return
	}
	var bad *bind.Error
	if errors.As(err, &bad) {
		found.Problems = append(found.Problems, bindProblems(bad)...)
		found.Remedy = cli.Words(bad.Remedy)
		return
	}
	found.Problems = append(found.Problems, cli.Words(err.Error()))
}

// joined is what errors.Join joined, nil for an error with a sentence of its own.
func joined(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(several.Unwrap()...).Error() != err.Error() {
		return nil
	}
	return several.Unwrap()
}

func bindProblems(e *bind.Error) []string {
	lines := append([]string{}, e.Differences...)
	for _, name := range e.Missing {
		lines = append(lines, "missing: "+name)
	}
	for _, key := range e.Unexpected {
		lines = append(lines, "unexpected: "+key)
	}
	for _, m := range e.Mismatched {
		lines = append(lines, fmt.Sprintf("wrong shape or type: %s is %s %v, want floating point %v", m.Key, m.DType, m.Got, m.Want))
	}
	for _, fact := range e.Facts {
		lines = append(lines, fmt.Sprintf("made for another model: %s", fact))
	}
	for _, n := range e.NonFinite {
		lines = append(lines, fmt.Sprintf("not finite: %s", n))
	}
	return lines
}
