package difftest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/sbinet/npyio"

	"github.com/glipvk/glipvk/internal/difftest"
)

var update = flag.Bool("update", false, "make testdata anew from ../shared/golden")

// committedCases are the cases that the module carries, and how many elements of
// each of their taps; 0 is all that there are.
var committedCases = []struct {
	id    string
	limit int
}{
	{"micro-w4-61x45", 0}, // every operation, every tap, every element
	{"micro-w4-1x1", 0},
	{"nano-128", 4096},
	{"nano-128-bfloat16", 256},
	{"nano-128-float16", 256},
	{"micro-w4-97x101", 256},
	{"micro-w4-97x101-padtrue", 256},
	{"micro-w6-batch3-46x77", 256},
	{"micro-w7-61x45", 256},
	{"micro-w4-16x16-reject", 0},
	{"glip-t-batch2-160x96-reject", 0},
}

// committedVariants are the cases whose variants the module carries.
var committedVariants = []string{"micro-w4-61x45", "nano-128"}

// TestCommittedSubset makes the committed files anew in memory and wants them
// equal to those in testdata/golden; with -update it writes them there.
func TestCommittedSubset(t *testing.T) {
	shared := difftest.Shared(t)
	files := map[string][]byte{"variants.json": trimVariants(t, shared)}
	var manifest bytes.Buffer
	manifest.WriteString("{\"cases\": [\n")
	for i, row := range committedCases {
		if i > 0 {
			manifest.WriteString(",\n")
		}
		c := shared.Case(t, row.id)
		if data := trimCase(t, c, row.limit); data != nil {
			files[c.File] = data
		}
		writeCase(t, &manifest, c)
	}
	manifest.WriteString("\n]}\n")
	files["manifest.json"] = manifest.Bytes()

	dir := difftest.Committed(t).Dir
	for name, want := range files {
		difftest.Kept(t, filepath.Join(dir, name), want, *update)
	}
	listed, err := os.ReadDir(dir)
	if err != nil || len(listed) != len(files) {
		t.Errorf("%s holds %d files, want %d (%v)", dir, len(listed), len(files), err)
	}
}

// trimCase shortens the taps of c to limit elements and returns the file that
// holds them, nil for a refused case. A longer tap becomes, or stays, sampled.
func trimCase(t *testing.T, c *difftest.Case, limit int) []byte {
	if c.File == "" {
		return nil
	}
	var all []float32
	for i := range c.Taps {
		tap := &c.Taps[i]
		data, err := c.Stored(*tap)
		if err != nil {
			t.Fatal(err)
		}
		if limit > 0 && len(data) > limit {
			short := make([]float32, limit)
			for k := range short {
				if short[k] = data[k]; tap.Storage == "full" {
					short[k] = data[k*1000003%len(data)]
				}
			}
			data, tap.Storage = short, "sampled"
		}
		defer func(offset int) { tap.Offset = offset }(len(all)) // after the last Stored
		tap.Count, tap.SHA256 = len(data), digest(data)
		all = append(all, data...)
	}
	var file bytes.Buffer
	if err := npyio.Write(&file, all); err != nil {
		t.Fatal(err)
	}
	c.FileSHA256 = fmt.Sprintf("%x", sha256.Sum256(file.Bytes()))
	return file.Bytes()
}

func digest(data []float32) string {
	var raw []byte
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// writeCase writes a case with one line per tap, so that changes can be read.
func writeCase(t *testing.T, w *bytes.Buffer, c *difftest.Case) {
	head := *c
	head.Taps = nil
	line, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(line)
	if len(c.Taps) == 0 {
		return
	}
	w.Truncate(w.Len() - 1)
	w.WriteString(", \"taps\": [\n")
	for i, tap := range c.Taps {
		line, err := json.Marshal(tap)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			w.WriteString(",\n")
		}
		w.Write(line)
	}
	w.WriteString("\n]}")
}

// trimVariants keeps the variants of some cases, one line each.
func trimVariants(t *testing.T, set *difftest.Set) []byte {
	all, err := set.Variants()
	if err != nil {
		t.Fatal(err)
	}
	var w bytes.Buffer
	w.WriteString("{\"cases\": [\n")
	for i, id := range committedVariants {
		if i > 0 {
			w.WriteString(",\n")
		}
		fmt.Fprintf(&w, "{\"case\": %q, \"variants\": [\n", id)
		for k, v := range all[id] {
			line, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if k > 0 {
				w.WriteString(",\n")
			}
			w.Write(line)
		}
		w.WriteString("\n]}")
	}
	w.WriteString("\n]}\n")
	return w.Bytes()
}
