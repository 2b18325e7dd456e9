// Package goldtrain reads numbers of the original's training for tests (see [Folder]), and records what they are of.
package goldtrain

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/synthetic"
)

// Folder holds numbers of the original's training: the one that GLIPVK_TRAIN_GOLDEN names, from the root of the
// module if it is relative, else the whole set beside the
// module, ../shared/golden/train, else the part of it in testdata.
func Folder(t *testing.T) string {
	t.Helper()
	root, err := difftest.Root()
	if err != nil {
		t.Fatal(err)
	}
	if folder := os.Getenv("GLIPVK_TRAIN_GOLDEN"); filepath.IsAbs(folder) {
		return folder
	} else if folder != "" {
		return filepath.Join(root, folder)
	}
	whole := filepath.Join(root, "..", "shared", "golden", "train")
	if _, err := os.Stat(filepath.Join(whole, "manifest.json")); err == nil {
		return whole
	}
	return filepath.Join(root, "testdata", "train")
}

// Tensor is a tensor of a case.
type Tensor struct {
	Name, Role, Storage string
	Shape               graph.Shape
	Sum, L2, AbsMax     float64
	Offset, Count       int
	Vanishing           bool
	SHA256              string // of the bytes of what a formula makes
	Formula             struct {
		Name          string
		Seed          uint64
		Scale, Offset float64
	}
	F32 struct {
		RelMax float64 `json:"rel_max"`
	}
}

// Case is one case of a group; raw is all that the manifest says of it.
type Case struct {
	ID      string
	Tensors []Tensor
	File    struct{ Path, SHA256 string }
	raw     json.RawMessage
	folder  string
	data    []float32
}

// Groups are the cases of all groups.
func Groups(t *testing.T) map[string][]Case {
	t.Helper()
	folder := Folder(t)
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Groups []struct {
			Group string
			Cases []json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatalf("%s: manifest.json: %v", folder, err)
	}
	groups := map[string][]Case{}
	for _, g := range manifest.Groups {
		for _, raw := range g.Cases {
			c := Case{raw: raw, folder: folder}
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatalf("%s: manifest.json: group %s: %v", folder, g.Group, err)
			}
			groups[g.Group] = append(groups[g.Group], c)
		}
	}
	return groups
}

// Cases are those of a group; a test is skipped where the folder has none.
func Cases(t *testing.T, group string) []Case {
	t.Helper()
	list := Groups(t)[group]
	if len(list) == 0 {
		t.Skipf("%s has no case of group %q; the whole set, ../shared/golden/train, or the folder of GLIPVK_TRAIN_GOLDEN may", Folder(t), group)
	}
	return list
}

// JSON reads a file of the folder; a test is skipped where it has none such.
func JSON(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Folder(t), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no such numbers of the original's training; the whole set, ../shared/golden/train, or the folder of GLIPVK_TRAIN_GOLDEN may have them: %v", err)
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Full says whether cases that take minutes are asked for.
func Full() bool { return os.Getenv("GLIPVK_GOLDEN") == "full" }

// Into reads what the manifest says of a case.
func (c Case) Into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(c.raw, v); err != nil {
		t.Fatal(err)
	}
}

// Stored are the stored elements of a tensor.
func (c *Case) Stored(t *testing.T, x Tensor) []float32 {
	t.Helper()
	if c.data == nil {
		raw, err := os.ReadFile(filepath.Join(c.folder, filepath.FromSlash(c.File.Path)))
		if err != nil {
			t.Fatal(err)
		}
		raw = raw[10+int(binary.LittleEndian.Uint16(raw[8:])):]
		c.data = make([]float32, len(raw)/4)
		for i := range c.data {
			c.data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	}
	return c.data[x.Offset:][:x.Count]
}

// Content is the content of an input or a cotangent.
func (x Tensor) Content() []float32 {
	data := make([]float32, x.Shape.Elements())
	for i := range data {
		data[i] = synthetic.Value(x.Formula.Name, x.Formula.Seed, uint64(i), float32(x.Formula.Offset), float32(x.Formula.Scale))
	}
	return data
}

// Find is the tensor of a role and a name.
func (c *Case) Find(t *testing.T, role, name string) Tensor {
	t.Helper()
	for _, x := range c.Tensors {
		if x.Name == name && x.Role == role {
			return x
		}
	}
	t.Fatalf("%s has no %s %q", c.ID, role, name)
	return Tensor{}
}

// sampled are the elements of a value of the tensor that are stored.
func (x Tensor) sampled(t *testing.T, data []float32) []float32 {
	t.Helper()
	n := x.Shape.Elements()
	if len(data) != n {
		t.Fatalf("%s: %d elements, want %d for %v", x.Name, len(data), n, x.Shape)
	}
	list := make([]float32, x.Count)
	for i := range list {
		list[i] = data[i*n/x.Count]
	}
	return list
}

// apart is the largest difference of the stored elements of two values, over the tensor's rms; infinite for NaN.
func (x Tensor) apart(a, b []float32) float64 {
	rms, worst := x.L2/math.Sqrt(float64(x.Shape.Elements())), 0.0
	for i := range b {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if d != d {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	if rms == 0 {
		return worst
	}
	return worst / rms
}

// Limit is the largest difference that is accepted, over the tensor's rms: ten times the distance that float32 moved the original.
func (x Tensor) Limit() float64 { return max(10*x.F32.RelMax, 2e-6) }

// LossLimit is the same of a loss, by what the original computed in float64 and in float32.
func LossLimit(double, single float64) float64 {
	return 10*math.Abs(single-double) + 2e-6*math.Abs(double)
}

// Near fails unless got is within the limit. Gradients that vanish are noise, and are left out.
func (c *Case) Near(t *testing.T, x Tensor, got []float32) {
	t.Helper()
	if x.Vanishing {
		return
	}
	if d := x.apart(x.sampled(t, got), c.Stored(t, x)); !(d <= x.Limit()) {
		t.Errorf("%s, %s: off by %.3g of its rms, want at most %.3g", c.ID, x.Name, d, x.Limit())
	}
}
