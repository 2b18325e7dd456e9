package eval_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/eval"
	"github.com/sbinet/npyio/npy"
)

// committed are some cases of the whole set, so that a clone tests itself.
const committed = "../testdata/eval"

// goldenFolders are those of the references' numbers: the committed cases, and the whole set where it lies. GLIPVK_EVAL_GOLDEN names another, relative
// to the module.
func goldenFolders() map[string]string {
	whole := cmp.Or(os.Getenv("GLIPVK_EVAL_GOLDEN"), filepath.FromSlash("../shared/golden/eval"))
	if !filepath.IsAbs(whole) {
		whole = filepath.Join("..", whole)
	}
	return map[string]string{"committed": committed, "whole": whole}
}

// eachGolden runs a test for each folder that is there.
func eachGolden(t *testing.T, test func(t *testing.T, g *golden)) {
	for name, folder := range goldenFolders() {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
			if errors.Is(err, fs.ErrNotExist) && name != "committed" {
				t.Skipf("no numbers of the references: %v", err)
			}
			g := &golden{folder: folder}
			if err == nil {
				err = json.Unmarshal(text, g)
			}
			if err != nil {
				t.Fatal(err)
			}
			test(t, g)
		})
	}
}

func (g *golden) path(name string) string { return filepath.Join(g.folder, filepath.FromSlash(name)) }

// TestCOCOGolden compares every array with pycocotools' to the bit.
func TestCOCOGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden) {
		for _, c := range g.Groups.COCO {
			t.Run(c.Name, func(t *testing.T) {
				if c.Corners != "" {
					g.corners(t, c)
					return
				}
				e, truths, err := g.coco(t, c)
				if c.Error != nil {
					if !errors.Is(err, eval.ErrInput) {
						t.Errorf("got %v, want an error", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				c.compare(t, g, e)
				if c.CSV != nil {
					c.table(t, e, truths)
				}
			})
		}
	})
}

func (g *golden) coco(t *testing.T, c cocoCase) (*eval.Evaluation, *eval.Truths, error) {
	truths, err := eval.ReadTruths(t.Context(), g.path(c.GT))
	if err != nil {
		return nil, nil, err
	}
	var found []eval.Found
	if !c.Params.None {
		if found, err = eval.ReadResults(t.Context(), g.path(c.DT)); err != nil {
			return nil, nil, err
		}
	}
	p := eval.Params{Categories: c.Params.Categories, Pictures: c.Params.Pictures, Caps: c.Params.Caps, Thresholds: c.Params.Thresholds}
	p.Agnostic = c.Params.UseCats != nil && *c.Params.UseCats == 0
	e, err := eval.COCO(t.Context(), truths, found, p)
	return e, truths, err
}

func (c cocoCase) compare(t *testing.T, g *golden, e *eval.Evaluation) {
	digests(t, c.SHA256, e)
	if c.Arrays.Precision != "" {
		elements(t, g.path(c.Arrays.Precision), e.Precision)
		elements(t, g.path(c.Arrays.Scores), e.Scores)
	}
	if got := e.Stats(); got != c.Stats {
		t.Errorf("stats\n%+v, want\n%+v", got, c.Stats)
	}
	for k := range c.PerCategory.AP {
		ap, ap50 := e.CategoryAP(k)
		if ar := e.CategoryAR(k); !near(ap, c.PerCategory.AP[k]) || !near(ap50, c.PerCategory.AP50[k]) || !near(ar, c.PerCategory.AR[k]) {
			t.Errorf("category %d: %v %v %v, want %v %v %v", k, ap, ap50, ar, c.PerCategory.AP[k], c.PerCategory.AP50[k], c.PerCategory.AR[k])
		}
	}
	if got := strings.TrimSuffix(e.String(), "\n"); c.Printed != nil && got != strings.Join(c.Printed, "\n") {
		t.Errorf("printed\n%s\nwant\n%s", got, strings.Join(c.Printed, "\n"))
	}
}

// table compares the one that GLIP writes: its last column, and the lines that it has where a row breaks off.
func (c cocoCase) table(t *testing.T, e *eval.Evaluation, truths *eval.Truths) {
	names := map[int64]string{}
	for _, category := range truths.Categories {
		names[category.ID] = category.Name
	}
	var b bytes.Buffer
	if err := e.WriteCSV(&b, names); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for range strings.Lines(b.String()) {
		rows++
	}
	if !near(e.CSVAverage(), c.CSV.AP) || rows != c.CSV.Rows {
		t.Errorf("the table has %v in %d lines, want %v in %d:\n%s", e.CSVAverage(), rows, c.CSV.AP, c.CSV.Rows, b.String())
	}
}

// near says whether means are equal but for the order of their sums.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12 }

func digests(t *testing.T, want sums, e *eval.Evaluation) {
	t.Helper()
	for name, of := range map[string]struct {
		got  []float64
		want string
	}{"precision": {e.Precision, want.Precision}, "recall": {e.Recall, want.Recall}, "scores": {e.Scores, want.Scores}} {
		if got := digest(of.got); of.want != "" && got != of.want {
			t.Errorf("%s has the digest %.12s, want %.12s", name, got, of.want)
		}
	}
}

func digest(x []float64) string {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, x)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// elements compares with a stored array, to say where it differs.
func elements(t *testing.T, path string, got []float64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var want []float64
	if err := npy.Read(f, &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", filepath.Base(path), len(got), len(want))
	}
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Fatalf("%s: element %d is %v, want %v", filepath.Base(path), i, got[i], want[i])
		}
	}
}

// corners evaluates results made of inclusive corners.
func (g *golden) corners(t *testing.T, c cocoCase) {
	truths, err := eval.ReadTruths(t.Context(), g.path(c.GT))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(g.path(c.Corners))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Rows [][7]float64 }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var found []eval.Found
	for _, r := range file.Rows {
		box := eval.FromCorners(float32(r[2]), float32(r[3]), float32(r[4]), float32(r[5]))
		found = append(found, eval.Found{Picture: int64(r[0]), Category: int64(r[1]), Box: box, Score: r[6]})
	}
	e, err := eval.COCO(t.Context(), truths, found, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Stats(); got != c.PlusOne {
		t.Errorf("stats\n%+v, want\n%+v", got, c.PlusOne)
	}
}

// TestLVISGolden compares with lvis-api and, for fixed AP, with GLIP's evaluator: arrays to the bit.
func TestLVISGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden) {
		for _, c := range g.Groups.LVIS {
			truths, err := eval.ReadLVISTruths(t.Context(), g.path(c.GT))
			if err != nil {
				t.Fatal(err)
			}
			found, err := eval.ReadResults(t.Context(), g.path(c.DT))
			if err != nil {
				t.Fatal(err)
			}
			for _, run := range append([]lvisRun{c.Standard}, c.Fixed...) {
				name := c.Name
				if run.Most > 0 {
					name += "-fixed"
				}
				t.Run(name, func(t *testing.T) {
					e, err := eval.LVIS(t.Context(), truths, found, eval.LVISParams{Fixed: run.Most})
					if run.Error != nil {
						if !errors.Is(err, eval.ErrInput) {
							t.Errorf("got %v, want an error", err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					run.compare(t, e)
				})
			}
		}
	})
}

func (run lvisRun) compare(t *testing.T, e *eval.LVISEvaluation) {
	digests(t, run.SHA256, e.Evaluation)
	s := e.Stats
	at := "@300"
	if run.Most > 0 {
		at = "@-1"
	}
	got := map[string]float64{
		"AP": s.AP, "AP50": s.AP50, "AP75": s.AP75, "APs": s.APs, "APm": s.APm, "APl": s.APl, "APr": s.APr, "APc": s.APc, "APf": s.APf,
		"AR" + at: s.AR, "ARs" + at: s.ARs, "ARm" + at: s.ARm, "ARl" + at: s.ARl,
	}
	if len(got) != len(run.Results) {
		t.Errorf("%d numbers, want %d", len(got), len(run.Results))
	}
	for name, want := range run.Results {
		if v, ok := got[name]; !ok || !near(v, want) {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	for k, want := range run.PerCategory {
		if ap, _ := e.CategoryAP(k); !near(ap, want) {
			t.Errorf("category %d: %v, want %v", k, ap, want)
		}
	}
	if text := strings.TrimSuffix(e.String(), "\n"); run.Printed != nil && text != strings.Join(run.Printed, "\n") {
		t.Errorf("printed\n%s\nwant\n%s", text, strings.Join(run.Printed, "\n"))
	}
}

// TestFlickrGolden compares with MDETR's and GLIP's evaluator of Flickr30k Entities.
func TestFlickrGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden) {
		for _, c := range g.Groups.Flickr {
			f, err := eval.ReadFlickr(t.Context(), g.path(c.Root), "test")
			if err != nil {
				t.Fatal(err)
			}
			found, err := eval.ReadGroundings(t.Context(), g.path(c.Predictions))
			if err != nil {
				t.Fatal(err)
			}
			for merged, want := range map[bool]struct {
				Recall             map[int]map[string]float64
				Sentences, Phrases int
			}{false: c.Any, true: c.Merged} {
				t.Run(c.Name, func(t *testing.T) {
					r, err := f.Recall(t.Context(), found, eval.FlickrParams{Merged: merged})
					if err != nil {
						t.Fatal(err)
					}
					if r.Sentences != want.Sentences || r.Phrases != want.Phrases {
						t.Errorf("%d sentences and %d phrases, want %d and %d", r.Sentences, r.Phrases, want.Sentences, want.Phrases)
					}
					for rank, types := range want.Recall {
						if len(r.ByRank[rank]) != len(types) {
							t.Errorf("recall at %d has %d types, want %d", rank, len(r.ByRank[rank]), len(types))
						}
						for kind, v := range types {
							if got, ok := r.ByRank[rank][kind]; !ok || got != v {
								t.Errorf("merged %t, recall at %d of %s is %v, want %v", merged, rank, kind, got, v)
							}
						}
					}
				})
			}
			first := f.Sentences[0]
			rest := slices.DeleteFunc(found, func(g eval.Grounding) bool { return g.Picture == first.Picture && g.Index == first.Index })
			if _, err := f.Recall(t.Context(), rest, eval.FlickrParams{}); c.Missing != "" && !errors.Is(err, eval.ErrInput) {
				t.Errorf("%s: without its first sentence: %v", c.Name, err)
			}
		}
	})
}

// TestVariants checks that each recorded mistake moves a number of a case by more than the comparisons above allow: arrays are compared to the bit
// (of LVIS precision and recall), means with 1e-12, recalls of Flickr exactly. Then a mistake of ours would be seen.
func TestVariants(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden) {
		text, err := os.ReadFile(g.path("variants.json"))
		if err != nil {
			t.Fatal(err)
		}
		var groups map[string]map[string]struct {
			Cases map[string]struct {
				Stat      float64 `json:"max_stat"`
				Precision float64 `json:"max_precision"`
				Result    float64 `json:"max_result"`
				Max       float64 `json:"max"`
			}
		}
		if err := json.Unmarshal(text, &groups); err != nil {
			t.Fatal(err)
		}
		here := map[string]bool{}
		for _, c := range g.Groups.COCO {
			here["coco/"+c.Name] = true
		}
		for _, c := range g.Groups.LVIS {
			here["lvis/"+c.Name] = true
		}
		for _, c := range g.Groups.Flickr {
			here["flickr/"+c.Name] = true
		}
		n := 0
		for group, mistakes := range groups {
			for name, mistake := range mistakes {
				seen := false
				for of, d := range mistake.Cases {
					seen = seen || here[group+"/"+of] && (d.Stat > 1e-12 || d.Precision > 0 || d.Result > 1e-12 || d.Max > 0)
				}
				if n++; !seen {
					t.Errorf("%s: the mistake %s shows in no case", group, name)
				}
			}
		}
		if n < 57 && g.folder != committed {
			t.Errorf("%d mistakes, want the 57 of the whole set", n)
		}
	})
}
