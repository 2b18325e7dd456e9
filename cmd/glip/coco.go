package main

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// cocoResult is a detection as COCO's evaluation reads it: the box is its upper left
// corner, width and height.
type cocoResult struct {
	Image    int64      `json:"image_id"`
	Category int        `json:"category_id"`
	Box      [4]float64 `json:"bbox"`
	Score    float64    `json:"score"`
	Weights  string     `json:"weights,omitempty"` // where they were made up, so that nobody takes this for a result
}

// coco returns what turns the results of an input into COCO's. Widths count both corners, as GLIP writes them for
// COCO (prepare_for_coco_detection of
// maskrcnn_benchmark/data/datasets/evaluation/coco/coco_eval.py).
func (j *search) coco(number map[*sighting]int64) func(*sighting) []any {
	category := categories(j.query.Classes)
	return func(s *sighting) (list []any) {
		for _, f := range s.found {
			list = append(list, cocoResult{
				Image: number[s], Weights: j.made(), Category: category(f.Label), Score: f.Score,
				Box: [4]float64{f.Box.X1, f.Box.Y1, f.Box.X2 - f.Box.X1 + 1, f.Box.Y2 - f.Box.Y1 + 1},
			})
		}
		return list
	}
}

// imageNumbers are those that the names of all inputs are or end in behind a _, as in
// 000000000139.jpg and COCO_val2014_000000000139.jpg; where a name has none or two have
// the same, inputs are counted from 1 instead.
func imageNumbers(inputs []*sighting) map[*sighting]int64 {
	ids := map[*sighting]int64{}
	seen := map[int64]bool{}
	for _, s := range inputs {
		stem := filepath.Base(s.stem)
		digits := stem[strings.LastIndex(stem, "_")+1:]
		id, err := strconv.ParseUint(digits, 10, 62)
		if err != nil || seen[int64(id)] {
			for i, s := range inputs {
				ids[s] = int64(i + 1)
			}
			return ids
		}
		ids[s] = int64(id)
		seen[ids[s]] = true
	}
	return ids
}

// categories turns labels into category ids: those of COCO if the classes are its 80
// names in its order, else the labels themselves.
func categories(classes []string) func(label int) int {
	if !slices.Equal(classes, cocoNames()) {
		return func(label int) int { return label }
	}
	ids := cocoIDs()
	return func(label int) int { return ids[label-1] }
}

// cocoNames are the classes of COCO in the order of their ids.
func cocoNames() []string {
	return strings.Split("person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,bench,"+
		"bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,"+
		"kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,"+
		"sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,"+
		"keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush", ",")
}

// cocoIDs are the ids that COCO gives its classes: 1 to 90 without those that it dropped.
func cocoIDs() []int {
	dropped := []int{12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
	var ids []int
	for id := 1; id <= 90; id++ {
		if !slices.Contains(dropped, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
