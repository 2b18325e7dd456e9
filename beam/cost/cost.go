// Package cost says what very many pictures take: time, money and bytes, and what it is that holds the work up. It multiplies figures that
// were measured (docs/performance.md) with figures that are assumed, and keeps the two apart.
//
//	e, err := cost.Job{Pictures: 1e9, Machines: 1000, In: 150e3, Storage: 10e9}.On(cost.Measured()[0])
package cost

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Machine is a kind of machine with a model on it.
type Machine struct {
	Name   string        // the machine and the model
	Detect time.Duration // that the model takes for a picture on it, measured
	Source string        // of that figure, as docs/performance.md has it
	Cores  int           // that decode, and compute where Shared is set
	Shared bool          // the model runs on those cores too, so that decoding takes its time
	Out    float64       // bytes of a picture's results
	Price  float64       // dollars an hour, assumed
}

// Measured are figures of docs/performance.md, f32 on two cores of a server, with the price of such a machine, an assumption: 0.05 dollars for
// a core and hour, about what clouds ask for a machine that may be taken away.
func Measured() []Machine {
	const row = 500 // bytes of JSON Lines, with a few boxes
	rows := []Machine{
		{Name: "GLIP-T 320x512, batches of 8, Zen 5", Detect: 212 * time.Millisecond, Source: "212 ms on the CPU", Out: row},
		{Name: "GLIP-T 800x1333, Zen 5", Detect: 1330 * time.Millisecond, Source: "1.33 s", Out: row},
		{Name: "features of GLIP-T 224x224, Zen 5", Detect: 23800 * time.Microsecond, Source: "23.8 ms", Out: mapsOf(96, 56)},
		{Name: "features of GLIP-T 224x224, Zen 4", Detect: 55 * time.Millisecond, Source: "55 ms", Out: mapsOf(96, 56)},
		{Name: "features of GLIP-L 384x384, Zen 5", Detect: 484 * time.Millisecond, Source: "484 ms", Out: mapsOf(192, 96)},
	}
	for i := range rows {
		rows[i].Cores, rows[i].Shared, rows[i].Price = 2, true, 0.10
	}
	return rows
}

// mapsOf is the size of a Swin's maps of stages 1 to 3 in bytes, where stage 0 has a map of some channels and side: a stage has twice the channels and half the side of
// the one before.
func mapsOf(channels, side float64) float64 {
	return 4 * channels * side * side * (1./2 + 1./4 + 1./8)
}

// Job is the work. All of it but the number of pictures is assumed.
type Job struct {
	Pictures float64       // how many
	Machines int           // that work at a time
	In       float64       // bytes of a picture's file
	Decode   time.Duration // that a core takes to read and resize a picture
	Storage  float64       // bytes a second that all machines together read and write
	Start    time.Duration // that a machine takes until its first picture: image, weights, kernels
}

// Estimate is what a job takes on machines of a kind.
type Estimate struct {
	Rate    float64 // pictures an hour of one machine, as long as storage keeps up
	Hours   float64 // from begin to end
	Dollars float64
	In, Out float64 // bytes
	Limit   string  // what holds it up: "model", "decoding", "storage" or "start"
	Most    float64 // machines beyond which more are of no use, since storage gives no more
}

// ErrNumbers is wrapped where a job or a machine has a number that none can have.
var ErrNumbers = errors.New("numbers that no job has")

// On estimates a job. The model is simple: a machine's pictures wait for the slower of model and decoding, which on a machine without a
// device of its own share the cores; all machines together wait for storage; machines are paid from their start on.
func (j Job) On(m Machine) (e Estimate, err error) {
	for _, n := range []float64{j.Pictures, j.In, j.Storage, float64(j.Machines), float64(m.Cores), m.Detect.Seconds()} {
		if !(n > 0) || math.IsInf(n, 1) {
			return e, fmt.Errorf("%w: pictures %g, bytes of one %g, storage %g bytes/s, machines %d, cores %d and %v a picture: want all above 0",
				ErrNumbers, j.Pictures, j.In, j.Storage, j.Machines, m.Cores, m.Detect)
		}
	}
	for _, n := range []float64{m.Out, m.Price, j.Decode.Seconds(), j.Start.Seconds()} {
		if !(n >= 0) || math.IsInf(n, 1) {
			return e, fmt.Errorf("%w: bytes of results %g, price %g, decoding %v and start %v: want none below 0", ErrNumbers, m.Out, m.Price, j.Decode, j.Start)
		}
	}
	model, decode := m.Detect.Seconds(), j.Decode.Seconds()/float64(m.Cores)
	one := max(model, decode) // seconds a picture
	if m.Shared {
		one = model + decode
	}
	e.Limit = "model"
	if decode > model {
		e.Limit = "decoding"
	}
	e.Rate = 3600 / one
	stored := j.Storage / (j.In + m.Out) // pictures a second
	e.Most = stored * one
	seconds := j.Pictures * one / float64(j.Machines)
	if wait := j.Pictures / stored; wait > seconds {
		seconds, e.Limit = wait, "storage"
	}
	if j.Start.Seconds() > seconds {
		e.Limit = "start"
	}
	e.Hours = (seconds + j.Start.Seconds()) / 3600
	e.Dollars = e.Hours * float64(j.Machines) * m.Price
	e.In, e.Out = j.Pictures*j.In, j.Pictures*m.Out
	return e, nil
}
