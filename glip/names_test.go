package glip_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

func preset(t testing.TB, name string) glip.Config {
	t.Helper()
	cfg, err := glip.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// The counts of the specification (glip.md, section 9). Its totals include the unused
// class head of 20,560 parameters, which is none of ours.
func TestParamCounts(t *testing.T) {
	const classHead = 80*256 + 80
	for name, want := range map[string]struct {
		total int
		parts map[string]int // by beginning of the name
	}{
		"glip-t": {231_780_222, map[string]int{
			"backbone.body.": 27_520_506, "backbone.fpn.": 3_295_232, "language_backbone.": 108_891_648,
			"rpn.head.dyhead_tower.0.": 6_303_744, "rpn.head.dyhead_tower.16.": 7_087_872, "rpn.head.dyhead_tower.17.": 1_917_276,
		}},
		"glip-l": {430_422_384, map[string]int{
			"backbone.body.": 195_200_820, "backbone.fpn.": 3_639_296, "language_backbone.": 108_891_648,
			"rpn.head.dyhead_tower.": 50_429_952 + 56_702_976 + 15_338_208,
		}},
		"glip-t-a": {151_430_526, map[string]int{"rpn.head.dyhead_tower.0.": 1_917_276, "rpn.head.dyhead_tower.6.": 0}},
	} {
		total, parts := 0, map[string]int{}
		for _, p := range preset(t, name).Params() {
			n := graph.Shape(p.Shape).Elements()
			total += n
			for begin := range want.parts {
				if strings.HasPrefix(p.Name, begin) {
					parts[begin] += n
				}
			}
		}
		if total+classHead != want.total {
			t.Errorf("%s has %d parameters, want %d", name, total, want.total-classHead)
		}
		for begin, n := range want.parts {
			if parts[begin] != n {
				t.Errorf("%s: %s has %d parameters, want %d", name, begin, parts[begin], n)
			}
		}
	}
}

// Official names are those of the file that the original wrote, but for what is no
// parameter of ours.
func TestOfficialParams(t *testing.T) {
	src, c := openTiny(t)
	var want []string
	for _, key := range src.Names() {
		name := strings.TrimPrefix(key, "module.")
		if strings.Contains(name, "cls_logits") || strings.Contains(name, "cell_anchors") || src.DType(key) == "int64" {
			continue
		}
		shape, _ := src.Shape(key)
		want = append(want, fmt.Sprint(name, shape))
	}
	var got []string
	for _, p := range glip.OfficialParams(c.config(t)) {
		got = append(got, fmt.Sprint(p.Name, p.Shape))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d official parameters, the file has %d", len(got), len(want))
		for _, name := range got {
			if !slices.Contains(want, name) {
				t.Errorf("not in the file: %s", name)
			}
		}
	}
}
