package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/file/filetest"
)

// fill writes files into a folder.
func fill(t *testing.T, dir string, contents map[string]string) {
	t.Helper()
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// contents are the files of a folder; a folder in it is "folder".
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		if e.IsDir() {
			found[e.Name()] = "folder"
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(data)
	}
	return found
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, content := range a {
		if b[name] != content {
			return false
		}
	}
	return true
}

// A set of files is placed whole, over those of an earlier run; when one of them cannot
// be placed, whichever it is, all is as before.
func TestFailedRename(t *testing.T) {
	names := []string{"a.npy", "b.npy", "c.npy"}
	t.Cleanup(func() { file.Intercept(func(string, string) error { return nil }) })
	for _, link := range []struct {
		name string
		fail error
	}{{"links", nil}, {"no links", errors.ErrUnsupported}} {
		file.Intercept(func(op, _ string) error {
			if op == "link" {
				return link.fail
			}
			return nil
		})
		for failing := 0; failing <= len(names); failing++ {
			dir := t.TempDir()
			before := map[string]string{"a.npy": "old a", "c.npy": "old c", "other": "other"}
			fill(t, dir, before)
			out, err := openFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			set := out.begin()
			for i, name := range names {
				if err := set.add(name, func(w io.Writer) error { _, err := io.WriteString(w, "new "+name); return err }); err != nil {
					t.Fatal(err)
				}
				if i == failing { // what is renamed is gone
					if err := os.Remove(set.files[i].temporary); err != nil {
						t.Fatal(err)
					}
				}
			}
			placed, err := set.commit()
			want := map[string]string{"a.npy": "new a.npy", "b.npy": "new b.npy", "c.npy": "new c.npy", "other": "other"}
			if failing < len(names) {
				want = before
			}
			if (err == nil) != (failing == len(names)) || (err == nil) != (len(placed) == len(names)) {
				t.Errorf("%s, file %d fails: %v, %v", link.name, failing, placed, err)
			}
			if got := contents(t, dir); !same(got, want) {
				t.Errorf("%s, file %d fails: the folder holds %v, want %v", link.name, failing, got, want)
			}
		}
	}
}

// A folder in the place of a file, and a link in it.
func TestCommitOverOddities(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, map[string]string{"a.npy": "old a", "target": "target"})
	if err := os.Mkdir(filepath.Join(dir, "b.npy"), 0o700); err != nil {
		t.Fatal(err)
	}
	filetest.Need(t, "symbolic links", os.Symlink("target", filepath.Join(dir, "c.npy")))
	place := func(names ...string) error {
		out, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		set := out.begin()
		for _, name := range names {
			if err := set.add(name, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
				t.Fatal(err)
			}
		}
		_, err = set.commit()
		return err
	}
	if err := place("a.npy", "c.npy", "b.npy"); err == nil || !strings.Contains(err.Error(), "b.npy is a folder") {
		t.Errorf("error %v", err)
	}
	if to, err := os.Readlink(filepath.Join(dir, "c.npy")); to != "target" || err != nil {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if err := place("a.npy", "c.npy"); err != nil {
		t.Error(err)
	}
	want := map[string]string{"a.npy": "new", "b.npy": "folder", "c.npy": "new", "target": "target"}
	if got := contents(t, dir); !same(got, want) {
		t.Errorf("the folder holds %v, want %v", got, want)
	}
}

// No result replaces what the run reads, under whatever name it lies there.
func TestNothingReadIsReplaced(t *testing.T) {
	d := newDesk(t)
	weights := read(t, "..", "..", "testdata", "checkpoints", "nano-bfloat16.safetensors")
	d.write(t, "nano.safetensors", weights)
	for _, tc := range []struct {
		name, file string // what is put where a result goes
		place      func(path string) error
		args       []string
		says       string
	}{
		{"the weights themselves", "cat.safetensors", func(path string) error { return os.WriteFile(path, weights, 0o600) },
			[]string{"--weights", "cat.safetensors", "--format", "safetensors", "cat.png"}, "replace the weights"},
		{"a link to the weights", "cat.safetensors", func(path string) error { return os.Symlink(d.path("nano.safetensors"), path) },
			[]string{"--weights", d.path("nano.safetensors"), "--format", "safetensors", "cat.png"}, "replace the weights"},
		{"a second name of the weights", "cat.safetensors", func(path string) error { return os.Link(d.path("nano.safetensors"), path) },
			[]string{"--weights", d.path("nano.safetensors"), "--format", "safetensors", "cat.png"}, "replace the weights"},
		{"another input", "cat.stage2.npy", func(path string) error { return os.Link(d.path("tensor.npy"), path) },
			[]string{"cat.png", d.path("tensor.npy")}, "replace the input"},
		{"the architecture", "cat.npz", func(path string) error { return os.Link(d.path("nano.json"), path) },
			[]string{"--format", "npz", "cat.png"}, "replace the architecture"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("cat.png", read(t, d.dir, "cat.png"), 0o600); err != nil {
				t.Fatal(err)
			}
			filetest.Need(t, "such links", tc.place(tc.file))
			before := contents(t, ".")
			o := glip(t, append([]string{"features", "--device", "cpu", "--arch", d.path("nano.json")}, tc.args...)...)
			after := contents(t, ".")
			for name := range after {
				if strings.HasPrefix(name, "tensor.") { // the other input is a good one
					delete(after, name)
				}
			}
			if o.code != cli.Input || !strings.Contains(o.stderr, tc.says) || !same(before, after) {
				t.Errorf("exit status %d, %s; the folder holds %d files, %d before", o.code, o.stderr, len(after), len(before))
			}
		})
	}
}

// Nor does a file of detect, whatever it is of: a drawing, a crop, taps.
func TestDetectReplacesNothingRead(t *testing.T) {
	d := newDesk(t)
	data := filepath.Join("..", "..", "testdata", "glip", "tiny")
	for name, from := range map[string]string{"model.pth": filepath.Join(data, "model.pth"), "vocab.txt": filepath.Join(data, "vocab.txt"), "arch.json": filepath.Join(data, "arch.json")} {
		d.write(t, name, read(t, from))
	}
	d.write(t, "names.txt", []byte("cat\n"))
	d.write(t, "before.jsonl", nil)
	base := []string{"detect", "--device", "cpu", "--arch", d.path("arch.json"), "--vocab", d.path("vocab.txt"), "--weights", d.path("model.pth"), "--size", "64", "--threshold", "0", "--classes", d.path("names.txt")}
	link := func(hard bool) func(old, name string) error {
		if hard {
			return os.Link
		}
		return os.Symlink
	}
	for _, tc := range []struct {
		what, read, result string
		args               []string
	}{
		{"the weights", "model.pth", "cat.boxes.png", []string{"--draw"}},
		{"the weights", "model.pth", "cat.taps.npz", []string{"--taps", "rpn.head.bbox_pred.p3"}},
		{"the vocabulary", "vocab.txt", "cat.crop001.png", []string{"--crop"}},
		{"the list of classes", "names.txt", "cat.boxes.png", []string{"--draw", "--crop"}},
		{"the architecture", "arch.json", "cat.taps.npz", []string{"--taps", "rpn.head.bbox_pred.p3"}},
		{"the results of --resume", "before.jsonl", "cat.boxes.png", []string{"--draw", "--format", "jsonl", "--resume", d.path("before.jsonl")}},
		{"the input", "dog.png", "cat.crop001.png", []string{"--crop", d.path("dog.png")}},
		{"the input", "cat.png", "cat.boxes.png", []string{"--draw"}},
	} {
		for _, hard := range []bool{true, false} {
			dir := t.TempDir()
			filetest.Need(t, "such links", link(hard)(d.path(tc.read), filepath.Join(dir, tc.result)))
			before := string(read(t, d.path(tc.read)))
			o := glip(t, append(append(slices.Clone(base), tc.args...), "--out", dir, d.path("cat.png"))...)
			if o.code != cli.Input || !strings.Contains(o.stderr, "would replace "+tc.what) {
				t.Errorf("%s as %s: exit status %d, %s", tc.read, tc.result, o.code, o.stderr)
			}
			if string(read(t, d.path(tc.read))) != before || string(read(t, dir, tc.result)) != before {
				t.Errorf("%s as %s: replaced", tc.read, tc.result)
			}
		}
	}
}

// Results of an earlier run are replaced.
func TestResultsAreReplaced(t *testing.T) {
	d := newDesk(t)
	for range 2 {
		if o := glip(t, d.args(d.path("cat.png"))...); o.code != cli.Done {
			t.Fatal(o.stderr)
		}
	}
	if got := d.files(t); len(got) != 3 || bytes.Contains([]byte(strings.Join(got, " ")), []byte(".glip")) {
		t.Errorf("the folder holds %v", got)
	}
}

// The shards of an index are weights too.
func TestShardsAreKept(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, map[string]string{"m.safetensors.index.json": "{}", "m-1.safetensors": "shard", "notes.txt": ""})
	out, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	out.keepModel(cli.Weights{Path: filepath.Join(dir, "m.safetensors.index.json")})
	for name, free := range map[string]bool{"m-1.safetensors": false, "m.safetensors.index.json": false, "notes.txt": true, "new": true} {
		if err := out.begin().add(name, func(io.Writer) error { return nil }); (err == nil) != free {
			t.Errorf("%s: %v", name, err)
		}
	}
}
