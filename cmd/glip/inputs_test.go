package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file/filetest"
)

// tree is a folder with links, loops and files that other systems leave.
func tree(t *testing.T) desk {
	t.Helper()
	d := desk{dir: t.TempDir(), out: filepath.Join(t.TempDir(), "out")}
	for _, sub := range []string{"in/sub/deep", "in/.hidden", "in/empty", "elsewhere"} {
		if err := os.MkdirAll(d.path(sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pic := photograph(t, 40, 50)
	for _, name := range []string{"in/b.png", "in/sub/b.png", "in/sub/deep/C.PNG", "in/.hidden/no.png", "elsewhere/far.png", "in/b.boxes.png"} {
		d.write(t, name, pic)
	}
	d.write(t, "in/._b.png", []byte("\x00\x05\x16\x07 of a Macintosh"))
	d.write(t, "in/.DS_Store", nil)
	d.write(t, "in/notes.txt", nil)
	for link, to := range map[string]string{
		"in/a.png": "../elsewhere/far.png", "in/broken.png": "none.png", "in/far": "../elsewhere", "in/again": ".", "in/sub/up": "../..", "elsewhere/back": "../in/sub",
	} {
		filetest.Need(t, "symbolic links", os.Symlink(filepath.FromSlash(to), d.path(link)))
	}
	return d
}

// A folder is its files, links and all; the rest is counted. Folders in it are read if that is asked for, each once.
func TestFolderOfLinks(t *testing.T) {
	d := tree(t)
	for _, tc := range []struct {
		recursive    bool
		stems, words string
	}{
		{false, "a b", "left out: 3 hidden files, 4 folders (--recursive reads them), 1 link that leads nowhere, 1 result of glip, 1 other file"},
		// far is read first by the name that comes first, back in it leads to sub; from up all of the tree above is reached.
		{true, "a b far/back/b far/back/deep/C far/far", "left out: 3 hidden files, 4 folders that are read already, 1 link that leads nowhere, 1 result of glip, 1 other file"},
	} {
		var said string
		e := expansion{ctx: t.Context(), recursive: tc.recursive, say: func(format string, args ...any) { said += fmt.Sprintf(format, args...) }}
		items, err := e.expand([]string{d.path("in")})
		if err != nil {
			t.Fatal(err)
		}
		var stems []string
		for _, i := range items {
			stems = append(stems, filepath.ToSlash(i.stem))
		}
		if got := strings.Join(stems, " "); got != tc.stems || !strings.Contains(said, tc.words) {
			t.Errorf("recursive %v: %s, want %s\n%s, want %s", tc.recursive, got, tc.stems, said, tc.words)
		}
	}
	for folder, says := range map[string]string{"in/empty": "empty", "in/.hidden": "", "elsewhere/none": ""} {
		_, err := (&expansion{ctx: t.Context(), say: func(string, ...any) {}}).expand([]string{d.path(folder)})
		if (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", folder, err)
		}
	}
}

// Results of folders in folders go into folders of the same names.
func TestRecursive(t *testing.T) {
	d := tree(t)
	o := detect(t, t.Context(), (&fake{found: twoBoxes()}).opener(), "--class", "cat", "--recursive", "--draw", "--out", d.out, d.path("in/sub"), d.path("in/a.png"))
	if o.code != 0 {
		t.Fatal(o.stderr)
	}
	for _, name := range []string{"b.boxes.png", "deep/C.boxes.png", "a.boxes.png"} {
		read(t, d.out, name)
	}
	if o = detect(t, t.Context(), (&fake{}).opener(), "--class", "cat", d.path("in/sub")); o.code != 0 || !strings.Contains(o.stderr, "1 input, left out: 2 folders (--recursive reads them)") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
}

// Two inputs of one name are refused only where two results would have one name.
func TestSameStem(t *testing.T) {
	d := newDesk(t)
	d.write(t, "CAT.jpg", photograph(t, 40, 50))
	d.write(t, "cafe\u0301.png", photograph(t, 40, 50))
	d.write(t, "caf\u00e9.jpg", photograph(t, 40, 50))
	twice := func(a, b string) []string { return []string{"--class", "cat", d.path(a), d.path(b)} }
	for _, pair := range [][2]string{{"cat.png", "album/cat.png"}, {"cat.png", "cat.png"}, {"cat.png", "CAT.jpg"}, {"cafe\u0301.png", "caf\u00e9.jpg"}} {
		args := twice(pair[0], pair[1])
		for _, format := range detectFormats() {
			if o := detect(t, t.Context(), (&fake{found: twoBoxes()}).opener(), append(args, "--format", format)...); o.code != 0 {
				t.Errorf("%v as %s: exit status %d, %s", pair, format, o.code, o.stderr)
			}
		}
		for _, writes := range []string{"--draw", "--crop", "--taps=*"} {
			o := detect(t, t.Context(), (&fake{found: twoBoxes()}).opener(), append(args, writes, "--out", d.out)...)
			if o.code != cli.Input || !strings.Contains(o.stderr, "would both be written") || len(d.files(t)) > 0 {
				t.Errorf("%v with %s: exit status %d, %s", pair, writes, o.code, o.stderr)
			}
		}
		if o := glip(t, d.args(args[2:]...)...); o.code != cli.Input {
			t.Errorf("features of %v: exit status %d, %s", pair, o.code, o.stderr)
		}
	}
}

// What is on standard input is an input like others, a picture or an array, once.
func TestStandardInput(t *testing.T) {
	d := newDesk(t)
	with := func(stdin io.Reader, args ...string) ending {
		var stdout, stderr bytes.Buffer
		root := newRoot()
		root.SetIn(stdin)
		code := cli.Run(t.Context(), root, args, &stdout, &stderr)
		return ending{code, stdout.String(), stderr.String()}
	}
	file := tinyDetect("--class", "cat", d.path("cat.png"))
	want := strings.ReplaceAll(glip(t, file...).stdout, d.path("cat.png"), "-")
	for _, name := range []string{"-", "/dev/stdin"} {
		o := with(bytes.NewReader(read(t, d.path("cat.png"))), append(slices.Clone(file[:len(file)-1]), name)...)
		var got, wanted []sightingDocument
		if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || o.code != 0 || json.Unmarshal([]byte(want), &wanted) != nil {
			t.Fatalf("exit status %d, %v, %s", o.code, err, o.stderr)
		}
		if got[0].Input != "-" || got[0].Width != wanted[0].Width || len(got[0].Detections) == 0 || got[0].Detections[0] != wanted[0].Detections[0] {
			t.Errorf("%+v\nwant %+v", got[0], wanted[0])
		}
	}
	if o := with(bytes.NewReader(read(t, d.path("cat.png"))), d.args("--viz", "--out-indices", "2", "-")...); o.code != 0 || strings.Join(d.files(t), " ") != "stdin.stage2.npy stdin.viz.png" {
		t.Errorf("exit status %d, %s, files %v", o.code, o.stderr, d.files(t))
	}
	if o := with(bytes.NewReader(read(t, d.path("tensor.npy"))), d.args("--out-indices", "2", "--json", "-")...); o.code != 0 || !strings.Contains(o.stdout, "128") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	for _, tc := range []struct {
		stdin, says string
		args        []string
	}{
		{"", "empty", []string{"-"}},
		{"hello", "-: ", []string{"-"}},
		{string(read(t, d.path("wide.png"))), "--max-memory", []string{"-", "--max-memory", "1000"}},
		{"", "given twice", []string{"-", d.path("cat.png"), "-"}},
		{"", "given twice", []string{"-", "/dev/stdin"}},
	} {
		if o := with(strings.NewReader(tc.stdin), d.args(tc.args...)...); o.code != cli.Input || !strings.Contains(o.stderr, tc.says) {
			t.Errorf("%v: exit status %d, %s", tc.args, o.code, o.stderr)
		}
	}
}
