package glipvk_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
)

// house is a small detector and a small backbone on one device, which a test asks again and again for the same bits.
type house struct {
	device string
	exact  bool // a batch gives the bits of each picture alone
	d      *glipvk.Detector
	b      *glipvk.Backbone
}

// openHouse opens both. Few programs, pictures and captions are kept, so that all are made again and again.
func openHouse(ctx context.Context, t testing.TB, o glipvk.Options) (*house, error) {
	h := &house{device: o.Device, exact: o.Device == "cpu" || o.Device == "reference"}
	o.Programs, o.Tuning.Off = 6, true
	of := tinyCases(t)["tiny.caption"].options()
	o.Weights, of.Options, of.Pictures, of.Captions = of.Weights, o, 1, 2
	var err error
	if h.d, err = glipvk.OpenDetector(ctx, "", of); err != nil {
		return nil, err
	}
	o.Weights = "synthetic:77"
	if h.b, err = glipvk.OpenBackbone(ctx, "", glipvk.BackboneOptions{Options: o, Arch: nano(), PadSmallMap: true}); err != nil {
		return nil, errors.Join(err, h.d.Close())
	}
	return h, nil
}

// close leaves nothing on the device.
func (h *house) close() error {
	err := errors.Join(h.d.Close(), h.b.Close())
	if n := h.live(); n != 0 {
		err = errors.Join(err, fmt.Errorf("%d objects are left on %s", n, h.device))
	}
	return err
}

// live are the objects on the device.
func (h *house) live() int { return h.d.Executor().Live() + h.b.Executor().Live() }

// rest drops what is kept for later.
func (h *house) rest() {
	h.d.Forget()
	h.d.Executor().DropPrograms()
	h.b.Executor().DropPrograms()
}

// digest tells answers apart, to the last bit.
type digest [sha256.Size]byte

// digestOf prints numbers with as many digits as make them what they are.
func digestOf(answer any) digest { return sha256.Sum256(fmt.Append(nil, answer)) }

// answers are digests by what was asked. A picture's answer is filed under the picture alone where its neighbours in a batch cannot
// matter, else under its place in a batch of so many too, whatever the neighbours show.
type answers map[string]digest

func (h *house) file(to answers, what string, at, of int, answer any) {
	if !h.exact && of > 1 {
		what += fmt.Sprintf(", %d of %d", at, of)
	}
	to[what] = digestOf(answer)
}

// question is something that a house is asked.
type question struct {
	name string
	rare bool // it takes long
	ask  func(ctx context.Context, h *house) (answers, error)
}

// asking are pictures, which have three sizes, and queries, which have two lengths.
var (
	asking  = append(crowd(), photo(96, 64, 3), photo(120, 100, 4))
	queries = []glipvk.Query{fourThings(), {Classes: []string{"cat", "umbrella"}}, {Caption: "a dog and a person", Phrases: []string{"dog", "person"}}}
)

// questionsOf are all kinds of calls.
func questionsOf() (list []question) {
	add := func(rare bool, name string, ask func(context.Context, *house) (answers, error)) {
		list = append(list, question{name, rare, ask})
	}
	for q, query := range queries {
		for _, batch := range [][]int{{0}, {5}, {6}, {1, 0}, {0, 2, 3}} {
			add(len(batch) > 2, fmt.Sprint("detect ", batch, q), func(ctx context.Context, h *house) (answers, error) { return h.detect(ctx, q, query, batch) })
		}
		add(false, fmt.Sprint("sight ", q), func(ctx context.Context, h *house) (answers, error) { return h.sight(ctx, q, query, q+4) })
	}
	add(false, "stream", func(ctx context.Context, h *house) (answers, error) { return h.stream(ctx, []int{0, 1, 5, 2, 3, 4}, 2) })
	for _, x := range []struct {
		batch, height, width int
		seed                 uint64 // of the first picture, the next one's is one more
	}{{1, 64, 64, 1}, {2, 48, 33, 2}, {1, 48, 33, 3}, {1, 60, 72, 3}} {
		add(false, fmt.Sprint("extract ", x), func(ctx context.Context, h *house) (answers, error) {
			return h.extract(ctx, tensor(x.batch, x.height, x.width, x.seed), x.seed)
		})
	}
	add(true, "gradients", func(ctx context.Context, h *house) (answers, error) { return h.gradients(ctx) })
	add(true, "taps", func(ctx context.Context, h *house) (answers, error) { return h.taps(ctx) })
	return list
}

// thinned are the first of each kind, and of batches, for a test that has little time.
func thinned(list []question) (some []question) {
	seen := map[string]bool{}
	for _, q := range list {
		kind, _, _ := strings.Cut(q.name, " ")
		if !seen[kind] || q.name == "detect [1 0]0" {
			some = append(some, q)
		}
		seen[kind] = true
	}
	return some
}

// detect asks about pictures that share a batch.
func (h *house) detect(ctx context.Context, q int, query glipvk.Query, batch []int) (answers, error) {
	var list []picture.Picture
	for _, i := range batch {
		list = append(list, asking[i])
	}
	found, err := h.d.Detect(ctx, query, list...)
	if err != nil {
		return nil, err
	}
	to := answers{}
	for k, i := range batch {
		h.file(to, fmt.Sprint("query ", q, " of picture ", i), k, len(batch), found[k])
	}
	return to, nil
}

// sight looks at a picture once, and asks twice; that is filed where Detect files it.
func (h *house) sight(ctx context.Context, q int, query glipvk.Query, i int) (to answers, err error) {
	in, err := h.d.Preprocess(asking[i])
	if err != nil {
		return nil, err
	}
	s, err := h.d.Look(ctx, in)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	found, err := s.Detect(ctx, query)
	if err != nil {
		return nil, err
	}
	maps, _, err := s.Align(ctx, query)
	if err != nil {
		return nil, err
	}
	to = answers{}
	h.file(to, fmt.Sprint("query ", q, " of picture ", i), 0, 1, found[0])
	h.file(to, fmt.Sprint("words of query ", q, " in picture ", i), 0, 1, maps)
	return to, nil
}

// stream has pictures of another size among others: batches are of neighbours of one size.
func (h *house) stream(ctx context.Context, pictures []int, batch int) (answers, error) {
	var loads []glipvk.Load
	for _, i := range pictures {
		in, err := h.d.Preprocess(asking[i])
		if err != nil {
			return nil, err
		}
		loads = append(loads, gives(in))
	}
	to := answers{}
	at, of := []int{0, 1, 0, 0, 1, 0}, []int{2, 2, 1, 2, 2, 1} // as the batches come
	for r, err := range h.d.Stream(ctx, queries[1], slices.Values(loads), glipvk.StreamOptions{Batch: batch}) {
		if err != nil {
			return nil, err
		}
		h.file(to, fmt.Sprint("query 1 of picture ", pictures[r.Index]), at[r.Index], of[r.Index], r.Detections[0])
	}
	return to, nil
}

// extract computes feature maps of pictures by formula.
func (h *house) extract(ctx context.Context, x picture.Input, seed uint64) (answers, error) {
	f, err := h.b.ExtractInput(ctx, x)
	if err != nil {
		return nil, err
	}
	to := answers{}
	for k := range x.Batch {
		var own [][]float32
		for _, m := range f {
			n := len(m.Data) / x.Batch
			own = append(own, m.Data[k*n:][:n])
		}
		h.file(to, fmt.Sprint("features of ", seed+uint64(k), " in ", x.Height, x.Width), k, x.Batch, own)
	}
	return to, nil
}

// gradients are of the losses of a picture, as training has them.
func (h *house) gradients(ctx context.Context) (answers, error) {
	in, err := h.d.Preprocess(asking[0])
	if err != nil {
		return nil, err
	}
	shows := [][]glipvk.Detection{{{Box: glip.Box{X1: 10, Y1: 5, X2: 60, Y2: 50}, Label: 1}}}
	g, err := h.d.Gradients(ctx, queries[1], in, shows, "image", "rpn.head.log_scale", "backbone.fpn.fpn_inner?", "**.gamma_v")
	if err != nil {
		return nil, err
	}
	return answers{"gradients": digestOf(g)}, nil
}

// taps are values inside, by programs of their own.
func (h *house) taps(ctx context.Context) (answers, error) {
	x := tensor(1, 64, 64, 1)
	f, maps, err := h.b.Taps(ctx, x, "stages.*.blocks.0")
	if err != nil {
		return nil, err
	}
	return answers{"features with taps": digestOf(f), "taps": digestOf(maps)}, nil
}

// ledger has the first answer to every question, and says what differs from it.
type ledger struct{ first map[string]digest }

// check files answers of a device, and returns what was answered otherwise before.
func (l *ledger) check(device string, got answers) error {
	if l.first == nil {
		l.first = map[string]digest{}
	}
	var errs []error
	for what, d := range got {
		key := device + ": " + what
		if was, known := l.first[key]; known && was != d {
			errs = append(errs, fmt.Errorf("%s: the bits are not those of the first answer", key))
		} else if !known {
			l.first[key] = d
		}
	}
	return errors.Join(errs...)
}
