//go:build cgo && linux

package engine

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

//go:embed testdata/affine.spv
var affineSPV []byte

//go:embed testdata/spin.spv
var spinSPV []byte

//go:embed testdata/texel.spv
var texelSPV []byte

// openTest opens a device with validation and no cache file. Without a device the test is
// skipped, unless REQUIRE_VULKAN is 1. At the end the device must close without an error and
// leave no object.
func openTest(t testing.TB, change func(o *Options)) *Device {
	t.Helper()
	o := Options{Device: os.Getenv("GLIPVK_DEVICE"), Validation: true, NoCache: true}
	if change != nil {
		change(&o)
	}
	d, err := Open(o)
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_VULKAN") != "1" && (errors.Is(err, ErrNoDevice) || errors.Is(err, ErrUnsupported)):
		t.Skipf("needs a Vulkan device and the validation layer: %v", err)
	default:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := d.Live(); n != 0 {
			t.Errorf("%d objects are left: %v", n, d.LiveByKind())
		}
	})
	return d
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// closing closes c at the end of the test and requires that there is no error.
func closing(t testing.TB, c interface{ Close() error }) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// newBuffer makes a buffer that is closed at the end of the test.
func newBuffer(t testing.TB, d *Device, size int64, m Memory, label string) *Buffer {
	t.Helper()
	b := must[*Buffer](t)(d.NewBuffer(size, m, label))
	closing(t, b)
	return b
}

func words(b []byte) []uint32 {
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return w
}

// ramp returns n floats first, first+1, ... as bytes.
func ramp(first float32, n int) []byte {
	var b []byte
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(first+float32(i)))
	}
	return b
}

func floatAt(b []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}

func affineSpec(twice uint32) PipelineSpec {
	return PipelineSpec{Label: "affine", Code: words(affineSPV), Bindings: 2, PushBytes: 12, Constants: []uint32{twice}}
}

// affine is the dispatch y = a*x + b over n floats at the start of the buffers.
func affine(p *Pipeline, y, x *Buffer, a, b float32, n int) Dispatch {
	push := binary.LittleEndian.AppendUint32(nil, math.Float32bits(a))
	push = binary.LittleEndian.AppendUint32(push, math.Float32bits(b))
	push = binary.LittleEndian.AppendUint32(push, uint32(n))
	return Dispatch{Label: "affine", Pipeline: p, Push: push, Groups: [3]int{(n + 63) / 64, 1, 1},
		Bindings: []Binding{{Buffer: x, Size: 4 * int64(n), Access: Read}, {Buffer: y, Size: 4 * int64(n), Access: Write}}}
}

func spinSpec() PipelineSpec {
	return PipelineSpec{Label: "spin", Code: words(spinSPV), Bindings: 1, PushBytes: 4}
}

// spin keeps the device busy over the whole buffer.
func spin(p *Pipeline, x *Buffer, rounds uint32) Dispatch {
	return Dispatch{Label: "spin", Pipeline: p, Push: binary.LittleEndian.AppendUint32(nil, rounds), Groups: [3]int{int(x.Size()+255) / 256, 1, 1},
		Bindings: []Binding{{Buffer: x, Size: x.Size(), Access: ReadWrite}}}
}

// longSpin makes work for a second or so: by many groups, since Mesa's software driver bounds the iterations of each, also where it
// poses as something else; on a GPU, where all groups run at once, by many rounds too.
func longSpin(t testing.TB, d *Device) (x *Buffer, work Dispatch) {
	t.Helper()
	size, rounds := int64(128*256), uint32(200_000_000)
	if d.Info().Kind == "cpu" {
		rounds = 65_000
	}
	x, err := d.NewBuffer(size, DeviceMemory, "x")
	if err != nil {
		t.Fatal(err)
	}
	return x, spin(must[*Pipeline](t)(d.Pipeline(t.Context(), spinSpec())), x, rounds)
}

// record finishes a recording, and closes it at the end of the test.
func record(t testing.TB, d *Device, o RecorderOptions, f func(r *Recorder)) *Commands {
	t.Helper()
	r := must[*Recorder](t)(d.NewRecorder(t.Name(), o))
	f(r)
	c := must[*Commands](t)(r.Finish())
	closing(t, c)
	return c
}

func TestDevices(t *testing.T) {
	d := openTest(t, nil)
	infos := must[[]Info](t)(Devices())
	auto := 0
	for i, info := range infos {
		c := info.Caps
		if info.Index != i || info.Name == "" || info.Kind == "" || info.APIVersion == "" || len(info.Heaps) == 0 {
			t.Errorf("device %d is described as %+v", i, info)
		}
		// What the specification guarantees.
		if c.MaxPushConstants < 128 || c.MaxSharedMemory < 16<<10 || c.MaxInvocations < 128 || c.MaxWorkgroups[2] < 65535 ||
			c.MaxStorageBufferRange < 1<<27 || c.StorageAlignment < 1 || c.StorageAlignment > 256 || c.MaxAllocationBytes < 1<<30 {
			t.Errorf("device %d: limits below the guaranteed ones: %+v", i, c)
		}
		if info.Auto {
			auto++
		}
	}
	if auto != 1 {
		t.Errorf("%d devices are marked as the automatic choice", auto)
	}
	t.Logf("%+v", d.Info())

	info := d.Info()
	byName := openTest(t, func(o *Options) { o.Device = strings.ToUpper(info.Name[:4]) })
	if byName.Info().Name != info.Name {
		t.Errorf("by name: %q, want %q", byName.Info().Name, info.Name)
	}
	if _, err := Open(Options{Device: "no such device", NoCache: true}); !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), info.Name) {
		t.Errorf("unknown name: %v, want ErrNoDevice naming %q", err, info.Name)
	}
}

func TestNoDriver(t *testing.T) {
	openTest(t, nil) // the loader is there
	t.Setenv("VK_DRIVER_FILES", "/nonexistent.json")
	t.Setenv("VK_ICD_FILENAMES", "/nonexistent.json")
	for name, f := range map[string]func() error{
		"Open":    func() error { _, err := Open(Options{}); return err },
		"Devices": func() error { _, err := Devices(); return err },
	} {
		if err := f(); !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), "mesa-vulkan-drivers") {
			t.Errorf("%s: %v, want ErrNoDevice with the remedy", name, err)
		}
	}
}

func TestNoLoader(t *testing.T) {
	_, err := findLoader("libvulkan-that-is-not-there.so")
	if !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), "libvulkan1") {
		t.Errorf("%v, want ErrNoDevice with the remedy", err)
	}
}

func TestNoLayer(t *testing.T) {
	openTest(t, nil)
	t.Setenv("VK_LAYER_PATH", t.TempDir())
	if _, err := Open(Options{Validation: true, NoCache: true}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "vulkan-validationlayers") {
		t.Errorf("%v, want ErrUnsupported naming the package", err)
	}
}

func TestCloseTwice(t *testing.T) {
	d := openTest(t, nil)
	b := must[*Buffer](t)(d.NewBuffer(64, DeviceMemory, "b"))
	r := must[*Recorder](t)(d.NewRecorder("r", RecorderOptions{}))
	r.Copy(b, 0, b, 32, 32)
	c := must[*Commands](t)(r.Finish())
	for range 2 {
		for _, x := range []interface{ Close() error }{c, b, d} {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if b.Bytes() != nil {
		t.Error("a closed buffer shows its memory")
	}
	if _, err := d.NewBuffer(64, DeviceMemory, "late"); !errors.Is(err, ErrClosed) {
		t.Errorf("buffer of a closed device: %v", err)
	}
	if _, err := d.Pipeline(t.Context(), affineSpec(0)); !errors.Is(err, ErrClosed) {
		t.Errorf("pipeline of a closed device: %v", err)
	}
	if err := c.Run(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed commands: %v", err)
	}
	if err := d.Upload(t.Context(), b, 0, make([]byte, 4)); !errors.Is(err, ErrClosed) {
		t.Errorf("upload to a closed device: %v", err)
	}
}

func TestLeaks(t *testing.T) {
	d := openTest(t, nil)
	b := must[*Buffer](t)(d.NewBuffer(64, DeviceMemory, "forgotten buffer"))
	r := must[*Recorder](t)(d.NewRecorder("forgotten commands", RecorderOptions{}))
	r.Copy(b, 0, b, 32, 32)
	c := must[*Commands](t)(r.Finish())
	err := d.Close()
	if err == nil || !strings.Contains(err.Error(), "forgotten buffer") || !strings.Contains(err.Error(), "forgotten commands") {
		t.Errorf("close: %v, want both leaks named", err)
	}
	if n := d.Live(); n != 0 {
		t.Errorf("%d objects are left: %v", n, d.LiveByKind())
	}
	if err := errors.Join(c.Close(), b.Close()); err != nil {
		t.Errorf("close after the device: %v", err)
	}
}

func TestBufferInUse(t *testing.T) {
	d := openTest(t, nil)
	b := newBuffer(t, d, 64, DeviceMemory, "used")
	record(t, d, RecorderOptions{}, func(r *Recorder) { r.Copy(b, 0, b, 32, 32) })
	if err := b.Close(); err == nil || !strings.Contains(err.Error(), "used") {
		t.Errorf("closing a buffer that commands use: %v", err)
	}
}
