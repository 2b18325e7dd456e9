package pose

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFunctions compares the functions that the driver can fail with those whose results are known, and with what the engine calls.
func TestFunctions(t *testing.T) {
	source, err := sources.ReadFile("driver/faults.c")
	if err != nil {
		t.Fatal(err)
	}
	var driver []string
	for _, m := range regexp.MustCompile(`X\((vk[A-Za-z0-9]+), -?\d\)`).FindAllStringSubmatch(string(source), -1) {
		driver = append(driver, m[1])
	}
	slices.Sort(driver)
	if list := Functions(); !slices.Equal(driver, list) {
		t.Errorf("the driver fails %v,\nresults are known of %v", driver, list)
	}
	for _, f := range driver {
		for _, r := range Results(f) {
			if !strings.Contains(string(source), `"`+r+`"`) {
				t.Errorf("%s: the driver does not know the result %s", f, r)
			}
		}
	}

	// What gives no result, or is the loader's own and reaches no driver.
	void := regexp.MustCompile(`^vk(Cmd|Destroy|GetPhysicalDevice(Features|Properties|Memory|Queue)|GetBuffer|GetDeviceQueue|UpdateDescriptor|Get(Instance|Device)ProcAddr|FreeMemory|EnumerateInstance(Layer|Version))`)
	files, err := filepath.Glob("../../../engine/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	calls := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || filepath.Ext(file) != ".go" && filepath.Ext(file) != ".h" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`"(vk[A-Z][A-Za-z0-9]+)"`).FindAllStringSubmatch(string(data), -1) {
			calls++
			if !void.MatchString(name[1]) && !slices.Contains(driver, strings.TrimSuffix(name[1], "KHR")) && !slices.Contains(driver, name[1]) {
				t.Errorf("%s: %s can fail, and the driver cannot let it", file, name[1])
			}
		}
	}
	if calls < 50 {
		t.Errorf("only %d names of functions in engine", calls)
	}
}

func TestBuild(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc")
	}
	folder := t.TempDir()
	first, err := Build(folder)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Build(folder)
	if err != nil || first != second {
		t.Errorf("built again: %s, %v, want %s", second, err, first)
	}
	if files, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || len(files) != 2 {
		t.Errorf("the folder holds %v (%v), want library and manifest", files, err)
	}
	if _, err := Build("/dev/null/folder"); err == nil {
		t.Error("a folder that cannot be is no error")
	}
}

func TestCounts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts")
	for _, c := range []struct {
		text  string
		fired int
		calls map[string]int
		wrong bool
	}{
		{"         3 vkMapMemory\n         0 vkCreateFence\n         3 *\n         1 fired\n", 1, map[string]int{"vkMapMemory": 3, "*": 3}, false},
		{"three vkMapMemory\n", 0, nil, true},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		calls, fired, err := Counts(file)
		if (err != nil) != c.wrong || fired != c.fired || len(calls) != len(c.calls) || calls["vkMapMemory"] != c.calls["vkMapMemory"] {
			t.Errorf("%q: %v, %d, %v", c.text, calls, fired, err)
		}
	}
}

func TestProfiles(t *testing.T) {
	for _, p := range Profiles() {
		if words, ok := Words(p.Name); !ok || words != p.Words || p.About == "" {
			t.Errorf("%s: %q, %v", p.Name, words, ok)
		}
	}
	if _, ok := Words("none"); ok {
		t.Error("there is a profile called none")
	}
}
