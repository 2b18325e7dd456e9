package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// span is the units begin..end-1 of an operation's outer axis.
type span struct{ begin, end int }

func (s span) units() int { return s.end - s.begin }

// spans cuts units 0..n-1 so that each operand's part fits one binding and begins at
// a multiple of the device's alignment: perUnit lists the bytes by which each operand
// moves on with one unit. At most most units go into a span, if most is not 0.
// Everything that fits at once stays one span.
func (l *lowerer) spans(n, most int, perUnit ...int64) []span {
	return l.cut(l.limit, n, most, perUnit)
}

// earlySpans leave room for each part to begin early, by less than the alignment.
func (l *lowerer) earlySpans(n, most int, perUnit ...int64) []span {
	return l.cut(l.limit-l.align, n, most, perUnit)
}

func (l *lowerer) cut(limit int64, n, most int, perUnit []int64) []span {
	size := n
	if most > 0 {
		size = min(size, most)
	}
	for _, bytes := range perUnit {
		size = min(size, int(limit/bytes))
	}
	if size >= n {
		return []span{{0, n}}
	}
	granule := 1 // units whose bytes are a multiple of the alignment for every operand
	for _, bytes := range perUnit {
		granule = lcm(granule, int(l.align/gcd(l.align, bytes)))
	}
	if size = size / granule * granule; size == 0 {
		l.fail("one part of the operation (%d units of %v bytes) does not fit a binding of %d bytes: %w", granule, perUnit, limit, engine.ErrUnsupported)
		return nil
	}
	var list []span
	for at := 0; at < n; at += size {
		list = append(list, span{at, min(at+size, n)})
	}
	return list
}

// bands cuts an operation whose outer units read input ranges that do not simply move
// along: reads gives the input units [first, last) of output unit i. A band covers as
// many output units as fit one binding on both sides.
func (l *lowerer) bands(n int, outBytes, inBytes int64, reads func(i int) (first, last int)) []band {
	granule := lcm(1, int(l.align/gcd(l.align, outBytes)))
	inGranule := int(l.align / gcd(l.align, inBytes))
	var list []band
	for at := 0; at < n; {
		var b band
		for end := at + granule; ; end += granule {
			end = min(end, n)
			next := band{out: span{at, end}, in: b.in}
			for i := max(at, b.out.end); i < end; i++ {
				first, last := reads(i)
				first -= first % inGranule
				if next.in.units() == 0 {
					next.in = span{first, last}
				} else if last > first {
					next.in = span{min(next.in.begin, first), max(next.in.end, last)}
				}
			}
			if int64(next.out.units())*outBytes > l.limit || int64(next.in.units())*inBytes > l.limit {
				break
			}
			b = next
			if end == n {
				break
			}
		}
		if b.out.units() == 0 {
			l.fail("one row of the operation (%d bytes written, from %d bytes a row) does not fit a binding of %d bytes: %w",
				int64(granule)*outBytes, inBytes, l.limit, engine.ErrUnsupported)
			return nil
		}
		list = append(list, b)
		at = b.out.end
	}
	return list
}

// band is a run of output units and the input units that they read.
type band struct{ out, in span }

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func lcm(a, b int) int { return a / int(gcd(int64(a), int64(b))) * b }

// fold spreads groups over two axes, because one axis may be limited to 65535.
func (l *lowerer) fold(groups int) [3]int {
	most := l.caps.MaxWorkgroups
	x := min(groups, most[0])
	y := (groups + x - 1) / x
	if y > most[1] {
		l.fail("%d workgroups are more than the device's %d x %d: %w", groups, most[0], most[1], engine.ErrUnsupported)
	}
	return [3]int{x, y, 1}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// aligned moves an operand's beginning, where a picture of odd size begins, down to the
// device's alignment and returns the elements by which it moved.
func (l *lowerer) aligned(o *operand) uint32 {
	over := o.offset % l.align
	o.offset -= over
	o.bytes += over
	return uint32(over / 4)
}

// part is the operand of some elements of a value, and by how many
// vectors of its width it is bound early because of the device's alignment.
func (l *lowerer) part(id graph.ID, width int, elements span, access engine.Access) (operand, uint32) {
	o := l.operand(id, width, elements.begin, elements.units(), access)
	early := l.aligned(&o)
	return o, early / uint32(width)
}
