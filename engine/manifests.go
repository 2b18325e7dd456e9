package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/glipvk/glipvk/internal/file"
)

// setAside leaves driver files that are no JSON out of what the Vulkan loader reads, and says which
// they are, "" for none, and whether there are others. Loaders before 1.3.243 take such a file for a
// lack of memory, and then find no driver beside it. A loader is told its driver files by the
// environment alone.
var setAside = sync.OnceValues(func() (word string, others bool) {
	asideSet.Store(true)
	sound, broken := wellFormed(driverFiles(os.Getenv))
	if len(broken) == 0 {
		return "", false
	}
	if list := strings.Join(sound, string(os.PathListSeparator)); list != "" {
		others = os.Setenv("VK_DRIVER_FILES", list) == nil && os.Setenv("VK_ICD_FILENAMES", list) == nil
	}
	return "the Vulkan loader fails over driver files that are no JSON: " + strings.Join(broken, ", ") + "; mend or remove them", others
})

// asideSet says that setAside was called.
var asideSet atomic.Bool

// driverFiles are those that the loader reads, as its documentation says (LoaderDriverInterface). Windows has a list of them in its
// registry, which installers write; there only those count that the environment names.
func driverFiles(env func(string) string) (files []string) {
	if named := cmp.Or(env("VK_DRIVER_FILES"), env("VK_ICD_FILENAMES")); named != "" {
		return filepath.SplitList(named)
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	home := env("HOME")
	for _, list := range []string{
		cmp.Or(env("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), cmp.Or(env("XDG_CONFIG_DIRS"), "/etc/xdg"), "/usr/local/etc", "/etc",
		cmp.Or(env("XDG_DATA_HOME"), filepath.Join(home, ".local", "share")), cmp.Or(env("XDG_DATA_DIRS"), "/usr/local/share:/usr/share"),
	} {
		for _, dir := range filepath.SplitList(list) {
			found, _ := filepath.Glob(filepath.Join(dir, "vulkan", "icd.d", "*.json")) // a pattern of ours
			files = append(files, found...)
		}
	}
	return files
}

// wellFormed tells files that are JSON from those that are not. What cannot be read is neither: the loader passes it over.
func wellFormed(files []string) (sound, broken []string) {
	for _, path := range files {
		data, err := file.ReadAll(context.Background(), path, 1<<20)
		switch {
		case err != nil:
		case json.Valid(data):
			sound = append(sound, path)
		default:
			broken = append(broken, path)
		}
	}
	return sound, broken
}
