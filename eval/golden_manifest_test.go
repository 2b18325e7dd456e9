package eval_test

import "github.com/glipvk/glipvk/eval"

// golden is the manifest of a folder.
type golden struct {
	folder string
	Groups struct {
		COCO   []cocoCase
		LVIS   []lvisCase
		Flickr []flickrCase
	}
}

type sums struct{ Precision, Recall, Scores string }

type cocoCase struct {
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
	SHA256      sums
	Arrays      struct{ Precision, Scores string }
	Printed     []string
	Error       any `json:"expect_error"`
	Corners     string
	PlusOne     eval.Stats `json:"stats_plus_one"`
	CSV         *struct {
		AP   float64
		Rows int
	} `json:"glip_csv_avg"`
}

type lvisCase struct {
	Name     string
	GT, DT   string
	Standard lvisRun
	Fixed    []lvisRun
}

type lvisRun struct {
	Most        int `json:"dets_per_category"`
	Results     map[string]float64
	PerCategory []float64 `json:"per_category_ap"`
	SHA256      sums
	Printed     []string
	Error       any `json:"expect_error"`
}

type flickrCase struct {
	Name, Root, Predictions string
	Any, Merged             struct {
		Recall             map[int]map[string]float64
		Sentences, Phrases int
	}
	Missing string `json:"missing_sentence"`
}
