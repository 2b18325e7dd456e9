package onnx_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/ort"
	"github.com/glipvk/glipvk/onnx"
	"github.com/glipvk/glipvk/swin"
)

// tiny is the architecture of the detector in testdata.
func tiny(t *testing.T) glip.Config {
	t.Helper()
	data, err := os.ReadFile("../testdata/glip/tiny/arch.json")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := glip.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// question is what a detector is asked in these tests: two pictures with a caption each, one of them padded.
type question struct {
	height, width, tokens, labels int
	image, ids, mask, owned       []float32
}

func newQuestion(cfg glip.Config, batch int) question {
	q := question{height: 64, width: 96, tokens: 7, labels: 3}
	q.image, _ = made{}.Tensor("image", []int{batch, 3, q.height, q.width})
	for b := range batch {
		for token := range q.tokens {
			q.ids = append(q.ids, float32((11*token+5*b+1)%cfg.Text.VocabSize))
			mask := float32(1)
			if token >= q.tokens-2*b {
				mask = 0
			}
			q.mask = append(q.mask, mask)
		}
		for label := range q.labels {
			for token := range q.tokens {
				owned := float32(0)
				if label < 2 && token/2 == label {
					owned = 1
				}
				q.owned = append(q.owned, owned)
			}
		}
	}
	return q
}

// job runs a detector's model on the question.
func (q question) job(path string, batch int, boxes bool) ort.Job {
	j := ort.Job{Model: path, Provider: "cpu", Threads: 1, Outputs: true, Inputs: []ort.Tensor{
		ort.Floats("image", []int{batch, 3, q.height, q.width}, q.image),
		ort.Integers("input_ids", []int{batch, q.tokens}, q.ids),
		ort.Integers("attention_mask", []int{batch, q.tokens}, q.mask),
	}}
	if boxes {
		var size []float32
		for range batch {
			size = append(size, float32(q.height-5), float32(q.width-9))
		}
		j.Inputs = append(j.Inputs, ort.Floats("positive_map", []int{batch, q.labels, q.tokens}, q.owned), ort.Floats("image_size", []int{batch, 2}, size))
	}
	return j
}

// TestDetector runs the detector in all its forms with an open batch and compares boxes and the head's predictions with the oracle's.
func TestDetector(t *testing.T) {
	r := needRuntime(t)
	cfg := tiny(t)
	const batch = 2
	q := newQuestion(cfg, batch)
	in := glip.Grounding{Batch: batch, Height: q.height, Width: q.width, Tokens: q.tokens, Labels: q.labels, PerLevel: 40}
	g, err := glip.Record(cfg, in)
	if err != nil {
		t.Fatal(err)
	}
	masks := make([]float32, len(q.mask))
	for i, m := range q.mask {
		masks[i] = (1 - m) * glip.Masked
	}
	values := map[string][]float32{}
	levels, err := cpuref.Run(t.Context(), g, modest{}, cpuref.Options{Observe: func(_ graph.ID, n graph.Node, data []float32) {
		values[n.Path] = data
	}}, q.image, q.ids, masks, q.owned)
	if err != nil {
		t.Fatal(err)
	}
	o := onnx.DetectorOptions{Batch: onnx.AnyBatch, Height: q.height, Width: q.width, Tokens: q.tokens, Labels: q.labels, PerLevel: 40}
	raw, other := o, o
	raw.Raw, other.Absorb, other.Gather = true, true, true
	var jobs []ort.Job
	for i, form := range []onnx.DetectorOptions{raw, o, other} {
		m, err := onnx.Detector(cfg, form)
		if err != nil {
			t.Fatal(err)
		}
		if has := m.Nodes()["DeformConv"] > 0; has == form.Gather {
			t.Errorf("%+v: DeformConv is there: %v", form, has)
		}
		path := filepath.Join(t.TempDir(), fmt.Sprint(i, ".onnx"))
		if _, err := m.Write(path, modest{}, onnx.Inside); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, q.job(path, batch, !form.Raw))
	}
	results, err := r.Run(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for l := range glip.Levels {
		at := fmt.Sprint("p", l+3)
		near(t, results[0], "logits_"+at, values["rpn.head.dot."+at])
		near(t, results[0], "box_regression_"+at, values["rpn.head.bbox."+at])
	}
	for i, result := range results[1:] {
		for b := range batch {
			sameBoxes(t, []string{"recorded", "absorbed with gathers"}[i], cfg, q, result, b, levels[:glip.Levels])
		}
	}
}

// sameBoxes compares the boxes of a picture with those that package glip makes of the oracle's candidates, none suppressed.
func sameBoxes(t *testing.T, form string, cfg glip.Config, q question, r ort.Result, b int, levels [][]float32) {
	t.Helper()
	var mine [][]float32
	rows := 0
	for _, l := range levels {
		each := len(l) / 2
		mine, rows = append(mine, l[b*each:][:each]), rows+each/graph.CandidateFields
	}
	want, err := glip.Detections(cfg, mine, glip.Frame{PaddedHeight: q.height, PaddedWidth: q.width, Height: q.height - 5, Width: q.width - 9}, glip.Limits{IoU: 1, Count: -1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Error != "" {
		t.Fatalf("%s: %s", form, r.Error)
	}
	boxes, err1 := r.Output("boxes")
	scores, err2 := r.Output("scores")
	labels, err3 := r.Output("labels")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := b * rows; i < (b+1)*rows; i++ {
		if labels[i] == 0 {
			continue
		}
		found++
		box := glip.Box{X1: float64(boxes[4*i]), Y1: float64(boxes[4*i+1]), X2: float64(boxes[4*i+2]), Y2: float64(boxes[4*i+3])}
		if !slices.ContainsFunc(want, func(d glip.Detection) bool {
			return d.Label == int(labels[i]) && d.Box.Apart(box) < 0.01 && math.Abs(d.Score-float64(scores[i])) < 1e-4
		}) {
			t.Errorf("%s: picture %d: the oracle has no box %v of label %v and score %v", form, b, box, labels[i], scores[i])
			return
		}
	}
	if found != len(want) || found == 0 {
		t.Errorf("%s: picture %d: %d boxes, want %d", form, b, found, len(want))
	}
}

func TestDetectorErrors(t *testing.T) {
	cfg := tiny(t)
	good := onnx.DetectorOptions{Batch: 1, Height: 64, Width: 64, Tokens: 5, Labels: 2}
	for name, change := range map[string]func(*onnx.DetectorOptions){
		"height": func(o *onnx.DetectorOptions) { o.Height = 65 },
		"tokens": func(o *onnx.DetectorOptions) { o.Tokens = 10000 },
		"labels": func(o *onnx.DetectorOptions) { o.Labels = 0 },
		"batch":  func(o *onnx.DetectorOptions) { o.Batch = -1 },
	} {
		o := good
		change(&o)
		if _, err := onnx.Detector(cfg, o); !errors.Is(err, graph.ErrShape) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if _, err := onnx.Backbone(small(), swin.Input{Batch: 1}); !errors.Is(err, graph.ErrShape) {
		t.Errorf("a backbone without a size: %v", err)
	}
}
