package pipeline

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/glipvk/glipvk"
)

func init() {
	register.DoFn3x1[context.Context, Source, func(string), error](&expand{})
	register.DoFn1x2[string, int, string](&shardOf{})
	register.DoFn4x1[context.Context, int, func(*string) bool, func(Tally), error](&look{})
	register.DoFn4x1[context.Context, int, func(*Tally) bool, func(Tally), error](&summarize{})
	register.Function1x2(one)
	register.Emitter1[string]()
	register.Emitter1[Tally]()
	register.Iter1[string]()
	register.Iter1[Tally]()
}

// Source says where pictures are.
type Source struct {
	Pattern string // a picture, a tar archive, a folder of such, or a pattern of them
	List    string // or a file with one of those on each line, or a pattern of such files
}

// String is what was given.
func (s Source) String() string {
	if s.List != "" {
		return s.List
	}
	return s.Pattern
}

// Build adds the work to a pipeline. Its result is one Tally, of all shards, unless there is no source at all.
func Build(s beam.Scope, c Config, sources []Source) beam.PCollection {
	s = s.Scope("glip")
	paths := beam.ParDo(s.Scope("expand"), &expand{}, beam.Reshuffle(s, beam.CreateList(s, sources)))
	keyed := beam.ParDo(s.Scope("shard"), &shardOf{Shards: c.Shards}, paths)
	tallies := beam.ParDo(s.Scope("look"), &look{Config: c}, beam.GroupByKey(s, keyed))
	return beam.ParDo(s.Scope("summarize"), &summarize{Config: c}, beam.GroupByKey(s, beam.ParDo(s, one, tallies)))
}

// shardOf says by a hash of its path which shard a source is of: other sources move none.
type shardOf struct{ Shards int }

// ProcessElement returns the shard and the path.
func (f *shardOf) ProcessElement(path string) (int, string) {
	sum := sha256.Sum256([]byte(path))
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(f.Shards)), path
}

// expand turns sources into paths.
type expand struct{}

// ProcessElement emits the paths of one.
func (*expand) ProcessElement(ctx context.Context, s Source, emit func(string)) error {
	err := s.each(ctx, func(path string) error { emit(path); return nil })
	if errors.Is(err, glipvk.ErrInput) {
		return fmt.Errorf("%w: %w", glipvk.ErrInput, err) // a runner keeps nothing but the text
	}
	return err
}

// mostLine bounds a line of a list, in bytes.
const mostLine = 1 << 16

// each calls f with the paths of a source. The error wraps glipvk.ErrInput where a list or a pattern is none.
func (s Source) each(ctx context.Context, f func(path string) error) error {
	if s.List == "" {
		return eachOf(ctx, s.Pattern, f)
	}
	return eachOf(ctx, s.List, func(list string) error {
		in, _, err := openStream(ctx, list)
		if err != nil {
			return wrong("%w", err)
		}
		defer in.Close()
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, mostLine)
		n := 0
		for lines.Scan() {
			n++
			if err := ctx.Err(); err != nil {
				return err
			}
			path := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
			if path == "" {
				continue
			}
			if err := f(path); err != nil {
				return err
			}
		}
		if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
			return wrong("%s, line %d: longer than %d bytes: want the path of a picture on each line", list, n+1, mostLine)
		} else if err != nil {
			return fmt.Errorf("%s, line %d: %w", list, n+1, err)
		}
		return nil
	})
}

// eachOf calls f with what a pattern names: itself if it is there, of a folder the files in it but for hidden ones.
func eachOf(ctx context.Context, pattern string, f func(path string) error) error {
	if !remote(pattern) {
		info, err := os.Stat(pattern)
		switch {
		case err == nil && info.IsDir():
			return eachIn(ctx, pattern, f)
		case err == nil, !strings.ContainsAny(pattern, `*?[`):
			return f(pattern) // one that is not there becomes a dead letter
		}
	}
	found, err := list(ctx, pattern)
	if err != nil {
		return wrong("pattern %s: %w", pattern, err)
	}
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.IsDir() && !remote(path) {
			continue
		}
		if err := f(path); err != nil {
			return err
		}
	}
	return nil
}

// eachIn calls f with the files of a folder, by name.
func eachIn(ctx context.Context, folder string, f func(path string) error) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return wrong("%w", err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := errors.Join(ctx.Err(), f(filepath.Join(folder, e.Name()))); err != nil {
			return err
		}
	}
	return nil
}

// Any refuses a source that names nothing, before a pipeline is made of it. The error wraps glipvk.ErrInput.
func (s Source) Any(ctx context.Context) error {
	enough := errors.New("enough is known")
	err := s.each(ctx, func(string) error { return enough })
	switch {
	case errors.Is(err, enough):
		return nil
	case err == nil:
		return wrong("%s names no file: want pictures, tar archives or a pattern of such", s)
	}
	return err
}
