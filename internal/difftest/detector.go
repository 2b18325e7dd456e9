package difftest

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
)

// DetectorSet is a folder of golden cases of the detector: manifest.json and a .npy file
// for each tensor. The format is described in testdata/README.md.
type DetectorSet struct {
	folder[*DetectorCase]
	Variants []DetectorVariant
}

// DetectorCase is one case: a module of the original, or the whole of it, with what it was
// given and what it computed.
type DetectorCase struct {
	Group string `json:"-"`
	ID    string `json:"id"`

	Seed      uint64             `json:"seed"`
	Text      json.RawMessage    `json:"config"` // of group bert: the encoder's sizes; elsewhere the original's file
	Arch      json.RawMessage    `json:"arch"`
	Overrides map[string]float32 `json:"overrides"`

	Picture *struct {
		Height, Width int
		Seed          uint64
	} `json:"picture"`
	MinSize  *int            `json:"min_image_size"`
	Size     [2]int          `json:"image_size"` // height and width after resizing
	Padded   [2]int          `json:"padded"`
	Prompt   json.RawMessage `json:"prompt"` // a caption or a list of phrases
	Caption  string          `json:"caption"`
	Entities []struct {
		Span   string  `json:"span"`
		Bounds *[2]int `json:"char_bounds"`
	} `json:"entities"`
	Positive map[string][]int `json:"positive_map"`
	Tokens   int              `json:"tokens"`
	Above    struct {
		Threshold float64 `json:"threshold"`
	} `json:"above_threshold"` // of the predictions' scores
	FloatRun *ListDistance `json:"float32_run"` // of the original's detections in float32

	Levels json.RawMessage `json:"levels"` // sizes of the maps
	Valid  json.RawMessage `json:"valid"`  // tokens that are no padding
	Image  [2]int          `json:"image"`  // height and width that boxes are clipped to
	Stride int             `json:"stride"` // of a deformable convolution

	Tensors []Tensor `json:"tensors"`

	dir string
}

// Tensor is a stored value of a case.
type Tensor struct {
	Name    string `json:"name"`
	Role    string `json:"role"` // "input", "output" or "wrong variant"
	Whole   []int  `json:"full_shape"`
	Sampled int    `json:"sampled"` // how many elements are stored, 0 for all
	File    string `json:"file"`
	SHA256  string `json:"sha256"`
	Stats   struct {
		L2 float64 `json:"l2"`
	} `json:"stats"`
	F32 *TensorDistance `json:"float32_vs_float64"`
}

// TensorDistance is the largest and the rms difference of two tensors, the latter also divided
// by the rms of the right one.
type TensorDistance struct {
	Max    float64 `json:"max"`
	RMS    float64 `json:"rms"`
	RelRMS float64 `json:"rel_rms"`
}

// DetectorVariant is a deliberate mistake and how far it moves the outputs of a case and
// the detections of tiny.caption.
type DetectorVariant struct {
	Name     string                    `json:"variant"`
	Case     string                    `json:"case"`
	Distance map[string]TensorDistance `json:"distance"`   // of tensors, or of all whose names begin so
	List     *ListDistance             `json:"detections"` // of the case's detections
	Tiny     *ListDistance             `json:"tiny.caption"`
}

// ListDistance compares two lists of detections: boxes of one that the other has none of
// the same label for within a pixel, and the worst of the rest.
type ListDistance struct {
	First  int     `json:"unmatched_first"`
	Second int     `json:"unmatched_second"`
	Box    float64 `json:"box"`
	Score  float64 `json:"score"`
}

// OpenDetector reads the manifest of a folder.
func OpenDetector(dir string) (*DetectorSet, error) {
	var file struct {
		Groups []struct {
			Group string            `json:"group"`
			Cases []json.RawMessage `json:"cases"`
		} `json:"groups"`
	}
	if err := readJSON(dir, "manifest.json", &file); err != nil {
		return nil, err
	}
	set := &DetectorSet{folder: folder[*DetectorCase]{Dir: dir}}
	for _, g := range file.Groups {
		switch g.Group {
		case "tokenizer": // package text reads these
			continue
		case "variants":
			for _, raw := range g.Cases {
				var rows struct{ Rows []DetectorVariant }
				if err := json.Unmarshal(raw, &rows); err != nil {
					return nil, fmt.Errorf("difftest: %s: variants: %w", dir, err)
				}
				set.Variants = append(set.Variants, rows.Rows...)
			}
			continue
		}
		for _, raw := range g.Cases {
			c := &DetectorCase{Group: g.Group, dir: dir}
			if err := json.Unmarshal(raw, c); err != nil {
				return nil, fmt.Errorf("difftest: %s: group %s: %w", dir, g.Group, err)
			}
			set.Cases = append(set.Cases, c)
		}
	}
	return set, nil
}

// CommittedDetector opens the cases that belong to the module, testdata/glip.
func CommittedDetector(tb testing.TB) *DetectorSet {
	tb.Helper()
	return committed(tb, OpenDetector, "glip")
}

// SharedDetector opens the whole set beside the module, ../shared/golden/glip, or skips the
// test where there is none.
func SharedDetector(tb testing.TB) *DetectorSet {
	tb.Helper()
	return shared(tb, OpenDetector, "glip")
}

func (c *DetectorCase) name() string { return c.ID }

// Config is the architecture of the case, GLIP-T's where it names none.
func (c *DetectorCase) Config() (glip.Config, error) {
	if c.Arch != nil {
		return glip.ParseConfig(c.Arch)
	}
	cfg, err := glip.Preset("glip-t")
	if err == nil && c.Group == "bert" {
		err = json.Unmarshal(c.Text, &cfg.Text)
	}
	return cfg, err
}

// Tensor returns the tensor of that name.
func (c *DetectorCase) Tensor(name string) (Tensor, bool) {
	for _, t := range c.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// Stored returns the stored elements of a tensor of floats, whose file must have the
// manifest's digest.
func (c *DetectorCase) Stored(name string) ([]float32, error) {
	var values []float32
	return values, c.read(name, &values)
}

// integers returns a tensor of whole numbers as floats.
func (c *DetectorCase) integers(name string) ([]float32, error) {
	var values []int32
	if err := c.read(name, &values); err != nil {
		return nil, err
	}
	floats := make([]float32, len(values))
	for i, v := range values {
		floats[i] = float32(v)
	}
	return floats, nil
}

// read reads a tensor's file into a slice.
func (c *DetectorCase) read(name string, into any) error {
	t, ok := c.Tensor(name)
	if !ok {
		return fmt.Errorf("difftest: %s has no tensor %s", c.ID, name)
	}
	return readArray(c.dir, t.File, t.SHA256, into)
}

// Tolerance of a tensor: [Factor] times as far from float64 as PyTorch's own float32 run.
func (t Tensor) Tolerance() compare.Bounds {
	if t.F32 == nil {
		return compare.Bounds{}
	}
	return compare.Bounds{RelativeL2: Factor * t.F32.RelRMS, Absolute: Factor * t.F32.Max}
}

// Compare measures a value in the tensor's layout against what is stored of it. Where only
// a sample is, the relative L2 norm is that of the sample by the whole tensor's rms.
func (c *DetectorCase) Compare(t Tensor, got []float32) (compare.Difference, error) {
	want, err := c.Stored(t.Name)
	if err != nil {
		return compare.Difference{}, err
	}
	n := graph.Shape(t.Whole).Elements()
	if len(got) != n {
		return compare.Difference{}, fmt.Errorf("difftest: %s: %s has %d elements, want %v", c.ID, t.Name, len(got), t.Whole)
	}
	if t.Sampled == 0 {
		return compare.Values(t.Name, got, want).Within(t.Tolerance()), nil
	}
	sample := make([]float32, len(want))
	for i := range sample {
		sample[i] = got[i*n/t.Sampled]
	}
	d := compare.Values(t.Name, sample, want).Within(t.Tolerance())
	var norm float64
	for _, v := range want {
		norm += float64(v) * float64(v)
	}
	d.RelativeL2 *= math.Sqrt(norm/float64(len(want))) / (t.Stats.L2 / math.Sqrt(float64(n)))
	return d, nil
}
