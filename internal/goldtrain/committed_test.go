package goldtrain

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
)

var update = flag.Bool("update", false, "make testdata/train anew from ../shared/golden/train")

// leftOut are the cases that testdata does without, by group.
var leftOut = map[string][]string{
	"loss": {"far"}, "tiny": {"tiny.two", "tiny.big", "tiny_a.two"}, "optim": {"full", "language"}, "full": {"t.step"},
	"modules": {"bert", "swin_stage.batch", "vlfuse.batch", "textlayer.batch", "dyconv.tall", "dyconv.batch"},
}

// TestCommittedTraining makes the committed files anew in memory and wants them equal to those in testdata/train; with -update it
// writes them there.
func TestCommittedTraining(t *testing.T) {
	root, err := difftest.Root()
	if err != nil {
		t.Fatal(err)
	}
	from, to := filepath.Join(root, "..", "shared", "golden", "train"), filepath.Join(root, "testdata", "train")
	if _, err := os.Stat(filepath.Join(from, "manifest.json")); err != nil {
		t.Skip("the whole set of training is not beside the module (../shared/golden/train)")
	}
	files := subset(t, from)
	if *update {
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range files {
		difftest.Kept(t, filepath.Join(to, filepath.FromSlash(name)), want, *update)
	}
	count := 0
	err = filepath.WalkDir(to, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			count++
		}
		return err
	})
	if err != nil || count != len(files) {
		t.Errorf("%s holds %d files, want %d (%v)", to, count, len(files), err)
	}
}

// subset is the manifest of the cases that stay, one a line, and their files.
func subset(t *testing.T, from string) map[string][]byte {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var whole struct {
		Groups []struct {
			Group string
			Cases []json.RawMessage
		}
	}
	if err := json.Unmarshal(read("manifest.json"), &whole); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var w bytes.Buffer
	w.WriteString(`{"groups": [`)
	for i, g := range whole.Groups {
		fmt.Fprintf(&w, "%s\n{\"group\": %q, \"cases\": [", comma(i), g.Group)
		kept := 0
		for _, raw := range g.Cases {
			var c struct {
				ID   string
				File struct{ Path string }
				JSON struct{ File string }
			}
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(leftOut[g.Group], c.ID) {
				continue
			}
			w.WriteString(comma(kept) + "\n")
			if err := json.Compact(&w, raw); err != nil {
				t.Fatal(err)
			}
			kept++
			for _, name := range []string{c.File.Path, c.JSON.File} {
				if name != "" {
					files[name] = read(name)
				}
			}
		}
		w.WriteString("\n]}")
	}
	w.WriteString("\n]}\n")
	files["manifest.json"] = w.Bytes()
	return files
}

// comma stands before all but the first.
func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
