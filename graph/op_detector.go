package graph

import "fmt"

// The operations of GLIP's detector beyond its backbone. Maps are [B, H, W, C] here
// too; S is the number of positions of all levels, T of tokens, L of labels.

// Conv is a convolution with zero padding (nn.Conv2d): x [B, H, W, C], weight
// [N, C, k, k], optional bias [N] -> [B, Ho, Wo, N], Ho = (H + 2 Pad - k)/Stride + 1.
type Conv struct{ Stride, Pad int }

// DeformConv is a modulated deformable convolution, one deformable group, dilation 1
// (deform_conv_cuda of microsoft/GLIP, csrc/cuda/deform_conv_kernel_cuda.cu): x
// [B, H, W, C], om [B, Hm, Wm, 3k²], weight [N, C, k, k], bias [N] -> [B, Ho, Wo, N].
//
// Tap t = ki*k + kj of output (y, x) samples at
//
//	py = y*Stride - Pad + ki + dy,  px = x*Stride - Pad + kj + dx
//
// 0 if py <= -1, px <= -1, py >= H or px >= W, else bilinearly, corners outside the map
// being 0; the sample is multiplied by the tap's mask.
//
// Offsets and masks are read as the original's kernel reads them: with the strides of
// the output, from the flat memory of the channels-first [2k², Hm, Wm] and [k², Hm, Wm].
// Element f of the offsets is channel f/(Hm*Wm), position f mod (Hm*Wm) of om, and
//
//	dy = offsets[2t*Ho*Wo + y*Wo + x],  dx = offsets[(2t+1)*Ho*Wo + y*Wo + x]
//
// masks likewise, from channel 2k² of om on. Where the map of om has the output's size,
// that is plainly channel 2t, 2t+1 and 2k²+t at (y, x). Where it is larger, as in the
// branch of DyConv that convolves the coarser level, it is not; the published weights
// were trained so. An om that has fewer positions than the output is refused.
type DeformConv struct{ Stride, Pad int }

// Sigmoid is 1/(1 + exp(-x)) of the channels (last axis) from From on; those before pass.
type Sigmoid struct{ From int }

// GroupNorm is (x - mean) / sqrt(variance + Eps) * weight + bias with mean and biased
// variance over the map and the C/Groups neighbouring channels of a group
// (nn.GroupNorm): x [B, H, W, C], weight [C], bias [C].
type GroupNorm struct {
	Groups int
	Eps    float64
}

// ResizeNearest is out[y, x] = in[floor(y*H/Height), floor(x*W/Width)]
// (F.interpolate, mode nearest): [B, H, W, C] -> [B, Height, Width, C].
type ResizeNearest struct{ Height, Width int }

// ResizeBilinear interpolates with the corners aligned (F.upsample_bilinear): source
// y*(H-1)/(Height-1), 0 where Height is 1: [B, H, W, C] -> [B, Height, Width, C].
type ResizeBilinear struct{ Height, Width int }

// ReLU is max(x, 0).
type ReLU struct{}

// HardSigmoid is clamp(x + 3, 0, 6) / 6 (h_sigmoid of maskrcnn_benchmark/layers/dyrelu.py).
type HardSigmoid struct{}

// GlobalMean is the mean over a map (AdaptiveAvgPool2d(1)): [B, H, W, C] -> [B, C].
type GlobalMean struct{}

// WeightedMean is the sum of gate*map over the branches, divided by their number:
// operands map, gate, map, gate, ..., maps [B, H, W, C], gates [B, 1] -> [B, H, W, C].
type WeightedMean struct{}

// DynamicReLU is max(x*A1 + B1, x*A2 + B2) per channel with coefficients from t, four
// blocks of C, a1, b1, a2, b2, each in [0, 1] (DYReLU, maskrcnn_benchmark/layers/dyrelu.py):
// A1 = 2(a1 - 0.5) + 1, B1 = b1 - 0.5, A2 = 2(a2 - 0.5), B2 = b2 - 0.5.
// x [B, H, W, C], t [B, 4C] -> [B, H, W, C].
type DynamicReLU struct{}

// ConcatTokens puts maps or token lists one after the other: operands [B, ..., C] of
// any rank from 2 -> [B, S, C], S the sum of the products of the sizes between.
type ConcatTokens struct{}

// SliceTokens takes Height*Width tokens from Begin on as a map: [B, S, C] -> [B, Height, Width, C].
type SliceTokens struct{ Begin, Height, Width int }

// Reshape changes the sizes and leaves the elements in their order.
type Reshape struct{ To Shape }

// Embed is the sum of a token's, its type's (0) and its position's row
// (BertEmbeddings before its norm): ids [B, T], whole numbers held in float32, word
// [V, C], type [>=1, C], position [>=T, C] -> [B, T, C]. An id that is no row of the
// words counts as the nearest that is, NaN as 0.
type Embed struct{}

// CrossScores is (q * Scale) kᵀ of each head: q [B, n, E], k [B, m, E], channel
// head*d + e, optional bias [m] added to every row -> [B, h, n, m].
type CrossScores struct {
	Heads int
	Scale float64
}

// SwapLast swaps the last two axes: [..., a, b] -> [..., b, a].
type SwapLast struct{}

// Clamp is min(max(x, -Limit), Limit).
type Clamp struct{ Limit float64 }

// CrossContext is the weighted sum of values with heads joined: probabilities
// [B, h, n, m], v [B, m, E], optional bias [E] -> [B, n, E].
type CrossContext struct{ Heads int }

// AddScaled is x + gamma * y: x and y [..., C], gamma [C] (the residual of VLFuse).
type AddScaled struct{}

// Normalize is x / max(|x|, Eps) over the last axis (F.normalize).
type Normalize struct{ Eps float64 }

// Scale is x * Factor.
type Scale struct{ Factor float64 }

// MulScalar is x * s: x of any shape, s [1].
type MulScalar struct{}

// TokenLogits scores every position against every token, section 6 of the paper's
// code (VLDyHead.forward, dot product head): x [B, S, C] or [B, H, W, C], projected
// tokens p [B, T, C], normalised tokens e [B, T, D], bias_lang [D], bias0 [1],
// log_scale [1] -> [B, S, T],
//
//	clamp(x·p / exp(log_scale) + e·bias_lang + bias0, -Limit, Limit)
type TokenLogits struct{ Limit float64 }

// PhraseScores turns token logits into probabilities of labels: logits [B, S, T],
// owned [L, T], not 0 where a token stands for the label -> [B, S, L]. The probability
// is made of sigmoid(logit) over the label's tokens, 0 for a label without tokens
// (convert_grounding_to_od_logits of maskrcnn_benchmark/modeling/rpn/inference.py; there
// an empty label gives 0 or NaN, neither of which passes a threshold).
type PhraseScores struct{ Aggregate Aggregate }

// Aggregate says how the probabilities of a label's tokens become the label's own: the
// original's SCORE_AGG.
type Aggregate int

// The ways to aggregate.
const (
	Mean  Aggregate = iota // the arithmetic mean
	Max                    // the largest
	Power                  // the geometric mean
)

// String is the original's name of it.
func (a Aggregate) String() string {
	if a < Mean || a > Power {
		return fmt.Sprintf("Aggregate(%d)", int(a))
	}
	return [...]string{"MEAN", "MAX", "POWER"}[a]
}

// CandidateFields is the length of a row of [Candidates].
const CandidateFields = 8

// Candidates selects what a level may detect (forward_for_single_feature_map of
// maskrcnn_benchmark/modeling/rpn/inference.py): scores p [B, S, L], centerness logits
// [B, S, 1] or [B, H, W, 1], deltas [B, S, 4] or [B, H, W, 4] -> [B, Limit, 8].
//
// Candidates are the pairs with p > Threshold. Of these, the Limit with the largest
// q = p * sigmoid(centerness) stay, by falling q; where two are equal in float32, the
// smaller position, then the smaller label comes first. A row is q, p, position, label
// from 1, and the position's four deltas. Rows that are left over are 0: their label 0
// says so. NaN passes no threshold, and a pair whose q is NaN is no candidate.
type Candidates struct {
	Threshold float64
	Limit     int
}

// AbsorbKeys is the text side of a product that has taken in the projection of the
// other side: k [B, T, E], W [E, C] -> [B, h*T, C], row head*T + t being
// Scale * sum over e of k[t, head*d + e] * W[head*d + e, :]. Then
// (x Wᵀ)·k of a head is x·row, for all x.
type AbsorbKeys struct {
	Heads int
	Scale float64
}

// AbsorbBias is AbsorbKeys for the projection's bias: k [1, T, E], b [E] -> [h*T].
type AbsorbBias struct {
	Heads int
	Scale float64
}

// AbsorbValues is the value side that has taken in the output projection: v [B, T, E],
// W [C, E] -> [B, h*T, C], row head*T + t being sum over e of v[t, head*d + e] * W[:, head*d + e].
type AbsorbValues struct{ Heads int }

// HeadLinear projects each head's rows by its part of a weight: x [B, h*T, C], W [E, C],
// bias [E] -> [B, T, E], element head*d + e of token t being x[head*T + t]·W[head*d + e] + bias.
type HeadLinear struct{ Heads int }

// detectorKinds are those of this file, for [Kinds].
func detectorKinds() []Op {
	return []Op{
		Conv{}, DeformConv{}, Sigmoid{}, GroupNorm{}, ResizeNearest{}, ResizeBilinear{}, ReLU{}, HardSigmoid{},
		GlobalMean{}, WeightedMean{}, DynamicReLU{}, ConcatTokens{}, SliceTokens{}, Reshape{}, Embed{},
		CrossScores{}, SwapLast{}, Clamp{}, CrossContext{}, AddScaled{}, Normalize{}, Scale{}, MulScalar{},
		TokenLogits{}, PhraseScores{}, Candidates{}, AbsorbKeys{}, AbsorbBias{}, AbsorbValues{}, HeadLinear{},
	}
}

// Kind implements [Op].
func (Conv) Kind() string { return "conv" }

// Kind implements [Op].
func (DeformConv) Kind() string { return "deformconv" }

// Kind implements [Op].
func (Sigmoid) Kind() string { return "sigmoid" }

// Kind implements [Op].
func (GroupNorm) Kind() string { return "groupnorm" }

// Kind implements [Op].
func (ResizeNearest) Kind() string { return "resizenearest" }

// Kind implements [Op].
func (ResizeBilinear) Kind() string { return "resizebilinear" }

// Kind implements [Op].
func (ReLU) Kind() string { return "relu" }

// Kind implements [Op].
func (HardSigmoid) Kind() string { return "hardsigmoid" }

// Kind implements [Op].
func (GlobalMean) Kind() string { return "globalmean" }

// Kind implements [Op].
func (WeightedMean) Kind() string { return "weightedmean" }

// Kind implements [Op].
func (DynamicReLU) Kind() string { return "dynamicrelu" }

// Kind implements [Op].
func (ConcatTokens) Kind() string { return "concattokens" }

// Kind implements [Op].
func (SliceTokens) Kind() string { return "slicetokens" }

// Kind implements [Op].
func (Reshape) Kind() string { return "reshape" }

// Kind implements [Op].
func (Embed) Kind() string { return "embed" }

// Kind implements [Op].
func (CrossScores) Kind() string { return "crossscores" }

// Kind implements [Op].
func (SwapLast) Kind() string { return "swaplast" }

// Kind implements [Op].
func (Clamp) Kind() string { return "clamp" }

// Kind implements [Op].
func (CrossContext) Kind() string { return "crosscontext" }

// Kind implements [Op].
func (AddScaled) Kind() string { return "addscaled" }

// Kind implements [Op].
func (Normalize) Kind() string { return "normalize" }

// Kind implements [Op].
func (Scale) Kind() string { return "scale" }

// Kind implements [Op].
func (MulScalar) Kind() string { return "mulscalar" }

// Kind implements [Op].
func (TokenLogits) Kind() string { return "tokenlogits" }

// Kind implements [Op].
func (PhraseScores) Kind() string { return "phrasescores" }

// Kind implements [Op].
func (Candidates) Kind() string { return "candidates" }

// Kind implements [Op].
func (AbsorbKeys) Kind() string { return "absorbkeys" }

// Kind implements [Op].
func (AbsorbBias) Kind() string { return "absorbbias" }

// Kind implements [Op].
func (AbsorbValues) Kind() string { return "absorbvalues" }

// Kind implements [Op].
func (HeadLinear) Kind() string { return "headlinear" }
