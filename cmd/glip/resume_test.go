package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
)

// Whoever names no weights is told so each time, on stderr and wherever there is room.
func TestWeightsForgotten(t *testing.T) {
	d := newDesk(t)
	const word = "synthetic:1"
	for _, format := range detectFormats() {
		for _, named := range []bool{false, true} {
			args := []string{"--class", "cat", "--class", "dog", "--format", format, "--draw", "--out", d.out, d.path("cat.png")}
			if named {
				args = append(args, "--weights", "real.pth")
			}
			o := detect(t, t.Context(), (&fake{found: twoBoxes()}).opener(), args...)
			if o.code != 0 || strings.Contains(o.stderr, "no --weights") == named || strings.Contains(o.stdout, word) == named {
				t.Errorf("%s, weights are named: %v: exit status %d\n%s%s", format, named, o.code, o.stdout, o.stderr)
			}
		}
	}
	plain := read(t, d.out, "cat.boxes.png") // of real.pth
	if o := detect(t, t.Context(), (&fake{found: twoBoxes()}).opener(), "--class", "cat", "--weights", word, "--draw", "--out", d.out, d.path("cat.png")); o.code != 0 || strings.Contains(o.stderr, "no --weights") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	if bytes.Equal(plain, read(t, d.out, "cat.boxes.png")) {
		t.Error("a drawing of weights that were made up looks like any")
	}
	o := glip(t, d.args("--json", "--format", "safetensors", d.path("cat.png"))...)
	if o.code != 0 || !strings.Contains(o.stderr, "no --weights") || !strings.Contains(o.stdout, `"weights": "synthetic:1"`) ||
		!bytes.Contains(read(t, d.out, "cat.safetensors"), []byte(`"weights":"synthetic:1 (made up by a formula)"`)) {
		t.Errorf("features: exit status %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// An interrupt while the model is made leaves valid output of nothing.
func TestInterruptedBeforeOpen(t *testing.T) {
	d := newDesk(t)
	for format, want := range map[string]string{"json": "[]\n", "coco": "[]\n", "jsonl": "", "table": ""} {
		ctx, cancel := context.WithCancel(t.Context())
		stuck := make(chan struct{})
		open := func(context.Context, string, glipvk.DetectorOptions) (finder, error) {
			cancel()
			<-stuck // and heeds nobody
			return nil, errors.New("too late")
		}
		o := detect(t, ctx, open, "--class", "cat", "--format", format, d.path("cat.png"), d.path("dog.png"))
		close(stuck)
		if o.code != cli.Failure || o.stdout != want || !strings.Contains(o.stderr, "interrupted: 0 of 2 inputs done, 0 failed, 2 left: ") {
			t.Errorf("%s: exit status %d, %q, %s", format, o.code, o.stdout, o.stderr)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	var doc document
	if code := run(ctx, d.args("--json", d.path("cat.png")), &stdout, &stderr); code != cli.Failure || json.Unmarshal(stdout.Bytes(), &doc) != nil || !doc.Interrupted || len(doc.Inputs) > 0 {
		t.Errorf("features: exit status %d, %s%s", code, stdout.String(), stderr.String())
	}
}

// again is a list of inputs, of which some were looked at before.
type again struct {
	desk
	inputs []string
}

func newAgain(t *testing.T) again {
	a := again{desk: desk{dir: t.TempDir()}}
	for i := range 4 {
		name := fmt.Sprintf("%03d.png", i+1)
		a.write(t, name, photograph(t, 40, 50))
		a.inputs = append(a.inputs, a.path(name))
	}
	return a
}

// look runs detect, and returns how many inputs were computed.
func (a again) look(t *testing.T, inputs []string, args ...string) (ending, int) {
	f := &fake{found: twoBoxes()}
	o := detect(t, t.Context(), f.opener(), append(append([]string{"--class", "cat", "--class", "dog"}, args...), inputs...)...)
	return o, len(f.inputs)
}

// seen are the inputs, or the numbers of pictures, that results are of, in order, each once.
func seen(t *testing.T, text string) (list []string) {
	t.Helper()
	if strings.HasPrefix(text, "{") {
		text = "[" + strings.ReplaceAll(strings.TrimSpace(text), "\n", ",") + "]"
	}
	var results []written
	if err := json.Unmarshal([]byte(text), &results); err != nil {
		t.Fatalf("%v in %.400s", err, text)
	}
	for _, r := range results {
		name := ""
		if r.Input != nil {
			name = strings.TrimSuffix(filepath.Base(*r.Input), ".png")
		} else {
			name = fmt.Sprintf("%03d", *r.Image)
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// What an earlier run did is not done again, whatever became of the end of its file.
func TestResume(t *testing.T) {
	a := newAgain(t)
	for _, format := range []string{"jsonl", "json", "coco"} {
		o, _ := a.look(t, a.inputs[:2], "--format", format)
		whole := o.stdout
		unclosed := strings.TrimSuffix(whole, "\n]\n")
		for name, c := range map[string]struct {
			text string
			done int
		}{
			"whole": {whole, 2}, "cut in a result": {unclosed[:len(unclosed)-9], 1}, "cut between": {unclosed, 2}, "empty": {"", 0},
		} {
			switch {
			case format == "jsonl" && name == "cut between":
				c.text, c.done = strings.TrimSpace(whole), 1 // a line without its end may be half a line
			case format == "coco" && name == "cut in a result":
				c.done = 2 // each has two boxes
			}
			t.Run(format+" "+name, func(t *testing.T) {
				a.write(t, "part", []byte(c.text))
				o, computed := a.look(t, a.inputs, "--format", format, "--resume", a.path("part"))
				if want := "001 002 003 004"; o.code != 0 || computed != 4-c.done || strings.Join(seen(t, o.stdout), " ") != want {
					t.Errorf("exit status %d, %d computed, want %d; results of %v, want %s\n%s", o.code, computed, 4-c.done, seen(t, o.stdout), want, o.stderr)
				}
				if strings.HasPrefix(name, "cut") && !strings.Contains(o.stderr, "cut short") && !(format != "jsonl" && name == "cut between") {
					t.Errorf("not a word about a result that is cut: %s", o.stderr)
				}
			})
		}
	}
	a.write(t, "all", []byte(must(a.look(t, a.inputs, "--format", "jsonl")).stdout))
	if o, computed := a.look(t, a.inputs, "--resume", a.path("all")); o.code != 0 || computed != 0 || !strings.Contains(o.stderr, "4 inputs are in") {
		t.Errorf("with nothing left: exit status %d, %d computed, %s", o.code, computed, o.stderr)
	}
}

// Weights by formula are the same ones in every spelling.
func TestResumeSpelling(t *testing.T) {
	a := newAgain(t)
	for _, format := range []string{"jsonl", "coco"} {
		o, _ := a.look(t, a.inputs, "--format", format, "--weights", "synthetic")
		a.write(t, "part", []byte(o.stdout))
		for _, weights := range []string{"synthetic", "synthetic:0", "synthetic:00", ""} {
			if o, computed := a.look(t, a.inputs, "--format", format, "--weights", weights, "--resume", a.path("part")); o.code != 0 || computed > 0 {
				t.Errorf("%s, %q: exit status %d, %d computed, %s", format, weights, o.code, computed, o.stderr)
			}
		}
	}
}

func must(o ending, _ int) ending { return o }

// What failed is tried again; what was made otherwise is refused.
func TestResumeRefused(t *testing.T) {
	a := newAgain(t)
	bad := append(slices.Clone(a.inputs[:2]), a.path("later.png"))
	o, _ := a.look(t, bad, "--format", "jsonl")
	a.write(t, "part", []byte(o.stdout))
	a.write(t, "later.png", photograph(t, 40, 50))
	if o, computed := a.look(t, bad, "--format", "jsonl", "--resume", a.path("part")); o.code != 0 || computed != 1 || strings.Join(seen(t, o.stdout), " ") != "001 002 later" {
		t.Errorf("exit status %d, %d computed, %v\n%s", o.code, computed, seen(t, o.stdout), o.stderr)
	}
	coco, _ := a.look(t, a.inputs, "--format", "coco")
	a.write(t, "coco", []byte(coco.stdout))
	a.write(t, "text", []byte("hello"))
	a.write(t, "other", []byte(`{"colour": "blue"}`+"\n"))
	for says, args := range map[string][]string{
		"another query":    {"--resume", a.path("part"), "--class", "bird"},
		"another query,":   {"--resume", a.path("part"), "--threshold", "0.1"},
		"another query, m": {"--resume", a.path("part"), "--ignore-orientation"},
		"weights":          {"--resume", a.path("part"), "--weights", "synthetic:2"},
		"do not go":        {"--resume", a.path("part"), "--format", "coco"},
		"do not go ":       {"--resume", a.path("coco"), "--format", "json"},
		`"synthetic:1", `:  {"--resume", a.path("coco"), "--format", "coco", "--weights", "real.pth"},
		"no such file":     {"--resume", a.path("none")},
		"no results":       {"--resume", a.path("text")},
		"is no result of ": {"--resume", a.path("other")},
		"regular file":     {"--resume", a.dir},
	} {
		if o, computed := a.look(t, a.inputs, append([]string{"--format", "json"}, args...)...); o.code != cli.Input || computed > 0 || !strings.Contains(o.stderr, says) || o.stdout != "" {
			t.Errorf("%v: exit status %d, %d computed, want %q\n%s%s", args, o.code, computed, says, o.stdout, o.stderr)
		}
	}
}

// Lines go on in their own file, behind the last whole one; a list does not.
func TestResumeHere(t *testing.T) {
	a := newAgain(t)
	o, _ := a.look(t, a.inputs[:3], "--format", "jsonl")
	a.write(t, "all", []byte(o.stdout[:len(o.stdout)-20]))
	appended := func(mode int, args ...string) (int, string) {
		out, err := os.OpenFile(a.path("all"), os.O_WRONLY|mode, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		var stderr bytes.Buffer
		args = append(args, "--class", "cat", "--class", "dog", "--resume", a.path("all"))
		return cli.Run(t.Context(), newDetect((&fake{found: twoBoxes()}).opener()), append(args, a.inputs...), out, &stderr), stderr.String()
	}
	if code, stderr := appended(os.O_APPEND, "--format", "jsonl"); code != 0 || strings.Join(seen(t, string(read(t, a.path("all")))), " ") != "001 002 003 004" {
		t.Errorf("exit status %d, %s\n%s", code, stderr, read(t, a.path("all")))
	}
	if code, stderr := appended(os.O_APPEND, "--format", "json"); code != cli.Input || !strings.Contains(stderr, "send the output to another") {
		t.Errorf("exit status %d, %s", code, stderr)
	}
	// The first of several equal commands finds the file that the shell has just made.
	if code, stderr := appended(os.O_TRUNC, "--format", "jsonl"); code != 0 || !strings.Contains(stderr, "nothing is in the file yet") {
		t.Errorf("exit status %d, %s", code, stderr)
	}
	if got := strings.Join(seen(t, string(read(t, a.path("all")))), " "); got != "001 002 003 004" {
		t.Errorf("begun in an empty file, the results are of %s", got)
	}
}
