//go:build cgo

package engine

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

//go:embed testdata/address.spv
var addressSPV []byte

func addressSpec() PipelineSpec {
	return PipelineSpec{Label: "address", Code: words(addressSPV), Bindings: 2, Addressed: true, PushBytes: 24}
}

// TestAddressed: a chain of dispatches that find their buffers by address computes the
// right thing, with the barriers that their bindings ask for.
func TestAddressed(t *testing.T) {
	d := openTest(t, nil)
	if !d.Info().Caps.BufferAddress {
		if _, err := d.Pipeline(t.Context(), addressSpec()); !errors.Is(err, ErrUnsupported) {
			t.Errorf("a device without addresses: %v", err)
		}
		t.Skip("the device gives buffers no addresses")
	}
	const n = 1000
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), addressSpec()))
	x := newBuffer(t, d, 3*4096, DeviceMemory, "x")
	if err := d.Upload(t.Context(), x, 0, ramp(1, n)); err != nil {
		t.Fatal(err)
	}
	push := make([]byte, 24)
	binary.LittleEndian.PutUint32(push[16:], n)
	step := func(from, to int64) Dispatch {
		return Dispatch{Label: "double", Pipeline: p, Push: push, Groups: [3]int{(n + 63) / 64, 1, 1},
			Bindings: []Binding{{Buffer: x, Offset: from, Size: 4 * n, Access: Read}, {Buffer: x, Offset: to, Size: 4 * n, Access: Write}}}
	}
	r := must[*Recorder](t)(d.NewRecorder("addresses", RecorderOptions{}))
	r.Dispatch(step(0, 4096))
	r.Dispatch(step(4096, 8192))
	c := must[*Commands](t)(r.Finish())
	closing(t, c)
	if c.Barriers() != 1 {
		t.Errorf("%d barriers, want 1", c.Barriers())
	}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4*n)
	if err := d.Download(t.Context(), got, x, 8192); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if v := floatAt(got, i); v != 4*float32(i+1) {
			t.Fatalf("element %d is %v, want %v", i, v, 4*(i+1))
		}
	}
}

// TestAddressedRefusals: addresses that do not fit the push constants, or are not aligned.
func TestAddressedRefusals(t *testing.T) {
	d := openTest(t, nil)
	if !d.Info().Caps.BufferAddress {
		t.Skip("the device gives buffers no addresses")
	}
	small := addressSpec()
	small.PushBytes = 12
	if _, err := d.Pipeline(t.Context(), small); err == nil || !strings.Contains(err.Error(), "addresses") {
		t.Errorf("12 bytes for two addresses: %v", err)
	}
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), addressSpec()))
	x := newBuffer(t, d, 4096, DeviceMemory, "x")
	r := must[*Recorder](t)(d.NewRecorder("odd", RecorderOptions{}))
	r.Dispatch(Dispatch{Label: "odd", Pipeline: p, Push: make([]byte, 24), Groups: [3]int{1, 1, 1},
		Bindings: []Binding{{Buffer: x, Offset: 4, Size: 4, Access: Read}, {Buffer: x, Offset: 1024, Size: 4, Access: Write}}})
	if _, err := r.Finish(); err == nil || !strings.Contains(err.Error(), "multiple of 16") {
		t.Errorf("offset 4: %v", err)
	}
}
