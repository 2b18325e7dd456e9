package graph

import (
	"cmp"
	"hash/fnv"
	"math"
)

// What training throws dice for. The numbers are a function of counters, so every executor
// and every run gives the same.

// Keep thins out what it is multiplied with: counter [2], a seed and a step, whole numbers
// below 2^24 held in float32 -> To, 0 with probability Rate, else 1/(1-Rate), so that the mean stays.
//
// Element i is 0 where the upper 24 bits of mix(mix(mix(mix(seed) ^ step) ^ Stream) ^ i) are below
// Rate * 2^24, all in 32-bit numbers, and mix(x) is x ^= x>>16, x *= 0x7feb352d, x ^= x>>15,
// x *= 0x846ca68b, x ^= x>>16 (lowbias32 of C. Wellons' hash-prospector).
type Keep struct {
	To     Shape
	Rate   float64
	Stream uint32 // tells those of one graph apart
}

func (Keep) takes(int) []string { return []string{"2"} }
func (o Keep) valid([]Shape, *sizes) error {
	return cmp.Or(o.To.check(), must(o.Rate >= 0 && o.Rate < 1, "rate %g, want 0 to below 1", o.Rate),
		must(o.To.Elements() <= math.MaxInt32, "%v has more elements than there are numbers", o.To))
}
func (o Keep) infer([]Shape, *sizes) Shape { return o.To }

// Threshold is below how many of 2^24 an element is 0.
func (o Keep) Threshold() uint32 { return uint32(math.RoundToEven(o.Rate * (1 << 24))) }

// DropBlock clears the blocks of Size x Size around seeds and makes up for it in the rest
// ("DropBlock: A regularization method for convolutional networks", Ghiasi et al. 2018; DropBlock2D
// of maskrcnn_benchmark/layers/dropblock.py): seeds [B, H, W, 1], not 0 for a seed -> [B, H, W, 1], 0
// near a seed, else elements/kept, over the whole batch.
type DropBlock struct{ Size int }

func (DropBlock) takes(int) []string { return []string{"BHW1"} }
func (o DropBlock) valid([]Shape, *sizes) error {
	return must(o.Size >= 1 && o.Size%2 == 1, "blocks of %d, want an odd number", o.Size)
}
func (DropBlock) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Dice are the random numbers of a recording; nil throws none, as at inference.
type Dice struct{ Counter Value }

// Throw is a [Keep] of its own for the scope of b.
func (d *Dice) Throw(b *Builder, rate float64, shape ...int) Value {
	h := fnv.New32a()
	h.Write([]byte(b.scope))
	return b.Record(Keep{To: shape, Rate: rate, Stream: h.Sum32()}, d.Counter)
}

// Thin records below "drop" a value of which each element falls with probability rate.
func (d *Dice) Thin(b *Builder, x Value, rate float64) Value {
	return d.thin(b, x, rate, x.shape)
}

// ThinPictures is Thin for whole pictures of a batch, x [B, ...].
func (d *Dice) ThinPictures(b *Builder, x Value, rate float64) Value {
	each := make(Shape, len(x.shape))
	for i := range each {
		if each[i] = 1; i == 0 {
			each[i] = x.shape[0]
		}
	}
	return d.thin(b, x, rate, each)
}

func (d *Dice) thin(b *Builder, x Value, rate float64, shape Shape) Value {
	if d == nil || rate == 0 || x.shape == nil {
		return x
	}
	b = b.In("drop")
	return b.Mul(x, d.Throw(b.In("keep"), rate, shape...))
}

// ThinBlocks is Thin for blocks of size x size positions of a map, which fall in such number that
// an element falls with a probability near rate.
func (d *Dice) ThinBlocks(b *Builder, x Value, rate float64, size int) Value {
	if d == nil || rate == 0 || len(x.shape) != 4 {
		return x
	}
	b = b.In("drop")
	seeds := d.Throw(b.In("seeds"), 1-rate/float64(size*size), x.shape[0], x.shape[1], x.shape[2], 1)
	return b.Mul(x, b.In("blocks").Record(DropBlock{size}, seeds))
}
