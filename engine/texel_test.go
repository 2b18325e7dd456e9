//go:build cgo

package engine

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	mathbits "math/bits"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/halves.spv
var halvesSPV []byte

func TestTexelBuffer(t *testing.T) {
	d := openTest(t, nil)
	const n = 256
	x := newBuffer(t, d, 4*n, DeviceMemory, "x")
	y := newBuffer(t, d, 4*n, DeviceMemory, "y")
	if err := d.Upload(t.Context(), x, 0, ramp(5, n)); err != nil {
		t.Fatal(err)
	}
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), PipelineSpec{Label: "texel", Code: words(texelSPV), Bindings: 2, Texels: 1}))
	dispatch := Dispatch{Label: "texel", Pipeline: p, Groups: [3]int{n / 64, 1, 1}, Bindings: []Binding{
		{Buffer: x, Size: 4 * n, Access: Read, Texel: 4}, {Buffer: y, Size: 4 * n, Access: Write}}}
	c := record(t, d, RecorderOptions{}, func(r *Recorder) { r.Dispatch(dispatch) })
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4*n)
	if err := d.Download(t.Context(), got, y, 0); err != nil || !bytes.Equal(got, ramp(5, n)) {
		t.Errorf("the texels differ (%v)", err)
	}
	// What one dispatch reads through a view of single floats another writes as a storage buffer.
	floats := dispatch
	floats.Bindings = []Binding{{Buffer: x, Size: 4 * n, Access: Read, Texel: 1}, dispatch.Bindings[1]}
	affineP := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
	c = record(t, d, RecorderOptions{}, func(r *Recorder) {
		r.Dispatch(floats)
		r.Dispatch(affine(affineP, x, y, 0, 7, n))
	})
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Download(t.Context(), got, x, 0); err != nil || floatAt(got, n-1) != 7 {
		t.Errorf("x[%d] is %v (%v), want 7", n-1, floatAt(got, n-1), err)
	}
	testHalfTexels(t, d, dispatch)
	for name, change := range map[string]func(b *Binding){
		"not a texel buffer":   func(b *Binding) { b.Texel = 0 },
		"three floats a texel": func(b *Binding) { b.Texel = 3 },
		"part of a texel":      func(b *Binding) { b.Size = 4*n - 4 },
		"written":              func(b *Binding) { b.Access = ReadWrite },
		"part of a half texel": func(b *Binding) { b.Half, b.Size = true, 4*n-4 },
		"half a word":          func(b *Binding) { b.Half, b.Texel = true, 1 },
	} {
		bad := dispatch
		bad.Bindings = append([]Binding(nil), dispatch.Bindings...)
		change(&bad.Bindings[0])
		r := must[*Recorder](t)(d.NewRecorder(name, RecorderOptions{}))
		r.Dispatch(bad)
		if _, err := r.Finish(); err == nil || !strings.Contains(err.Error(), "binding 0") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testHalfTexels reads the buffers of dispatch again, as half floats: 0, 1, 2, ...
func testHalfTexels(t *testing.T, d *Device, dispatch Dispatch) {
	t.Helper()
	x, y := dispatch.Bindings[0].Buffer, dispatch.Bindings[1].Buffer
	n := int(y.Size() / 4)
	var half []byte
	for i := range n { // whole numbers from 1 to 255 as half floats, without a subnormal in sight
		word := uint16(0)
		if i > 0 {
			exponent := mathbits.Len(uint(i)) - 1
			word = uint16(15+exponent)<<10 | uint16(i<<(10-exponent))&0x3ff
		}
		half = binary.LittleEndian.AppendUint16(half, word)
	}
	if err := d.Upload(t.Context(), x, 0, half); err != nil {
		t.Fatal(err)
	}
	dispatch.Bindings = slices.Clone(dispatch.Bindings)
	dispatch.Bindings[1].Half = true
	refused := must[*Recorder](t)(d.NewRecorder("refused", RecorderOptions{}))
	refused.Dispatch(dispatch)
	if _, err := refused.Finish(); err == nil || !strings.Contains(err.Error(), "half floats are for texel buffers") {
		t.Errorf("a storage buffer of half floats: %v", err)
	}
	dispatch.Bindings[1].Half = false
	dispatch.Bindings[0].Half, dispatch.Bindings[0].Size = true, int64(len(half))
	dispatch.Pipeline = must[*Pipeline](t)(d.Pipeline(t.Context(), PipelineSpec{Label: "halves", Code: words(halvesSPV), Bindings: 2, Texels: 1}))
	c := record(t, d, RecorderOptions{}, func(r *Recorder) { r.Dispatch(dispatch) })
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4*n)
	if err := d.Download(t.Context(), got, y, 0); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if floatAt(got, i) != float32(i) {
			t.Fatalf("float %d is %v, want %v", i, floatAt(got, i), float32(i))
		}
	}
}
