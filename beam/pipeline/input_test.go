package pipeline

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// What cannot be read becomes a dead letter that says why; nothing fails.
func TestDeadLetters(t *testing.T) {
	folder := scenes(t, 1)
	c := config(t)
	c.Shards, c.Limits, c.Names = 1, picture.Limits{MaxPixels: 200 * 200}, map[string]string{"MaxPixels": "--max-pixels"}
	copyTo(t, testdata+"/pictures/chelsea.png", filepath.Join(folder, "large.png"))
	missing := filepath.Join(folder, "missing.png")
	inside := filepath.Join(c.Output, "part-00000-of-00001.jsonl")
	list := filepath.Join(t.TempDir(), "list.txt")
	write(t, list, []byte("\ufeff"+missing+"\n\n  "+folder+"/00.png \n"+folder+"/00.png\n"+inside+"\n"+folder+"/.\n"+folder+"/none.tar\n"))
	if _, err := runs(t, c, Source{Pattern: folder + "/*"}, Source{List: list}); err != nil {
		t.Fatal(err)
	}
	files := content(t, c.Output)
	got := map[string]string{}
	for _, l := range of[Letter](t, files, "dead-letters-") {
		got[l.Input] = l.Reason
	}
	want := map[string]string{
		folder + "/truncated.jpg": "truncated.jpg", folder + "/README.md": "README.md", folder + "/large.png": "--max-pixels", missing: "there is no file " + missing,
		inside: "in the output folder", folder + "/.": "a folder", folder + "/none.tar": "there is no file",
	}
	for path, says := range want {
		if reason := got[path]; !strings.Contains(reason, says) || !strings.Contains(reason, path) {
			t.Errorf("%s: reason %q, want %q in it", path, reason, says)
		}
	}
	if rows := of[Row](t, files, "part-"); len(got) != len(want) || len(rows) != 1 || rows[0].Input != folder+"/00.png" {
		t.Errorf("dead letters %q, rows %+v", got, rows)
	}
	if sum := of[Tally](t, files, summaryName)[0]; sum.Twice != 2 || sum.Pictures != 1 || sum.Letters != int64(len(want)) {
		t.Errorf("the summary is %+v", sum)
	}
}

// member of an archive that a test makes.
type testMember struct {
	name string
	data []byte
	kind byte
	size int64 // that the header claims, where it is not that of data
}

// archiveOf makes an archive, whose headers may claim anything.
func archiveOf(t *testing.T, list ...testMember) string {
	t.Helper()
	var b bytes.Buffer
	for _, m := range list {
		h := tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Typeflag: m.kind}
		if m.size > 0 {
			h.Size = m.size
		}
		if m.kind == tar.TypeSymlink {
			h.Linkname = "/etc/passwd"
		}
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		b.Write(m.data)
		b.Write(make([]byte, (512-len(m.data)%512)%512))
	}
	b.Write(make([]byte, 1024))
	path := filepath.Join(t.TempDir(), "a.tar")
	write(t, path, b.Bytes())
	return path
}

// read reads the samples of an archive: their keys, and the reason where one has no picture.
func read(t *testing.T, path string) (keys []string, reasons map[string]string) {
	t.Helper()
	reasons = map[string]string{}
	for s := range (reader{output: "nowhere"}).samples(t.Context(), []string{path}) {
		keys = append(keys, s.key)
		if _, err := s.read(t.Context()); err != nil {
			reasons[s.key] = Config{}.reason(err)
		}
	}
	return keys, reasons
}

func TestArchive(t *testing.T) {
	png, err := os.ReadFile(testdata + "/world/scene1.png")
	if err != nil {
		t.Fatal(err)
	}
	reg := func(name string, data []byte) testMember {
		return testMember{name: name, data: data, kind: tar.TypeReg}
	}
	for _, c := range []struct {
		about   string
		members []testMember
		keys    []string
		says    map[string]string
	}{
		{"samples", []testMember{
			{name: "a/", kind: tar.TypeDir}, reg("a/0.json", []byte("{}")), reg("a/0.png", png), reg("a/0.seg.png", png), reg("a/1.left.PNG", png), reg("b.c/2.cls", nil), reg("b.c/2.png", png),
		}, []string{"a/0", "a/1", "b.c/2"}, nil},
		{"keys that are paths", []testMember{reg("../../etc/passwd.png", png), reg("/root.png", png), reg("a\nb.png", png)}, []string{"../../etc/passwd", "/root", "a\nb"}, nil},
		{"no picture", []testMember{reg("0.json", nil), reg("0.txt", nil), reg("1.png", png), reg("2.cls", nil)}, []string{"0", "1", "2"},
			map[string]string{"0": "no picture among its members (json, txt)", "2": "no picture"}},
		{"not a picture", []testMember{reg("0.png", []byte("text")), reg("1.png", png)}, []string{"0", "1"}, map[string]string{"0": "a.tar: 0"}},
		{"a header that lies", []testMember{reg("0.png", png), {name: "1.png", data: png, kind: tar.TypeReg, size: 1 << 60}}, []string{"0", "1", ""},
			map[string]string{"1": "1152921504606846976 bytes", "": "cannot be read from here on"}},
		{"one that lies a little", []testMember{{name: "0.png", data: png, kind: tar.TypeReg, size: mostEncoded}}, []string{"0"}, map[string]string{"0": "in the middle of an entry"}},
		{"a link", []testMember{{name: "0.png", kind: tar.TypeSymlink}, reg("1.png", png)}, []string{"0", "1"}, map[string]string{"0": "a link"}},
		{"a key without an end", []testMember{reg(strings.Repeat("k", 5000)+".png", png), reg("1.png", png)}, []string{strings.Repeat("k", 60), "1"}, map[string]string{strings.Repeat("k", 60): "no key"}},
		{"more than are read", slices.Repeat([]testMember{reg("0.txt", nil)}, 20), []string{"0", ""}, map[string]string{"0": "no picture", "": "more than the 10 entries"}},
		{"empty", nil, nil, nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			before := mostEntries
			mostEntries = 10
			t.Cleanup(func() { mostEntries = before })
			keys, reasons := read(t, archiveOf(t, c.members...))
			if !slices.Equal(keys, c.keys) || len(reasons) != len(c.says) {
				t.Errorf("keys %q, reasons %q, want %q and %q", keys, reasons, c.keys, c.says)
			}
			for key, says := range c.says {
				if !strings.Contains(reasons[key], says) {
					t.Errorf("%q: %q, want %q", key, reasons[key], says)
				}
			}
		})
	}
	t.Run("no archive", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "b.TAR")
		write(t, path, bytes.Repeat([]byte("no archive "), 100))
		if keys, reasons := read(t, path); len(keys) != 1 || !strings.Contains(reasons[""], "b.TAR: the archive cannot be read") {
			t.Errorf("%q, %q", keys, reasons)
		}
	})
}

// Whatever an archive holds, reading it ends, and takes no more memory than it has bytes.
func FuzzArchive(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "a.png", Size: 4, Mode: 0o600, Typeflag: tar.TypeReg}), func() error { _, err := io.WriteString(w, "text"); return err }(), w.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	path := filepath.Join(f.TempDir(), "a.tar")
	f.Fuzz(func(t *testing.T, data []byte) {
		write(t, path, data)
		n := 0
		for s := range (reader{output: "nowhere"}).samples(t.Context(), []string{path}) {
			if n++; len(s.key) > mostKey {
				t.Fatalf("a key of %d bytes", len(s.key))
			}
			_, _ = s.read(t.Context())
		}
		if n > len(data)/512+2 {
			t.Fatalf("%d samples of %d bytes", n, len(data))
		}
	})
}

// Archives go through the pipeline like pictures.
func TestArchivesRun(t *testing.T) {
	png, err := os.ReadFile(testdata + "/world/scene1.png")
	if err != nil {
		t.Fatal(err)
	}
	path := archiveOf(t, testMember{name: "x/0.png", data: png, kind: tar.TypeReg}, testMember{name: "x/1.json", kind: tar.TypeReg}, testMember{name: "x/2.png", data: png, kind: tar.TypeReg})
	c := config(t)
	if _, err := runs(t, c, Source{Pattern: path}); err != nil {
		t.Fatal(err)
	}
	files := content(t, c.Output)
	rows, dead := of[Row](t, files, "part-"), of[Letter](t, files, "dead-letters-")
	if len(rows) != 2 || rows[0].Key != "x/0" || rows[1].Key != "x/2" || rows[0].Input != path || len(rows[0].Detections) == 0 || !reflect.DeepEqual(rows[0].Detections, rows[1].Detections) {
		t.Errorf("rows %+v", rows)
	}
	if len(dead) != 1 || dead[0].Key != "x/1" || dead[0].Input != path {
		t.Errorf("dead letters %+v", dead)
	}
}

// A source that names nothing, and a list that is none, are the caller's mistake.
func TestSources(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "long.txt"), []byte("a.png\n"+strings.Repeat("x", mostLine+1)))
	write(t, filepath.Join(folder, "empty.txt"), []byte("\n \n"))
	write(t, filepath.Join(folder, "a[1].png"), nil)
	write(t, filepath.Join(folder, ".hidden"), nil)
	if err := os.Mkdir(filepath.Join(folder, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		source Source
		want   string // paths below the folder, with spaces between, or an error
	}{
		{Source{Pattern: folder + "/*.png"}, "a[1].png"},
		{Source{Pattern: folder + "/a[1].png"}, "a[1].png"},
		{Source{Pattern: folder + "/missing.png"}, "missing.png"},
		{Source{Pattern: folder}, "a[1].png empty.txt long.txt"},
		{Source{Pattern: folder + "/*"}, ".hidden a[1].png empty.txt long.txt"},
		{Source{Pattern: folder + "/*.jpg"}, "names no file"},
		{Source{Pattern: folder + "/[.jpg"}, "pattern"},
		{Source{Pattern: "nowhere://a/*"}, "nowhere"},
		{Source{List: folder + "/empty.txt"}, "names no file"},
		{Source{List: folder + "/long.txt"}, "line 2: longer than"},
		{Source{List: folder + "/missing.txt"}, "missing.txt"},
	} {
		t.Run(c.source.String(), func(t *testing.T) {
			var paths []string
			err := c.source.each(t.Context(), func(path string) error {
				paths = append(paths, strings.TrimPrefix(path, folder+"/"))
				return nil
			})
			if err == nil {
				err = c.source.Any(t.Context())
			}
			slices.Sort(paths)
			if got := strings.Join(paths, " "); err == nil && got != c.want || err != nil && (!errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%q, %v, want %s", got, err, c.want)
			}
		})
	}
}
