package eval_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/eval"
)

// The set of the size of COCO's val2017 that is made by formula: words of streams of splitmix64, whose states begin with the stream's number.
const (
	valPictures, valCategories, valTruths, valResults = 5000, 80, 36_000, 500_000

	// valPrecision is the digest of the array of precision that pycocotools gives.
	valPrecision = "79d01237c46c351a8b55123d69c5b72a98ee0f0cb9f1ff55b9899b44389597e6"
)

// valStats are the numbers that pycocotools gives.
var valStats = eval.Stats{
	AP: 0.3891456118379507, AP50: 0.5703461477029895, AP75: 0.39089617994765835, APs: 0.4220704252129924, APm: 0.3889019489671146, APl: 0.38056025049033987,
	AR1: 0.5848835881215402, AR10: 0.7897140929396747, AR100: 0.7898661761148829, ARs: 0.7871888213866428, ARm: 0.7933516295828892, ARl: 0.7875697374074124,
}

// chance is word i of stream s as a number in [0, 1).
func chance(s, i int) float64 {
	z := uint64(s) + uint64(i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) * 0x1p-53
}

// cube is u³ rounded once, as a power function gives it.
func cube(u float64) float64 {
	square := u * u
	rest := math.FMA(u, u, -square)
	product := square * u
	return product + (math.FMA(square, u, -product) + rest*u)
}

// cents rounds to two decimals.
func cents(a float64) float64 { return math.Floor(100*a+0.5) / 100 }

// valSet makes the set.
func valSet() (*eval.Truths, []eval.Found) {
	t := &eval.Truths{}
	for i := range valPictures {
		t.Pictures = append(t.Pictures, int64(i+1))
	}
	for i := range valCategories {
		t.Categories = append(t.Categories, eval.Category{ID: int64(i + 1), Name: fmt.Sprintf("thing %d", i+1)})
	}
	for i := range valTruths {
		u := func(k int) float64 { return chance(100+k, i) }
		w, h := 8+392*cube(u(2)), 8+392*cube(u(3))
		box := eval.Box{cents(u(4) * (640 - w)), cents(u(5) * (480 - h)), cents(w), cents(h)}
		t.List = append(t.List, eval.Truth{
			ID: int64(i + 1), Picture: int64(valPictures*u(0)) + 1, Category: int64(valCategories*u(1)*u(1)) + 1, Box: box,
			Area: cents(box[2] * box[3] * (0.5 + 0.5*u(6))), Crowd: u(7) < 0.01,
		})
	}
	found := make([]eval.Found, valResults)
	for i := range found {
		v := func(k int) float64 { return chance(200+k, i) }
		f, truth := &found[i], &t.List[int(valTruths*v(1))]
		f.Picture, f.Category = int64(valPictures*v(2))+1, int64(valCategories*v(3))+1
		if near := v(0) < 0.2; near {
			f.Picture = truth.Picture
			if v(3) < 0.9 {
				f.Category = truth.Category
			}
			s := 0.3 * (v(8) * v(8))
			f.Box = eval.Box{
				truth.Box[0] + s*truth.Box[2]*(2*v(6)-1), truth.Box[1] + s*truth.Box[3]*(2*v(7)-1),
				truth.Box[2] * (1 + s*(2*v(4)-1)), truth.Box[3] * (1 + s*(2*v(5)-1)),
			}
			f.Score = 0.3 + 0.7*v(3)
		} else {
			f.Box = eval.Box{632 * v(6), 472 * v(7), 8 + 392*cube(v(4)), 8 + 392*cube(v(5))}
			f.Score = 0.6 * v(1) * v(2)
		}
		for k := range f.Box {
			f.Box[k] = cents(f.Box[k])
		}
		f.Score = math.Floor(1e4*f.Score+0.5) / 1e4
	}
	return t, found
}

// TestValSized compares a set of the size of COCO's with pycocotools, to the bit.
func TestValSized(t *testing.T) {
	truths, found := valSet()
	if first := (eval.Truth{ID: 1, Picture: 687, Category: 54, Box: eval.Box{176.41, 345.66, 8.12, 8.41}, Area: 38.73}); truths.List[0] != first {
		t.Fatalf("the first truth is %+v, want %+v", truths.List[0], first)
	}
	if first := (eval.Found{Picture: 4504, Category: 57, Box: eval.Box{266.03, 240.54, 8.29, 121.13}, Score: 0.3539}); found[0] != first {
		t.Fatalf("the first result is %+v, want %+v", found[0], first)
	}
	e, err := eval.COCO(t.Context(), truths, found, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	if got := digest(e.Precision); got != valPrecision {
		t.Errorf("precision has the digest %.12s, want %.12s", got, valPrecision)
	}
	if got := e.Stats(); got != valStats {
		t.Errorf("stats\n%+v, want\n%+v", got, valStats)
	}
}

// writeVal writes the set as COCO's files.
func writeVal(tb testing.TB, folder string) (truths, results string) {
	t, found := valSet()
	truths, results = filepath.Join(folder, "truths.json"), filepath.Join(folder, "results.json")
	write := func(path string, content func(w io.Writer)) {
		f, err := os.Create(path)
		if err != nil {
			tb.Fatal(err)
		}
		b := bufio.NewWriterSize(f, 1<<20)
		content(b)
		if err := b.Flush(); err != nil {
			tb.Fatal(err)
		}
		if err := f.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	write(truths, func(w io.Writer) {
		comma := func(i int) string {
			if i == 0 {
				return ""
			}
			return ","
		}
		fmt.Fprint(w, `{"images":[`)
		for i, id := range t.Pictures {
			fmt.Fprintf(w, `%s{"id":%d,"width":640,"height":480,"file_name":"%012d.jpg"}`, comma(i), id, id)
		}
		fmt.Fprint(w, `],"annotations":[`)
		for i, x := range t.List {
			crowd := 0
			if x.Crowd {
				crowd = 1
			}
			fmt.Fprintf(w, `%s{"id":%d,"image_id":%d,"category_id":%d,"bbox":[%v,%v,%v,%v],"area":%v,"iscrowd":%d}`, comma(i), x.ID, x.Picture, x.Category, x.Box[0], x.Box[1], x.Box[2], x.Box[3], x.Area, crowd)
		}
		fmt.Fprint(w, `],"categories":[`)
		for i, c := range t.Categories {
			fmt.Fprintf(w, `%s{"id":%d,"name":%q}`, comma(i), c.ID, c.Name)
		}
		fmt.Fprint(w, `]}`)
	})
	write(results, func(w io.Writer) {
		for i, f := range found {
			before := ","
			if i == 0 {
				before = "["
			}
			fmt.Fprintf(w, `%s{"image_id":%d,"category_id":%d,"bbox":[%v,%v,%v,%v],"score":%v}`, before, f.Picture, f.Category, f.Box[0], f.Box[1], f.Box[2], f.Box[3], f.Score)
		}
		fmt.Fprint(w, `]`)
	})
	return truths, results
}

// BenchmarkCOCO reads and evaluates the set: the whole, reading truths, reading results, and evaluating alone.
func BenchmarkCOCO(b *testing.B) {
	gt, dt := writeVal(b, b.TempDir())
	truths, err := eval.ReadTruths(b.Context(), gt)
	if err != nil {
		b.Fatal(err)
	}
	found, err := eval.ReadResults(b.Context(), dt)
	if err != nil {
		b.Fatal(err)
	}
	for _, part := range []struct {
		name string
		do   func() error
	}{
		{"all", func() error {
			truths, err := eval.ReadTruths(b.Context(), gt)
			if err != nil {
				return err
			}
			found, err := eval.ReadResults(b.Context(), dt)
			if err != nil {
				return err
			}
			e, err := eval.COCO(b.Context(), truths, found, eval.Params{})
			if err == nil && e.Stats() != valStats {
				b.Errorf("stats\n%+v, want\n%+v", e.Stats(), valStats)
			}
			return err
		}},
		{"truths", func() error { _, err := eval.ReadTruths(b.Context(), gt); return err }},
		{"results", func() error { _, err := eval.ReadResults(b.Context(), dt); return err }},
		{"evaluate", func() error { _, err := eval.COCO(b.Context(), truths, found, eval.Params{}); return err }},
		{"resample10", func() error {
			e, err := eval.COCO(b.Context(), truths, found, eval.Params{})
			if err == nil {
				_, err = e.Resample(b.Context(), 10, 1)
			}
			return err
		}},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := part.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
