package graph

import "fmt"

// The windows of a Swin backbone.

// whole checks that a map is made of whole windows.
func whole(height, width, window int) error {
	if window < 1 || height < window || width < window || height%window != 0 || width%window != 0 {
		return fmt.Errorf("%w: a map of %d x %d is not made of whole windows of %d", ErrShape, height, width, window)
	}
	return nil
}

// WindowPartition cuts a map into windows: [B, H, W, C] -> [B*nW, n, C], with
// windows in row order inside each picture and tokens in row order inside each
// window. H and W must be multiples of Size.
type WindowPartition struct{ Size int }

// Kind implements [Op].
func (WindowPartition) Kind() string { return "windowpartition" }

func (o WindowPartition) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	x, w := in[0], o.Size
	if err := whole(x[1], x[2], w); err != nil {
		return nil, err
	}
	return Shape{x[0] * (x[1] / w) * (x[2] / w), w * w, x[3]}, nil
}

// WindowPartition records [WindowPartition].
func (b *Builder) WindowPartition(x Value, size int) Value { return b.add(WindowPartition{size}, x) }

// WindowReverse is the inverse of WindowPartition: [B*nW, n, C] -> [B, Height, Width, C].
type WindowReverse struct{ Size, Height, Width int }

// Kind implements [Op].
func (WindowReverse) Kind() string { return "windowreverse" }

func (o WindowReverse) infer(in []Shape) (Shape, error) {
	if err := ranked(in[0], 3, "[B*nW, n, C]"); err != nil {
		return nil, err
	}
	x, w := in[0], o.Size
	if err := whole(o.Height, o.Width, w); err != nil {
		return nil, err
	}
	nW := (o.Height / w) * (o.Width / w)
	if x[1] != w*w || x[0]%nW != 0 {
		return refuse("windows %v do not fill maps of %d x %d with windows of %d", x, o.Height, o.Width, w)
	}
	return Shape{x[0] / nW, o.Height, o.Width, x[2]}, nil
}

// WindowReverse records [WindowReverse].
func (b *Builder) WindowReverse(x Value, o WindowReverse) Value { return b.add(o, x) }

// Roll is the cyclic shift out[y, x] = in[(y+Down) mod H, (x+Right) mod W] of
// [B, H, W, C]: content moves up and left for positive amounts
// (torch.roll with shifts (-Down, -Right)).
type Roll struct{ Down, Right int }

// Kind implements [Op].
func (Roll) Kind() string { return "roll" }

func (o Roll) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	if o.Down <= -in[0][1] || o.Down >= in[0][1] || o.Right <= -in[0][2] || o.Right >= in[0][2] {
		return refuse("rolling %v by (%d, %d), want less than one turn", in[0], o.Down, o.Right)
	}
	return in[0], nil
}

// Roll records [Roll].
func (b *Builder) Roll(x Value, down, right int) Value { return b.add(Roll{down, right}, x) }

// PositionBias gathers the relative position bias of a window of side Window:
// table [(2w-1)², h] -> [h, n, n], entry (h, i, j) being the table's row
// (yi-yj+w-1)*(2w-1) + xi-xj+w-1 for query i at (yi, xi) and key j at (yj, xj).
type PositionBias struct{ Window int }

// Kind implements [Op].
func (PositionBias) Kind() string { return "positionbias" }

func (o PositionBias) infer(in []Shape) (Shape, error) {
	if err := ranked(in[0], 2, "[(2w-1)², h]"); err != nil {
		return nil, err
	}
	w := o.Window
	if w < 1 || in[0][0] != (2*w-1)*(2*w-1) {
		return refuse("table %v, want [%d, h] for window %d", in[0], (2*w-1)*(2*w-1), w)
	}
	return Shape{in[0][1], w * w, w * w}, nil
}

// PositionBias records [PositionBias].
func (b *Builder) PositionBias(table Value, window int) Value {
	return b.add(PositionBias{window}, table)
}

// ShiftMask is the constant added to attention scores of shifted windows:
// [nW, 1, n, n] for a map of Height x Width (multiples of Size, already rolled
// by Shift), 0 where two tokens of a window were neighbours before the roll and
// -100 where the roll brought them together. (The original's docstring says
// minus infinity; its code says -100.)
type ShiftMask struct{ Height, Width, Size, Shift int }

// Kind implements [Op].
func (ShiftMask) Kind() string { return "shiftmask" }

func (ShiftMask) takes() (least, most int) { return 0, 0 }
func (o ShiftMask) infer(in []Shape) (Shape, error) {
	w := o.Size
	if err := whole(o.Height, o.Width, w); err != nil {
		return nil, err
	}
	if o.Shift < 1 || o.Shift >= w {
		return refuse("shift %d, want 1 to %d", o.Shift, w-1)
	}
	return Shape{(o.Height / w) * (o.Width / w), 1, w * w, w * w}, nil
}

// ShiftMask records [ShiftMask].
func (b *Builder) ShiftMask(o ShiftMask) Value { return b.add(o) }
