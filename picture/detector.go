package picture

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// DetectorSize says what size GLIP's detector sees a picture at. The zero value is
// that of evaluation, Short 800 and Long 1333.
type DetectorSize struct {
	Short    int  // the shorter side becomes this many pixels
	Long     int  // but the longer at most this many; 0 sets no bound, as in the demo
	Original bool // the picture's own size; Short and Long are 0
}

// EvaluationSize is what the zero value of DetectorSize stands for
// (INPUT.MIN_SIZE_TEST and MAX_SIZE_TEST).
var EvaluationSize = DetectorSize{Short: 800, Long: 1333}

// ParseDetectorSize reads "SHORT,LONG" (as in "800,1333"), "SHORT", "original", or ""
// for the zero value.
func ParseDetectorSize(s string) (DetectorSize, error) {
	switch strings.ToLower(s) {
	case "":
		return DetectorSize{}, nil
	case "original":
		return DetectorSize{Original: true}, nil
	}
	first, second, both := strings.Cut(s, ",")
	short, err := strconv.Atoi(strings.TrimSpace(first))
	long := 0
	if err == nil && both {
		long, err = strconv.Atoi(strings.TrimSpace(second))
	}
	size := DetectorSize{Short: short, Long: long}
	if err != nil || short < 1 || both && long < 1 || size.Check() != nil {
		return DetectorSize{}, fmt.Errorf("size %q: want SHORT,LONG in pixels, as in 800,1333, or SHORT alone, or original", s)
	}
	return size, nil
}

// String is the form that ParseDetectorSize reads.
func (s DetectorSize) String() string {
	switch {
	case s.Original:
		return "original"
	case s == DetectorSize{}:
		return ""
	case s.Long == 0:
		return strconv.Itoa(s.Short)
	}
	return fmt.Sprintf("%d,%d", s.Short, s.Long)
}

// Check refuses sizes that make no sense.
func (s DetectorSize) Check() error {
	switch {
	case s == DetectorSize{}, s == DetectorSize{Original: true}:
		return nil
	case s.Original || s.Short < 1 || s.Long < 0 || s.Long > 0 && s.Long < s.Short:
		return fmt.Errorf("picture: detector size %+v: want Short from 1, Long 0 or from Short on, or Original alone", s)
	}
	return nil
}

// resize is the rule for a size.
func (s DetectorSize) resize() Resize {
	switch {
	case s.Original:
		return Resize{}
	case s == DetectorSize{}:
		return ShortEdgeCapped(EvaluationSize.Short, EvaluationSize.Long)
	case s.Long == 0:
		return ShortEdge(s.Short)
	}
	return ShortEdgeCapped(s.Short, s.Long)
}

// stride is the multiple of pixels that the detector's input is padded to
// (DATALOADER.SIZE_DIVISIBILITY).
const stride = 32

// Detector prepares pictures as GLIP's detector does, in evaluation
// (maskrcnn_benchmark/data/transforms) and in the demo (engine/predictor_glip.py):
// Pillow's bilinear resizing on 8-bit values, blue, green, red, less the mean, divided
// by the deviation, then 0 on the right and at the bottom up to multiples of 32.
type Detector struct {
	Size   DetectorSize
	Limits Limits // bounds the resized size too
}

// Pipeline is the way of a picture to the input.
func (d Detector) Pipeline() Pipeline {
	return Pipeline{
		Resize: d.Size.resize(), Interpolation: Bilinear,
		Mean: [3]float32{103.53, 116.28, 123.675}, Std: [3]float32{57.375, 57.12, 58.395},
		PadMultiple: stride, Limits: d.Limits,
	}
}

// Apply prepares a picture of any size from one pixel on. A size that makes no sense is
// an error; so is a picture that comes out too large or with an empty side, see
// [Pipeline.Apply].
func (d Detector) Apply(ctx context.Context, pic Picture) (Input, error) {
	if err := d.Size.Check(); err != nil {
		return Input{}, err
	}
	return d.Pipeline().Apply(ctx, pic)
}
