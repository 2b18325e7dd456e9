package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/labels"
)

// photoAlbum is a folder of pictures, what is in them and what was found, some of it wrong.
func photoAlbum(t *testing.T) (photos string, truth, found []labels.Picture) {
	t.Helper()
	photos = t.TempDir()
	for i := range 6 {
		name := fmt.Sprintf("p%d.png", i)
		desk{dir: photos}.write(t, name, photograph(t, 64, 96))
		p := labels.Picture{Name: name, Width: 96, Height: 64}
		q := p
		for k := range i { // the first shows nothing
			box := labels.Box{X1: float64(3 * k), Y1: 5, X2: float64(3*k + 40), Y2: float64(40 + k)}
			p.Objects = append(p.Objects, labels.Object{Class: k % 2, Box: box})
			box.X2 += float64(4 * k)
			q.Objects = append(q.Objects, labels.Object{Class: (k + i/5) % 2, Box: box, Score: 1 - float64(10*i+k)/100, Scored: true})
		}
		truth, found = append(truth, p), append(found, q)
	}
	return photos, truth, found
}

// labelledAs writes pictures in a format.
func labelledAs(t *testing.T, format, photos string, list []labels.Picture, split labels.Split) string {
	t.Helper()
	folder := t.TempDir()
	w, err := labels.Create(folder, format, labels.Options{Classes: []string{"cat", "red dog"}, Pictures: photos, Place: labels.Copy, Split: split, ScoreAttribute: "score"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, p := range list {
		if err := w.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return folder
}

// numbersOf are the twelve lines that are printed.
func numbersOf(o ending) string {
	return strings.Join(strings.SplitAfterN(o.stdout, "\n", 13)[:min(12, strings.Count(o.stdout, "\n"))], "")
}

// The numbers do not depend on the format that annotations and results are in.
func TestEvalFormats(t *testing.T) {
	photos, truth, found := photoAlbum(t)
	coco := labelledAs(t, "coco", photos, truth, labels.Split{})
	o := glip(t, "eval", "coco", "--truth", filepath.Join(coco, "annotations.json"), "--results", filepath.Join(labelledAs(t, "coco-results", photos, found, labels.Split{}), "results.json"))
	want := numbersOf(o)
	if o.code != 0 || !strings.Contains(want, "maxDets=100 ] = 0.") || strings.Contains(want, "maxDets=100 ] = 0.000") {
		t.Fatalf("status %d, %s\n%s", o.code, o.stderr, o.stdout)
	}
	for _, format := range []string{"coco", "yolo", "voc", "cvat", "labelme", "labelstudio", "jsonl", "parquet"} {
		folder := labelledAs(t, format, photos, truth, labels.Split{})
		args := []string{"eval", "coco", "--truth", folder, "--results", filepath.Join(labelledAs(t, "jsonl", photos, found, labels.Split{}), "detections.jsonl")}
		if format == "labelstudio" {
			args = append(args, "--images", photos) // the size of what shows nothing is not in the tasks
		}
		if o := glip(t, args...); o.code != 0 || numbersOf(o) != want {
			t.Errorf("truth as %s: status %d, %s\n%swant\n%s", format, o.code, o.stderr, o.stdout, want)
		}
	}
	for _, format := range []string{"coco", "coco-results", "lvis-results", "yolo-predictions", "cvat", "labelme", "labelstudio", "jsonl", "parquet"} {
		results := labelledAs(t, format, photos, found, labels.Split{})
		if strings.HasSuffix(format, "-results") {
			results = filepath.Join(results, "results.json")
		}
		o := glip(t, "eval", "coco", "--truth", filepath.Join(coco, "annotations.json"), "--images", photos, "--results", results)
		if o.code != 0 || numbersOf(o) != want {
			t.Errorf("results as %s: status %d, %s\n%swant\n%s", format, o.code, o.stderr, o.stdout, want)
		}
	}
}

// A part is measured where there are parts, and which one can be said.
func TestEvalPart(t *testing.T) {
	photos, truth, found := photoAlbum(t)
	folder := labelledAs(t, "yolo", photos, truth, labels.Split{Train: 1, Val: 1, Seed: 1})
	results := labelledAs(t, "yolo-predictions", photos, found, labels.Split{})
	var val []labels.Picture
	for _, p := range found {
		if (labels.Split{Train: 1, Val: 1, Seed: 1}).Part(p.Name) == 1 {
			val = append(val, p)
		}
	}
	few := labelledAs(t, "yolo-predictions", photos, val, labels.Split{})
	for _, row := range []struct{ part, results, prints, says string }{
		{"", few, fmt.Sprintf("a          %d", len(val)), ""},
		{"val", few, fmt.Sprintf("a          %d", len(val)), ""},
		{"all", results, "a          6", ""},
		{"", results, "", "is none of --truth"},
		{"train", few, "", "is none of --truth"},
	} {
		args := []string{"eval", "odinw", "--truth", "a=" + folder, "--results", "a=" + row.results}
		if row.part != "" {
			args = append(args, "--part", row.part)
		}
		if o := glip(t, args...); (o.code == 0) != (row.says == "") || !strings.Contains(o.stdout, row.prints) || !strings.Contains(o.stderr, row.says) {
			t.Errorf("%q: status %d, %s\n%s", row.part, o.code, o.stderr, o.stdout)
		}
	}
}

func TestEvalLabelsWrong(t *testing.T) {
	photos, truth, found := photoAlbum(t)
	coco := filepath.Join(labelledAs(t, "coco", photos, truth, labels.Split{}), "annotations.json")
	results := filepath.Join(labelledAs(t, "coco-results", photos, found, labels.Split{}), "results.json")
	tables := labelledAs(t, "jsonl", photos, found, labels.Split{})
	d := desk{dir: t.TempDir()}
	if err := os.Mkdir(d.path("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.write(t, "x/annotations.json", []byte("{}"))
	d.write(t, "x/data.yaml", []byte("names: [cat]"))
	other := labelledAs(t, "jsonl", photos, []labels.Picture{{Name: "other.png", Width: 96, Height: 64, Objects: found[3].Objects}}, labels.Split{})
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"--truth", results, "--results", results}, "a list of results; want the annotations"},
		{[]string{"--truth", d.path("x"), "--results", results}, "it could be coco (annotations.json) or yolo (data.yaml); say which"},
		{[]string{"--truth", coco, "--results", labelledAs(t, "yolo", photos, truth, labels.Split{})}, "object 0 has no score"},
		{[]string{"--truth", coco, "--results", other}, "the picture other.png is none of --truth, whose pictures have names as p0.png"},
		{[]string{"--truth", coco, "--results", tables, "--label-format", "kitti"}, "--label-format \"kitti\": want coco, yolo"},
		{[]string{"--truth", coco, "--results", tables, "--voc", "two"}, "--voc \"two\""},
		{[]string{"--truth", coco, "--results", tables, "--part", "half"}, "--part \"half\": want train, val, test or all"},
		{[]string{"--truth", labelledAs(t, "cvat", photos, truth, labels.Split{}), "--results", tables, "--part", "val"}, "cvat has no parts"},
		{[]string{"--truth", filepath.Join(d.dir, "gone"), "--results", tables}, "gone"},
		{[]string{"--truth", coco, "--results", filepath.Join(d.dir, "gone")}, "gone"},
	} {
		if o := glip(t, append([]string{"eval", "coco"}, row.args...)...); o.code != cli.Input || !strings.Contains(o.stderr, row.says) {
			t.Errorf("%q: status %d, %s\nwant %q", row.args, o.code, o.stderr, row.says)
		}
	}
}

// A training learns from the part train of labels and measures on their part val, where they have parts.
func TestTrainFormats(t *testing.T) {
	photos, truth, _ := photoAlbum(t)
	for _, format := range []string{"yolo", "parquet"} {
		d := desk{dir: t.TempDir()}
		d.out = d.path("run")
		folder := labelledAs(t, format, photos, truth[1:], labels.Split{Train: 1, Val: 1, Seed: 1})
		o := glip(t, d.train("--data", folder, "--val", folder, "--images", photos, "--batch", "1", "--steps", "2", "--validate", "2")...)
		if o.code != 0 || !strings.Contains(o.stdout, "step 2: AP") {
			t.Errorf("%s: status %d, %s\n%s", format, o.code, o.stderr, o.stdout)
		}
		if text, err := os.ReadFile(d.path("run/classes.txt")); err != nil || string(text) != "cat\nred dog\n" {
			t.Errorf("%s: classes %q, %v", format, text, err)
		}
		if o := glip(t, d.train("--data", folder, "--part", "half", "--out", d.path("other"))...); o.code != cli.Input || !strings.Contains(o.stderr, "--part \"half\"") {
			t.Errorf("half: status %d, %s", o.code, o.stderr)
		}
	}
}
