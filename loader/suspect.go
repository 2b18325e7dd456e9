package loader

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sort"
)

const (
	tailBytes  = 4096 // of a tensor, or of the file, that are looked at
	mostPasses = 64   // tensors that are stepped over, looking for the first that is empty
)

// Suspicions are sentences on what is allowed and yet looks as if the file came incomplete:
// tensors that are zeros from one of them on, as where a download took the room first and then
// stopped, and a web page at the end. Only the ends of some tensors are read: of a sound file one.
// The error is that of reading.
func (c *Checkpoint) Suspicions() ([]string, error) {
	var found []string
	for _, shard := range c.shards {
		list, err := shard.Suspicions()
		if err != nil {
			return nil, err
		}
		for _, text := range list {
			found = append(found, filepath.Base(shard.file)+": "+text)
		}
	}
	if len(c.shards) > 0 {
		return found, nil
	}
	var list []stretch
	for _, name := range c.names {
		t := c.tensors[name]
		if t.info.Bytes > 0 {
			matrix := len(t.info.Shape) > 1 && slices.Contains([]DType{Float32, Float16, BFloat16, Float64}, t.info.DType)
			list = append(list, stretch{t.seg, name, matrix})
		}
	}
	slices.SortStableFunc(list, func(a, b stretch) int { return cmp.Compare(a.seg.offset, b.seg.offset) })
	first, err := emptyFrom(list)
	if err != nil {
		return nil, inFile(err, c.file, "")
	}
	if first >= 0 {
		found = append(found, fmt.Sprintf("tensor %q and the %d behind it in the file are zeros or end in zeros: the download took its room first and then stopped, or a part was never written; fetch the file again",
			list[first].name, len(list)-1-first))
	}
	if ending(c.reader, c.size) == endsInPage {
		found = append(found, "the file"+endsInPage+", so the download was interrupted; fetch the file again")
	}
	return found, nil
}

// stretch is where the bytes of a tensor lie in its file.
type stretch struct {
	seg    *segment
	name   string
	matrix bool // a trained one has no zeros at its end, which a bias may have
}

// emptyFrom finds the tensor from which on all are zeros or end so, of a list in the order of
// the file, a bias before the first empty matrix too; -1 if the last matrix does not, or is the only one and nothing but zeros.
func emptyFrom(list []stretch) (int, error) {
	var failed error
	empty := func(i int) bool {
		zero, err := list[i].seg.zeros(true)
		failed = cmp.Or(failed, err)
		return zero
	}
	var matrices []int
	for i, s := range list {
		if s.matrix {
			matrices = append(matrices, i)
		}
	}
	if len(matrices) == 0 || !empty(matrices[len(matrices)-1]) {
		return -1, failed
	}
	at := sort.Search(len(matrices)-1, func(k int) bool { return empty(matrices[k]) })
	first := matrices[at]
	whole, err := list[first].seg.zeros(false)
	if err != nil || whole && at == len(matrices)-1 {
		return -1, err // one that was never trained
	}
	for range mostPasses {
		if !whole || first == 0 || list[first-1].matrix || !empty(first-1) {
			break
		}
		first--
	}
	return first, failed
}

// zeros says whether the end of a segment, or its beginning, is nothing but zeros.
func (s *segment) zeros(end bool) (bool, error) {
	buf := make([]byte, min(s.size, tailBytes))
	at := s.offset
	if end {
		at += s.size - int64(len(buf))
	}
	if n, err := s.r.ReadAt(buf, at); n < len(buf) {
		return false, readErr("tensor data", err)
	}
	return zeros(buf), nil
}

const (
	endsInZeros = " ends in zeros, so the download took its room first and then stopped"
	endsInPage  = " ends in a web page"
)

// after puts a subject before what is said of it, if anything is.
func after(subject, said string) string {
	if said == "" {
		return ""
	}
	return subject + said
}

// ending says what is where a file should have its end; "" where that is unremarkable.
func ending(r io.ReaderAt, size int64) string {
	end := make([]byte, min(size, tailBytes))
	n, _ := r.ReadAt(end, size-int64(len(end)))
	switch end = end[:n]; {
	case zeros(end):
		return endsInZeros
	case bytes.Contains(bytes.ToLower(end), []byte("</html>")):
		return endsInPage
	}
	return ""
}
