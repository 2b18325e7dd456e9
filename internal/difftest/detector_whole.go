package difftest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-gl/mathgl/mgl64"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
)

// encoder records the text encoder of a case of group bert.
func (p *modulePlan) encoder() []DetectorRun {
	const encoder = "language_backbone.body.model."
	tokens := p.rows("hidden")
	ids, err := p.integers("input_ids")
	if p.fail(err); len(ids) < tokens {
		p.fail(fmt.Errorf("difftest: %s: %d input_ids of %d", p.ID, len(ids), tokens))
		return nil
	}
	r := DetectorRun{Inputs: [][]float32{ids[:tokens], make([]float32, tokens)}}
	r.tap("embeddings", encoder+"embeddings.LayerNorm")
	for i := range p.cfg.Text.Layers {
		at := fmt.Sprint(encoder, "encoder.layer.", i, ".")
		for _, x := range []struct{ name, path string }{
			{"context", "attention.self"}, {"attention", "attention.output.LayerNorm"},
			{"intermediate", "intermediate.gelu"}, {"layer", "output.LayerNorm"},
		} {
			if name := fmt.Sprint("layer", i, ".", x.name); p.has(name) {
				r.tap(name, at+x.path)
			}
		}
	}
	r.tap("hidden", hiddenPath(p.cfg))
	r.Graph = p.recorded(glip.RecordLanguage(p.cfg, glip.Language{Tokens: tokens}))
	return []DetectorRun{r}
}

func (p *modulePlan) has(name string) bool {
	_, ok := p.Tensor(name)
	return ok
}

// hiddenPath is that of the text encoder's output.
func hiddenPath(cfg glip.Config) string {
	return fmt.Sprint("language_backbone.body.model.encoder.layer.", cfg.Text.Layers-1, ".output.LayerNorm")
}

// DetectorInput is what a case of the whole detector is given.
type DetectorInput struct {
	Picture picture.Input
	IDs     []float32   // [1, T]
	Owned   []float32   // [L, T]
	Labels  int         // L
	Inputs  [][]float32 // of the graph of the whole
}

// Prepared is the case's picture, drawn, resized, normalised and padded.
func (c *DetectorCase) Prepared() (picture.Input, error) {
	if c.Picture == nil {
		return picture.Input{}, fmt.Errorf("difftest: %s has no picture", c.ID)
	}
	h, w := c.Picture.Height, c.Picture.Width
	size := picture.DetectorSize{Original: true}
	if c.MinSize != nil {
		size = picture.DetectorSize{Short: *c.MinSize}
	}
	drawn := picture.Picture{Height: h, Width: w, Pixels: synthetic.Picture(h, w, c.Picture.Seed)}
	in, err := picture.Detector{Size: size}.Apply(context.Background(), drawn)
	if got := [2]int{in.View(0).Content.Height, in.View(0).Content.Width}; err == nil && got != c.Size {
		err = fmt.Errorf("difftest: %s: the picture becomes %v, the manifest says %v", c.ID, got, c.Size)
	}
	return in, err
}

// WholeInput makes the inputs of a case of the whole detector from its picture and caption
// as the manifest states them.
func (c *DetectorCase) WholeInput(tok *text.Tokenizer) (DetectorInput, error) {
	prepared, err := c.Prepared()
	if err != nil {
		return DetectorInput{}, err
	}
	if got := [2]int{prepared.Height, prepared.Width}; got != c.Padded {
		return DetectorInput{}, fmt.Errorf("difftest: %s: the picture is padded to %v, the manifest says %v", c.ID, got, c.Padded)
	}
	in := DetectorInput{Picture: prepared}
	if in.IDs, in.Owned, in.Labels, err = c.language(tok); err != nil {
		return in, err
	}
	in.Inputs = [][]float32{in.Picture.Data, in.IDs, make([]float32, len(in.IDs)), in.Owned}
	return in, nil
}

// toPicture maps a point of the resized picture to the picture as it was given.
func (in DetectorInput) toPicture(x, y float64) (float64, float64) {
	p := in.Picture.View(0).ToPicture().Mul3x1(mgl64.Vec3{x, y, 1})
	return p[0], p[1]
}

// PlanWhole records the whole detector for a case of groups e2e, tiny and their kin.
func (c *DetectorCase) PlanWhole(in DetectorInput) (DetectorRun, error) {
	p := c.plan()
	r := DetectorRun{Inputs: in.Inputs}
	for _, t := range c.Tensors {
		if t.Role != "output" || t.Name == "detections" || t.Name == "predictions" {
			continue
		}
		path, err := WholePath(p.cfg, t.Name)
		p.fail(err)
		r.tap(t.Name, path)
	}
	r.Graph = p.recorded(glip.Record(p.cfg, glip.Grounding{Height: in.Picture.Height, Width: in.Picture.Width, Tokens: len(in.IDs), Labels: in.Labels}))
	return r, p.err
}

// WholePath is the graph path of a tensor of the whole detector, by the name that golden sets give it.
func WholePath(cfg glip.Config, name string) (string, error) {
	parts := strings.Split(name, ".")
	last := parts[len(parts)-1]
	level := func() int { n, _ := strconv.Atoi(strings.TrimPrefix(last, "p")); return n - 3 }
	switch {
	case name == "image":
		return "image", nil
	case name == "language.hidden":
		return hiddenPath(cfg), nil
	case name == "body.stage2":
		return fmt.Sprint("backbone.body.stages.0.blocks.", cfg.Backbone.Depths[0]-1), nil
	case strings.HasPrefix(name, "body.stage"):
		n, err := strconv.Atoi(strings.TrimPrefix(name, "body.stage"))
		return fmt.Sprint("backbone.body.norm", n-2), err
	case parts[0] == "fpn":
		return pyramidPaths[level()], nil
	case parts[0] == "head" && parts[1] == "centerness":
		return repeated("rpn.head.centerness", level()), nil
	case parts[0] == "head":
		return "rpn.head." + parts[1] + "." + last, nil
	case strings.HasPrefix(name, "tower") && len(parts) == 3:
		at := "rpn.head.dyhead_tower." + strings.TrimPrefix(parts[0], "tower") + "."
		if parts[1] == "BertEncoderLayer" {
			return at + "output.clamped", nil
		}
		return at + last, nil
	}
	return "", fmt.Errorf("difftest: nothing in the graph is %s", name)
}
