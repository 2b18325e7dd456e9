package loader

import (
	"math"
	"testing"
)

// TestRoundBrain: every bfloat16 keeps its bits; between neighbours the nearest is taken, of a tie the even one.
func TestRoundBrain(t *testing.T) {
	widen := func(b uint32) float32 { return math.Float32frombits(b << 16) }
	for b := range uint32(1 << 16) {
		if got, x := roundBrain(widen(b)), widen(b); uint32(got) != b && x == x {
			t.Fatalf("%04x becomes %04x", b, got)
		}
		if x := widen(b); x != x {
			if got := widen(uint32(roundBrain(x))); got == got {
				t.Fatalf("NaN %04x becomes %v", b, got)
			}
			continue
		}
		if b&0x7fff >= brainInf {
			continue
		}
		for low, want := range map[uint32]uint32{1: b, 0x7fff: b, 0x8000: b + b&1, 0x8001: b + 1, 0xffff: b + 1} {
			if got := roundBrain(math.Float32frombits(b<<16 | low)); uint32(got) != want {
				t.Fatalf("%08x becomes %04x, want %04x", b<<16|low, got, want)
			}
		}
	}
	if got := roundBrain(math.MaxFloat32); got != brainInf {
		t.Errorf("the largest float32 becomes %04x", got)
	}
	if got := roundBrain(math.Float32frombits(0x7f800001)); got&0x7fff <= brainInf {
		t.Errorf("NaN with a small payload becomes %04x", got)
	}
}
