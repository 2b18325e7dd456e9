package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestDriverFiles finds driver files where the loader does, and tells those that are no JSON.
func TestDriverFiles(t *testing.T) {
	home, data := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) string {
		t.Helper()
		path := filepath.Join(dir, "vulkan", "icd.d", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write(data, "good.json", `{"file_format_version": "1.0.0"}`)
	bad := write(filepath.Join(home, ".config"), "bad.json", `{"file_format`)
	write(data, "readme.txt", "no driver")
	env := map[string]string{"HOME": home, "XDG_DATA_DIRS": data + string(os.PathListSeparator) + "/nowhere"}
	get := func(name string) string { return env[name] }
	found := driverFiles(get)
	if runtime.GOOS == "windows" {
		if len(found) != 0 {
			t.Errorf("found %q, where the registry has the list", found)
		}
	} else if !slices.Contains(found, good) || !slices.Contains(found, bad) {
		t.Fatalf("found %q", found)
	}
	sound, broken := wellFormed([]string{bad, good, data, filepath.Join(data, "gone.json")})
	if !slices.Equal(sound, []string{good}) || !slices.Equal(broken, []string{bad}) {
		t.Errorf("sound %q, broken %q", sound, broken)
	}
	env["VK_DRIVER_FILES"] = good + string(os.PathListSeparator) + bad
	if found := driverFiles(get); !slices.Equal(found, []string{good, bad}) {
		t.Errorf("named files: %q", found)
	}
}
