package graph

// What works element by element.

// Add is a + b. The second operand is tiled over the first: aligned at the last
// axis, b's coordinate is a's coordinate modulo b's size, and every size of b
// must divide that of a. So [B*nW, h, n, n] + [nW, 1, n, n] adds each window's
// own mask to all pictures and heads, and equal shapes add plainly.
type Add struct{}

func (Add) takes(int) []string { return []string{"*", "*"} }

func (Add) valid(in []Shape, _ *sizes) error {
	a, b := in[0], in[1]
	if len(b) > len(a) {
		return must(false, "second operand %v has more axes than the first, %v", b, a)
	}
	for i, d := range b {
		if j := len(a) - len(b) + i; a[j]%d != 0 {
			return must(false, "second operand %v does not tile the first, %v (axis %d)", b, a, j)
		}
	}
	return nil
}

func (Add) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Add records [Add].
func (b *Builder) Add(x, y Value) Value { return b.Record(Add{}, x, y) }

// AddScaled is x + gamma * y: x and y [..., C], gamma [C] (the residual of VLFuse).
type AddScaled struct{}

func (AddScaled) takes(int) []string { return []string{"*C", "*", "C"} }
func (AddScaled) valid(in []Shape, _ *sizes) error {
	return must(in[0].Equal(in[1]), "%v and %v, want two of one shape", in[0], in[1])
}
func (AddScaled) infer(in []Shape, _ *sizes) Shape { return in[0] }

// AddScaled records [AddScaled].
func (b *Builder) AddScaled(x, y, gamma Value) Value { return b.Record(AddScaled{}, x, y, gamma) }

// Scale is x * Factor.
type Scale struct{ Factor float64 }

func (o Scale) valid([]Shape, *sizes) error    { return finite(o.Factor) }
func (Scale) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Scale records [Scale].
func (b *Builder) Scale(x Value, factor float64) Value { return b.Record(Scale{factor}, x) }

// MulScalar is x * s: x of any shape, s [1].
type MulScalar struct{}

func (MulScalar) takes(int) []string               { return []string{"*", "1"} }
func (MulScalar) infer(in []Shape, _ *sizes) Shape { return in[0] }

// MulScalar records [MulScalar].
func (b *Builder) MulScalar(x, s Value) Value { return b.Record(MulScalar{}, x, s) }

// GELU is x * (1 + erf(x/sqrt 2)) / 2, element by element (nn.GELU, not its tanh form).
type GELU struct{}

func (GELU) infer(in []Shape, _ *sizes) Shape { return in[0] }

// GELU records [GELU].
func (b *Builder) GELU(x Value) Value { return b.Record(GELU{}, x) }

// ReLU is max(x, 0).
type ReLU struct{}

func (ReLU) infer(in []Shape, _ *sizes) Shape { return in[0] }

// ReLU records [ReLU].
func (b *Builder) ReLU(x Value) Value { return b.Record(ReLU{}, x) }

// Sigmoid is 1/(1 + exp(-x)) of the channels (last axis) from From on; those before pass.
type Sigmoid struct{ From int }

func (o Sigmoid) valid(in []Shape, _ *sizes) error {
	c := in[0].Last()
	return must(o.From >= 0 && o.From < c, "from channel %d of %d", o.From, c)
}

func (Sigmoid) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Sigmoid records [Sigmoid].
func (b *Builder) Sigmoid(x Value, from int) Value { return b.Record(Sigmoid{from}, x) }

// HardSigmoid is clamp(x + 3, 0, 6) / 6 (h_sigmoid of maskrcnn_benchmark/layers/dyrelu.py).
type HardSigmoid struct{}

func (HardSigmoid) infer(in []Shape, _ *sizes) Shape { return in[0] }

// HardSigmoid records [HardSigmoid].
func (b *Builder) HardSigmoid(x Value) Value { return b.Record(HardSigmoid{}, x) }

// Clamp is min(max(x, -Limit), Limit).
type Clamp struct{ Limit float64 }

func (o Clamp) valid([]Shape, *sizes) error    { return positive("limit", o.Limit) }
func (Clamp) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Clamp records [Clamp].
func (b *Builder) Clamp(x Value, limit float64) Value { return b.Record(Clamp{limit}, x) }

// DynamicReLU is max(x*A1 + B1, x*A2 + B2) per channel with coefficients from t, four
// blocks of C, a1, b1, a2, b2, each in [0, 1] (DYReLU, maskrcnn_benchmark/layers/dyrelu.py):
// A1 = 2(a1 - 0.5) + 1, B1 = b1 - 0.5, A2 = 2(a2 - 0.5), B2 = b2 - 0.5.
// x [B, H, W, C], t [B, 4C] -> [B, H, W, C].
type DynamicReLU struct{}

func (DynamicReLU) takes(int) []string { return []string{"BHWC", "Bt"} }
func (DynamicReLU) valid(in []Shape, s *sizes) error {
	return must(s['t'] == 4*s['C'], "coefficients %v, want [%d %d]", in[1], s['B'], 4*s['C'])
}
func (DynamicReLU) infer(in []Shape, _ *sizes) Shape { return in[0] }

// DynamicReLU records [DynamicReLU].
func (b *Builder) DynamicReLU(x, coefficients Value) Value {
	return b.Record(DynamicReLU{}, x, coefficients)
}
