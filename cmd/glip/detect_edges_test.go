package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tinyDetect is a command line for the scaled-down detector of testdata/glip on the CPU.
func tinyDetect(more ...string) []string {
	data := filepath.Join("..", "..", "testdata", "glip", "tiny")
	return append([]string{"detect", "--device", "cpu", "--arch", filepath.Join(data, "arch.json"), "--vocab", filepath.Join(data, "vocab.txt"),
		"--weights", filepath.Join(data, "model.pth"), "--size", "64", "--threshold", "0", "--format", "json"}, more...)
}

// edges are queries and inputs that are likeliest to break something; long is a sentence of
// 10,000 characters.
func edges(d desk, long string) []exitRow {
	cat := d.path("cat.png")
	backbone := filepath.Join("..", "..", "testdata", "checkpoints", "mmpretrain-nano.pth")
	return []exitRow{
		{"empty caption", []string{"--text", "", cat}, 2, "--text is empty"},
		{"spaces", []string{"--text", "  ", cat}, 2, "--phrase"},
		{"separators", []string{"--text", " . . . ", cat}, 2, "--phrase"},
		{"separators as a class", []string{"--class", ".", cat}, 0, `"phrase"`},
		{"empty class", []string{"--class", "", cat}, 2, "no token"},
		{"empty phrase", []string{"--text", "a cat", "--phrase", "", cat}, 2, "phrase"},
		{"10,000 characters", []string{"--text", long, cat}, 0, `"phrase": "a cat"`},
		{"behind the last token", []string{"--text", long, "--phrase", "done", cat}, 2, "no token"},
		{"a name of 10,000 characters", []string{"--class", long, cat}, 2, "256"},
		{"10,000 letters", []string{"--class", strings.Repeat("a", 10_000), cat}, 0, `"phrase"`}, // one unknown token
		{"unknown tokens", []string{"--class", "\U0001f436", cat}, 0, "\U0001f436"},
		{"phrase elsewhere", []string{"--text", "a cat", "--phrase", "dog", cat}, 2, "does not stand"},
		{"span outside", []string{"--text", "a cat", "--span", "2:99", cat}, 2, "[2, 99)"},
		{"span before", []string{"--text", "a cat", "--span", "-2:3", cat}, 2, "-2"},
		{"span of no numbers", []string{"--text", "a cat", "--span", "a:b", cat}, 2, "--span"},
		{"caption not UTF-8", []string{"--text", "caf\xe9", cat}, 2, "UTF-8"},
		{"phrase not UTF-8", []string{"--text", "a cat", "--phrase", "\xff", cat}, 2, "UTF-8"},
		{"class not UTF-8", []string{"--class", "\xff", cat}, 2, "UTF-8"},
		{"file not UTF-8", []string{"--classes", d.path("bytes.txt"), cat}, 2, "UTF-8"},
		{"file of nothing", []string{"--classes", d.path("blank.txt"), cat}, 2, "blank.txt"},
		{"file of Windows", []string{"--classes", d.path("lines.txt"), cat}, 0, `"phrase": "cat"`},
		{"no file", []string{"--classes", d.path("none.txt"), cat}, 2, "none.txt"},
		{"one pixel", []string{"--class", "cat", "--size", "original", d.path("dot.png")}, 0, `"width": 1`},
		{"one pixel, enlarged", []string{"--class", "cat", d.path("dot.png")}, 0, `"height": 1`},
		{"a sliver", []string{"--class", "cat", "--size", "original", d.path("sliver.png")}, 0, `"width": 40`},
		{"truncated picture", []string{"--class", "cat", filepath.Join("..", "..", "testdata", "pictures", "truncated.jpg")}, 2, "cut short"},
		{"backbone alone", []string{"--class", "cat", "--weights", backbone, cat}, 2, "backbone alone"},
		{"a picture for weights", []string{"--class", "cat", "--weights", cat, cat}, 2, "cat.png"},
		{"vocabulary of another model", []string{"--class", "cat", "--vocab", filepath.Join("..", "..", "text", "vocab.txt"), cat}, 2, "--vocab"},
		{"out is a file", []string{"--class", "cat", "--draw", "--out", cat, cat}, 2, "choose a folder"},
		{"out below a file", []string{"--class", "cat", "--draw", "--out", filepath.Join(cat, "x"), cat}, 2, "choose a folder"},
		{"taps of nothing", []string{"--class", "cat", "--taps", "nothing.*", "--out", d.out, cat}, 2, "nothing.*"},
		{"override of a checkpoint", []string{"--class", "cat", "--override", "rpn.head.bias0=-2", cat}, 2, "override"},
	}
}

// TestDetectEdges has the whole detector behind the command: each edge is a clear error with
// exit status 2 and no file, or a result that the help describes.
func TestDetectEdges(t *testing.T) {
	d := newDesk(t)
	d.write(t, "dot.png", photograph(t, 1, 1))
	d.write(t, "sliver.png", photograph(t, 3, 40))
	d.write(t, "bytes.txt", []byte("cat\ncaf\xe9\n"))
	d.write(t, "blank.txt", []byte("\n \n"))
	d.write(t, "lines.txt", []byte("\xef\xbb\xbfcat\r\n\r\nred umbrella\r\n"))
	long := strings.Repeat("a cat and a dog, ", 588) + "done" // 10,000 characters
	if len(long) != 10_000 {
		t.Fatal(len(long))
	}
	draw := []string{"--draw", "--crop", "--taps", "rpn.head.dot.*", "--out", d.out}
	for _, row := range edges(d, long) {
		t.Run(row.name, func(t *testing.T) {
			if err := os.RemoveAll(d.out); err != nil {
				t.Fatal(err)
			}
			args := row.args
			if row.code == 2 && !strings.Contains(strings.Join(args, " "), "--out") {
				args = append(args, draw...) // of which nothing must be left
			}
			o := glip(t, tinyDetect(args...)...)
			out := o.stderr
			if row.code == 0 {
				out = o.stdout
			}
			if o.code != row.code || !strings.Contains(out, row.word) {
				t.Errorf("exit status %d, want %d and %q\nstdout: %.500s\nstderr: %.500s", o.code, row.code, row.word, o.stdout, o.stderr)
			}
			if len(o.stderr) > 1500 {
				t.Errorf("the message is %d bytes long", len(o.stderr))
			}
			if files := d.files(t); len(files) > 0 {
				t.Errorf("files are left: %v", files)
			}
			if row.code == 0 && !json.Valid([]byte(o.stdout)) {
				t.Errorf("no JSON: %.200s", o.stdout)
			}
		})
	}
}

// TestDetectMany has bad inputs among good ones, all files for those that are good.
func TestDetectMany(t *testing.T) {
	d := newDesk(t)
	o := glip(t, tinyDetect("--class", "cat", "--verify", "--draw", "--taps", "rpn.head.dot.p7", "--out", d.out,
		d.path("cat.png"), d.path("truncated.jpg"), d.path("dog.png"), d.path("empty.png"))...)
	if o.code != 2 || !strings.Contains(o.stderr, "2 of 4 inputs failed") || !strings.Contains(o.stderr, "truncated.jpg") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	if got, want := strings.Join(d.files(t), " "), "cat.boxes.png cat.taps.npz dog.boxes.png dog.taps.npz"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
}
