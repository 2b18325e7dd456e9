//go:build cgo

package engine

import (
	"strings"
	"testing"
)

func TestDispatchRefusals(t *testing.T) {
	d := openTest(t, func(o *Options) { o.MaxStorageBufferRange = 1024 })
	other := openTest(t, nil)
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
	foreign := must[*Pipeline](t)(other.Pipeline(t.Context(), affineSpec(0)))
	x := newBuffer(t, d, 4096, DeviceMemory, "x")
	y := newBuffer(t, d, 4096, DeviceMemory, "y")
	z := newBuffer(t, other, 4096, DeviceMemory, "z")
	for _, c := range []struct {
		name   string
		want   string
		change func(x *Dispatch)
	}{
		{"no pipeline", "no pipeline", func(x *Dispatch) { x.Pipeline = nil }},
		{"pipeline of another device", "another device", func(x *Dispatch) { x.Pipeline = foreign }},
		{"too few bindings", "1 bindings, pipeline \"affine\" has 2", func(x *Dispatch) { x.Bindings = x.Bindings[:1] }},
		{"push too short", "11 bytes", func(x *Dispatch) { x.Push = x.Push[:11] }},
		{"no groups", "y must be from 1", func(x *Dispatch) { x.Groups[1] = 0 }},
		{"too many groups", "split the dispatch", func(x *Dispatch) { x.Groups[0] = 1 << 40 }},
		{"no buffer", "binding 0: no buffer", func(x *Dispatch) { x.Bindings[0].Buffer = nil }},
		{"buffer of another device", "another device", func(x *Dispatch) { x.Bindings[1].Buffer = z }},
		{"no access", "access is not stated", func(x *Dispatch) { x.Bindings[0].Access = 0 }},
		{"odd offset", "not a multiple", func(x *Dispatch) { x.Bindings[0].Offset = 1 }},
		{"negative offset", "do not fit", func(x *Dispatch) { x.Bindings[0].Offset = -256 }},
		{"past the end", "do not fit", func(x *Dispatch) { x.Bindings[0].Offset = 4096 - 128 }},
		{"overflow", "do not fit", func(x *Dispatch) { x.Bindings[0].Offset = 1<<63 - 256 }},
		{"no bytes", "do not fit", func(x *Dispatch) { x.Bindings[0].Size = 0 }},
		{"range above the limit", "at most 1024", func(x *Dispatch) { x.Bindings[0].Size = 1028 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dispatch := affine(p, y, x, 1, 0, 64)
			dispatch.Label = "stage0.thing"
			c.change(&dispatch)
			r := must[*Recorder](t)(d.NewRecorder("refused", RecorderOptions{}))
			r.Dispatch(dispatch)
			r.Dispatch(Dispatch{Label: "not reached"})
			_, err := r.Finish()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "stage0.thing") {
				t.Errorf("%v, want %q and the label", err, c.want)
			}
		})
	}
}

func TestRecorderRefusals(t *testing.T) {
	d := openTest(t, nil)
	x := newBuffer(t, d, 4096, DeviceMemory, "x")
	for _, c := range []struct {
		name, want string
		record     func(r *Recorder)
	}{
		{"copy past the end", "copy to", func(r *Recorder) { r.Copy(x, 4000, x, 0, 100) }},
		{"copy from nowhere", "copy from", func(r *Recorder) { r.Copy(x, 0, nil, 0, 100) }},
		{"overlapping copy", "overlap", func(r *Recorder) { r.Copy(x, 0, x, 50, 100) }},
		{"abandoned", "after Finish or Abandon", func(r *Recorder) { r.Abandon(); r.Copy(x, 0, x, 100, 100) }},
		{"finished twice", "finished twice", func(r *Recorder) { r.Abandon() }},
		{"closed buffer", "already closed", func(r *Recorder) {
			b := must[*Buffer](t)(d.NewBuffer(64, DeviceMemory, "b"))
			r.Copy(b, 0, x, 0, 64)
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := must[*Recorder](t)(d.NewRecorder("recording", RecorderOptions{}))
			c.record(r)
			if _, err := r.Finish(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "recording") {
				t.Errorf("%v, want %q and the label", err, c.want)
			}
		})
	}
	for name, s := range map[string]PipelineSpec{
		"not SPIR-V":    {Code: []uint32{1, 2, 3, 4, 5}},
		"no code":       {},
		"odd push":      {Code: words(affineSPV), PushBytes: 3},
		"too much push": {Code: words(affineSPV), PushBytes: 1 << 20},
		"many bindings": {Code: words(affineSPV), Bindings: 1 << 20},
	} {
		if _, err := d.Pipeline(t.Context(), s); err == nil {
			t.Errorf("pipeline: %s: no error", name)
		}
	}
}
