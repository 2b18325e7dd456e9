package glip

import (
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// healthy is the scope of outputs that vouch for others.
const healthy = "health"

// health marks as outputs the means of values [B, h, w, C] or [B, T, C], which are finite
// only if these are.
func health(b *graph.Builder, values ...graph.Value) {
	for _, v := range values {
		at := b.In(healthy, b.Path(v))
		if s := v.Shape(); len(s) == 3 {
			v = at.In("map").Reshape(v, s[0], 1, s[1], s[2])
		}
		b.Output(at.GlobalMean(v))
	}
}

// Health tells which value the output of a path vouches for, by path; ok is false for a
// result. Such an output is [B, C]: a NaN or an infinity anywhere in a channel of the value
// is one here, so that values that never leave the device are checked.
func Health(path string) (of string, ok bool) { return strings.CutPrefix(path, healthy+".") }
