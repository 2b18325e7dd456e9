package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
)

// label runs a label command line with a detector of the test's.
func label(t *testing.T, ctx context.Context, open opener, args ...string) ending {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(ctx, newLabel(open), args, &stdout, &stderr)
	return ending{code, stdout.String(), stderr.String()}
}

// shelf is a folder of pictures, in folders, and one that is none.
type shelf struct{ desk }

func newShelf(t *testing.T) shelf {
	t.Helper()
	dir := t.TempDir()
	s := shelf{desk{dir, filepath.Join(dir, "out")}}
	if err := os.MkdirAll(s.path("in/more"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(t, "in/1.png", photograph(t, 40, 50))
	s.write(t, "in/2.png", photograph(t, 40, 50))
	s.write(t, "in/more/1.png", photograph(t, lastOfShelf.Height, lastOfShelf.Width))
	return s
}

// lastOfShelf is the size of a shelf's last picture, which is looked at beside the others and may be begun first.
var lastOfShelf = picture.Extent{Height: 44, Width: 50}

// awaitLines waits until a file has so many lines.
func awaitLines(t *testing.T, path string, lines int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if data, err := os.ReadFile(path); err == nil && bytes.Count(data, []byte("\n")) >= lines {
			return
		}
	}
	t.Errorf("%s has fewer than %d lines after a minute", path, lines)
}

// label labels cats and traffic lights in the folder, with a fake that finds twoBoxes.
func (s shelf) label(t *testing.T, more ...string) (ending, *fake) {
	t.Helper()
	f := &fake{found: twoBoxes()}
	return label(t, t.Context(), f.opener(), s.args(more...)...), f
}

func (s shelf) args(more ...string) []string {
	args := []string{"--weights", "real.pth", "--model", "glip-t", "--class", "cat", "--class", "traffic light", "--threshold", "0.4", "--recursive", "--out", s.out, "--review", "0"}
	if !slices.Contains(more, "--format") {
		args = append(args, "--format", "coco")
	}
	return append(append(args, more...), s.path("in"))
}

// cocoFile is what tests read of COCO's annotations.
type cocoFile struct {
	Images []struct {
		ID   int64
		Name string `json:"file_name"`
	}
	Annotations []struct {
		Image    int64      `json:"image_id"`
		Category int64      `json:"category_id"`
		Box      [4]float64 `json:"bbox"`
		Score    float64
	}
	Categories []struct {
		ID   int64
		Name string
	}
}

func (s shelf) coco(t *testing.T) (c cocoFile) {
	t.Helper()
	if err := json.Unmarshal(read(t, s.out, "annotations.json"), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLabelCOCO(t *testing.T) {
	s := newShelf(t)
	s.write(t, "in/bad.png", []byte("hello"))
	o, f := s.label(t)
	if o.code != cli.Input || !strings.Contains(o.stderr, "1 of 4 pictures were skipped, as ") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	for _, want := range []string{"4 pictures: 3 with labels, 0 empty, 1 skipped", "skipped.jsonl", "annotations.json"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("%q is not in\n%s", want, o.stdout)
		}
	}
	c := s.coco(t)
	if len(c.Images) != 3 || c.Images[0].Name != "1.png" || c.Images[2].Name != "more/1.png" || len(c.Annotations) != 6 || len(c.Categories) != 2 {
		t.Fatalf("%+v", c)
	}
	if a := c.Annotations[0]; a.Image != 1 || a.Category != 2 || a.Box != [4]float64{1.5, 2, 9.75, 19} || a.Score != 0.75 {
		t.Errorf("the first annotation is %+v", a)
	}
	var skipped skip
	if err := json.Unmarshal(read(t, s.out, skippedName), &skipped); err != nil || skipped.Picture != s.path("in/bad.png") || !strings.Contains(skipped.Reason, "not a readable picture") {
		t.Errorf("%+v, %v", skipped, err)
	}
	if f.options.Threshold != foundFloor || f.closed != 1 || !slices.Equal(f.asked[0].Classes, []string{"cat", "traffic light"}) {
		t.Errorf("threshold %g, closed %d, asked %+v", f.options.Threshold, f.closed, f.asked)
	}
	s.write(t, "in/bad.png", photograph(t, 40, 50))
	if o, f := s.label(t); o.code != 0 || len(f.inputs) != 1 || exists(filepath.Join(s.out, skippedName)) || len(s.coco(t).Images) != 4 {
		t.Errorf("mended: exit status %d, %d computed, %s", o.code, len(f.inputs), o.stderr)
	}
}

// Pictures' folders stay as they are, whatever the format, and each format is in its folder.
func TestLabelFormats(t *testing.T) {
	s := newShelf(t)
	before := allBelow(t, s.path("in"))
	o, _ := s.label(t, "--format", "yolo,"+strings.Join(labelFormats()[:3], ","), "--split", "train=1,val=1")
	if o.code != 0 {
		t.Fatal(o.stderr)
	}
	if got := allBelow(t, s.path("in")); !slices.Equal(got, before) {
		t.Errorf("the pictures' folder holds %v, was %v", got, before)
	}
	if got := string(read(t, s.out, "yolo", "labels", "more", "1.txt")); strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, "1 0.1275") {
		t.Errorf("YOLO's labels are\n%s", got)
	}
	if at, err := os.Readlink(filepath.Join(s.out, "yolo", "images", "more", "1.png")); err != nil || at != s.path("in/more/1.png") {
		t.Errorf("the link leads to %s, %v", at, err)
	}
	for _, format := range labelFormats()[:3] {
		if !strings.Contains(o.stdout, format+": ") || !exists(filepath.Join(s.out, format)) {
			t.Errorf("not a word of %s in\n%s", format, o.stdout)
		}
	}
	if o, _ := s.label(t, "--format", "help"); o.code != 0 || !strings.Contains(o.stdout, "yolo: YOLO's text files") {
		t.Errorf("exit status %d, %s%s", o.code, o.stdout, o.stderr)
	}
}

// allBelow lists all that is below a folder.
func allBelow(t *testing.T, folder string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		list = append(list, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// An interrupt loses nothing that was done, and the end is that of a run without one.
func TestLabelResume(t *testing.T) {
	whole, s := newShelf(t), newShelf(t)
	if o, _ := whole.label(t); o.code != 0 {
		t.Fatal(o.stderr)
	}
	want := whole.coco(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{found: twoBoxes()}
	journal := filepath.Join(s.out, foundFolder, ".glip-labels.jsonl")
	f.slow = func(ctx context.Context, in picture.Input) {
		if in.Views[0].Original != lastOfShelf {
			return
		}
		awaitLines(t, journal, 2)
		cancel()
		<-ctx.Done()
	}
	o := label(t, ctx, f.opener(), s.args()...)
	if o.code != cli.Failure || !strings.Contains(o.stderr, "the same command goes on") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	if err := os.WriteFile(journal, append(read(t, journal), `{"name":"2.png","w":5`...), 0o600); err != nil { // as kill -9 leaves it
		t.Fatal(err)
	}
	o, f = s.label(t)
	if o.code != 0 || len(f.inputs) >= 3 || !strings.Contains(o.stderr, "already") {
		t.Errorf("exit status %d, %d computed, %s", o.code, len(f.inputs), o.stderr)
	}
	if got := s.coco(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if o, f := s.label(t); o.code != 0 || len(f.inputs) != 0 || f.closed != 0 || !strings.Contains(o.stdout, "3 pictures: 3 with labels") {
		t.Errorf("with nothing left: exit status %d, %d computed, %s%s", o.code, len(f.inputs), o.stdout, o.stderr)
	}
}

// Other thresholds, prompts of the same words and formats need no computing, but a word that labels may be replaced; other questions
// need both.
func TestLabelOverwrite(t *testing.T) {
	s := newShelf(t)
	if o, _ := s.label(t); o.code != 0 || len(s.coco(t).Annotations) != 6 {
		t.Fatal(o.stderr)
	}
	for _, tc := range []struct {
		args     []string
		boxes    int
		computed int
	}{
		{[]string{"--threshold", "cat=0.6"}, 3, 0},
		{[]string{"--min-size", "10"}, 3, 0},
		{[]string{"--threshold", "cat=0.05"}, 6, 3}, // below what was kept
		{[]string{"--size", "64"}, 6, 3},
		{[]string{"--ignore-orientation"}, 6, 3},
	} {
		o, f := s.label(t, tc.args...)
		if o.code != cli.Input || !strings.Contains(o.stderr, "--overwrite makes them anew") || len(f.inputs) > 0 {
			t.Errorf("%v: exit status %d, %s", tc.args, o.code, o.stderr)
		}
		o, f = s.label(t, append(tc.args, "--overwrite")...)
		if got := s.coco(t); o.code != 0 || len(got.Annotations) != tc.boxes || len(f.inputs) != tc.computed {
			t.Errorf("%v: exit status %d, %d boxes, %d computed, %s", tc.args, o.code, len(got.Annotations), len(f.inputs), o.stderr)
		}
	}
}

func TestLabelRefused(t *testing.T) {
	s := newShelf(t)
	s.write(t, "in/1.jpg", photograph(t, 40, 50))
	s.write(t, "list.txt", []byte("in/1.png\n\n in/2.png \n"))
	s.write(t, "none.txt", []byte("\n"))
	s.write(t, "bad.json", []byte("{}"))
	fresh := func(more ...string) []string { return append(more, "--class", "cat", "--out", s.out) }
	for says, args := range map[string][]string{
		"--format is not given":  fresh(s.path("in")),
		"--format gif: want":     fresh("--format", "gif", s.path("in")),
		"each once":              fresh("--format", "coco,coco", s.path("in")),
		"--pictures":             fresh("--format", "coco", "--pictures", "move", s.path("in")),
		"--voc":                  fresh("--format", "voc", "--voc", "two-based", s.path("in")),
		"--split":                fresh("--format", "coco", "--split", "train=80,vall=20", s.path("in")),
		"--split ":               fresh("--format", "coco", "--split", "train=0", s.path("in")),
		"--studio":               fresh("--format", "coco", "--studio", "host=a", s.path("in")),
		"--review -1":            fresh("--format", "coco", "--review", "-1", s.path("in")),
		"--iou NaN":              fresh("--format", "coco", "--iou", "nan", s.path("in")),
		"--min-size -1":          fresh("--format", "coco", "--min-size", "-1", s.path("in")),
		"--max -1":               fresh("--format", "coco", "--max", "-1", s.path("in")),
		"none given":             fresh("--format", "coco"),
		"give no others":         fresh("--format", "coco", "--coco", s.path("bad.json"), s.path("in")),
		"--coco: ":               fresh("--format", "coco", "--coco", s.path("bad.json")),
		"the folder of --coco's": fresh("--format", "coco", "--images", s.path("in"), s.path("in")),
		"holds no name":          fresh("--format", "coco", "--list", s.path("none.txt")),
		"--list: ":               fresh("--format", "coco", "--list", s.path("nothing.txt")),
		"read once only":         fresh("--format", "coco", "-"),
		"would share":            fresh("--format", "yolo", s.path("in")),
		"holds other files":      {"--class", "cat", "--format", "coco", "--out", s.path("in"), s.path("in")},
		"is in --out":            {"--class", "cat", "--format", "coco", "--out", s.dir, "--overwrite", "--list", s.path("list.txt")},
		"nothing to look for":    {"--format", "coco", "--out", s.out, s.path("in")},
	} {
		f := &fake{found: twoBoxes()}
		if o := label(t, t.Context(), f.opener(), args...); o.code != cli.Input || !strings.Contains(o.stderr, says) || len(f.inputs) > 0 || o.stdout != "" {
			t.Errorf("%v: exit status %d, %d computed, want %q in %s%s", args, o.code, len(f.inputs), says, o.stderr, o.stdout)
		}
	}
	t.Chdir(s.path("in"))
	if o := label(t, t.Context(), (&fake{}).opener(), "--class", "cat", "--format", "coco", "."); o.code != cli.Input || !strings.Contains(o.stderr, "no --out is given") || exists("labels") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
}

// Of a run that could not begin nothing is left: the right one may follow.
func TestLabelNotBegun(t *testing.T) {
	s := newShelf(t)
	open := func(context.Context, string, glipvk.DetectorOptions) (finder, error) {
		return nil, cli.Usage("no such weights")
	}
	if o := label(t, t.Context(), open, s.args("--format", "coco,yolo")...); o.code != cli.Input || !strings.Contains(o.stderr, "no such weights") || exists(s.out) {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	if o, f := s.label(t); o.code != 0 || len(f.inputs) != 3 {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	if o := label(t, t.Context(), open, s.args("--overwrite", "--size", "96")...); o.code != cli.Input || len(s.coco(t).Annotations) != 6 {
		t.Errorf("exit status %d, labels are thrown away for nothing: %s", o.code, o.stderr)
	}
	if o, f := s.label(t); o.code != 0 || len(f.inputs) != 0 {
		t.Errorf("exit status %d, %d computed, %s", o.code, len(f.inputs), o.stderr)
	}
}

// Why there is nothing is said.
func TestLabelNothing(t *testing.T) {
	for _, tc := range []struct {
		found []glipvk.Detection
		args  []string
		want  string
	}{
		{nil, nil, "no box scores above 0.1"},
		{twoBoxes(), []string{"--threshold", "0.9"}, `the best box, "traffic light" in 1.png, scores 0.750, which is not above the threshold 0.9: the same command with --threshold 0.74 --overwrite`},
		{twoBoxes(), []string{"--threshold", "0.4", "--min-size", "45"}, "is too small for --min-size"},
		{twoBoxes(), []string{"--threshold", "0.4", "--max-area", "0.01"}, "is too large for --max-size"},
	} {
		s := newShelf(t)
		f := &fake{found: tc.found}
		args := append([]string{"--weights", "real.pth", "--class", "cat", "--class", "traffic light", "--format", "coco", "--out", s.out}, tc.args...)
		o := label(t, t.Context(), f.opener(), append(args, s.path("in"))...)
		if o.code != 0 || !strings.Contains(o.stdout, tc.want) || !strings.Contains(o.stdout, "2 pictures: 0 with labels, 2 empty, 0 skipped") {
			t.Errorf("%v: exit status %d, want %q in\n%s%s", tc.args, o.code, tc.want, o.stdout, o.stderr)
		}
		if c := s.coco(t); len(c.Images) != 2 || len(c.Annotations) != 0 {
			t.Errorf("empty pictures are not kept: %+v", c)
		}
	}
}

// A prompt of a class is labelled as that class, and a thing that two prompts find has one box.
func TestLabelSynonyms(t *testing.T) {
	s := newShelf(t)
	box := arch.Box{X1: 1, Y1: 1, X2: 20, Y2: 20}
	f := &fake{found: []glipvk.Detection{{Box: box, Score: 0.9, Label: 3, Phrase: "kitten"}, {Box: box, Score: 0.8, Label: 2, Phrase: "cat"}, {Box: box, Score: 0.7, Label: 1, Phrase: "dog"}}}
	o := label(t, t.Context(), f.opener(), "--weights", "real.pth", "--class", "dog", "--class", "cat = cat, kitten", "--format", "coco", "--out", s.out, s.path("in/1.png"))
	c := s.coco(t)
	if o.code != 0 || len(c.Annotations) != 2 || c.Annotations[0].Score != 0.9 || c.Annotations[0].Category != 2 || c.Annotations[1].Category != 1 || len(c.Categories) != 2 {
		t.Errorf("exit status %d, %+v, %s", o.code, c, o.stderr)
	}
	if !slices.Equal(f.asked[0].Classes, []string{"dog", "cat", "kitten"}) || !strings.Contains(o.stdout, "1 of a thing that has a better one") {
		t.Errorf("asked %+v, %s", f.asked, o.stdout)
	}
}

// Pictures of a COCO file keep its numbers, and so do classes that it has.
func TestLabelOfCOCO(t *testing.T) {
	s := newShelf(t)
	s.write(t, "given.json", []byte(`{"images": [{"id": 7, "file_name": "more/1.png", "width": 50, "height": 40}, {"id": 5, "file_name": "2.png", "width": 50, "height": 40}],
		"annotations": [], "categories": [{"id": 3, "name": "cat"}, {"id": 9, "name": "traffic light"}, {"id": 1, "name": "dog"}]}`))
	f := &fake{found: twoBoxes()}
	args := []string{"--weights", "real.pth", "--class", "cat", "--class", "traffic light", "--threshold", "0.4", "--format", "coco", "--out", s.out, "--coco", s.path("given.json")}
	o := label(t, t.Context(), f.opener(), append(args, "--images", s.path("in"))...)
	c := s.coco(t)
	if o.code != 0 || len(c.Images) != 2 || len(c.Annotations) != 4 {
		t.Fatalf("exit status %d, %+v, %s", o.code, c, o.stderr)
	}
	for _, i := range c.Images {
		if want := map[string]int64{"more/1.png": 7, "2.png": 5}[i.Name]; i.ID != want {
			t.Errorf("%s has the number %d, want %d", i.Name, i.ID, want)
		}
	}
	if c.Categories[0].ID != 3 || c.Categories[1].ID != 9 || c.Annotations[0].Category != 9 {
		t.Errorf("%+v", c)
	}
}

// Lists name pictures from the working folder, or from where they are themselves.
func TestLabelList(t *testing.T) {
	s := newShelf(t)
	s.write(t, "list.txt", []byte("\ufeffin/1.png\r\n\nin/more/1.png\nin/1.png\n"))
	o := label(t, t.Context(), (&fake{found: twoBoxes()}).opener(), "--weights", "real.pth", "--class", "cat", "--class", "traffic light", "--format", "coco", "--out", s.out, "--list", s.path("list.txt"))
	if c := s.coco(t); o.code != 0 || len(c.Images) != 2 || c.Images[1].Name != "more/1.png" || !strings.Contains(o.stderr, "named more than once") {
		t.Errorf("exit status %d, %+v, %s", o.code, c, o.stderr)
	}
}

// What cannot be put down ends the work, and says what there is.
func TestLabelCannotWrite(t *testing.T) {
	s := newShelf(t)
	f := &fake{found: twoBoxes()}
	f.slow = func(_ context.Context, in picture.Input) {
		if in.Views[0].Original == lastOfShelf {
			journal := filepath.Join(s.out, foundFolder, ".glip-labels.jsonl")
			awaitLines(t, journal, 2)
			if err := os.WriteFile(journal, append(read(t, journal), '\n'), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	o := label(t, t.Context(), f.opener(), s.args()...)
	if o.code != cli.Failure || !strings.Contains(o.stderr, "another program writes here too") || strings.Contains(o.stdout, "with labels") {
		t.Errorf("exit status %d, %s%s", o.code, o.stdout, o.stderr)
	}
}
