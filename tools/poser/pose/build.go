package pose

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed driver
var sources embed.FS

// binding brings Vulkan's header.
const binding = "github.com/vulkan-go/vulkan"

// Build compiles the driver into a folder, unless it is there, and returns the path of its manifest, which VK_DRIVER_FILES takes. Several
// processes may build into one folder. It runs gcc, and go to find Vulkan's header, so it must be called within the module.
func Build(folder string) (manifest string, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return "", fmt.Errorf("poser: %w", err)
	}
	hash := sha256.New()
	names, err := fs.Glob(sources, "driver/*")
	for _, name := range names {
		data, e := sources.ReadFile(name)
		err = errors.Join(err, e)
		fmt.Fprintf(hash, "%s %d\n%s", name, len(data), data)
	}
	if err != nil {
		return "", fmt.Errorf("poser: %w", err)
	}
	name := fmt.Sprintf("libposer-%x", hash.Sum(nil)[:6])
	manifest = filepath.Join(folder, name+".json")
	if _, err := os.Stat(manifest); err == nil {
		return manifest, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("poser: %w", err)
	}
	work, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return "", fmt.Errorf("poser: %w", err)
	}
	defer os.RemoveAll(work)
	library := filepath.Join(work, "libposer.so")
	if err := compile(work, library, names); err != nil {
		return "", err
	}
	text := fmt.Sprintf("{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": \"./%s.so\", \"api_version\": \"1.3.0\"}}\n", name)
	if err := os.WriteFile(filepath.Join(work, "manifest"), []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("poser: %w", err)
	}
	// The manifest last: who finds it finds the library.
	err = errors.Join(os.Rename(library, filepath.Join(folder, name+".so")), os.Rename(filepath.Join(work, "manifest"), manifest))
	if err != nil {
		return "", fmt.Errorf("poser: %w", err)
	}
	return manifest, nil
}

func compile(work, library string, names []string) error {
	header, err := output("go", "list", "-m", "-f", "{{.Dir}}", binding)
	if err != nil {
		return err
	}
	args := []string{"-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-I", filepath.Join(header, "vulkan"), "-o", library}
	for _, name := range names {
		data, err := sources.ReadFile(name)
		if err != nil {
			return fmt.Errorf("poser: %w", err)
		}
		path := filepath.Join(work, filepath.Base(name))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("poser: %w", err)
		}
		if strings.HasSuffix(path, ".c") {
			args = append(args, path)
		}
	}
	_, err = output("gcc", append(args, "-ldl", "-lpthread")...)
	return err
}

// output runs a command and returns what it printed; the error says what it complained of.
func output(name string, args ...string) (string, error) {
	var said bytes.Buffer
	c := exec.Command(name, args...)
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("poser: %s %s: %w\n%s", name, strings.Join(args, " "), err, said.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}

// Settings are what the driver is told, in the words of the package's comment; "" leaves a thing out.
type Settings struct {
	Limits, Fail, Count, Driver string
	Say                         bool
}

// programOnly keeps those between the program and the driver from putting devices in order, for which they call the driver themselves. The Vulkan
// loader (before 1.3.264) and Mesa's layer for it then read how many extensions there are where the call that says so has failed, and crash.
var programOnly = []string{"VK_LOADER_DISABLE_SELECT=1", "NODEVICE_SELECT=1"}

// Env is the environment for a process that shall meet the driver of the manifest and no other, except those in beside (manifests too).
// Where calls fail or are counted they are the program's: the loader and Mesa's layer do not put devices in order.
func (s Settings) Env(manifest string, beside ...string) []string {
	files := strings.Join(append([]string{manifest}, beside...), string(os.PathListSeparator))
	env := []string{"VK_DRIVER_FILES=" + files, "VK_ICD_FILENAMES=" + files, "POSER_LIMITS=" + s.Limits, "POSER_FAIL=" + s.Fail}
	if s.Fail != "" || s.Count != "" {
		env = append(env, programOnly...)
	}
	if s.Count != "" {
		env = append(env, "POSER_COUNT="+s.Count)
	}
	if s.Driver != "" {
		env = append(env, "POSER_DRIVER="+s.Driver)
	}
	if s.Say {
		env = append(env, "POSER_SAY=1")
	}
	return env
}

// Counts reads a file of POSER_COUNT: how often each function was called ("*": all of them), and how often a call was made to fail.
func Counts(path string) (calls map[string]int, fired int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("poser: %w", err)
	}
	calls = map[string]int{}
	for line := range strings.Lines(string(data)) {
		var n int
		var name string
		if _, err := fmt.Sscan(line, &n, &name); err != nil {
			return nil, 0, fmt.Errorf("poser: %s: %q is not a number and a function: %w", path, line, err)
		}
		if name == "fired" {
			fired = n
		} else if n > 0 {
			calls[name] = n
		}
	}
	return calls, fired, nil
}
