package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

// summaryName is the file of the output that counts what is in it. It is written last.
const summaryName = "summary.json"

// summarize adds up the shards of a run.
type summarize struct{ Config Config }

// one is the key of all shards.
func one(t Tally) (int, Tally) { return 0, t }

// ProcessElement writes the sum, and removes files of shards that the run has not: of an earlier one with sources that are gone.
func (f *summarize) ProcessElement(ctx context.Context, _ int, next func(*Tally) bool, emit func(Tally)) error {
	var sum, t Tally
	there := map[int]bool{}
	for next(&t) {
		if there[t.Shard] {
			return fmt.Errorf("shard %d came twice", t.Shard) // which grouping by key rules out
		}
		there[t.Shard] = true
		sum = sum.plus(t)
	}
	if err := f.tidy(ctx, there); err != nil {
		return err
	}
	if err := save(ctx, f.Config.file(summaryName), func(w io.Writer) error { return jsonLines(w).Encode(sum) }); err != nil {
		return err
	}
	emit(sum)
	return nil
}

// tidy removes the files of shards that are not there.
func (f *summarize) tidy(ctx context.Context, there map[int]bool) error {
	for _, kind := range []struct{ before, ext string }{{marks + "part", "json"}, {"part", f.Config.Format}, {"dead-letters", "jsonl"}} {
		files, err := list(ctx, f.Config.file(kind.before+"-*-of-*."+kind.ext))
		if err != nil {
			return err
		}
		for _, name := range files {
			var shard, of int
			_, err := fmt.Sscanf(path.Base(filepath.ToSlash(name)), path.Base(kind.before)+"-%d-of-%d."+kind.ext, &shard, &of)
			if err != nil || of != f.Config.Shards || there[shard] {
				continue
			}
			if err := remove(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tally counts what is in a shard, or in all.
type Tally struct {
	Shard      int   `json:"-" beam:"shard"` // its number
	Shards     int64 `json:"shards"`
	Pictures   int64 `json:"pictures"` // that have results
	Detections int64 `json:"detections"`
	Letters    int64 `json:"dead_letters"`
	Bytes      int64 `json:"bytes"` // of encoded pictures that were read
	Twice      int64 `json:"twice"` // sources that were named more than once, and are in the results once
}

// plus adds another one.
func (t Tally) plus(o Tally) Tally {
	return Tally{
		Shards: t.Shards + o.Shards, Pictures: t.Pictures + o.Pictures, Detections: t.Detections + o.Detections,
		Letters: t.Letters + o.Letters, Bytes: t.Bytes + o.Bytes, Twice: t.Twice + o.Twice,
	}
}

// Summary reads the tally of a pipeline that has ended.
func Summary(ctx context.Context, c Config) (t Tally, err error) {
	data, err := load(ctx, c.file(summaryName))
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(data, &t)
}

// Namespace of the metrics.
const Namespace = "glipbeam"

// The metrics: counters of what a run did, distributions over its pictures.
var (
	pictures   = beam.NewCounter(Namespace, "pictures")
	detections = beam.NewCounter(Namespace, "detections")
	letters    = beam.NewCounter(Namespace, "dead_letters")
	bytesRead  = beam.NewCounter(Namespace, "bytes")
	shardsDone = beam.NewCounter(Namespace, "shards")
	shardsKept = beam.NewCounter(Namespace, "shards_kept") // done by an earlier run

	microseconds = beam.NewDistribution(Namespace, "picture_microseconds") // Beam's distributions are of whole numbers
	perPicture   = beam.NewDistribution(Namespace, "picture_detections")
)

// metrics tells the runner of shards that were done here.
func (t Tally) metrics(ctx context.Context, shards int64) {
	pictures.Inc(ctx, t.Pictures)
	detections.Inc(ctx, t.Detections)
	letters.Inc(ctx, t.Letters)
	bytesRead.Inc(ctx, t.Bytes)
	shardsDone.Inc(ctx, shards)
}
