package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
)

// summary describes the values of a map.
type summary struct {
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
	L2   float64 `json:"l2"`

	NonFinite int `json:"non_finite,omitempty"` // elements left out of the figures
}

func summarise(data []float32) summary {
	s := summary{Min: math.Inf(1), Max: math.Inf(-1)}
	var sum, squares float64
	for _, v := range data {
		x := float64(v)
		if x-x != 0 {
			s.NonFinite++
			continue
		}
		s.Min, s.Max = min(s.Min, x), max(s.Max, x)
		sum += x
		squares += x * x
	}
	if n := len(data) - s.NonFinite; n > 0 {
		s.Mean, s.L2 = sum/float64(n), math.Sqrt(squares)
	} else {
		s.Min, s.Max = 0, 0
	}
	return s
}

// print writes the table of an input's maps and, where asked for, that of differences.
func (r *result) print(w io.Writer) error {
	if r.err != nil {
		return nil
	}
	fmt.Fprintf(w, "\n%s, input %v, %s\n", r.path, r.shape, secondsText(r.seconds))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "map\tshape\tmin\tmax\tmean\tL2")
	for _, f := range r.maps {
		fmt.Fprintf(tw, "%s\t%v\t%.4f\t%.4f\t%.5f\t%.3f\n", f.Name, f.Shape, f.Min, f.Max, f.Mean, f.L2)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return r.printRest(w)
}

// head says what is computed where and, if that is asked for, how it is judged.
func (j *job) head(w io.Writer) error {
	if j.model == nil {
		return nil // an interrupt came before
	}
	d := j.model.Device()
	fmt.Fprintf(w, "%s, weights %s, %s, %s\n", j.model.Info().Name, weightsText(j.model.Weights()), precisionText(d), deviceText(d))
	if j.flags.verify {
		allowed := d.Precision.Bounds()
		own := "PyTorch's own float32 is 3e-7 to 7e-6 from float64"
		if d.Precision == glipvk.F16 {
			own = "a value of 16 bits is off by up to 4.9e-4 of itself"
		}
		fmt.Fprintf(w, "allowed in %s: relative L2 %g (%s), difference %g of the largest value\n",
			d.Precision, allowed.RelativeL2, own, allowed.RelativeAbsolute)
		if d.Name == "CPU reference" {
			fmt.Fprintln(w, "(the device is the CPU reference itself: this shows only that it repeats itself)")
		}
	}
	return nil
}

// weightsText names weights, and says of those by formula what they are.
func weightsText(label string) string {
	if cli.IsMadeUp(label) {
		return label + " (made up by a formula)"
	}
	return label
}

func deviceText(d glipvk.DeviceInfo) string {
	switch {
	case d.Vulkan != nil:
		return fmt.Sprintf("%s (Vulkan %s, %s)", d.Name, d.Vulkan.APIVersion, d.Vulkan.Kind)
	case d.Fallback != "":
		return fmt.Sprintf("%s (fallback: %s)", d.Name, d.Fallback)
	}
	return d.Name
}

// precisionText names the precision and why it is not the one asked for.
func precisionText(d glipvk.DeviceInfo) string {
	if d.PrecisionReason == "" {
		return string(d.Precision)
	}
	return fmt.Sprintf("%s (%s)", d.Precision, d.PrecisionReason)
}

func secondsText(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.1f ms", 1000*s)
	}
	return fmt.Sprintf("%.2f s", s)
}

// document is the JSON form of a run.
type document struct {
	Model    string            `json:"model"`
	Weights  string            `json:"weights"`
	Device   glipvk.DeviceInfo `json:"device"`
	Inputs   []inputDocument   `json:"inputs"`
	Failed   int               `json:"failed"`
	Verified *bool             `json:"verified,omitempty"`

	Interrupted bool `json:"interrupted,omitempty"` // inputs are missing
}

type inputDocument struct {
	Input   string              `json:"input"`
	Shape   []int               `json:"shape,omitempty"` // of the model's input
	Seconds float64             `json:"seconds,omitempty"`
	Maps    []mapDocument       `json:"maps,omitempty"`
	Verify  []glipvk.Difference `json:"verify,omitempty"`
	Files   []string            `json:"files,omitempty"`
	Error   string              `json:"error,omitempty"`
}

type mapDocument struct {
	Name  string `json:"map"`
	Shape []int  `json:"shape"`
	summary
}

// document is what is known of the first inputs.
func (j *job) document(done int) document {
	m := j.model
	d := document{Weights: j.flags.weights.Path, Inputs: []inputDocument{}, Interrupted: done < len(j.results) || j.results == nil}
	if m != nil { // which it is where an interrupt came before
		d.Model, d.Weights, d.Device = m.Info().Name, m.Weights(), m.Device()
	}
	right := true
	for _, r := range j.results[:done] {
		in := inputDocument{Input: r.path, Seconds: r.seconds, Maps: r.maps, Verify: r.checks, Files: r.files}
		if len(r.maps) > 0 {
			in.Shape = r.shape[:]
		}
		if r.err != nil {
			in.Error = cli.Words(r.err.Error())
			d.Failed++
		}
		right = right && r.verified()
		d.Inputs = append(d.Inputs, in)
	}
	if j.flags.verify {
		d.Verified = &right
	}
	return d
}
