package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	detector "github.com/glipvk/glipvk/glip" // the tests have a function glip
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
)

// target is what a file should fit: a backbone, a detector, either where one name
// stands for both, or neither for its own architecture.
type target struct {
	backbone *swin.Config
	detector *detector.Config
}

func (t target) none() bool { return t.backbone == nil && t.detector == nil }

// isDetector says whether a file is to be looked at as that of a whole detector. A
// name that stands for both leaves it to the file.
func (t target) isDetector(file *loader.Checkpoint) bool {
	if (t.backbone == nil) != (t.detector == nil) {
		return t.detector != nil
	}
	_, err := detector.Detect(file)
	return err == nil
}

// expected is what the flags say that the file should fit.
func (f inspectFlags) expected(ctx context.Context) (target, error) {
	switch {
	case f.model != "" && f.arch != "":
		return target{}, cli.Usage("--model and --arch exclude each other: give one")
	case f.arch != "":
		return cli.ReadArch(ctx, f.arch, parseTarget)
	case f.model == "":
		return target{}, nil
	}
	whole, err := glipvk.LookupDetector(f.model)
	if err != nil {
		return target{}, err
	}
	body, err := glipvk.LookupBackbone(f.model)
	switch {
	case strings.EqualFold(f.model, body.Name): // which only a backbone has
		return target{backbone: &body.Backbone}, err
	case !strings.EqualFold(whole.Name, body.Nickname): // a detector's own
		return target{detector: whole.Detector}, err
	}
	return target{backbone: &body.Backbone, detector: whole.Detector}, err
}

// parseTarget tells a detector's architecture, which has a backbone inside, from a backbone's.
func parseTarget(data []byte) (target, error) {
	var parts map[string]json.RawMessage
	if json.Unmarshal(data, &parts) == nil && parts["backbone"] != nil {
		cfg, err := detector.ParseConfig(data)
		return target{detector: &cfg}, err
	}
	cfg, err := swin.ParseConfig(data)
	return target{backbone: &cfg}, err
}

// detector looks at the file as that of a whole detector.
func (found *finding) detector(ctx context.Context, file *loader.Checkpoint, asked *detector.Config, f inspectFlags) {
	if names, err := detector.MapNames(file); err == nil {
		found.Family = names.Family
		found.use(names.Keys, names.Ignored, names.Unknown)
	}
	found.Detector = asked
	cfg, variant, err := detector.Infer(file)
	if err == nil {
		found.Variant = variant
	}
	if asked == nil {
		if err != nil {
			found.problem(err)
			return
		}
		found.Detector = &cfg
	}
	found.fit()
	bound, err := detector.Bind(file, *found.Detector, f.bindOptions())
	found.values(ctx, bound, err, f)
}
