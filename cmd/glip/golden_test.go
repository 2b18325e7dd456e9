package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/difftest"
)

// checkpointManifest lists checkpoint files and what should become of them.
type checkpointManifest struct {
	Archs map[string]json.RawMessage `json:"archs"`
	Files []checkpointFile           `json:"files"`
}

type checkpointFile struct {
	File       string   `json:"file"`
	Expect     string   `json:"expect"`
	Arch       string   `json:"arch"`
	Reproduces string   `json:"reproduces"`
	Taps       []string `json:"taps"`
	MayAlso    []string `json:"may_also"`
}

// TestGoldenCheckpoints runs every sound checkpoint through the command and
// compares the files it writes with PyTorch's features; the others must be refused
// with exit status 2, by inspect or by features, with nothing written.
func TestGoldenCheckpoints(t *testing.T) {
	t.Run("testdata", func(t *testing.T) {
		judgeCheckpoints(t, difftest.Committed(t), filepath.Join("..", "..", "testdata", "checkpoints"))
	})
	t.Run("shared", func(t *testing.T) {
		set := difftest.Shared(t)
		judgeCheckpoints(t, set, filepath.Join(set.Dir, "checkpoints"))
	})
}

func judgeCheckpoints(t *testing.T, set *difftest.Set, dir string) {
	var manifest checkpointManifest
	if err := json.Unmarshal(read(t, dir, "manifest.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	reproduced := 0
	for _, f := range manifest.Files {
		t.Run(f.File, func(t *testing.T) {
			path := filepath.Join(dir, f.File)
			switch {
			case f.Reproduces != "":
				reproduced++
				reproduce(t, set.Case(t, f.Reproduces), path, f)
			case f.Expect == "error":
				refuse(t, path, manifest.Archs["pico"], f)
			}
		})
	}
	if reproduced == 0 {
		t.Error("no file was reproduced")
	}
}

// reproduce compares the maps that the command writes with a golden case.
func reproduce(t *testing.T, c *difftest.Case, path string, f checkpointFile) {
	d := newBareDesk(t, c.Arch)
	input, err := c.MakeInput()
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "input.npy", npyFile("<f4", "(1, 3, 128, 128)", floats(input)))
	args := d.args("--weights", path, d.path("input.npy"))
	outputs := []string{"out.1", "out.2", "out.3"}
	if len(f.Taps) > 0 {
		outputs = f.Taps
		args = append(args, "--out-indices", strings.ReplaceAll(strings.Join(f.Taps, ","), "out.", ""))
	}
	if o := glip(t, args...); o.code != 0 {
		t.Fatalf("exit status %d: %s", o.code, o.stderr)
	}
	for _, name := range outputs {
		tap, _ := c.Tap(name)
		want, err := c.Stored(tap)
		if err != nil {
			t.Fatal(err)
		}
		got := decode(read(t, d.out, "input.stage"+strings.TrimPrefix(name, "out.")+".npy")[128:])
		if r := compare.Values(tap.Name, tap.Sample(got), want).Within(tap.Tolerance()); !r.OK() {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// refuse requires that a damaged file is turned down when it is used.
func refuse(t *testing.T, path string, arch json.RawMessage, f checkpointFile) {
	if len(arch) == 0 {
		t.Fatal("the manifest lacks the architecture")
	}
	d := newBareDesk(t, arch)
	d.write(t, "input.npy", npyFile("<f4", "(1, 3, 128, 128)", make([]byte, 4*3*128*128)))
	o := glip(t, d.args("--weights", path, d.path("input.npy"))...)
	if len(f.MayAlso) > 0 && o.code == 0 {
		return
	}
	if o.code != 2 || !strings.Contains(o.stderr, f.File) || len(d.files(t)) > 0 {
		t.Errorf("exit status %d, want 2; files %v; stderr: %s", o.code, d.files(t), o.stderr)
	}
	if _, err := os.Stat("OWNED"); err == nil {
		t.Error("the file's code was run")
	}
}

// newBareDesk is a desk with an architecture and nothing else.
func newBareDesk(t *testing.T, arch json.RawMessage) desk {
	dir := t.TempDir()
	d := desk{dir, filepath.Join(dir, "out")}
	d.write(t, "nano.json", arch)
	return d
}

func decode(data []byte) []float32 {
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

// TestVulkan runs the command on a device and has it verify itself.
func TestVulkan(t *testing.T) {
	infos, err := glipvk.Devices()
	usable := false
	for _, d := range infos {
		usable = usable || d.Unusable == ""
	}
	if !usable {
		if os.Getenv("REQUIRE_VULKAN") == "1" || err != nil && !errors.Is(err, engine.ErrNoDevice) {
			t.Fatalf("no Vulkan device: %v", err)
		}
		t.Skipf("no Vulkan device: %v", err)
	}
	d := newDesk(t)
	o := glip(t, "features", "--device", "vulkan", "--arch", d.path("nano.json"), "--out", d.out, "--verify", "--batch", "2", "--no-tune",
		"--taps", "stages.3.blocks.*", d.path("cat.png"), d.path("dog.png"), d.path("tensor.npy"))
	if o.code != 0 || !strings.Contains(o.stdout, "against the CPU reference") || strings.Contains(o.stdout, "itself") {
		t.Errorf("exit status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
	if got := len(d.files(t)); got != 15 {
		t.Errorf("%d files, want 3 maps and 2 taps of 3 inputs", got)
	}
}
