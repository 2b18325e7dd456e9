package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDetectCOCO(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"000000000139.png", "COCO_val2014_000000000785.png"} {
		d.write(t, name, photograph(t, 40, 50))
	}
	f := &fake{found: twoBoxes()}
	names := filepath.Join(d.dir, "coco.txt")
	d.write(t, "coco.txt", []byte(strings.Join(cocoNames(), "\n")))
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--class", "cat", "--class", "traffic light", d.path("000000000139.png"), d.path("COCO_val2014_000000000785.png")}, "139 2, 139 1, 785 2, 785 1"},
		{[]string{"--class", "cat", "--class", "traffic light", d.path("000000000139.png"), d.path("cat.png")}, "1 2, 1 1, 2 2, 2 1"},
		{[]string{"--classes", names, d.path("000000000139.png")}, "139 2, 139 1"},
	} {
		o := detect(t, t.Context(), f.opener(), append([]string{"--format", "coco"}, tc.args...)...)
		var list []cocoResult
		if err := json.Unmarshal([]byte(o.stdout), &list); o.code != 0 || err != nil {
			t.Fatalf("exit status %d, %v, %s", o.code, err, o.stderr)
		}
		var got []string
		for _, r := range list {
			got = append(got, fmt.Sprint(r.Image, " ", r.Category))
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("images and categories %v, want %s", got, tc.want)
		}
		if list[0].Box != [4]float64{1.5, 2, 9.75, 19} || list[0].Score != 0.75 {
			t.Errorf("result %+v", list[0])
		}
	}
	if o := detect(t, t.Context(), (&fake{}).opener(), "--format", "coco", "--class", "cat", d.path("cat.png")); o.stdout != "[]\n" {
		t.Errorf("no detection is %q", o.stdout)
	}
}

// COCO's ids, from spec/glip.md 11 and the annotations' numbering.
func TestCategories(t *testing.T) {
	of := categories(cocoNames())
	for name, want := range map[string]int{"person": 1, "fire hydrant": 11, "stop sign": 13, "giraffe": 25, "backpack": 27, "umbrella": 28, "handbag": 31,
		"bottle": 44, "wine glass": 46, "potted plant": 64, "bed": 65, "dining table": 67, "toilet": 70, "tv": 72, "refrigerator": 82, "book": 84, "toothbrush": 90} {
		if got := of(slices.Index(cocoNames(), name) + 1); got != want {
			t.Errorf("%s has the id %d, want %d", name, got, want)
		}
	}
	if got := categories([]string{"person", "cat"})(2); got != 2 {
		t.Errorf("label 2 of other classes has the id %d", got)
	}
}
