package swin

import (
	"errors"
	"testing"
)

// TestCounts compares with the figures computed by hand for each published size
// and with mmpretrain's metafile (configs/glip/metafile.yml).
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		size                string
		window, image       int
		params, macs        int64
		pubParams, pubFLOPs int64
	}{
		{"tiny", 7, 224, 27_520_506, 4_489_798_656, 29_056_354, 4_508_464_128},
		{"large", 12, 384, 195_200_820, 103_917_551_616, 196_735_516, 104_080_343_040},
		{"tiny", 12, 384, 27_570_186, 0, 0, 0},
		{"small", 7, 224, 48_838_410, 0, 0, 0},
		{"small", 12, 384, 48_939_930, 0, 0, 0},
		{"base", 7, 224, 86_744_760, 0, 0, 0},
		{"base", 12, 384, 86_880_120, 0, 0, 0},
		{"large", 7, 224, 194_997_780, 0, 0, 0},
	} {
		cfg, err := Preset(c.size, c.window, c.image)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Record(cfg, Input{1, c.image, c.image})
		if err != nil {
			t.Fatal(err)
		}
		n := g.Count()
		if n.Parameters != c.params || (c.macs != 0 && n.MultiplyAdds != c.macs) {
			t.Errorf("%s window %d: %d parameters and %d multiply-adds, want %d and %d", c.size, c.window, n.Parameters, n.MultiplyAdds, c.params, c.macs)
		}
		if c.pubParams == 0 {
			continue
		}
		p, err := PublishedCounts(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if p.Parameters != c.pubParams || p.FLOPs != c.pubFLOPs {
			t.Errorf("%s window %d: published rule gives %+v, want %d and %d", c.size, c.window, p, c.pubParams, c.pubFLOPs)
		}
	}
}

// TestMultiplyAddsAtDetectorSize pins the padding rules through the totals of the model's sizes.
func TestMultiplyAddsAtDetectorSize(t *testing.T) {
	for _, c := range []struct {
		size          string
		window, image int
		h, w          int
		millions      float64
	}{
		{"tiny", 7, 224, 800, 1333, 98966.3}, {"large", 12, 384, 800, 1333, 812068.4},
		{"tiny", 7, 224, 800, 1344, 99093.5}, {"large", 12, 384, 800, 1344, 812573.4},
	} {
		cfg, _ := Preset(c.size, c.window, c.image)
		g, err := Record(cfg, Input{1, c.h, c.w})
		if err != nil {
			t.Fatal(err)
		}
		if d := float64(g.Count().MultiplyAdds)/1e6 - c.millions; !(d > -0.06 && d < 0.06) {
			t.Errorf("%s at %d x %d: %d multiply-adds, want %.1f million", c.size, c.h, c.w, g.Count().MultiplyAdds, c.millions)
		}
	}
}

// TestSmallMaps covers the table of maps not larger than the window.
func TestSmallMaps(t *testing.T) {
	tiny, _ := Preset("tiny", 7, 224)
	for _, c := range []struct {
		h, w    int
		pad     bool
		refused bool
		shifted bool // whether the last stage's second block is shifted
	}{
		{224, 224, false, false, false}, {224, 224, true, false, true}, {225, 225, false, false, true},
		{192, 224, false, true, false}, {192, 224, true, false, true}, {193, 400, false, false, false},
		{256, 192, false, true, false}, {1, 1, true, false, true},
	} {
		cfg := tiny
		cfg.PadSmallMap = c.pad
		g, err := Record(cfg, Input{1, c.h, c.w})
		if got := errors.Is(err, ErrSmallMap); got != c.refused {
			t.Errorf("%d x %d, pad %v: error %v, want refused %v", c.h, c.w, c.pad, err, c.refused)
		}
		if err != nil {
			continue
		}
		if _, got := g.Find("stages.3.blocks.1.attn.rolled"); got != c.shifted {
			t.Errorf("%d x %d, pad %v: last stage shifted %v, want %v", c.h, c.w, c.pad, got, c.shifted)
		}
	}
}
