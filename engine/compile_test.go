//go:build cgo && linux

package engine

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/matrix.spv
var matrixSPV []byte

//go:embed testdata/subgroup.spv
var subgroupSPV []byte

func subgroupSpec(x uint32, size int) PipelineSpec {
	return PipelineSpec{Label: "subgroup", Code: words(subgroupSPV), Bindings: 1, Constants: []uint32{x}, Subgroup: size}
}

func TestLocalSize(t *testing.T) {
	for _, c := range []struct {
		name      string
		code      []byte
		constants []uint32
		want      int
	}{
		{"fixed", affineSPV, []uint32{7}, 64},
		{"specialized", subgroupSPV, []uint32{24}, 24},
		{"its default", subgroupSPV, nil, 64},
		{"cut short", subgroupSPV[:len(subgroupSPV)/3/4*4], []uint32{24}, 64},
		{"nothing", nil, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			local := readModule(words(c.code), c.constants).local()
			x, y, z := local[0], local[1], local[2]
			if c.name == "cut short" {
				return // what it says is of no use, but it must end
			}
			if x != c.want || c.want > 0 && (y != 1 || z != 1) {
				t.Errorf("%d x %d x %d, want %d", x, y, z, c.want)
			}
		})
	}
}

func TestSubgroupSize(t *testing.T) {
	d := openTest(t, nil)
	caps := d.Info().Caps
	if !caps.SubgroupSizeControl {
		if _, err := d.Pipeline(t.Context(), subgroupSpec(64, 8)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%v, want ErrUnsupported", err)
		}
		t.Skip("this device lets nobody choose the size of a subgroup")
	}
	y := newBuffer(t, d, 4*64, DeviceMemory, "y")
	for size := caps.SubgroupMin; size <= caps.SubgroupMax; size *= 2 {
		for _, x := range []uint32{64, uint32(size) + 1} { // all subgroups full, and not
			p := must[*Pipeline](t)(d.Pipeline(t.Context(), subgroupSpec(x, size)))
			if again := must[*Pipeline](t)(d.Pipeline(t.Context(), subgroupSpec(x, size))); p != again {
				t.Error("equal specs gave two pipelines")
			}
			if other := must[*Pipeline](t)(d.Pipeline(t.Context(), subgroupSpec(x, 0))); p == other {
				t.Error("the size is not part of the identity")
			}
			if x != 64 {
				continue
			}
			c := record(t, d, RecorderOptions{}, func(r *Recorder) {
				r.Dispatch(Dispatch{Label: "subgroup", Pipeline: p, Groups: [3]int{1, 1, 1}, Bindings: []Binding{{Buffer: y, Size: 4 * 64, Access: Write}}})
			})
			got := make([]byte, 4*64)
			if err := errors.Join(c.Run(t.Context()), d.Download(t.Context(), got, y, 0)); err != nil {
				t.Fatal(err)
			}
			if floatAt(got, 63) != float32(size) {
				t.Errorf("subgroups of %v, want %d", floatAt(got, 63), size)
			}
		}
	}
	for _, size := range []int{-1, 3, caps.SubgroupMin / 2, caps.SubgroupMax * 2} {
		if size == 0 {
			continue // the driver's choice
		}
		if _, err := d.Pipeline(t.Context(), subgroupSpec(64, size)); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "powers of two") {
			t.Errorf("%d: %v, want a refusal", size, err)
		}
	}
	limit := caps.SubgroupMin * int(d.extras.subgroupGroups)
	if limit < math.MaxInt32 {
		if _, err := d.Pipeline(t.Context(), subgroupSpec(uint32(limit+1), caps.SubgroupMin)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("a workgroup of %d in subgroups of %d: %v", limit+1, caps.SubgroupMin, err)
		}
	}
	d.info.Caps.SubgroupSizeControl = false
	if _, err := d.Pipeline(t.Context(), subgroupSpec(64, caps.SubgroupMin)); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "ask for 0") {
		t.Errorf("without control: %v", err)
	}
}

func TestCooperativeMatrices(t *testing.T) {
	d := openTest(t, nil)
	caps := d.Info().Caps
	if caps.CooperativeMatrix != (len(caps.CooperativeMatrices) > 0) {
		t.Fatalf("cooperative matrices: %t, and %d shapes", caps.CooperativeMatrix, len(caps.CooperativeMatrices))
	}
	for _, m := range caps.CooperativeMatrices {
		t.Logf("%+v", m)
		for _, n := range []int{m.M, m.N, m.K} {
			if n < 1 || n > 1024 {
				t.Errorf("%+v has an odd size", m)
			}
		}
		for _, name := range []string{m.A, m.B, m.C, m.Result} {
			if !strings.ContainsAny(name, "0123456789") || strings.HasPrefix(name, "component") {
				t.Errorf("%+v has a type of no name", m)
			}
		}
		if strings.ContainsAny(m.Scope, "0123456789") {
			t.Errorf("%+v has a scope of no name", m)
		}
	}
}

// TestCooperativeMatrixRuns multiplies a permuted identity by a ramp.
func TestCooperativeMatrixRuns(t *testing.T) {
	d := openTest(t, nil)
	caps := d.Info().Caps
	want := CooperativeMatrix{8, 8, 8, "float16", "float16", "float32", "float32", "subgroup"}
	if !slices.Contains(caps.CooperativeMatrices, want) || caps.SubgroupSize != 8 {
		t.Skipf("this device does not multiply %+v in subgroups of 8", want)
	}
	a := newBuffer(t, d, 2*64, DeviceMemory, "a")
	b := newBuffer(t, d, 2*64, DeviceMemory, "b")
	y := newBuffer(t, d, 4*64, DeviceMemory, "y")
	var identity, ramp []byte
	for i := range 64 {
		one := uint16(0)
		if i%8 == 7-i/8 {
			one = 0x3c00
		}
		identity = binary.LittleEndian.AppendUint16(identity, one)
		ramp = binary.LittleEndian.AppendUint16(ramp, 0x6400+uint16(i)) // 1024 + i
	}
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), PipelineSpec{Label: "matrix", Code: words(matrixSPV), Bindings: 3}))
	c := record(t, d, RecorderOptions{}, func(r *Recorder) {
		r.Dispatch(Dispatch{Label: "matrix", Pipeline: p, Groups: [3]int{1, 1, 1}, Bindings: []Binding{
			{Buffer: a, Size: 2 * 64, Access: Read}, {Buffer: b, Size: 2 * 64, Access: Read}, {Buffer: y, Size: 4 * 64, Access: Write}}})
	})
	got := make([]byte, 4*64)
	if err := errors.Join(d.Upload(t.Context(), a, 0, identity), d.Upload(t.Context(), b, 0, ramp), c.Run(t.Context()),
		d.Download(t.Context(), got, y, 0)); err != nil {
		t.Fatal(err)
	}
	for i := range 64 {
		if w := float32(1024 + (7-i/8)*8 + i%8); floatAt(got, i) != w {
			t.Fatalf("y[%d] is %v, want %v", i, floatAt(got, i), w)
		}
	}
}

func TestStatistics(t *testing.T) {
	plain := openTest(t, nil)
	if _, err := must[*Pipeline](t)(plain.Pipeline(t.Context(), affineSpec(0))).Statistics(); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "Options.PipelineStatistics") {
		t.Errorf("without the option: %v", err)
	}
	d := openTest(t, func(o *Options) { o.PipelineStatistics = true })
	testStatistics(t, d)
}

func testStatistics(t *testing.T, d *Device) {
	t.Helper()
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
	if !d.Info().Caps.CompilerStatistics {
		for _, err := range []error{second(p.Statistics()), second(p.Representations())} {
			if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "VK_KHR_pipeline_executable_properties") {
				t.Errorf("%v, want what the driver lacks", err)
			}
		}
		t.Skip("this driver tells nothing about its pipelines")
	}
	list := must[[]Statistic](t)(p.Statistics())
	if len(list) == 0 {
		t.Error("no statistics")
	}
	for _, s := range list {
		t.Logf("%s: %v (%s)", s.Name, s.Value, s.Description)
		if s.Name == "" || math.IsNaN(s.Value) {
			t.Errorf("statistic %+v", s)
		}
	}
	for _, r := range must[[]Representation](t)(p.Representations()) {
		t.Logf("%s (%s): %d bytes", r.Name, r.Description, len(r.Text))
		if r.Name == "" || r.Text == "" {
			t.Errorf("representation %+v", r)
		}
	}
}

// testStatisticsFail lets each call that tells about a pipeline fail.
func testStatisticsFail(t *testing.T) {
	t.Helper()
	broken := ""
	d := openTest(t, func(o *Options) {
		o.CompileOnly, o.PipelineStatistics = true, true
		o.fail = func(call string) int32 {
			if call == broken {
				return resultOutOfHostMemory
			}
			return resultSuccess
		}
	})
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
	statistics := func() error { return second(p.Statistics()) }
	representations := func() error { return second(p.Representations()) }
	for call, asks := range map[string][]func() error{
		"vkGetPipelineExecutablePropertiesKHR":              {statistics, representations},
		"vkGetPipelineExecutableStatisticsKHR":              {statistics},
		"vkGetPipelineExecutableInternalRepresentationsKHR": {representations},
	} {
		broken = call
		for _, ask := range asks {
			var e *Error
			if err := ask(); !errors.Is(err, ErrOutOfMemory) || !errors.As(err, &e) || e.Call != call || e.Label != "affine" {
				t.Errorf("%v, want ErrOutOfMemory from %s", err, call)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// radv are the manifests of Mesa's driver for AMD hardware, which compiles also for hardware
// that is not there.
var radv = []string{"/usr/share/vulkan/icd.d/radeon_icd.x86_64.json", "/usr/share/vulkan/icd.d/radeon_icd.json"}

// TestCompileOnly compiles for hardware that is not there.
func TestCompileOnly(t *testing.T) {
	openTest(t, nil) // the layers are there
	at := slices.IndexFunc(radv, func(file string) bool { _, err := os.Stat(file); return err == nil })
	if at < 0 {
		t.Skip("needs Mesa's driver for AMD hardware (Debian: mesa-vulkan-drivers)")
	}
	t.Setenv("VK_ICD_FILENAMES", radv[at])
	t.Setenv("VK_DRIVER_FILES", radv[at])
	for family, want := range map[string]Caps{"vega10": {SubgroupMin: 64, SubgroupMax: 64}, "navi21": {SubgroupMin: 32, SubgroupMax: 64}} {
		t.Run(family, func(t *testing.T) {
			t.Setenv("RADV_FORCE_FAMILY", family)
			if found, err := Devices(); len(found) == 0 {
				t.Skipf("this driver has no devices without hardware: %v", err)
			}
			if _, err := Open(Options{NoCache: true}); !errors.Is(err, ErrNoDevice) {
				t.Errorf("opened to compute: %v, want ErrNoDevice", err)
			}
			d := openTest(t, func(o *Options) { o.CompileOnly, o.PipelineStatistics = true, true })
			info := d.Info()
			t.Logf("%+v", info)
			if info.Kind != "discrete" || info.Caps.SubgroupMin != want.SubgroupMin || info.Caps.SubgroupMax != want.SubgroupMax {
				t.Errorf("a %s device with subgroups of %d to %d", info.Kind, info.Caps.SubgroupMin, info.Caps.SubgroupMax)
			}
			for what, err := range map[string]error{
				"buffer":   second(d.NewBuffer(64, DeviceMemory, "b")),
				"recorder": second(d.NewRecorder("r", RecorderOptions{})),
				"upload":   d.Upload(t.Context(), nil, 0, nil),
				"download": d.Download(t.Context(), nil, nil, 0),
			} {
				if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "CompileOnly") {
					t.Errorf("%s: %v, want ErrUnsupported with the reason", what, err)
				}
			}
			testStatistics(t, d)
			testStatisticsFail(t)
		})
	}
}
