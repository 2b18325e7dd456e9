package graph

// Op is one kind of operation with its attributes. The set is closed: only this
// package defines operations, so that every executor can be tested to know all of
// them (see [Kinds]).
type Op interface {
	// Kind is the operation's stem in lower case: the name of its shader, its
	// oracle, its tests and its benchmark.
	Kind() string
	// infer gives the output shape or an error that says which rule was broken.
	infer(in []Shape) (Shape, error)
}

// Input is a value given at run time. Its shape is stated when it is recorded.
type Input struct{ shape Shape }

// Param is a weight, named by its path, which is the canonical checkpoint key.
// Bytes are supplied by whoever executes the graph.
type Param struct{ shape Shape }

// Patches cuts a picture into square patches (the gather of a convolution whose
// stride equals its kernel, nn.Unfold): [B, c, H, W] -> [B, ceil(H/s), ceil(W/s), c*s*s].
// Element (channel*s + ky)*s + kx of a patch is the pixel ky rows and kx columns
// inside it; beyond the right and bottom edge pixels are 0.
type Patches struct{ Size int }

// Linear is y = x Wᵀ + b (nn.Linear): x [..., K], W [N, K...] whose trailing
// sizes multiply to K, optional b [N] -> [..., N].
type Linear struct{}

// LayerNorm is (x - mean) / sqrt(variance + Eps) * weight + bias over the last
// axis, variance divided by C and not C-1 (nn.LayerNorm): x [..., C], weight [C], bias [C].
type LayerNorm struct{ Eps float64 }

// GELU is x * (1 + erf(x/sqrt 2)) / 2, element by element (nn.GELU, not its tanh form).
type GELU struct{}

// Add is a + b. The second operand is tiled over the first: aligned at the last
// axis, b's coordinate is a's coordinate modulo b's size, and every size of b
// must divide that of a. So [B*nW, h, n, n] + [nW, 1, n, n] adds each window's
// own mask to all pictures and heads, and equal shapes add plainly.
type Add struct{}

// Pad appends zero rows below and zero columns to the right:
// [B, H, W, C] -> [B, Height, Width, C].
type Pad struct{ Height, Width int }

// Crop keeps the top left corner: [B, H, W, C] -> [B, Height, Width, C].
type Crop struct{ Height, Width int }

// Roll is the cyclic shift out[y, x] = in[(y+Down) mod H, (x+Right) mod W] of
// [B, H, W, C]: content moves up and left for positive amounts
// (torch.roll with shifts (-Down, -Right)).
type Roll struct{ Down, Right int }

// WindowPartition cuts a map into windows: [B, H, W, C] -> [B*nW, n, C], with
// windows in row order inside each picture and tokens in row order inside each
// window. H and W must be multiples of Size.
type WindowPartition struct{ Size int }

// WindowReverse is the inverse of WindowPartition: [B*nW, n, C] -> [B, Height, Width, C].
type WindowReverse struct{ Size, Height, Width int }

// Scores is (q * Scale) kᵀ of each head: qkv [G, n, 3C], whose channel is
// which*C + head*d + e with which in (q, k, v) -> [G, h, n, n], query before key.
type Scores struct {
	Heads int
	Scale float64
}

// PositionBias gathers the relative position bias of a window of side Window:
// table [(2w-1)², h] -> [h, n, n], entry (h, i, j) being the table's row
// (yi-yj+w-1)*(2w-1) + xi-xj+w-1 for query i at (yi, xi) and key j at (yj, xj).
type PositionBias struct{ Window int }

// ShiftMask is the constant added to attention scores of shifted windows:
// [nW, 1, n, n] for a map of Height x Width (multiples of Size, already rolled
// by Shift), 0 where two tokens of a window were neighbours before the roll and
// -100 where the roll brought them together. (The original's docstring says
// minus infinity; its code says -100.)
type ShiftMask struct{ Height, Width, Size, Shift int }

// Softmax is exp(x - max) / sum over the last axis.
type Softmax struct{}

// Context is the attention's weighted sum of values with heads joined:
// probabilities [G, h, n, n], qkv [G, n, 3C] -> [G, n, C].
type Context struct{ Heads int }

// MergePatches gathers 2 x 2 neighbours: [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), 4C].
// Channel 4c + 2ky + kx is channel c of the neighbour ky rows and kx columns
// away (nn.Unfold order, as mmpretrain has it); neighbours outside the map are 0.
type MergePatches struct{}

// ResizePosition resizes a square position embedding bicubically (A = -0.75,
// half-pixel centres, no antialiasing, taps clamped):
// [1, L, C] with L a square -> [1, Height, Width, C].
type ResizePosition struct{ Height, Width int }

// ChannelsFirst changes the layout: [B, H, W, C] -> [B, C, H, W].
type ChannelsFirst struct{}

// Kinds lists one value of every operation that computes something, in the order
// of the files. Tests walk it to require an oracle and a lowering for each.
func Kinds() []Op {
	return append([]Op{
		Patches{}, Linear{}, LayerNorm{}, GELU{}, Add{}, Pad{}, Crop{}, Roll{},
		WindowPartition{}, WindowReverse{}, Scores{}, PositionBias{}, ShiftMask{},
		Softmax{}, Context{}, MergePatches{}, ResizePosition{}, ChannelsFirst{},
	}, detectorKinds()...)
}

// Kind implements [Op].
func (Input) Kind() string { return "input" }

// Kind implements [Op].
func (Param) Kind() string { return "param" }

// Kind implements [Op].
func (Patches) Kind() string { return "patches" }

// Kind implements [Op].
func (Linear) Kind() string { return "linear" }

// Kind implements [Op].
func (LayerNorm) Kind() string { return "layernorm" }

// Kind implements [Op].
func (GELU) Kind() string { return "gelu" }

// Kind implements [Op].
func (Add) Kind() string { return "add" }

// Kind implements [Op].
func (Pad) Kind() string { return "pad" }

// Kind implements [Op].
func (Crop) Kind() string { return "crop" }

// Kind implements [Op].
func (Roll) Kind() string { return "roll" }

// Kind implements [Op].
func (WindowPartition) Kind() string { return "windowpartition" }

// Kind implements [Op].
func (WindowReverse) Kind() string { return "windowreverse" }

// Kind implements [Op].
func (Scores) Kind() string { return "scores" }

// Kind implements [Op].
func (PositionBias) Kind() string { return "positionbias" }

// Kind implements [Op].
func (ShiftMask) Kind() string { return "shiftmask" }

// Kind implements [Op].
func (Softmax) Kind() string { return "softmax" }

// Kind implements [Op].
func (Context) Kind() string { return "context" }

// Kind implements [Op].
func (MergePatches) Kind() string { return "mergepatches" }

// Kind implements [Op].
func (ResizePosition) Kind() string { return "resizeposition" }

// Kind implements [Op].
func (ChannelsFirst) Kind() string { return "channelsfirst" }
