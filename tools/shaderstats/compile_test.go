package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
)

// pretend opens a chip that is not there, where the installed Mesa can by itself.
func pretend(t *testing.T, chip string) *engine.Device {
	t.Helper()
	manifest := first("/usr/share/vulkan/icd.d/radeon_icd*.json", "/etc/vulkan/icd.d/radeon_icd*.json")
	t.Setenv("VK_ICD_FILENAMES", manifest)
	t.Setenv("VK_DRIVER_FILES", manifest)
	t.Setenv("RADV_FORCE_FAMILY", chip)
	d, err := engine.Open(engine.Options{Device: chip, CompileOnly: true, PipelineStatistics: true, NoCache: true})
	if errors.Is(err, engine.ErrNoDevice) {
		t.Skipf("needs a RADV that pretends by itself to have a %s: %v", chip, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestSpillIsSeen gives a product's lanes far more accumulators than there are registers.
func TestSpillIsSeen(t *testing.T) {
	d := pretend(t, "vega10")
	uses, err := pipelines(d.Info())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(uses, func(u use) bool { return strings.HasPrefix(name(u.spec), "gemm_tiled 128 1 0 0 0 3 64 64 16 4 8 ") })
	if i < 0 {
		t.Fatal("GLIP-T has no product in tiles of 64 x 64 any more: this test must learn another")
	}
	for _, c := range []struct {
		tile   []uint32 // rows, columns, depth of a workgroup, rows and columns of a lane
		spills bool
	}{{[]uint32{64, 64, 16, 8, 8}, false}, {[]uint32{128, 128, 16, 16, 16}, true}} {
		spec := uses[i].spec
		spec.Constants = slices.Clone(spec.Constants)
		spec.Constants[0] = 64 // lanes of either tile
		copy(spec.Constants[6:], c.tile)
		p, err := d.Pipeline(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		r := row{Pipeline: name(spec)}
		if err := drivers[0].read(p, &r); err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", r)
		if r.spills() != c.spills {
			t.Errorf("tile %v: %d registers are spilled, %d bytes of scratch", c.tile, r.Spilled, r.Scratch)
		}
		if r.MultiplyAdds < int(c.tile[3]*c.tile[4]) || r.MultiplyAdds >= r.Loop || r.Waves < 1 || r.Code < 1000 || r.Shared < 4000 {
			t.Errorf("tile %v: odd figures: %+v", c.tile, r)
		}
	}
}
