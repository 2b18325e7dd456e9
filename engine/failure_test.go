//go:build cgo

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// everything makes every kind of object and every kind of call, and closes all of it.
func everything(ctx context.Context, o Options) (d *Device, err error) {
	if d, err = Open(o); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	x, err := d.NewBuffer(4096, DeviceMemory, "x")
	if err != nil {
		return d, err
	}
	defer x.Close()
	y, err := d.NewBuffer(4096, DeviceMemory, "y")
	if err != nil {
		return d, err
	}
	defer y.Close()
	if err := d.Upload(ctx, x, 0, ramp(0, 1024)); err != nil {
		return d, err
	}
	affineP, err := d.Pipeline(context.Background(), affineSpec(0))
	if err != nil {
		return d, err
	}
	texelP, err := d.Pipeline(context.Background(), PipelineSpec{Label: "texel", Code: words(texelSPV), Bindings: 2, Texels: 1})
	if err != nil {
		return d, err
	}
	r, err := d.NewRecorder("everything", RecorderOptions{Timestamps: d.Info().Caps.TimestampBits > 0})
	if err != nil {
		return d, err
	}
	defer r.Abandon()
	r.Dispatch(affine(affineP, y, x, 2, 1, 1024))
	r.Dispatch(Dispatch{Label: "texel", Pipeline: texelP, Groups: [3]int{16, 1, 1}, Bindings: []Binding{
		{Buffer: y, Size: 4096, Access: Read, Texel: 4}, {Buffer: x, Size: 4096, Access: Write}}})
	c, err := r.Finish()
	if err != nil {
		return d, err
	}
	defer c.Close()
	if err := c.Run(ctx); err != nil {
		return d, err
	}
	if _, err := c.Times(); err != nil && d.Info().Caps.TimestampBits > 0 {
		return d, err
	}
	got := make([]byte, 4096)
	if err := d.Download(ctx, got, x, 0); err != nil {
		return d, err
	}
	if floatAt(got, 1000) != 2001 {
		return d, fmt.Errorf("x[1000] is %v, want 2001", floatAt(got, 1000))
	}
	return d, nil
}

// failing returns options whose nth call of the name gives result, and a count of calls seen.
func failing(name string, nth int, result int32) (Options, map[string]int) {
	var mu sync.Mutex
	seen := map[string]int{}
	return Options{Device: os.Getenv("GLIPVK_DEVICE"), NoCache: true, ForceStaging: true, fail: func(call string) int32 {
		mu.Lock()
		defer mu.Unlock()
		seen[call]++
		if call == name && seen[call] == nth {
			return result
		}
		return resultSuccess
	}}, seen
}

// TestOutOfMemory lets each call that may run out of memory do so, the first and the second
// time it is made. The error must be ErrOutOfMemory with the call's name, and nothing may be left.
func TestOutOfMemory(t *testing.T) {
	openTest(t, nil)
	o, seen := failing("", 0, resultSuccess)
	if _, err := everything(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(seen) < 20 {
		t.Errorf("only %d calls are covered: %v", len(seen), seen)
	}
	for call, times := range seen {
		for nth := 1; nth <= min(times, 2); nth++ {
			t.Run(fmt.Sprint(call, "#", nth), func(t *testing.T) {
				o, _ := failing(call, nth, resultOutOfDeviceMemory)
				d, err := everything(t.Context(), o)
				if err == nil && (call == "vkAllocateMemory" || call == "vkMapMemory") {
					return // a smaller block was taken, as it should
				}
				var e *Error
				if !errors.Is(err, ErrOutOfMemory) || !errors.As(err, &e) || e.Call != call {
					t.Errorf("%v, want ErrOutOfMemory from %s", err, call)
				}
				if d != nil && d.Live() != 0 {
					t.Errorf("%d objects are left: %v", d.Live(), d.LiveByKind())
				}
			})
		}
	}
}

// TestOutOfMemoryEverywhere lets every allocation fail, so that no smaller block helps.
func TestOutOfMemoryEverywhere(t *testing.T) {
	full := false
	d := openTest(t, func(o *Options) {
		o.fail = func(call string) int32 {
			if full && call == "vkAllocateMemory" {
				return resultOutOfDeviceMemory
			}
			return resultSuccess
		}
	})
	full = true
	live := d.Live()
	if _, err := d.NewBuffer(1<<20, DeviceMemory, "too much"); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("%v, want ErrOutOfMemory", err)
	}
	if d.Live() != live {
		t.Errorf("%d objects, %d before", d.Live(), live)
	}
	full = false
	newBuffer(t, d, 1<<20, DeviceMemory, "enough again")
}

func TestDeviceLost(t *testing.T) {
	openTest(t, nil)
	for _, call := range []string{"vkQueueSubmit", "vkWaitForFences"} {
		t.Run(call, func(t *testing.T) {
			o, _ := failing(call, 1, resultDeviceLost)
			o.ForceStaging = false
			d := must[*Device](t)(Open(o))
			b := must[*Buffer](t)(d.NewBuffer(256, DeviceMemory, "b"))
			r := must[*Recorder](t)(d.NewRecorder("lost", RecorderOptions{}))
			r.Copy(b, 0, b, 128, 128)
			c := must[*Commands](t)(r.Finish())
			if err := c.Run(t.Context()); !errors.Is(err, ErrDeviceLost) {
				t.Errorf("run: %v", err)
			}
			if err := c.Run(t.Context()); !errors.Is(err, ErrDeviceLost) {
				t.Errorf("second run: %v", err)
			}
			if _, err := d.NewBuffer(256, DeviceMemory, "late"); !errors.Is(err, ErrDeviceLost) {
				t.Errorf("buffer: %v", err)
			}
			if err := errors.Join(c.Close(), b.Close(), d.Close()); err != nil {
				t.Errorf("close: %v", err)
			}
			if d.Live() != 0 {
				t.Errorf("%d objects are left: %v", d.Live(), d.LiveByKind())
			}
		})
	}
}

func TestPipelineCache(t *testing.T) {
	openTest(t, nil)
	dir := t.TempDir()
	gives := 0 // bytes of the driver's own data
	compile := func() (read int) {
		t.Helper()
		d := openTest(t, func(o *Options) { o.NoCache, o.CacheDir = false, dir })
		if p, q := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0))), must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0))); p != q {
			t.Error("equal specs gave two pipelines")
		}
		if p, q := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0))), must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(1))); p == q {
			t.Error("different constants gave one pipeline")
		}
		read, gives = d.pipelines.read, len(cacheData(d.vk, d.pipelines.cache))
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		return read
	}
	if n := compile(); n != 0 {
		t.Errorf("%d bytes from an empty folder", n)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if gives < cacheHeader { // so does lavapipe of Mesa 26.2
		if err != nil || len(files) != 0 {
			t.Errorf("the driver gives %d bytes, which is less than a header: they must not be kept, the folder holds %v (%v)", gives, files, err)
		}
		t.Skipf("the driver gives %d bytes of cache data, less than a header: nothing is kept, so nothing is read", gives)
	}
	if err != nil || len(files) != 1 {
		t.Fatalf("the folder holds %v (%v), want one file", files, err)
	}
	if n := compile(); n == 0 {
		t.Error("the file was not used")
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the cache file has %d bytes", len(good))
	good[len(good)-1] ^= 1
	if err := os.WriteFile(files[0], good, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := compile(); n != 0 {
		t.Error("a damaged file was used")
	}
	if n := compile(); n == 0 {
		t.Error("the damaged file was not replaced")
	}
	d := openTest(t, func(o *Options) { o.NoCache, o.CacheDir = false, files[0] }) // a file where a folder should be
	must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
}
