package main

import (
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/train"
)

// toy is a desk with five pictures of a box each, of which one cannot be read, their annotations, and a task.
func toy(t *testing.T) desk {
	t.Helper()
	dir := t.TempDir()
	d := desk{dir, filepath.Join(dir, "run")}
	var images, boxes []string
	for i := 1; i <= 5; i++ {
		d.write(t, fmt.Sprintf("%d.png", i), photograph(t, 64, 96))
		images = append(images, fmt.Sprintf(`{"id": %d, "file_name": "%d.png", "width": 96, "height": 64}`, i, i))
		boxes = append(boxes, fmt.Sprintf(`{"id": %d, "image_id": %d, "category_id": %d, "bbox": [%d, 8, 40, 40]}`, i, i, 1+i%2, 8*i))
	}
	d.write(t, "5.png", []byte("no picture"))
	boxes = append(boxes, `{"id": 9, "image_id": 1, "category_id": 1, "bbox": [200, 8, 40, 40]}`)
	all := `{"images": [%s], "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "red dog"}], "annotations": [%s]}`
	d.write(t, "train.json", fmt.Appendf(nil, all, strings.Join(images, ","), strings.Join(boxes, ",")))
	d.write(t, "val.json", fmt.Appendf(nil, all, strings.Join(images[:2], ","), strings.Join(boxes[:2], ",")))
	d.write(t, "task.yaml", []byte(`DATASETS:
  OVERRIDE_CATEGORY: '[{"id": 1, "name": "dog"}, {"id": 2, "name": "red cat"}]'
  CAPTION_PROMPT: '[{"prefix": "a ", "name": "dog", "suffix": " at home"}, {"prefix": "", "name": "red cat", "suffix": ""}]'
  GENERAL_COPY: 2
  TRAIN: ("train",)
  TEST: ("val",)
  REGISTER: {train: {ann_file: train.json, img_dir: .}, val: {ann_file: val.json, img_dir: .}}
`))
	return d
}

// train is a command line that trains the small detector.
func (d desk) train(more ...string) []string {
	return append([]string{"train", "--device", "cpu", "--weights", "synthetic:1", "--short", "64", "--out", d.out,
		"--arch", filepath.Join("..", "..", "testdata", "glip", "tiny", "arch.json")}, more...)
}

// A training leaves what its help says, and goes on to the same bits as one that was not interrupted.
func TestTrain(t *testing.T) {
	d := toy(t)
	base := []string{"--data", d.path("train.json"), "--val", d.path("val.json"), "--batch", "2", "--validate", "4"}
	o := glip(t, d.train(append(base, "--steps", "4")...)...)
	if o.code != 0 || !strings.Contains(o.stdout, "step 4/4  0s left  loss ") || !strings.Contains(o.stdout, "last.safetensors: the last, after step 4") ||
		!strings.Contains(o.stdout, "last.safetensors --class cat --draw") || !strings.Contains(o.stderr, "1 boxes without area") || !strings.Contains(o.stderr, "passed over: ") {
		t.Fatalf("status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
	want := []string{"ap.png", "best.safetensors", "classes.txt", "config.json", "last.safetensors", "last.state", "loss.png", "metrics.jsonl", "val"}
	if got := d.files(t); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	for _, name := range []string{"loss.png", "ap.png", "val/000004-1.png", "val/000004-2.png"} {
		f, err := os.Open(filepath.Join(d.out, name))
		if err == nil {
			_, err = png.Decode(f)
			f.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
	var c trainConfig
	if err := json.Unmarshal(read(t, d.out, "config.json"), &c); err != nil || c.Plan.Steps != 4 || c.Plan.Rate != 1e-4 || c.Plan.Frozen != 2 || c.Program.Go == "" || c.Device == "" {
		t.Errorf("config %+v, %v", c, err)
	}
	if o := glip(t, d.train(base...)...); o.code != cli.Input || !strings.Contains(o.stderr, "has a run already (config.json): --resume "+d.out) {
		t.Errorf("again into the same folder: status %d, %s", o.code, o.stderr)
	}
	if o := glip(t, "train", "--resume", d.out, "--steps", "8", "--recompute", "blocks"); o.code != 0 || !strings.Contains(o.stdout, "step 5/8") || !strings.Contains(o.stdout, "step 8: AP") {
		t.Errorf("status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
	if o := glip(t, "train", "--resume", d.out); o.code != cli.Input || !strings.Contains(o.stderr, "has taken 8 steps, and is to take 8") {
		t.Errorf("nothing left: status %d, %s", o.code, o.stderr)
	}
	whole := d
	whole.out = d.path("whole")
	if o := glip(t, whole.train(append(base, "--steps", "8")...)...); o.code != 0 {
		t.Fatalf("status %d, %s", o.code, o.stderr)
	}
	if string(read(t, d.out, "last.safetensors")) != string(read(t, whole.out, "last.safetensors")) {
		t.Error("a training that went on has other weights than one at once")
	}
}

// A task of ODinW says names, prompts, copies and data; few shots are measured on its val.
func TestTrainTask(t *testing.T) {
	d := toy(t)
	o := glip(t, d.train("--task", d.path("task.yaml"), "--root", d.dir, "--epochs", "1", "--batch", "2", "--mode", "prompt")...)
	if o.code != 0 || !strings.Contains(o.stdout, "5 pictures of 2 categories, 5 steps of 2 pictures, mode prompt") || !strings.Contains(o.stdout, "step 5: AP") ||
		!strings.Contains(o.stdout, "--classes "+filepath.Join(d.out, "classes.txt")) || string(read(t, d.out, "classes.txt")) != "dog\nred cat\n" {
		t.Errorf("status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
}

// A dry run looks at the data and writes nothing; a training by heart says whether it learns.
func TestTrainTries(t *testing.T) {
	d := toy(t)
	o := glip(t, d.train("--data", d.path("train.json"), "--batch", "2", "--dry-run")...)
	if o.code != 0 || !strings.Contains(o.stdout, "5 pictures looked at, 1 of no use") || !strings.Contains(o.stderr, d.path("5.png")) || !strings.Contains(o.stdout, "s a step") || len(d.files(t)) > 0 {
		t.Errorf("status %d\n%s\n%s%q", o.code, o.stdout, o.stderr, d.files(t))
	}
	o = glip(t, d.train("--data", d.path("train.json"), "--batch", "1", "--overfit", "1", "--steps", "12")...)
	if o.code != 0 || !strings.Contains(o.stdout, "1 picture of 2 categories") || !strings.Contains(o.stdout, "overfit: the loss fell from ") {
		t.Errorf("status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
}

// A step that is too large for the memory, and scopes that are none, are refused with what would fit.
func TestTrainMemory(t *testing.T) {
	d := toy(t)
	data := []string{"--data", d.path("train.json"), "--batch", "2", "--dry-run"}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--memory", "1000000"}, cli.Failure, "with --recompute blocks "},
		{[]string{"--memory", "-1"}, cli.Input, "--memory -1"},
		{[]string{"--recompute", "blocks,rpn.head.none"}, cli.Input, `below "rpn.head.none"`},
	} {
		if o := glip(t, d.train(append(data, tc.args...)...)...); o.code != tc.code || !strings.Contains(o.stderr, tc.says) {
			t.Errorf("%q: status %d, %q", tc.args, o.code, o.stderr)
		}
	}
}

// What is wrong is said by the name of the flag, and nothing is left behind.
func TestTrainErrors(t *testing.T) {
	d := toy(t)
	data := []string{"--data", d.path("train.json")}
	d.write(t, "captions.json", []byte(`{"images": [{"id": 1, "file_name": "1.png", "width": 96, "height": 64, "caption": "a cat"}],
		"annotations": [{"id": 1, "image_id": 1, "bbox": [0, 0, 9, 9], "tokens_positive": [[2, 5]]}]}`))
	for _, tc := range []struct {
		args []string
		says string
	}{
		{nil, "--data is missing"},
		{[]string{"--data", d.path("none.json")}, "--data: "},
		{[]string{"--data", d.path("1.png")}, "want COCO's JSON"},
		{[]string{"--data", d.path("train.json"), "--images", d.path("run")}, "5 pictures without a file"},
		{append(data, "--task", "t.yaml"), "exclude each other"},
		{append(data, "--mode", "all"), `--mode "all": want full, head, linear, language, prompt or adapters`},
		{append(data, "--batch", "0"), "--batch 0: want at least 1"},
		{append(data, "--flip", "1.5"), "--flip 1.5"},
		{append(data, "--dropout", "1"), "--dropout 1"},
		{append(data, "--rate", "-1"), "--rate -1"},
		{append(data, "--seed", "16777216"), "--seed 16777216"},
		{append(data, "--prepared", "3"), "--prepared 3"},
		{append(data, "--strict"), "strict, and left out: 1 boxes without area"},
		{append(data, "--val", d.path("captions.json")), "its pictures have captions"},
		{append(data, "--weights", d.path("none.pth")), "--weights " + d.path("none.pth")},
		{append(data, "--vocab", d.path("none.txt")), "--vocab: "},
		{append(data, "--precision", "f8"), "--precision: "},
		{append(data, "--out", d.path("train.json")), "--out: "},
		{[]string{"--task", d.path("train.json")}, "--task: "},
		{[]string{"--task", d.path("task.yaml"), "--root", d.dir, "--shots", "3", "--prepared", "30"}, "no subset of train for --shots 3"},
	} {
		if o := glip(t, d.train(tc.args...)...); o.code != cli.Input || !strings.Contains(o.stderr, tc.says) {
			t.Errorf("%q: status %d, %q, want %q", tc.args, o.code, o.stderr, tc.says)
		}
		if files := d.files(t); len(files) > 0 {
			t.Fatalf("%q left %q", tc.args, files)
		}
	}
	for says, args := range map[string][]string{
		"there is no run":             {"train", "--resume", d.path("none")},
		"--resume and --dry-run":      {"train", "--resume", d.out, "--dry-run"},
		"it says nothing of a":        {"train", "--resume", d.path("odd")},
		"--rate: a run that goes on ": {"train", "--resume", d.path("good"), "--rate", "1"},
	} {
		for name, text := range map[string]string{"odd": `{"plan": {}}`, "good": `{"plan": {"batch": 1, "steps": 1, "epochs": 1, "short": [64], "long": 99}}`} {
			if err := os.MkdirAll(d.path(name), 0o700); err != nil {
				t.Fatal(err)
			}
			d.write(t, name+"/config.json", []byte(text))
		}
		if o := glip(t, args...); o.code != cli.Input || !strings.Contains(o.stderr, says) {
			t.Errorf("%q: status %d, %q", args, o.code, o.stderr)
		}
	}
}

// Steps that are taken again after a kill are in the curves once.
func TestCurves(t *testing.T) {
	var c curves
	ap := 0.5
	for _, r := range []train.Report{{Step: 1}, {Step: 2}, {Step: 2, AP: &ap}, {Step: 3}, {Step: 4}, {Step: 4, AP: &ap}, {Step: 3}, {Step: 3, Skipped: "no number"}, {Step: 4}, {Step: 4, AP: &ap}} {
		c.add(r)
	}
	if !slices.Equal(c.steps, []float64{1, 2, 3, 4}) || !slices.Equal(c.measured, []float64{2, 4}) || c.taken() != 4 || len(c.token) != 4 {
		t.Errorf("%+v", c)
	}
	if got := smoothed([]float64{1, 1, 1}); !slices.Equal(got, []float64{1, 1, 1}) {
		t.Errorf("smoothed to %v", got)
	}
	if got := smoothed([]float64{1, 0, -1}); got[1] != 0 || !(got[2] < 0) {
		t.Errorf("what has no logarithm is smoothed to %v", got)
	}
	for says, list := range map[string][]float64{
		"too few steps": {1, 2}, "it learns": {9, 9, 8, 7, 6, 5, 4, 3, 2, 1}, " only: ": {9, 9, 9, 9, 9, 9, 9, 9, 9, 8}, "did not fall": {1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	} {
		if got := (&curves{total: list}).verdict(); !strings.Contains(got, says) {
			t.Errorf("%v: %s", list, got)
		}
	}
}
