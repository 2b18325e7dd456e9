package eval_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/eval"
)

const goldenFolder = "../../shared/golden/eval"

// TestCOCOGolden compares every array with pycocotools' to the bit.
func TestCOCOGolden(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(goldenFolder, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no numbers of the reference: %v", err)
	}
	var manifest struct {
		Groups struct {
			COCO []struct {
				Name   string
				GT, DT string
				Params struct {
					Categories []int64   `json:"catIds"`
					Pictures   []int64   `json:"imgIds"`
					Caps       []int     `json:"maxDets"`
					Thresholds []float64 `json:"iouThrs"`
					UseCats    *int      `json:"useCats"`
					None       bool      `json:"empty_as_none"`
				}
				Stats       eval.Stats
				PerCategory struct{ AP, AP50, AR []float64 } `json:"per_category"`
				SHA256      struct{ Precision, Recall, Scores string }
				Printed     []string
				Error       any `json:"expect_error"`
				Corners     string
				PlusOne     eval.Stats `json:"stats_plus_one"`
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range manifest.Groups.COCO {
		if c.Corners != "" {
			t.Run(c.Name, func(t *testing.T) { corners(t, c.GT, c.Corners, c.PlusOne) })
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			truths, err := eval.ReadTruths(t.Context(), filepath.Join(goldenFolder, c.GT))
			var found []eval.Found
			if err == nil && !c.Params.None {
				found, err = eval.ReadResults(t.Context(), filepath.Join(goldenFolder, c.DT))
			}
			p := eval.Params{Categories: c.Params.Categories, Pictures: c.Params.Pictures, Caps: c.Params.Caps, Thresholds: c.Params.Thresholds}
			p.Agnostic = c.Params.UseCats != nil && *c.Params.UseCats == 0
			var e *eval.Evaluation
			if err == nil {
				e, err = eval.COCO(t.Context(), truths, found, p)
			}
			if c.Error != nil {
				if !errors.Is(err, eval.ErrInput) {
					t.Errorf("got %v, want an error", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, of := range map[string]struct {
				got  []float64
				want string
			}{"precision": {e.Precision, c.SHA256.Precision}, "recall": {e.Recall, c.SHA256.Recall}, "scores": {e.Scores, c.SHA256.Scores}} {
				if got := digest(of.got); got != of.want {
					t.Errorf("%s has the digest %.12s, want %.12s", name, got, of.want)
				}
			}
			if got := e.Stats(); got != c.Stats {
				t.Errorf("stats\n%+v, want\n%+v", got, c.Stats)
			}
			for k := range c.PerCategory.AP {
				ap, ap50 := e.CategoryAP(k)
				if ar := e.CategoryAR(k); math.Abs(ap-c.PerCategory.AP[k]) > 1e-12 || math.Abs(ap50-c.PerCategory.AP50[k]) > 1e-12 || math.Abs(ar-c.PerCategory.AR[k]) > 1e-12 {
					t.Errorf("category %d: %v %v %v, want %v %v %v", k, ap, ap50, ar, c.PerCategory.AP[k], c.PerCategory.AP50[k], c.PerCategory.AR[k])
				}
			}
			if got := strings.TrimSuffix(e.String(), "\n"); c.Printed != nil && got != strings.Join(c.Printed, "\n") {
				t.Errorf("printed\n%s\nwant\n%s", got, strings.Join(c.Printed, "\n"))
			}
		})
	}
}

func digest(x []float64) string {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, x)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// corners evaluates results made of inclusive corners.
func corners(t *testing.T, gt, path string, want eval.Stats) {
	truths, err := eval.ReadTruths(t.Context(), filepath.Join(goldenFolder, gt))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(goldenFolder, path))
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
	if got := e.Stats(); got != want {
		t.Errorf("stats\n%+v, want\n%+v", got, want)
	}
}
