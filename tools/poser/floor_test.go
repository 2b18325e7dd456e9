package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

// sample are the tests of kernels that TestFloor runs on every profile that can: a model in every way there is to run it, every
// pipeline, splitting, staging, and one kernel of each family.
const sample = "^(TestMicroSwin|TestPipelinesOfDevice|TestDeviceOptions|TestOpsSplit|TestGroupLimits|TestPanels|TestConvVariants)$"

// TestFloor runs the engine's tests, a sample of those of kernels and the program on every profile, each below the validation layers,
// which must be silent: make test-floor. What the program finds is compared with the CPU's, and maps with the oracle's.
func TestFloor(t *testing.T) {
	if os.Getenv("GLIPVK_FLOOR") == "" {
		t.Skip("minutes; make test-floor runs it")
	}
	b := newBench(t)
	for _, name := range []string{"engine", "kernels"} {
		b.ran(t, "go", "test", "-c", "-o", filepath.Join(b.folder, name+".test"), "../../"+name)
	}
	ask := func(device string) []string {
		return []string{"detect", "--model", "glip-world", "--text", "a red apple and two dogs", "--format", "json", "--no-tune", "--device", device, scene}
	}
	want, said, status := b.run(t, pose.Settings{}, nil, ask("cpu")...)
	if status != 0 || !near(want, want) {
		t.Fatalf("on the CPU: status %d\n%s%s", status, want, said)
	}
	if near(want, strings.Replace(want, "apple", "ample", 1)) || near(want, strings.Replace(want, `"score": 0.`, `"score": 1.`, 1)) {
		t.Fatal("the comparison sees no difference")
	}
	for _, p := range pose.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			s := pose.Settings{Limits: p.Words}
			b.tests(t, s, "engine", ".")
			if out, said, status := b.run(t, s, nil, "devices"); status != 0 || strings.Contains(out, "unusable") != p.Unfit {
				t.Fatalf("devices: status %d, unfit %v\n%s%s", status, p.Unfit, out, said)
			}
			if p.Unfit {
				return // TestPassesOver shows what is said of it
			}
			b.tests(t, s, "kernels", sample)
			layered := b.layered(t)
			if out, said, status := layered(s, ask("vulkan")...); status != 0 || !near(out, want) {
				t.Errorf("detect: status %d, want\n%s, got\n%s%s", status, want, out, said)
			}
			if out, said, status := layered(s, b.features("vulkan", "--verify")...); status != 0 || !strings.Contains(said+out, "against the CPU reference") {
				t.Errorf("features: status %d\n%s%s", status, out, said)
			}
		})
	}
}

// tests runs the tests of a package on a posed device.
func (b *bench) tests(t *testing.T, s pose.Settings, name, which string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), filepath.Join(b.folder, name+".test"), "-test.run", which, "-test.timeout", "10m")
	c.Dir = "../../" + name
	c.Env = append(append(os.Environ(), s.Env(b.manifest)...), "REQUIRE_VULKAN=1", "XDG_CACHE_HOME="+b.folder)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("tests of %s: %v\n%s", name, err, out)
	}
}

// layered runs the program below the validation layer, which writes to standard error here; any word of it fails the test.
func (b *bench) layered(t *testing.T) func(s pose.Settings, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	log := filepath.Join(b.folder, "layers.log")
	t.Setenv("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation")
	t.Setenv("VK_LAYER_SETTINGS_PATH", b.folder)
	settings := "khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\nkhronos_validation.report_flags = error\nkhronos_validation.log_filename = " + log + "\n"
	if err := os.WriteFile(filepath.Join(b.folder, "vk_layer_settings.txt"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	return func(s pose.Settings, args ...string) (string, string, int) {
		out, said, status := b.run(t, s, nil, args...)
		words, err := os.ReadFile(log)
		if err != nil || strings.Contains(string(words), "VUID") {
			t.Errorf("%s: the layers say (%v)\n%s", args[0], err, words)
		}
		return out, said, status
	}
}
