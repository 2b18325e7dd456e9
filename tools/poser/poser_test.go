package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

// bench is where the tests run the program: its files, the posing driver and lavapipe's own manifest.
type bench struct {
	folder, glip, manifest, lavapipe string
}

// built is the bench of all tests, in a folder that TestMain removes.
var (
	built bench
	once  sync.Once
)

func TestMain(m *testing.M) {
	status := m.Run()
	if built.folder != "" {
		os.RemoveAll(built.folder)
	}
	os.Exit(status)
}

// newBench builds what the tests need, once. Without gcc or lavapipe they are skipped, unless REQUIRE_VULKAN is 1.
func newBench(t *testing.T) *bench {
	t.Helper()
	found, err := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
	if _, gcc := exec.LookPath("gcc"); err != nil || len(found) == 0 || gcc != nil {
		if os.Getenv("REQUIRE_VULKAN") == "1" {
			t.Fatal("needs gcc and lavapipe (Debian: mesa-vulkan-drivers)")
		}
		t.Skip("needs gcc and lavapipe (Debian: mesa-vulkan-drivers)")
	}
	once.Do(func() {
		built.lavapipe = found[0]
		if built.folder, err = os.MkdirTemp("", "poser"); err == nil {
			built.manifest, err = pose.Build(built.folder)
		}
		if err != nil {
			t.Fatal(err)
		}
		glip := filepath.Join(built.folder, "glip")
		built.ran(t, "go", "build", "-o", glip, "../../cmd/glip")
		built.glip = glip
	})
	if built.glip == "" {
		t.Fatal("what the tests need could not be built")
	}
	return &built
}

// ran runs a command that must succeed.
func (b *bench) ran(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// run runs the program on a posed device.
func (b *bench) run(t *testing.T, s pose.Settings, beside []string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), b.glip, args...)
	c.Env = append(os.Environ(), s.Env(b.manifest, beside...)...)
	c.Env = append(c.Env, "XDG_CACHE_HOME="+b.folder)
	c.Dir = "../.."
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), said.String(), c.ProcessState.ExitCode()
}

// features is a small computation.
func (b *bench) features(device string, more ...string) []string {
	return append([]string{"features", "--model", "swin-world", "--size", "original", "--no-tune", "--device", device, "--out", b.folder, scene}, more...)
}

const scene = "testdata/world/scene1.png"

// TestPassesOver poses as a device with too few storage buffers: alone, and beside one that can.
func TestPassesOver(t *testing.T) {
	b := newBench(t)
	words, _ := pose.Words("least")
	s := pose.Settings{Limits: words}
	const limit = "storage buffers, the device allows 4 (maxPerStageDescriptorStorageBuffers)"
	for _, c := range []struct {
		name, device, want string
		beside             []string
		status             int
	}{
		{"auto", "auto", "auto takes the CPU: device 0 (Posed-Least): it cannot run this model", nil, 0},
		{"by number", "0", "device 0 (Posed-Least): it cannot run this model", nil, 2},
		{"by name", "least", "ask for another device, or for cpu", nil, 2},
		{"beside another", "vulkan", "passed over: device 0 (Posed-Least)", []string{b.lavapipe}, 0},
	} {
		out, said, status := b.run(t, s, c.beside, b.features(c.device)...)
		if status != c.status || !strings.Contains(said, c.want) || !strings.Contains(said, limit) || strings.Contains(out, "stage3") != (c.status == 0) {
			t.Errorf("%s: status %d, want %d, %q and %q in\n%s%s", c.name, status, c.status, c.want, limit, out, said)
		}
	}
	out, said, status := b.run(t, s, []string{b.lavapipe}, "devices")
	if status != 0 || !strings.Contains(out, "unusable") || !strings.Contains(out, limit) || !strings.Contains(out, "vulkan takes: llvmpipe") || !strings.Contains(out, "auto takes: cpu") {
		t.Errorf("devices: status %d\n%s%s", status, out, said)
	}
}

// TestFaults lets calls fail: the file of counts says that they did, and the program ends as it should.
func TestFaults(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		fail, want string
		status     int
		fired      bool
	}{
		{"", "", 0, false},
		{"vkMapMemory 1 VK_ERROR_MEMORY_MAP_FAILED", "", 0, true}, // a smaller block is taken
		{"vkMapMemory 1+ VK_ERROR_MEMORY_MAP_FAILED", "vkMapMemory", 1, true},
		{"vkCreateBuffer 3 -1", "vkCreateBuffer", 1, true},
		{"vkQueueSubmit 1 VK_ERROR_DEVICE_LOST", "lost", 1, true},
		{"vkCreateComputePipelines 2 VK_ERROR_OUT_OF_DEVICE_MEMORY", "vkCreateComputePipelines", 1, true},
		{"vkEnumeratePhysicalDevices 2 VK_INCOMPLETE", "", -1, true},
		{"vkWaitForFences 1 VK_TIMEOUT", "", 0, true},
		{"vkFoo 1 -1", "no function of this name", 3, false},
		{"vkMapMemory 0 -1", "NTH counts from 1", 3, false},
		{"vkMapMemory 1 VK_FOO", "no result of this name", 3, false},
	} {
		s := pose.Settings{Fail: c.fail, Count: filepath.Join(b.folder, "counts"), Say: true}
		out, said, status := b.run(t, s, nil, b.features("vulkan")...)
		if c.status == 3 {
			if status == 0 || !strings.Contains(said, c.want) {
				t.Errorf("%s: status %d, want %q in\n%s", c.fail, status, c.want, said)
			}
			continue
		}
		calls, fired, err := pose.Counts(s.Count)
		if err != nil || calls["*"] < 10 || fired > 0 != c.fired {
			t.Errorf("%s: %d fired of %v, %v", c.fail, fired, calls, err)
		}
		if n := calls["vkEnumeratePhysicalDevices"]; c.fail == "" && n != 2 { // how many, and which
			t.Errorf("%d calls of vkEnumeratePhysicalDevices, 2 of them the program's: what lies between it and the driver calls too", n)
		}
		if c.status >= 0 && status != c.status || !strings.Contains(said, c.want) {
			t.Errorf("%s: status %d, want %d and %q in\n%s%s", c.fail, status, c.status, c.want, out, said)
		}
	}
	if _, said, status := b.run(t, pose.Settings{Limits: "colour=3"}, nil, "devices"); status == 0 || !strings.Contains(said, "colour=3") {
		t.Errorf("an unknown word: status %d\n%s", status, said)
	}
}

// TestRun runs the command itself.
func TestRun(t *testing.T) {
	var out, said bytes.Buffer
	if err := run(t.Context(), []string{"-profiles"}, &out, &said); err != nil || !strings.Contains(out.String(), "adreno") {
		t.Errorf("profiles: %v\n%s", err, out.String())
	}
	out.Reset()
	if err := run(t.Context(), []string{"-results"}, &out, &said); err != nil || !strings.Contains(out.String(), "vkWaitForFences VK_ERROR_OUT_OF_HOST_MEMORY") {
		t.Errorf("results: %v\n%s", err, out.String())
	}
	for _, args := range [][]string{nil, {"-profile", "none", "true"}, {"-flag"}} {
		if err := run(t.Context(), args, &out, &said); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

// found is what glip detect prints of a picture.
type found []struct {
	Detections []struct {
		Box    []float64
		Score  float64
		Phrase string
	}
}

// near says whether two answers are the same as far as docs/checked.md says: scores within 1e-4, corners within 0.05 pixels.
func near(a, b string) bool {
	var x, y found
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil || len(x) != 1 || len(y) != 1 || len(x[0].Detections) != len(y[0].Detections) {
		return false
	}
	for i, p := range x[0].Detections {
		q := y[0].Detections[i]
		if p.Phrase != q.Phrase || len(p.Box) != 4 || len(q.Box) != 4 || !(math.Abs(p.Score-q.Score) <= 1e-4) {
			return false
		}
		for k := range p.Box {
			if !(math.Abs(p.Box[k]-q.Box[k]) <= 0.05) {
				return false
			}
		}
	}
	return len(x[0].Detections) > 0
}
