package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/picture"
)

// watched is an output that calls a function after the first write that holds a word.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	word string
	call func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if w.call != nil && bytes.Contains(p, []byte(w.word)) {
		w.call()
		w.call = nil
	}
	return n, err
}

// The first line is there before the last input is read, which does not exist before.
func TestLinesAsFinished(t *testing.T) {
	d := desk{dir: t.TempDir()}
	pic := photograph(t, 40, 50)
	n := runtime.GOMAXPROCS(0) + 8 // more than a stream holds at a time
	var inputs []string
	for i := range n {
		name := fmt.Sprintf("in%03d.png", i)
		inputs = append(inputs, d.path(name))
		if i < n-1 {
			d.write(t, name, pic)
		}
	}
	stdout := &watched{word: `"input"`, call: func() { d.write(t, filepath.Base(inputs[n-1]), pic) }}
	var stderr bytes.Buffer
	if code := run(t.Context(), tinyDetect(append(inputs, "--class", "cat", "--format", "jsonl")...), stdout, &stderr); code != cli.Done {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.text.String()), "\n")
	if len(lines) != n {
		t.Fatalf("%d lines, want %d", len(lines), n)
	}
	for i, line := range lines {
		var s sightingDocument
		if err := json.Unmarshal([]byte(line), &s); err != nil || s.Input != inputs[i] || s.Error != "" || len(s.Detections) == 0 || s.Width != 50 {
			t.Errorf("line %d: %v, %.200s", i, err, line)
		}
	}
}

// What is computed together is what is computed one by one.
func TestDetectBatch(t *testing.T) {
	d := newDesk(t)
	inputs := []string{d.path("cat.png"), d.path("truncated.jpg"), d.path("twin.png"), d.path("dog.png"), d.path("third.png"), d.path("album")}
	d.write(t, "twin.png", photograph(t, 40, 50))
	d.write(t, "third.png", photograph(t, 60, 30))
	if err := os.Remove(d.path("album/cat.png")); err != nil {
		t.Fatal(err)
	}
	found := func(batch string) (list []sightingDocument) {
		o := glip(t, tinyDetect(append(inputs, "--class", "cat", "--class", "dog", "--batch", batch)...)...)
		if err := json.Unmarshal([]byte(o.stdout), &list); err != nil || o.code != cli.Input {
			t.Fatalf("exit status %d, %v, %s", o.code, err, o.stderr)
		}
		return list
	}
	alone, together := found("1"), found("3")
	if len(alone) != 7 || len(together) != 7 {
		t.Fatalf("%d and %d results", len(alone), len(together))
	}
	for i := range alone {
		a, b := alone[i], together[i]
		if a.Input != b.Input || a.Error != b.Error || a.Width != b.Width {
			t.Errorf("%+v and %+v", a, b)
		}
		var want [][6]float64
		for _, f := range a.Detections {
			want = append(want, [6]float64{f.Box[0], f.Box[1], f.Box[2], f.Box[3], f.Score, float64(f.Label)})
		}
		compareBoxes(t, b.Detections, want)
	}
}

// An interrupt leaves valid output of what is done, in every format, and says what is not,
// whether the computation heeds it or not.
func TestDetectInterrupted(t *testing.T) {
	d := newDesk(t)
	var inputs []string
	for i := range 5 {
		name := fmt.Sprintf("%012d.png", i+1)
		d.write(t, name, photograph(t, 40+i, 50))
		inputs = append(inputs, d.path(name))
	}
	for _, heeds := range []bool{true, false} {
		for format, valid := range map[string]func(text string) (done int, err error){
			"json": func(text string) (int, error) { return elements(text) },
			"coco": func(text string) (int, error) { n, err := elements(text); return n / 2, err },
			"jsonl": func(text string) (int, error) {
				return elements("[" + strings.Join(strings.Split(strings.TrimSpace(text), "\n"), ",") + "]")
			},
			"table": func(text string) (int, error) { return strings.Count(text, "2 boxes"), nil },
		} {
			t.Run(fmt.Sprint(format, heeds), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				stuck := make(chan struct{})
				defer close(stuck)
				f := &fake{found: twoBoxes(), slow: func(ctx context.Context, in picture.Input) {
					if in.View(0).Original.Height < 42 { // of the first two
						return
					}
					if heeds {
						<-ctx.Done()
						return
					}
					<-stuck
				}}
				var began time.Time // of the interrupt
				stdout := &watched{word: map[string]string{"coco": "image_id", "table": "2 boxes"}[format], call: func() { began = time.Now(); cancel() }}
				var stderr bytes.Buffer
				args := append([]string{"--format", format, "--class", "cat", "--class", "traffic light"}, inputs...)
				code := cli.Run(ctx, newDetect(f.opener()), args, stdout, &stderr)
				took := time.Since(began)
				done, err := valid(stdout.text.String())
				if code != cli.Failure || err != nil || done < 1 || done > 2 || f.closed != 1 {
					t.Fatalf("exit status %d, %d are done, %v, closed %d times\n%s", code, done, err, f.closed, stdout.text.String())
				}
				want := fmt.Sprintf("interrupted: %d of 5 inputs done, 0 failed, %d left: %s", done, 5-done, strings.Join(inputs[done:], " "))
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr is %q, want %q", stderr.String(), want)
				}
				if took > time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}

// elements counts those of a JSON list.
func elements(text string) (int, error) {
	var list []any
	err := json.Unmarshal([]byte(text), &list)
	return len(list), err
}

// An interrupted run of features keeps the files that are done, and prints one object.
func TestFeaturesInterrupted(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var inputs []string
	for i := range runtime.GOMAXPROCS(0) + 30 {
		name := fmt.Sprintf("in%03d.png", i)
		d.write(t, name, photograph(t, 40, 50))
		inputs = append(inputs, d.path(name))
	}
	stderr := &watched{word: "truncated", call: cancel}
	var stdout bytes.Buffer
	args := d.args(append([]string{"--json", "--out-indices", "3", inputs[0], inputs[1], d.path("truncated.jpg")}, inputs[2:]...)...)
	code := run(ctx, args, &stdout, stderr)
	var doc document
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil || code != cli.Failure {
		t.Fatalf("exit status %d, %v, %s", code, err, stderr.text.String())
	}
	if n := len(doc.Inputs); n < 3 || n > len(inputs) || !doc.Interrupted || doc.Failed != 1 || len(doc.Inputs[0].Files) != 1 {
		t.Errorf("document %+v", doc)
	}
	if !strings.Contains(stderr.text.String(), fmt.Sprintf("interrupted: %d of %d inputs done, 1 failed, %d left: ", len(doc.Inputs)-1, len(inputs)+1, len(inputs)+1-len(doc.Inputs))) {
		t.Errorf("stderr is %q", stderr.text.String())
	}
	if got := len(d.files(t)); got < len(doc.Inputs)-1 {
		t.Errorf("%d files of %d inputs", got, len(doc.Inputs))
	}
}

// What auto took is said beside the results and in them.
func TestFallbackIsSaid(t *testing.T) {
	d := newDesk(t)
	f := &fake{fallback: "there are no Vulkan devices", notes: []string{"the names of the weights begin with \"net.\""}}
	for _, format := range detectFormats() {
		o := detect(t, t.Context(), f.opener(), "--class", "cat", "--format", format, d.path("cat.png"))
		if o.code != 0 || !strings.Contains(o.stderr, "auto takes the CPU: there are no Vulkan devices") || !strings.Contains(o.stderr, "glip: "+f.notes[0]+"\n") {
			t.Errorf("%s: exit status %d, %s", format, o.code, o.stderr)
		}
		if strings.Contains(o.stdout, f.fallback) == (format == "coco") { // which has no place for it
			t.Errorf("%s: %s", format, o.stdout)
		}
	}
}
