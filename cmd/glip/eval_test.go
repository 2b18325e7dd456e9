package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// evalData is a committed case of the references.
func evalData(name string) string {
	return filepath.Join("..", "..", "testdata", "eval", filepath.FromSlash(name))
}

// evalPrinted are the lines that pycocotools prints for the case "mixed".
func evalPrinted(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(evalData("manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Groups struct {
			COCO []struct {
				Name    string
				Printed []string
			}
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	for _, c := range m.Groups.COCO {
		if c.Name == "mixed" {
			return strings.Join(c.Printed, "\n") + "\n"
		}
	}
	t.Fatal("no case mixed")
	return ""
}

// TestEvalCOCO prints what pycocotools prints, then tables, and draws into --out.
func TestEvalCOCO(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	args := []string{"eval", "coco", "--truth", evalData("coco/mixed.gt.json"), "--results", evalData("coco/mixed.dt.json"), "--bootstrap", "20"}
	got := glip(t, append(args, "--out", out)...)
	if got.code != 0 || !strings.HasPrefix(got.stdout, evalPrinted(t)) {
		t.Fatalf("status %d, %s\n%s", got.code, got.stderr, got.stdout)
	}
	for _, word := range []string{"\nnumber", "95 in 100", "no truths", "taken for", "\npicture", "Mistakes are those of results that score"} {
		if !strings.Contains(got.stdout, word) {
			t.Errorf("no %q in\n%s", word, got.stdout)
		}
	}
	if !strings.Contains(got.stderr, "--images") {
		t.Errorf("nothing is said of pictures that are not there: %s", got.stderr)
	}
	for _, name := range []string{"bbox.csv", "confusion.csv", "precision-recall.png", "precision-recall/5-thing_5.png"} {
		if info, err := os.Stat(filepath.Join(out, filepath.FromSlash(name))); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again := glip(t, args...); again.code != 0 || !strings.HasPrefix(got.stdout, again.stdout[:len(evalPrinted(t))]) || !strings.Contains(got.stdout, strings.Split(again.stdout, "category")[0]) {
		t.Errorf("the same seed gives another interval:\n%s\n%s", got.stdout, again.stdout)
	}
}

// TestEvalJSON prints one object.
func TestEvalJSON(t *testing.T) {
	got := glip(t, "eval", "coco", "--truth", evalData("coco/mixed.gt.json"), "--results", evalData("coco/mixed.dt.json"), "--json")
	var r evalReport
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != 0 {
		t.Fatalf("status %d, %v, %s", got.code, err, got.stderr)
	}
	if r.Numbers["AP"] != 0.2705835609581701 || len(r.Classes) != 7 || r.Classes[0].AP != nil || r.Pictures != 40 || len(r.Worst) == 0 {
		t.Errorf("%+v", r)
	}
}

// TestEvalOthers prints the tables of LVIS and Flickr, and the mean of data sets.
func TestEvalOthers(t *testing.T) {
	folder := t.TempDir()
	submission := filepath.Join(folder, "all.json")
	results, err := os.ReadFile(evalData("coco/basic.dt.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(submission, []byte(fmt.Sprintf(`{"a": %s, "b": []}`, results)), 0o644); err != nil {
		t.Fatal(err)
	}
	lvis := []string{"lvis", "--truth", evalData("lvis/federated.gt.json"), "--results", evalData("lvis/federated.dt.json")}
	flickr := []string{"flickr", "--truth", evalData("flickr/edges"), "--results", evalData("flickr/edges/predictions.json"), "--bootstrap", "5"}
	basic := evalData("coco/basic.gt.json")
	for _, c := range []struct {
		args []string
		want string
	}{
		{lvis, "area=   all | maxDets=300 catIds=all] = 0.700"},
		{append(lvis, "--fixed"), "area=   all | maxDets= -1 catIds=  r] = 1.000"},
		{flickr, "|   Recall@1  |  0.2857142857142857 |"},
		{append(flickr, "--merged"), "|   Recall@1  | 0.14285714285714285 |"},
		{[]string{"odinw", "--truth", "b=" + basic, "--truth", "a=" + basic, "--results", submission}, "mean of 2"},
		{[]string{"odinw", "--truth", "a=" + basic, "--results", "a=" + evalData("coco/basic.dt.json")}, "a          2         0.5628"},
	} {
		if got := glip(t, append([]string{"eval"}, c.args...)...); got.code != 0 || !strings.Contains(got.stdout, c.want) {
			t.Errorf("%v: status %d, no %q in\n%s%s", c.args, got.code, c.want, got.stdout, got.stderr)
		}
	}
}

// TestEvalWrong ends with status 2 and says what is wrong.
func TestEvalWrong(t *testing.T) {
	gt, dt := evalData("coco/one-hit.gt.json"), evalData("coco/one-hit.dt.json")
	for _, c := range []struct{ args, want string }{
		{"", "say what to measure"},
		{"voc", "unknown command"},
		{"coco --results " + dt, "--truth is not given"},
		{"coco --truth " + gt, "nothing to measure"},
		{"coco --truth " + gt + " --results " + dt + " --model glip-t", "exclude each other"},
		{"coco --truth " + gt + " --model glip-t", "--out is not given"},
		{"coco --truth " + gt + " --results " + dt + " --bootstrap -1", "--bootstrap"},
		{"coco --truth none.json --results " + dt, "none.json"},
		{"coco --truth " + gt + " --results " + evalData("coco/results-empty.dt.json"), "there are no results"},
		{"coco --truth " + gt + " --results " + evalData("coco/unknown-picture.dt.json"), "which the annotations do not have"},
		{"coco --truth " + evalData("coco/area-missing.gt.json") + " --results " + dt, "/annotations/0"},
		{"lvis --truth " + gt + " --results " + dt, "neg_category_ids"},
		{"flickr --truth " + evalData("flickr/edges") + " --split ../test --results x", "--split"},
		{"flickr --truth " + evalData("flickr/edges") + " --split dev --results x", "dev.txt"},
		{"odinw --results " + dt, "no data set"},
		{"odinw --truth " + gt + " --results " + dt, "want NAME=FILE"},
		{"odinw --truth a=" + gt + " --results b=" + dt, "nothing is given for the data set a"},
	} {
		got := glip(t, append([]string{"eval"}, strings.Fields(c.args)...)...)
		if got.code != cli.Input || !strings.Contains(got.stderr, c.want) {
			t.Errorf("%s: status %d, %s, want %q", c.args, got.code, got.stderr, c.want)
		}
	}
}

// seer finds what it was told by the width of a picture; asked are the queries.
type seer struct {
	fake
	found map[int][]glipvk.Detection
	asked []glipvk.Query
	seen  int
}

func (s *seer) Preprocess(p ...picture.Picture) (picture.Input, error) {
	return picture.Input{Batch: 1, Height: 32, Width: p[0].Width}, nil
}

func (s *seer) DetectInput(_ context.Context, q glipvk.Query, in picture.Input) ([][]glipvk.Detection, error) {
	s.asked, s.seen = append(s.asked, q), s.seen+1
	return [][]glipvk.Detection{s.found[in.Width]}, nil
}

func (s *seer) Stream(ctx context.Context, q glipvk.Query, loads iter.Seq[glipvk.Load], _ glipvk.StreamOptions) iter.Seq2[glipvk.Found, error] {
	s.asked = append(s.asked, q)
	return func(yield func(glipvk.Found, error) bool) {
		for load := range loads {
			s.seen++
			in, err := load(ctx)
			if !yield(glipvk.Found{Input: in, Detections: [][]glipvk.Detection{s.found[in.Width]}}, err) {
				return
			}
		}
	}
}

// evalRunSet writes two pictures, 40 and 50 wide, with a cat and a dog.
func evalRunSet(t *testing.T) (folder, truth string) {
	folder = t.TempDir()
	for name, width := range map[string]int{"a.png": 40, "b.png": 50} {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, width, 30))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	truth = filepath.Join(folder, "truth.json")
	text := `{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}, {"id": 2, "file_name": "b.png", "width": 50, "height": 30}],
		"categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 0, "name": "all"}],
		"annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 10, 10], "area": 100, "iscrowd": 0},
			{"id": 2, "image_id": 2, "category_id": 7, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0}]}`
	if err := os.WriteFile(truth, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder, truth
}

// evalWith runs eval with a detector that is given.
func evalWith(t *testing.T, s *seer, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := newEval(func(context.Context, string, glipvk.DetectorOptions) (finder, error) { return s, nil })
	var out, said bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&said)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err = cmd.ExecuteContext(t.Context())
	return out.String(), said.String(), err
}

// TestEvalRun finds now what is measured: category 0 is not asked for, boxes get GLIP's pixel, results are written, drawings made, and a second run goes on
// where the first was.
func TestEvalRun(t *testing.T) {
	folder, truth := evalRunSet(t)
	out := filepath.Join(folder, "out")
	s := &seer{found: map[int][]glipvk.Detection{
		40: {{Box: arch.Box{X1: 1, Y1: 2, X2: 10, Y2: 11}, Label: 1, Score: 0.9}},
		50: {{Box: arch.Box{X1: 5, Y1: 5, X2: 24, Y2: 24}, Label: 1, Score: 0.8}},
	}}
	args := []string{"coco", "--truth", truth, "--weights", "synthetic:1", "--out", out, "--score", "0.5"}
	stdout, stderr, err := evalWith(t, s, args...)
	if err != nil || !strings.Contains(stdout, "IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.500") {
		t.Fatalf("%v, %s\n%s", err, stderr, stdout)
	}
	if want := []glipvk.Query{{Classes: []string{"cat", "dog"}}}; !reflect.DeepEqual(s.asked, want) {
		t.Errorf("asked %+v, want %+v", s.asked, want)
	}
	data, err := os.ReadFile(filepath.Join(out, "bbox.json"))
	var results []struct {
		Image    int        `json:"image_id"`
		Category int        `json:"category_id"`
		Box      [4]float64 `json:"bbox"`
	}
	if err != nil || json.Unmarshal(data, &results) != nil || len(results) != 2 || results[0].Box != [4]float64{1, 2, 10, 10} || results[1].Category != 3 {
		t.Errorf("%v, results %+v", err, results)
	}
	if !strings.Contains(stdout, "dog    cat        1") {
		t.Errorf("the dog that was taken for a cat is not said:\n%s", stdout)
	}
	if _, err := os.Stat(filepath.Join(out, "worst", "01-b.png")); err != nil {
		t.Error(err)
	}
	ledger := filepath.Join(out, ledgerName)
	text, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ledger, text[:len(text)-5], 0o644); err != nil { // killed in the middle of the second line
		t.Fatal(err)
	}
	again := &seer{found: s.found}
	second, stderr, err := evalWith(t, again, args...)
	if err != nil || second != stdout || again.seen != 1 || !strings.Contains(stderr, "1 picture was looked through already") {
		t.Errorf("%v, %d seen, %s\n%s", err, again.seen, stderr, second)
	}
	prompts := filepath.Join(folder, "prompts.json")
	if err := os.WriteFile(prompts, []byte(`{"cat": "kitten"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := evalWith(t, again, append(args, "--prompts", prompts)...); cli.ExitCode(err) != cli.Input || !strings.Contains(fmt.Sprint(err), "another run") {
		t.Errorf("other prompts go on there: %v", err)
	}
}

// TestEvalRunUnread goes on where a picture cannot be read, or has another size, and ends with status 2.
func TestEvalRunUnread(t *testing.T) {
	folder, truth := evalRunSet(t)
	if err := os.Rename(filepath.Join(folder, "a.png"), filepath.Join(folder, "b.png")); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := evalWith(t, &seer{}, "coco", "--truth", truth, "--weights", "synthetic:1", "--out", filepath.Join(folder, "out"))
	if cli.ExitCode(err) != cli.Input || !strings.Contains(err.Error(), "2 of 2 pictures could not be read") {
		t.Errorf("%v\n%s", err, stdout)
	}
	for _, word := range []string{"a.png", "the picture is 40 x 30, the annotations say 50 x 30"} {
		if !strings.Contains(stderr, word) {
			t.Errorf("no %q in %s", word, stderr)
		}
	}
}

// TestEvalRunFlickr asks for each sentence with its phrases.
func TestEvalRunFlickr(t *testing.T) {
	folder, _ := evalRunSet(t)
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "77.jpg"), b.Bytes(), 0o644); err != nil { // what it is decides, not its name
		t.Fatal(err)
	}
	s := &seer{found: map[int][]glipvk.Detection{40: {{Box: arch.Box{X1: 10, Y1: 10, X2: 110, Y2: 110}, Label: 1, Score: 0.9}}}}
	stdout, stderr, err := evalWith(t, s, "flickr", "--truth", evalData("flickr/edges"), "--images", folder, "--weights", "synthetic:1", "--out", filepath.Join(folder, "out"))
	if err != nil || !strings.Contains(stdout, "Upper_bound") {
		t.Fatalf("%v, %s\n%s", err, stderr, stdout)
	}
	want := glipvk.Query{Caption: "A man and two dogs in the street .", Spans: []text.Span{{Begin: 0, End: 5}, {Begin: 10, End: 18}}}
	if len(s.asked) != 3 || !reflect.DeepEqual(s.asked[0], want) {
		t.Errorf("asked %+v, want %+v first", s.asked, want)
	}
}

// TestEvalPrompts reads --prompts.
func TestEvalPrompts(t *testing.T) {
	names := []string{"cat", "dog"}
	for name, c := range map[string]struct {
		text, wrong string
		want        glipvk.Query
	}{
		"a list":      {text: `["kitten", {"name": "puppy"}]`, want: glipvk.Query{Classes: []string{"kitten", "puppy"}}},
		"some":        {text: `{"dog": "puppy"}`, want: glipvk.Query{Classes: []string{"cat", "puppy"}}},
		"around":      {text: `{"dog": {"suffix": " with spots"}}`, want: glipvk.Query{Caption: "cat. dog with spots", Spans: []text.Span{{Begin: 0, End: 3}, {Begin: 5, End: 8}}}},
		"a caption":   {text: `{"caption": "a cat, a dog", "spans": [[2, 5], [9, 12]]}`, want: glipvk.Query{Caption: "a cat, a dog", Spans: []text.Span{{Begin: 2, End: 5}, {Begin: 9, End: 12}}}},
		"too few":     {text: `["kitten"]`, wrong: "1 elements"},
		"unknown":     {text: `{"cow": "calf"}`, wrong: `"cow"`},
		"odd":         {text: `{"dog": {"surname": "x"}}`, wrong: "surname"},
		"spans":       {text: `{"caption": "a cat", "spans": [[2, 5]]}`, wrong: "1 spans"},
		"no JSON":     {text: `x`, wrong: "want a list of names"},
		"no name":     {text: `["", "x"]`, wrong: "element 0 has no name"},
		"more behind": {text: `["a", "b"] 3`, wrong: "behind the end"},
	} {
		got, err := parsePrompts([]byte(c.text), names)
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		case c.wrong == "" && (err != nil || !reflect.DeepEqual(got, c.want)):
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

// TestLedgerWrong refuses a file that no run wrote.
func TestLedgerWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), ledgerName)
	if err := os.WriteFile(path, []byte("a diary\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openLedger(t.Context(), path); cli.ExitCode(err) != cli.Input {
		t.Errorf("%v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "a diary\n" {
		t.Errorf("the file was changed: %q, %v", text, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openLedger(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
