package graph

import "cmp"

// The windows of a Swin backbone.

// whole checks that a map is made of whole windows.
func whole(height, width, window int) error {
	return must(window >= 1 && height >= window && width >= window && height%window == 0 && width%window == 0,
		"a map of %d x %d is not made of whole windows of %d", height, width, window)
}

// WindowPartition cuts a map into windows: [B, H, W, C] -> [B*nW, n, C], with
// windows in row order inside each picture and tokens in row order inside each
// window. H and W must be multiples of Size.
type WindowPartition struct{ Size int }

func (WindowPartition) takes(int) []string                { return []string{"BHWC"} }
func (o WindowPartition) valid(_ []Shape, s *sizes) error { return whole(s['H'], s['W'], o.Size) }

func (o WindowPartition) infer(_ []Shape, s *sizes) Shape {
	w := o.Size
	return Shape{s['B'] * (s['H'] / w) * (s['W'] / w), w * w, s['C']}
}

// WindowPartition records [WindowPartition].
func (b *Builder) WindowPartition(x Value, size int) Value { return b.Record(WindowPartition{size}, x) }

// WindowReverse is the inverse of WindowPartition: [B*nW, n, C] -> [B, Height, Width, C].
type WindowReverse struct{ Size, Height, Width int }

func (WindowReverse) takes(int) []string { return []string{"NnC"} }

func (o WindowReverse) valid(in []Shape, s *sizes) error {
	if err := whole(o.Height, o.Width, o.Size); err != nil {
		return err
	}
	return must(s['n'] == o.Size*o.Size && s['N']%o.windows() == 0, "windows %v do not fill maps of %d x %d with windows of %d", in[0], o.Height, o.Width, o.Size)
}

func (o WindowReverse) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['N'] / o.windows(), o.Height, o.Width, s['C']}
}

// windows of a map.
func (o WindowReverse) windows() int { return (o.Height / o.Size) * (o.Width / o.Size) }

// WindowReverse records [WindowReverse].
func (b *Builder) WindowReverse(x Value, o WindowReverse) Value { return b.Record(o, x) }

// Roll is the cyclic shift out[y, x] = in[(y+Down) mod H, (x+Right) mod W] of
// [B, H, W, C]: content moves up and left for positive amounts
// (torch.roll with shifts (-Down, -Right)).
type Roll struct{ Down, Right int }

func (Roll) takes(int) []string { return []string{"BHWC"} }

func (o Roll) valid(in []Shape, s *sizes) error {
	h, w := s['H'], s['W']
	return must(max(o.Down, -o.Down) < h && max(o.Right, -o.Right) < w, "rolling %v by (%d, %d), want less than one turn", in[0], o.Down, o.Right)
}

func (Roll) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Roll records [Roll].
func (b *Builder) Roll(x Value, down, right int) Value { return b.Record(Roll{down, right}, x) }

// PositionBias gathers the relative position bias of a window of side Window:
// table [(2w-1)², h] -> [h, n, n], entry (h, i, j) being the table's row
// (yi-yj+w-1)*(2w-1) + xi-xj+w-1 for query i at (yi, xi) and key j at (yj, xj).
type PositionBias struct{ Window int }

func (PositionBias) takes(int) []string { return []string{"Lh"} }

func (o PositionBias) valid(in []Shape, s *sizes) error {
	side := 2*o.Window - 1
	return must(o.Window >= 1 && s['L'] == side*side, "table %v, want [%d, h] for window %d", in[0], side*side, o.Window)
}

func (o PositionBias) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['h'], o.Window * o.Window, o.Window * o.Window}
}

// PositionBias records [PositionBias].
func (b *Builder) PositionBias(table Value, window int) Value {
	return b.Record(PositionBias{window}, table)
}

// ShiftMask is the constant added to attention scores of shifted windows:
// [nW, 1, n, n] for a map of Height x Width (multiples of Size, already rolled
// by Shift), 0 where two tokens of a window were neighbours before the roll and
// -100 where the roll brought them together. (The original's docstring says
// minus infinity; its code says -100.)
type ShiftMask struct{ Height, Width, Size, Shift int }

func (ShiftMask) takes(int) []string { return nil }

func (o ShiftMask) valid([]Shape, *sizes) error {
	return cmp.Or(whole(o.Height, o.Width, o.Size), must(o.Shift >= 1 && o.Shift < o.Size, "shift %d, want 1 to %d", o.Shift, o.Size-1))
}

func (o ShiftMask) infer([]Shape, *sizes) Shape {
	w := o.Size
	return Shape{(o.Height / w) * (o.Width / w), 1, w * w, w * w}
}

// ShiftMask records [ShiftMask].
func (b *Builder) ShiftMask(o ShiftMask) Value { return b.Record(o) }
