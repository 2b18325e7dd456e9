package picture_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
)

// goldenCase is a row of testdata/preprocess.json: a synthetic picture through
// the real transforms of mmpretrain.
type goldenCase struct {
	ID      string `json:"id"`
	Picture struct {
		Height, Width int
		Seed          uint64
	} `json:"picture"`
	Transforms []struct {
		Type, Backend, Interpolation string
		Scale                        any
		CropSize                     int  `json:"crop_size"`
		KeepRatio                    bool `json:"keep_ratio"`
	} `json:"transforms"`
	Shape         [3]int     `json:"shape"`
	Offset, Count int        // of the stored samples
	TensorSHA256  string     `json:"tensor_sha256"`
	UintShape     [3]int     `json:"uint8_shape"`
	FirstRow      [][3]uint8 `json:"uint8_first_row_16"`
	Sums          [3]int64   `json:"uint8_channel_sums"`
}

// glip normalises as the GLIP configurations do.
func glip() picture.Pipeline {
	return picture.Pipeline{
		Mean: [3]float32{103.53, 116.28, 123.675},
		Std:  [3]float32{57.375, 57.12, 58.395},
	}
}

// pipeline translates the transforms of a case.
func (c goldenCase) pipeline(t *testing.T) picture.Pipeline {
	p := glip()
	for _, step := range c.Transforms {
		switch step.Type {
		case "ResizeEdge":
			p.Resize = picture.ShortEdge(int(step.Scale.(float64)))
		case "Resize":
			switch scale := step.Scale.(type) {
			case float64:
				p.Resize = picture.Exact(int(scale), int(scale))
			case []any:
				p.Resize = picture.KeepRatio(int(scale[1].(float64)), int(scale[0].(float64)))
			}
		case "CenterCrop":
			p.CenterCrop = step.CropSize
			continue
		default:
			t.Fatalf("no pipeline for the transform %q", step.Type)
		}
		rules := map[string]picture.Interpolation{
			"pillow bicubic": picture.Bicubic, "pillow bilinear": picture.Bilinear,
			" ": picture.OpenCVLinear, " area": picture.OpenCVArea,
		}
		rule, ok := rules[step.Backend+" "+step.Interpolation]
		if !ok {
			t.Fatalf("no rule for %q %q", step.Backend, step.Interpolation)
		}
		p.Interpolation = rule
	}
	return p
}

// readGolden reads the cases and their samples.
func readGolden(t *testing.T) ([]goldenCase, []float32) {
	raw, err := os.ReadFile(filepath.FromSlash("../testdata/preprocess.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	raw, err = os.ReadFile(filepath.FromSlash("../testdata/preprocess.npy"))
	if err != nil {
		t.Fatal(err)
	}
	raw = raw[10+int(binary.LittleEndian.Uint16(raw[8:])):]
	samples := make([]float32, len(raw)/4)
	for i := range samples {
		samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return file.Cases, samples
}

// digest is the SHA-256 of little-endian float32.
func digest(data []float32) string {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func TestGolden(t *testing.T) {
	cases, samples := readGolden(t)
	if len(cases) != 7 {
		t.Fatalf("%d cases, want 7", len(cases))
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			p := c.pipeline(t)
			in, err := p.Apply(t.Context(), picture.Picture{
				Height: c.Picture.Height, Width: c.Picture.Width,
				Pixels: synthetic.Picture(c.Picture.Height, c.Picture.Width, c.Picture.Seed),
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := [3]int{3, in.Height, in.Width}; got != c.Shape {
				t.Fatalf("shape %v, want %v", got, c.Shape)
			}
			switch p.Interpolation {
			case picture.OpenCVLinear, picture.OpenCVArea:
				c.compareLevels(t, in, samples[c.Offset:][:c.Count])
			default:
				if got := digest(in.Data); got != c.TensorSHA256 {
					c.compareLevels(t, in, samples[c.Offset:][:c.Count])
					t.Errorf("tensor sha256 is %s, want %s", got, c.TensorSHA256)
				}
			}
		})
	}
}

// compareLevels allows one level of 255 anywhere, and a mean difference of a
// hundredth of a level.
func (c goldenCase) compareLevels(t *testing.T, in picture.Input, want []float32) {
	t.Helper()
	p := glip()
	level := func(channel int, v float32) float64 { // undo the normalisation
		return float64(v)*float64(p.Std[channel]) + float64(p.Mean[channel])
	}
	area := in.Height * in.Width
	unequal := 0
	for k, w := range want {
		i := k * 1000003 % len(in.Data)
		d := math.Abs(level(i/area, in.Data[i]) - level(i/area, w))
		if !(d <= 1.001) {
			t.Fatalf("element %d: %v, want %v: %.2f levels apart", i, in.Data[i], w, d)
		}
		if d > 0.001 {
			unequal++
		}
	}
	for x, bgr := range c.FirstRow {
		for channel, w := range bgr {
			d := math.Abs(level(channel, in.Data[channel*area+x]) - float64(w))
			if !(d <= 1.001) {
				t.Errorf("pixel 0,%d channel %d: want %d, %.2f levels off", x, channel, w, d)
			}
		}
	}
	for channel, w := range c.Sums {
		sum := 0.0
		for _, v := range in.Data[channel*area:][:area] {
			sum += level(channel, v)
		}
		if d := math.Abs(sum-float64(w)) / float64(area); !(d <= 0.01) {
			t.Errorf("channel %d: the mean is off by %.4f levels", channel, d)
		}
	}
	exact := "not bit-equal"
	if digest(in.Data) == c.TensorSHA256 {
		exact = "bit-equal"
	}
	t.Logf("%d of %d samples differ, by one level; the whole is %s", unequal, len(want), exact)
}
