package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// The figures of data sets have the means that are published beside them.
func TestPublishedODinW(t *testing.T) {
	for i, want := range []float64{32.4, 31.8, 39.2} {
		sum := 0.0
		for _, s := range odinwSets {
			sum += s.values[i]
		}
		if mean := sum / float64(len(odinwSets)); !(math.Abs(mean-want) <= 0.05) {
			t.Errorf("%s: the mean of %d is %.2f, published is %.1f", odinwModels[i], len(odinwSets), mean, want)
		}
	}
	for name, want := range map[string]float64{
		"pothole": 0.7, "EgoHands_generic": 1.3, "egohands": 1.3, "EgoHands_specific": -1, "AerialMaritimeDrone_large": 12.2, "AerialMaritimeDrone_tiled": -1, "Aquarium_Aquarium_Combined.v2-raw-1024.coco": 17.4, "pistolsx": -1, "a": -1,
	} {
		got := publishedSet(name)
		if (got == nil) != (want < 0) || got != nil && (len(got) != 3 || got[0].Values[0] != want || !strings.Contains(got[0].Source, "MMDetection")) {
			t.Errorf("%s: %+v, want %g", name, got, want)
		}
	}
	if len(publishedODinW(make([]evalSet, 12))) != 0 || len(publishedODinW(make([]evalSet, 13))) != 10 || len(publishedODinW(make([]evalSet, 35))) != 3 {
		t.Error("means are published of 13 and of 35 data sets")
	}
}

// They stand beside ours, in the table and in JSON.
func TestEvalODinWPublished(t *testing.T) {
	basic, results := evalData("coco/basic.gt.json"), evalData("coco/basic.dt.json")
	args := []string{"eval", "odinw", "--truth", "pothole=" + basic, "--truth", "other=" + basic, "--results", "pothole=" + results, "--results", "other=" + results}
	o := glip(t, args...)
	if o.code != 0 || !strings.Contains(o.stdout, "AR      GLIP-T (A)  GLIP-T (B)  GLIP-T (C)\n") || !strings.Contains(o.stdout, "0.7000  0.007       0.030       0.058\n") || !strings.Contains(o.stdout, "from MMDetection, official weights") {
		t.Errorf("status %d, %s\n%s", o.code, o.stderr, o.stdout)
	}
	var r evalReport
	if o := glip(t, append(args, "--json")...); json.Unmarshal([]byte(o.stdout), &r) != nil || len(r.Sets["pothole"].Published) != 3 || r.Sets["other"].Published != nil {
		t.Errorf("status %d, %s\n%s", o.code, o.stderr, o.stdout)
	}
	if o := glip(t, append(args, "--bootstrap", "10")...); o.code != 0 || !strings.Contains(o.stdout, "95 in 100") {
		t.Errorf("status %d, %s\n%s", o.code, o.stderr, o.stdout)
	}
}
