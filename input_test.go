package glipvk_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

func TestModels(t *testing.T) {
	models := glipvk.Models()
	if len(models) != 7 {
		t.Fatalf("%d models, want three backbones and four detectors", len(models))
	}
	for i, want := range []struct {
		nickname                       string
		parameters, macs, pubP, pubOps int64
	}{
		{"GLIP-T", 27_520_506, 4_489_798_656, 29_056_354, 4_508_464_128},
		{"GLIP-L", 195_200_820, 103_917_551_616, 196_735_516, 104_080_343_040},
	} {
		m := models[i]
		published := swin.Published{Parameters: want.pubP, FLOPs: want.pubOps}
		if m.Nickname != want.nickname || m.Parameters != want.parameters || m.MultiplyAdds != want.macs ||
			m.Published != published || m.Reproduced != published {
			t.Errorf("got %+v, want %+v", m, want)
		}
	}
	for _, name := range []string{"glip-t", "GLIP-T", "swin-t_glip-pre_3rdparty", "SWIN-T_GLIP-PRE_3RDPARTY"} {
		if m, err := glipvk.LookupBackbone(name); err != nil || m.Nickname != "GLIP-T" {
			t.Errorf("Lookup(%q) = %s, %v", name, m.Nickname, err)
		}
	}
	for i, name := range []string{"glip-t", "glip-l", "glip-t-a", "glip-world"} {
		m, err := glipvk.LookupDetector(strings.ToUpper(name))
		if err != nil || m.Name != name || m.Detector == nil || m.Parameters < 1e6 || m.Checkpoint == "" {
			t.Errorf("LookupDetector(%q) = %+v, %v", name, m, err)
		}
		if models[3+i].Name != name {
			t.Errorf("model %d is %s, want %s", 3+i, models[3+i].Name, name)
		}
	}
	if m, err := glipvk.LookupDetector("swin-t_glip-pre_3rdparty"); err != nil || m.Name != "glip-t" {
		t.Errorf("a detector by its backbone's name: %s, %v", m.Name, err)
	}
	if _, err := glipvk.LookupDetector("swin-s"); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "glip-t-a") {
		t.Errorf("a detector that is not there: %v, want ErrInput and the names there are", err)
	}
	if _, err := glipvk.LookupBackbone("swin-x"); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "GLIP-L") {
		t.Errorf("an unknown name: %v, want ErrInput and the names there are", err)
	}
}

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want glipvk.Size
		ok   bool
	}{
		{"", glipvk.Size{}, true}, {"original", glipvk.Size{Original: true}, true},
		{"800x1333", glipvk.Size{Height: 800, Width: 1333}, true}, {"8X9", glipvk.Size{Height: 8, Width: 9}, true},
		{"800", glipvk.Size{}, false}, {"0x5", glipvk.Size{}, false}, {"-1x5", glipvk.Size{}, false},
		{"5x", glipvk.Size{}, false}, {"axb", glipvk.Size{}, false}, {"1x2x3", glipvk.Size{}, false},
	} {
		got, err := glipvk.ParseSize(c.text)
		if got != c.want || (err == nil) != c.ok || err != nil && !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("ParseSize(%q) = %+v, %v", c.text, got, err)
		}
		if again, err := glipvk.ParseSize(got.String()); c.ok && (again != got || err != nil) {
			t.Errorf("%+v does not survive its text %q", got, got.String())
		}
	}
}

// TestOpenRefuses requires ErrInput and a telling word for each way to ask for the impossible.
func TestOpenRefuses(t *testing.T) {
	broken := nano()
	broken.NumHeads = []int{1, 2, 3, 8}
	for _, c := range []struct {
		name string
		o    glipvk.BackboneOptions
		word string
	}{
		{"swin-x", glipvk.BackboneOptions{}, "GLIP-T"},
		{"", glipvk.BackboneOptions{}, "no backbone"},
		{"", glipvk.BackboneOptions{Arch: broken}, "heads"},
		{"", glipvk.BackboneOptions{Arch: nano(), OutIndices: []int{1, 4}}, "stage 4"},
		{"", glipvk.BackboneOptions{Arch: nano(), OutIndices: []int{}}, "out_indices"},
		{"", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Weights: "synthetic:x"}}, "seed"},
		{"", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Weights: "synthetic:-1"}}, "seed"},
		{"", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Weights: "nosuch.pth"}}, "nosuch.pth"},
		{"", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Weights: "testdata"}}, "regular file"},
		{"", glipvk.BackboneOptions{Arch: nano(), Size: glipvk.Size{Height: 5}}, "both sides"},
		{"", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Device: "no such device"}}, "device"},
		{"", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Device: "99"}}, "device"},
	} {
		if c.o.Device == "" {
			c.o.Device = "cpu"
		}
		m, err := glipvk.OpenBackbone(t.Context(), c.name, c.o)
		if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%q %+v: error %v, want ErrInput and %q", c.name, c.o, err, c.word)
		}
		if m != nil {
			t.Error(m.Close())
		}
	}
}

// TestCheckpoints opens sound and unsound files of testdata.
func TestCheckpoints(t *testing.T) {
	pico := &swin.Config{
		EmbedDims: 4, Depths: []int{1, 1, 2, 1}, NumHeads: []int{1, 1, 2, 2}, WindowSize: 4, OutIndices: []int{1, 2, 3},
		ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}
	for _, c := range []struct {
		file string
		arch *swin.Config
		kind error // nil: opens
		word string
	}{
		{"mmpretrain-nano.pth", nano(), nil, ""},
		{"glip-detector-nano.pth", nano(), nil, ""},
		{"nano-bfloat16.safetensors", nano(), nil, ""},
		{"pico.pth", pico, nil, ""},
		{"pico.pth", nano(), bind.ErrShape, "embed_dims"},
		{"bad-missing-one.pth", pico, bind.ErrMissing, "missing"},
		{"bad-nan.safetensors", pico, bind.ErrNonFinite, "NaN"},
		{"bad-evil-eval.pth", pico, loader.ErrUnsafe, "eval"},
		{"bad-not-html.pth", pico, loader.ErrFormat, "html"},
		{"bad-zip-cut-empty.pth", pico, nil, "bad-zip-cut-empty.pth"},
	} {
		path := filepath.Join("testdata", "checkpoints", c.file)
		m, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Arch: c.arch, Options: glipvk.Options{Weights: path, Device: "cpu"}})
		switch {
		case c.word == "":
			if err != nil {
				t.Errorf("%s: %v", c.file, err)
				continue
			}
			if err := m.Close(); err != nil {
				t.Errorf("%s: Close: %v", c.file, err)
			}
		case !errors.Is(err, glipvk.ErrInput), c.kind != nil && !errors.Is(err, c.kind), !strings.Contains(err.Error(), c.word):
			t.Errorf("%s: error %v, want ErrInput, %v and %q", c.file, err, c.kind, c.word)
		}
	}
}

// TestAllProblemsAtOnce requires every tensor that is not finite in one error, on
// each executor, and that the option lets them pass.
func TestAllProblemsAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		path := writeNonFinite(t)
		_, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Weights: path, Device: device}})
		var bind *bind.Error
		if !errors.Is(err, glipvk.ErrInput) || !errors.As(err, &bind) || len(bind.NonFinite) != 2 {
			t.Fatalf("got %v, want both tensors in one error", err)
		}
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Weights: path, Device: device, AllowNonFinite: true}})
		extract(t, m, tensor(1, 128, 128, 1))
	})
}

// writeNonFinite copies a sound checkpoint with NaN and infinity in two tensors.
func writeNonFinite(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "checkpoints", "nano-bfloat16.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	// The values follow the header; the first and the last two bytes belong to different tensors.
	header := 8 + int(data[0]) + int(data[1])<<8 + int(data[2])<<16
	copy(data[header:], []byte{0xc0, 0x7f})
	copy(data[len(data)-2:], []byte{0x80, 0xff})
	path := filepath.Join(t.TempDir(), "nonfinite.safetensors")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadInputs(t *testing.T) {
	m := open(t, glipvk.BackboneOptions{Size: glipvk.Size{Original: true}, Options: glipvk.Options{Device: "cpu", Limits: picture.Limits{MaxSide: 1000}}})
	with := func(i int, v float64) picture.Input {
		x := tensor(1, 128, 128, 1)
		x.Data[i] = float32(v)
		return x
	}
	for _, c := range []struct {
		name string
		x    picture.Input
		word string
	}{
		{"NaN", with(1000, math.NaN()), "element 1000"},
		{"infinity", with(0, math.Inf(-1)), "-Inf"},
		{"too few values", picture.Input{Batch: 1, Height: 128, Width: 128, Data: make([]float32, 7)}, "7 values"},
		{"empty side", picture.Input{Batch: 1, Height: 0, Width: 128}, "[1 3 0 128]"},
		{"no picture", picture.Input{}, "at least one picture"},
		{"small map", tensor(1, 64, 64, 1), "PadSmallMap"},
	} {
		_, err := m.ExtractInput(t.Context(), c.x)
		if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: error %v, want ErrInput and %q", c.name, err, c.word)
		}
	}
	pixels := func(h, w int) picture.Picture {
		return picture.Picture{Height: h, Width: w, Pixels: make([]byte, h*w*3)}
	}
	for _, c := range []struct {
		name     string
		pictures []picture.Picture
		word     string
	}{
		{"none", nil, "at least one picture"},
		{"two sizes", []picture.Picture{pixels(128, 128), pixels(128, 129)}, "one size"},
		{"empty", []picture.Picture{pixels(128, 128), pixels(0, 5)}, "picture 1"},
		{"too large", []picture.Picture{pixels(1001, 1)}, "MaxSide"},
		{"pixels missing", []picture.Picture{{Height: 5, Width: 5}}, "5 x 5"},
	} {
		_, err := m.Extract(t.Context(), c.pictures...)
		if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: error %v, want ErrInput and %q", c.name, err, c.word)
		}
	}
}

// TestFallback requires the CPU, with the reason, where there is no driver.
func TestFallback(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.json")
	t.Setenv("VK_DRIVER_FILES", none)
	t.Setenv("VK_ICD_FILENAMES", none)
	m, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Arch: nano()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if d := m.Device(); d.Vulkan != nil || d.Fallback == "" || !strings.HasPrefix(d.Name, "CPU (") {
		t.Errorf("device %+v, want the CPU and a reason", d)
	}
	if _, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Device: "0"}}); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("a device that was asked for: %v, want ErrInput", err)
	}
}

// TestAutoTakesNoSoftwareDriver: it is the CPU, and says how to have the driver all the same.
func TestAutoTakesNoSoftwareDriver(t *testing.T) {
	vulkanDevice(t)
	infos, err := glipvk.Devices()
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		if info.Kind != "cpu" && info.Unusable == "" {
			t.Skip("there is a GPU: ", info.Name)
		}
	}
	for device, vulkan := range map[string]bool{"": false, "auto": false, " Auto ": false, "cpu": false, "vulkan": true, "0": true} {
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		d := m.Device()
		if (d.Vulkan != nil) != vulkan {
			t.Errorf("device %q is %+v", device, d)
		}
		if auto := !vulkan && device != "cpu"; auto != strings.Contains(d.Fallback, "vulkan") {
			t.Errorf("device %q falls back because %q", device, d.Fallback)
		}
	}
}

// TestPipelines requires the documented default sizes.
func TestPipelines(t *testing.T) {
	pic := picture.Picture{Height: 300, Width: 451, Pixels: make([]byte, 300*451*3)}
	for _, c := range []struct {
		name string
		size glipvk.Size
		want [2]int
	}{
		{"GLIP-T", glipvk.Size{}, [2]int{224, 224}}, {"GLIP-L", glipvk.Size{}, [2]int{384, 384}},
		{"GLIP-T", glipvk.Size{Original: true}, [2]int{300, 451}}, {"GLIP-L", glipvk.Size{Height: 50, Width: 70}, [2]int{50, 70}},
	} {
		info, err := glipvk.LookupBackbone(c.name)
		if err != nil {
			t.Fatal(err)
		}
		in, err := info.Pipeline(c.size, picture.Limits{}).Apply(t.Context(), pic)
		if got := [2]int{in.Height, in.Width}; err != nil || got != c.want {
			t.Errorf("%s %+v: %v, %v, want %v", c.name, c.size, got, err, c.want)
		}
	}
}
