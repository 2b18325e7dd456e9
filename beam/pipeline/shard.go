package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// look is the DoFn that does the work: a shard's sources in, its files written, its tally out.
type look struct {
	Config Config

	engine *engine
}

// Setup opens the detector of the process, or finds it open.
func (l *look) Setup(ctx context.Context) (err error) {
	l.engine, err = acquire(ctx, l.Config)
	if err != nil {
		return fmt.Errorf("opening the model: %w", err)
	}
	return nil
}

// Teardown lets go of it. Runners need not call it.
func (l *look) Teardown() error {
	if l.engine == nil {
		return nil
	}
	l.engine = nil
	return release(l.Config)
}

// StartBundle makes the counters known to the runner: Prism loses those of two bundles that end at the same moment and are the first to have them.
func (l *look) StartBundle(ctx context.Context, _ func(Tally)) {
	Tally{}.metrics(ctx, 0)
	shardsKept.Inc(ctx, 0)
}

// ProcessElement does a shard, unless it is done.
func (l *look) ProcessElement(ctx context.Context, shard int, next func(*string) bool, emit func(Tally)) error {
	var sources []string
	var source string
	for next(&source) {
		sources = append(sources, source)
	}
	leave, err := l.engine.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	tally, kept, err := l.engine.shard(ctx, shard, sources)
	if err != nil {
		return fmt.Errorf("shard %d of %d: %w", shard, l.Config.Shards, err)
	}
	if kept {
		shardsKept.Inc(ctx, 1)
	} else {
		tally.metrics(ctx, 1)
	}
	tally.Shard = shard
	emit(tally)
	return nil
}

// done is the mark of a shard whose files are whole.
type done struct {
	Sources string `json:"sources"` // hash of them
	Tally   Tally  `json:"tally"`
}

// marks is the folder of the marks, in the output.
const marks = ".done/"

// shard computes the results of sources and writes the files of the shard; kept, if an earlier run or try did. The order in which sources
// come does not matter.
func (e *engine) shard(ctx context.Context, number int, sources []string) (t Tally, kept bool, err error) {
	c := e.config
	given := len(sources)
	slices.Sort(sources)
	sources = slices.Compact(sources)
	mark, of := c.part(marks+"part", number, "json"), hash(sources)
	var before done
	data, err := load(ctx, mark)
	switch {
	case err == nil && json.Unmarshal(data, &before) == nil && before.Sources == of:
		return before.Tally, true, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return t, false, err
	}
	t.Shards, t.Twice = 1, int64(given-len(sources))
	lettersPath := c.part("dead-letters", number, "jsonl")
	err = save(ctx, lettersPath, func(dead io.Writer) error {
		err := save(ctx, c.part("part", number, c.Format), func(w io.Writer) error { return e.write(ctx, sources, newSink(w, c), dead, &t) })
		if err == nil && t.Letters == 0 {
			err = errNoLetters
		}
		return err
	})
	if errors.Is(err, errNoLetters) {
		err = remove(ctx, lettersPath)
	}
	if err != nil {
		return t, false, err
	}
	err = save(ctx, mark, func(w io.Writer) error { return jsonLines(w).Encode(done{of, t}) })
	return t, false, err
}

// step is called with each picture that has a result; tests make it fail, and wait.
var step = func(*sample) error { return nil }

// errNoLetters leaves a file of dead letters out.
var errNoLetters = errors.New("there are no dead letters")

// write writes what is found in sources, and the dead letters.
func (e *engine) write(ctx context.Context, sources []string, out sink, dead io.Writer, t *Tally) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	undelivered := jsonLines(dead)
	r := reader{limits: e.config.Limits, stored: e.config.IgnoreOrientation, output: e.config.Output}
	var q queue
	for f, err := range e.stream(ctx, q.loads(r.samples(ctx, sources), e.prepare)) {
		s := q.next()
		if err == nil {
			if err := errors.Join(step(s), out.add(s, f)); err != nil {
				return err
			}
			t.Pictures++
			t.Detections += int64(len(f.detections))
			t.Bytes += s.bytes
			microseconds.Update(ctx, f.elapsed.Microseconds())
			perPicture.Update(ctx, int64(len(f.detections)))
			continue
		}
		if ctx.Err() != nil || s == nil {
			return err
		}
		if !s.unread && !errors.Is(err, glipvk.ErrInput) {
			return fmt.Errorf("%s: %w", s.name(), err) // the device's failure, or ours
		}
		t.Letters++
		said := e.config.reason(err)
		if !strings.Contains(said, s.source) {
			said = s.name() + ": " + said
		}
		if err := undelivered.Encode(Letter{s.source, s.key, said}); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return out.close()
}

// queue are the samples that a stream was given and has not answered, in order.
type queue struct {
	sync.Mutex
	list []*sample
}

// next takes the first; nil if there is none.
func (q *queue) next() *sample {
	q.Lock()
	defer q.Unlock()
	if len(q.list) == 0 {
		return nil
	}
	s := q.list[0]
	q.list = q.list[1:]
	return s
}

// loads are samples as a stream takes them.
func (q *queue) loads(samples iter.Seq[*sample], prepare func(picture.Picture) (picture.Input, error)) iter.Seq[glipvk.Load] {
	return func(yield func(glipvk.Load) bool) {
		for s := range samples {
			q.Lock()
			q.list = append(q.list, s)
			q.Unlock()
			load := func(ctx context.Context) (picture.Input, error) {
				pic, err := s.read(ctx)
				var in picture.Input
				if err == nil {
					in, err = prepare(pic)
				}
				s.unread = err != nil
				return in, err
			}
			if !yield(load) {
				return
			}
		}
	}
}
