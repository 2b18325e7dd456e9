package loader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

const (
	maxShards    = 256 // files kept open
	maxJSONDepth = 32  // of the metadata we skip
)

// openShards opens a sharded safetensors set by its index: a JSON object whose
// weight_map gives, for each tensor, the file in the same folder that holds it.
func (o Options) openShards(path string) (*Checkpoint, error) {
	text, err := file.ReadAll(context.Background(), path, maxHeaderBytes)
	if errors.Is(err, file.ErrTooLarge) {
		return nil, inFile(formatErr("the index is longer than %d bytes", maxHeaderBytes), path, "")
	}
	if err != nil {
		return nil, fmt.Errorf("loader: %w", err)
	}
	weights, err := parseShardIndex(text)
	if err != nil {
		return nil, inFile(err, path, "")
	}
	c := &Checkpoint{file: path, container: containerShards, tensors: map[string]*tensor{}, skipCRC: o.SkipCRC}
	err = c.addShards(filepath.Dir(path), weights, Options{SkipCRC: o.SkipCRC})
	if err == nil {
		c.wanted = o.Entry
		err = c.narrow()
	}
	if err != nil {
		return nil, errors.Join(inFile(err, path, ""), c.Close())
	}
	return c, nil
}

// weightFile is one line of a weight_map.
type weightFile struct{ tensor, file string }

// parseShardIndex reads {"metadata": {...}, "weight_map": {name: file}}.
func parseShardIndex(text []byte) ([]weightFile, error) {
	head := text[:min(len(text), 512)]
	if begins := bytes.TrimSpace(head); len(begins) > 0 && begins[0] != '{' {
		if what := recognise(head); what != "" {
			return nil, formatErr("this is %s", what)
		}
	}
	j, err := newJSONReader(text)
	if err != nil {
		return nil, err
	}
	var list []weightFile
	err = j.object(func(key string) error {
		if key != "weight_map" {
			return j.skip()
		}
		return j.object(func(tensor string) error {
			file, err := j.string()
			list = append(list, weightFile{tensor, file})
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, formatErr("the index has no weight_map")
	}
	return list, j.end()
}

// skip passes over one value.
func (j jsonReader) skip() error {
	for depth := 0; ; {
		t, err := j.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxJSONDepth {
				return formatErr("the JSON is nested more than %d deep", maxJSONDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// addShards opens every file of the map and takes its tensors over.
func (c *Checkpoint) addShards(folder string, weights []weightFile, o Options) error {
	shards := map[string]*Checkpoint{}
	for _, w := range weights {
		shard := shards[w.file]
		if shard == nil {
			if len(shards) == maxShards {
				return formatErr("the index names more than %d files", maxShards)
			}
			if ext := filepath.Ext(w.file); w.file == filepath.Base(w.file) && slices.Contains([]string{".bin", ".pt", ".pth"}, ext) {
				return formatErr("its files are PyTorch's (%s), of which a set is not read; save it as safetensors", shorten(printable(w.file)))
			}
			if w.file != filepath.Base(w.file) || strings.ContainsAny(w.file, `/\:`) || w.file == "." || w.file == ".." || !strings.HasSuffix(w.file, ".safetensors") {
				return unsafeErr("the index names %q; only *.safetensors files of its own folder are read", shorten(printable(w.file)))
			}
			var err error
			if shard, err = o.Open(filepath.Join(folder, w.file)); err != nil {
				return err
			}
			shards[w.file] = shard
			c.closers = append(c.closers, shard)
			c.shards = append(c.shards, shard)
		}
		t, ok := shard.tensors[w.tensor]
		if !ok {
			return &Error{Tensor: w.tensor, Kind: ErrFormat, Detail: fmt.Sprintf("the index puts it in %s, which has no such tensor", w.file)}
		}
		if err := c.add(t); err != nil {
			return err
		}
	}
	return c.checkUnmapped(shards)
}

// checkUnmapped refuses tensors that a file holds and the index does not give
// it: two readers would see two different models.
func (c *Checkpoint) checkUnmapped(shards map[string]*Checkpoint) error {
	var unmapped []string
	for file, shard := range shards {
		for name, t := range shard.tensors {
			if c.tensors[name] != t {
				unmapped = append(unmapped, file+": "+shorten(name))
			}
		}
	}
	if len(unmapped) == 0 {
		return nil
	}
	slices.Sort(unmapped)
	return formatErr("%d tensors of the files are not in the index, first %s", len(unmapped), unmapped[0])
}
