package difftest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/glipvk/glipvk/swin"
)

// Set is a folder of golden cases of backbones: manifest.json, one .npy file per case, and
// variants.json. The format is described in testdata/README.md.
type Set struct{ folder[*Case] }

// Case is one golden case: a model, its weights, its input, and stored taps. It is
// for one goroutine at a time.
type Case struct {
	ID          string          `json:"id"`
	Note        string          `json:"note"`
	Arch        json.RawMessage `json:"arch"`
	WeightsSeed uint64          `json:"weights_seed"`
	Rounding    string          `json:"weights_rounding,omitempty"` // "float16", "bfloat16" or nothing
	Input       Input           `json:"input"`
	File        string          `json:"file,omitempty"`
	FileSHA256  string          `json:"file_sha256,omitempty"`
	Expect      *Refusal        `json:"expect_error,omitempty"`
	Taps        []Tap           `json:"taps,omitempty"`

	dir     string
	stored  []float32       // content of File, read at first use
	checked map[string]bool // taps whose digest was found right
}

// Input says how a case's input [batch, 3, height, width] is made.
type Input struct {
	Height      int    `json:"height"`
	Width       int    `json:"width"`
	Batch       int    `json:"batch"`
	PictureSeed uint64 `json:"picture_seed"`
	SHA256      string `json:"input_sha256"` // of its float32 bytes, little-endian
}

// Refusal says why the model must refuse a case.
type Refusal struct {
	Kind string `json:"kind"`
}

// Tap is a value of the original model, named by its graph path.
type Tap struct {
	Name    string   `json:"name"`
	Layout  string   `json:"layout"`
	Shape   []int    `json:"shape"`
	Storage string   `json:"storage"` // "full" or "sampled"
	Offset  int      `json:"offset"`  // in elements of the case's file
	Count   int      `json:"count"`
	SHA256  string   `json:"sha256"` // of the stored bytes
	Stats   Stats    `json:"stats"`
	F32     Distance `json:"f32"`
}

// Stats describe a whole tap, also where only a sample is stored.
type Stats struct {
	AbsMax float64 `json:"absmax"`
	L2     float64 `json:"l2"`
}

// Distance of a float32 or mistaken run from the float64 one.
type Distance struct {
	RelL2         float64 `json:"rel_l2"`
	MaxOverAbsMax float64 `json:"max_over_absmax"` // largest absolute difference over the tap's absmax
}

// Open reads the manifest of a folder.
func Open(dir string) (*Set, error) {
	var file struct {
		Cases []*Case `json:"cases"`
	}
	if err := readJSON(dir, "manifest.json", &file); err != nil {
		return nil, err
	}
	for _, c := range file.Cases {
		c.dir, c.checked = dir, map[string]bool{}
	}
	return &Set{folder[*Case]{Dir: dir, Cases: file.Cases}}, nil
}

// Committed opens the subset that belongs to the module, testdata/golden.
func Committed(tb testing.TB) *Set {
	tb.Helper()
	return committed(tb, Open, "golden")
}

// Shared opens the whole set beside the module, ../shared/golden/swin, or skips
// the test where there is none.
func Shared(tb testing.TB) *Set {
	tb.Helper()
	return shared(tb, Open, "swin")
}

func (c *Case) name() string { return c.ID }

// Config is the model of the case.
func (c *Case) Config() (swin.Config, error) { return swin.ParseConfig(c.Arch) }

// Tap returns the tap of that name.
func (c *Case) Tap(name string) (Tap, bool) {
	for _, t := range c.Taps {
		if t.Name == name {
			return t, true
		}
	}
	return Tap{}, false
}

// Stored returns the stored elements of a tap, whose digest must match.
func (c *Case) Stored(t Tap) ([]float32, error) {
	if c.stored == nil {
		if err := readArray(c.dir, c.File, c.FileSHA256, &c.stored); err != nil {
			return nil, err
		}
	}
	if t.Offset < 0 || t.Count < 0 || t.Offset+t.Count > len(c.stored) {
		return nil, fmt.Errorf("difftest: %s: tap %s is stored at %d to %d of %d elements",
			c.File, t.Name, t.Offset, t.Offset+t.Count, len(c.stored))
	}
	data := c.stored[t.Offset:][:t.Count]
	if c.checked[t.Name] {
		return data, nil
	}
	if got := digest(float32Bytes(data)); got != t.SHA256 {
		return nil, fmt.Errorf("difftest: %s: tap %s has digest %s, the manifest says %s", c.File, t.Name, got, t.SHA256)
	}
	c.checked[t.Name] = true
	return data, nil
}
