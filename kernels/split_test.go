package kernels

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// covers requires spans to be 0..n-1 in order, none empty.
func covers(t *testing.T, list []span, n int) {
	t.Helper()
	at := 0
	for _, s := range list {
		if s.begin != at || s.end <= s.begin {
			t.Fatalf("%v does not cover 0..%d once in order", list, n)
		}
		at = s.end
	}
	if at != n {
		t.Fatalf("%v does not cover 0..%d", list, n)
	}
}

func TestSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 3000 {
		l := &lowerer{limit: 64 + rng.Int64N(1<<16), align: int64(16) << rng.IntN(5)}
		n, most := 1+rng.IntN(300), rng.IntN(50)
		bytes := []int64{4 * (1 + rng.Int64N(3000)), 4 * (1 + rng.Int64N(300))}
		list := l.spans(n, most, bytes...)
		if l.err != nil {
			refused++
			if !errors.Is(l.err, engine.ErrUnsupported) || list != nil {
				t.Fatal(list, l.err)
			}
			continue
		}
		covers(t, list, n)
		for _, s := range list {
			if most > 0 && s.units() > most {
				t.Fatalf("%v is more than %d units", s, most)
			}
			for _, b := range bytes {
				if int64(s.begin)*b%l.align != 0 || int64(s.units())*b > l.limit {
					t.Fatalf("%v of %d bytes each: begin not at %d, or longer than %d", s, b, l.align, l.limit)
				}
			}
		}
	}
	if refused == 0 || refused > 2700 {
		t.Errorf("%d of 3000 were refused", refused)
	}
}

func TestSpansEdges(t *testing.T) {
	l := &lowerer{limit: 1024, align: 16}
	for _, c := range []struct{ n, most, want int }{{1, 0, 1}, {63, 0, 1}, {64, 0, 1}, {65, 0, 2}, {128, 0, 2}, {129, 0, 3}, {64, 8, 8}, {1, 1, 1}} {
		list := l.spans(c.n, c.most, 16)
		if l.err != nil || len(list) != c.want {
			t.Errorf("%d units, at most %d: %v, %v; want %d spans", c.n, c.most, list, l.err, c.want)
		}
	}
	l.spans(2, 0, 1028)
	l.spans(2, 0, 2000) // the first mistake is kept
	if err := l.err; err == nil || !strings.Contains(err.Error(), "1028") || !strings.Contains(err.Error(), "1024") {
		t.Errorf("the error does not name the sizes: %v", err)
	}
}

func TestBands(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	refused := 0
	for range 2000 {
		l := &lowerer{limit: 256 + rng.Int64N(1<<14), align: int64(16) << rng.IntN(5)}
		n := 1 + rng.IntN(60)
		outBytes, inBytes := 4*(1+rng.Int64N(200)), 4*(1+rng.Int64N(50))
		firsts, lengths := make([]int, n), make([]int, n)
		for i := range firsts {
			firsts[i] = i*3 + rng.IntN(4)
			lengths[i] = rng.IntN(8) // sometimes nothing
		}
		reads := func(i int) (int, int) {
			if lengths[i] == 0 {
				return 0, 0
			}
			return firsts[i], firsts[i] + lengths[i]
		}
		list := l.bands(n, outBytes, inBytes, reads)
		if l.err != nil {
			refused++
			if !errors.Is(l.err, engine.ErrUnsupported) || !strings.Contains(l.err.Error(), "bytes") || list != nil {
				t.Fatal(list, l.err)
			}
			continue
		}
		var outs []span
		for _, b := range list {
			outs = append(outs, b.out)
			if int64(b.out.begin)*outBytes%l.align != 0 || int64(b.in.begin)*inBytes%l.align != 0 ||
				int64(b.out.units())*outBytes > l.limit || int64(b.in.units())*inBytes > l.limit {
				t.Fatalf("%+v: not aligned to %d or longer than %d", b, l.align, l.limit)
			}
			for i := b.out.begin; i < b.out.end; i++ {
				if first, last := reads(i); last > first && (first < b.in.begin || last > b.in.end) {
					t.Fatalf("%+v: unit %d reads %d to %d", b, i, first, last)
				}
			}
		}
		covers(t, outs, n)
	}
	if refused > 1900 {
		t.Errorf("%d of 2000 were refused", refused)
	}
}

func TestFold(t *testing.T) {
	l := &lowerer{caps: engine.Caps{MaxWorkgroups: [3]int{65535, 65535, 65535}}}
	for _, n := range []int{1, 2, 65534, 65535, 65536, 131070, 131071, 1 << 24, 65535 * 65535} {
		g := l.fold(n)
		if l.err != nil || g[0]*g[1]*g[2] < n || g[0] > 65535 || g[1] > 65535 || g[0]*(g[1]-1) >= n {
			t.Errorf("%d groups: %v, %v", n, g, l.err)
		}
	}
	if l.fold(65535*65535 + 1); !errors.Is(l.err, engine.ErrUnsupported) || !strings.Contains(l.err.Error(), "65535") {
		t.Errorf("too many groups: %v", l.err)
	}
}

func TestCeilDiv(t *testing.T) {
	for _, c := range [][3]int{{0, 4, 0}, {1, 4, 1}, {3, 4, 1}, {4, 4, 1}, {5, 4, 2}, {8, 4, 2}} {
		if got := ceilDiv(c[0], c[1]); got != c[2] {
			t.Errorf("ceilDiv(%d, %d) = %d", c[0], c[1], got)
		}
	}
}

// TestGrids holds elementwise and row grids to their tiles' edges.
func TestGrids(t *testing.T) {
	l := &lowerer{caps: engine.Caps{MaxWorkgroups: [3]int{65535, 65535, 65535}}, style: Style{Group: 64, Lanes: 32}}
	for _, c := range [][2]int{{1, 1}, {255, 1}, {256, 1}, {257, 2}, {512, 2}} {
		if g := l.elementwise(c[0]); l.err != nil || g != [3]int{c[1], 1, 1} {
			t.Errorf("%d elements: %v, %v", c[0], g, l.err)
		}
	}
	for _, c := range [][2]int{{1, 1}, {2, 1}, {3, 2}, {131070, 65535}} {
		if g := l.rowGroups(c[0]); l.err != nil || g != [3]int{c[1], 1, 1} {
			t.Errorf("%d rows: %v, %v", c[0], g, l.err)
		}
	}
}

// TestFour compares tiling over four axes with tiling over all of them.
func TestFour(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		rank := 1 + rng.IntN(4)
		a, b := make(graph.Shape, rank), make(graph.Shape, 1+rng.IntN(rank))
		for i := range a {
			a[i] = []int{1, 2, 3, 4, 6}[rng.IntN(5)]
		}
		for i := range b {
			b[i] = 1
			if d := a[rank-len(b)+i]; rng.IntN(2) == 0 {
				b[i] = d
			} else if d%2 == 0 {
				b[i] = d / 2
			}
		}
		a4, b4, err := four(a, b)
		if err != nil {
			t.Fatalf("%v + %v: %v", a, b, err)
		}
		if n := a4[0] * a4[1] * a4[2] * a4[3]; n != a.Elements() || b4[0]*b4[1]*b4[2]*b4[3] != b.Elements() {
			t.Fatalf("%v + %v became %v + %v", a, b, a4, b4)
		}
		for e := range a.Elements() {
			if got, want := tiledElement(e, a4[:], b4[:]), tiledElement(e, a, b); got != want {
				t.Fatalf("%v + %v as %v + %v: element %d takes %d, want %d", a, b, a4, b4, e, got, want)
			}
		}
	}
}

// tiledElement is the element of b that is added to element e of a.
func tiledElement(e int, a, b []int) int {
	at, stride := 0, 1
	for i := range a {
		d := a[len(a)-1-i]
		if i < len(b) {
			at += e % d % b[len(b)-1-i] * stride
			stride *= b[len(b)-1-i]
		}
		e /= d
	}
	return at
}
