package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/glipvk/glipvk"
	detector "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/onnx"
	"github.com/glipvk/glipvk/swin"
)

// exported is what is said of a model beside it: what comes in and goes out, and what is to be done before and behind.
type exported struct {
	Files      []string         `json:"files"`
	Model      string           `json:"model"` // its name
	Weights    string           `json:"weights"`
	Opset      int              `json:"opset"`
	Operators  map[string]int   `json:"operators"` // how many of each
	Inputs     []onnx.Value     `json:"inputs"`
	Outputs    []onnx.Value     `json:"outputs"`
	Mean       []float32        `json:"mean"` // of blue, green, red
	Std        []float32        `json:"std"`
	Before     []string         `json:"preprocessing"`
	Behind     []string         `json:"postprocessing"`
	Backbone   *swin.Config     `json:"backbone,omitempty"`
	Detector   *detector.Config `json:"detector,omitempty"`
	Iou        float64          `json:"iou,omitempty"`        // above it the lesser of two boxes of a label is suppressed
	Detections int              `json:"detections,omitempty"` // that stay

	info glipvk.Info
}

// describe fills in what follows from the model.
func (e *exported) describe(m *onnx.Model, weights string) {
	e.Model, e.Weights, e.Opset, e.Operators, e.Inputs, e.Outputs = e.info.Name, weights, onnx.Opset, m.Nodes(), m.Inputs, m.Outputs
	e.Mean, e.Std = e.info.Mean[:], e.info.Std[:]
	e.Before = []string{
		fmt.Sprintf("Resize, so that it fits into %v x %v, height x width of the input. The model was made for: %s.", e.Inputs[0].Shape[2], e.Inputs[0].Shape[3], e.info.Preprocess),
		"Order the channels blue, green, red; values are 0 to 255.",
		"Subtract mean from each channel and divide by std.",
		"Lay the picture out as [3, height, width], its top left corner at the input's, and fill the rest with 0.",
	}
	if e.Detector == nil {
		e.Behind = []string{"None: outputs are the normed maps of the stages."}
		return
	}
	e.Before = append(e.Before,
		"Write the names that are looked for as one caption, each followed by \". \" (\"cat. dog. \"), or take a sentence; BERT's uncased WordPiece tokenizer makes input_ids of it, between [CLS] and [SEP], padded with 0.",
		"attention_mask is 1 for these tokens and 0 for padding.",
	)
	if !e.named("boxes") {
		e.Behind = e.rawSteps()
		return
	}
	e.Before = append(e.Before,
		"Row l of positive_map has 1 at the tokens of label l + 1 and 0 elsewhere; rows of labels that are not looked for are 0.",
		"image_size is height and width of the resized picture before it was padded.",
	)
	e.Iou, e.Detections = detector.DefaultIoU, detector.DefaultDetections
	e.Behind = []string{
		"Leave out rows whose label is 0.",
		"Of two boxes of one label whose intersection over union is above iou drop the one of the lower score (in whole pixels: a side is the difference of its corners plus 1).",
		"Keep the best, as many as detections says, and divide their corners by the factors of the resizing.",
	}
}

// named says whether the model has an output.
func (e *exported) named(output string) bool {
	for _, o := range e.Outputs {
		if o.Name == output {
			return true
		}
	}
	return false
}

// rawSteps is what makes boxes of the head's predictions.
func (e *exported) rawSteps() []string {
	return []string{
		"The probability of a label is the mean of sigmoid(logit) over its tokens; keep positions and labels whose probability is above 0.05, of each level the best 1000 by probability * sigmoid(centerness), whose root is the score.",
		fmt.Sprintf("The anchor of position (y, x) of a level is a square with sides of %v pixels (a level each), its center at x * stride + (stride - 1) / 2 and y likewise, strides being %v.", e.Detector.AnchorSizes, e.Detector.AnchorStrides),
		"A box's center is the anchor's plus dx/10 and dy/10 of the size; its sides are the size times exp(min(dw/5, log(1000/16))) and dh likewise; corners are the center less and plus (side - 1) / 2, clipped to the picture.",
		"Of two boxes of one label whose intersection over union is above 0.6 drop the one of the lower score; keep the best 100.",
	}
}

func (e *exported) print(w io.Writer, out string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, weights %s, ONNX opset %d\n", strings.Join(e.Files, ", "), e.Model, e.Weights, e.Opset)
	for _, v := range e.Inputs {
		fmt.Fprintf(&b, "  in   %-20s %-8s %v\n", v.Name, v.Type, v.Shape)
	}
	for _, v := range e.Outputs {
		fmt.Fprintf(&b, "  out  %-20s %-8s %v\n", v.Name, v.Type, v.Shape)
	}
	fmt.Fprintf(&b, "%s.json says what is to be done before and behind\n", out)
	_, err := io.WriteString(w, b.String())
	return err
}
