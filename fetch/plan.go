package fetch

import (
	"archive/zip"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/loader"
)

const (
	mostMembers = 1 << 17
	headerBytes = 30      // of a local header in a zip archive, without name and extra field
	gap         = 1 << 20 // between two spans; a shorter one is brought too, rather than asking twice
	worthwhile  = 0.8     // of a file: where its tensors are more, all of it is brought, which has a SHA-256 to compare
)

// plan is what of an archive has to be brought for the tensors of its model.
type plan struct {
	spans []span
	view  *view
}

// view is an archive of which the index and some spans are here. Of a storage that is not, loader sees a local header
// made of what the directory says of it, and nothing else.
type view struct {
	size  int64
	index io.ReaderAt
	spans []span
	at    []int64     // where each span begins in part
	part  io.ReaderAt // nil before the spans are brought
	made  map[int64]int
}

// ReadAt implements [io.ReaderAt].
func (v *view) ReadAt(p []byte, off int64) (int, error) {
	if name, ok := v.made[off]; ok && len(p) == headerBytes {
		return copy(p, header(name)), nil
	}
	n := 0
	for n < len(p) {
		m, err := v.piece(p[n:], off+int64(n))
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// piece reads from one place, a span or the index, as far as it goes.
func (v *view) piece(p []byte, off int64) (int, error) {
	end := v.size
	for i, s := range v.spans {
		switch {
		case v.part == nil || off >= s.to:
		case off >= s.from:
			p = p[:min(int64(len(p)), s.to-off)]
			n, err := v.part.ReadAt(p, v.at[i]+off-s.from)
			if n == len(p) {
				err = nil
			}
			return n, err
		default:
			end = min(end, s.from)
		}
	}
	if off >= end {
		return 0, io.EOF
	}
	return v.index.ReadAt(p[:min(int64(len(p)), end-off)], off)
}

// header is a local header of a member whose name has so many bytes, and of no extra field.
func header(name int) []byte {
	h := binary.LittleEndian.AppendUint32(make([]byte, 0, headerBytes), 0x04034b50)
	h = append(h, make([]byte, headerBytes-len(h))...)
	binary.LittleEndian.PutUint16(h[26:], uint16(name))
	return h
}

// blank answers every read as a local header without a name.
type blank struct{}

func (blank) ReadAt(p []byte, _ int64) (int, error) { return copy(p, header(0)), nil }

// door lets archive/zip read an archive's directory, and then local headers that say nothing.
type door struct{ io.ReaderAt }

// member is one of an archive: its name, and where it lies with its header and what follows its bytes.
type member struct {
	name string
	span
}

// members lists those of an archive in the order of the file. archive/zip tells where the bytes of a member begin
// according to its local header; of one that has neither name nor extra field they begin right behind it.
func members(r io.ReaderAt, size int64) ([]member, error) {
	d := &door{r}
	z, err := zip.NewReader(d, size)
	if err != nil {
		return nil, err
	}
	if n := len(z.File); n == 0 || n > mostMembers {
		return nil, fmt.Errorf("it has %d members", n)
	}
	d.ReaderAt = blank{}
	var list []member
	for _, f := range z.File {
		begins, err := f.DataOffset()
		if err != nil {
			return nil, err
		}
		list = append(list, member{f.Name, span{begins - headerBytes, size}})
	}
	slices.SortFunc(list, func(a, b member) int { return cmp.Compare(a.from, b.from) })
	for i := range list {
		if i+1 < len(list) {
			list[i].to = list[i+1].from
		}
		if list[i].from < 0 || list[i].length() < headerBytes {
			return nil, errors.New("its members lie one in another")
		}
	}
	return list, nil
}

// planned finds what has to be brought. The error says why the tensors are not brought alone.
func planned(x io.ReaderAt, size int64, name string) (*plan, error) {
	p, err := located(x, size, name)
	if err == nil && float64(length(p.spans)) > worthwhile*float64(size) {
		err = errAll
	}
	return p, err
}

// located finds where the tensors of an archive's model lie.
func located(x io.ReaderAt, size int64, name string) (*plan, error) {
	var magic [4]byte
	if _, err := x.ReadAt(magic[:], 0); err != nil || string(magic[:]) != "PK\x03\x04" {
		return nil, errors.Join(err, errNoArchive)
	}
	list, err := members(x, size)
	if err != nil {
		return nil, err
	}
	root := list[0].name[:strings.IndexByte(list[0].name, '/')+1]
	v := &view{size: size, index: x, made: map[int64]int{}}
	storages := map[string]member{}
	for _, m := range list {
		if key, ok := strings.CutPrefix(m.name, root+"data/"); ok {
			storages[key] = m
			v.made[m.from] = len(m.name)
		}
	}
	file, err := loader.Read(v, size, name)
	if err != nil {
		return nil, err
	}
	var wanted []span
	for _, tensor := range file.Names() {
		info, _ := file.Info(tensor)
		m, ok := storages[info.Storage]
		if !ok {
			return nil, fmt.Errorf("storage %q of tensor %q is not in it", info.Storage, tensor)
		}
		wanted = append(wanted, m.span)
		delete(v.made, m.from)
	}
	return &plan{joined(wanted), v}, nil
}

// Why a file is brought whole that is as it should be.
var (
	errNoArchive = errors.New("it is no zip archive")
	errAll       = errors.New("nearly all of it is the model")
)

// joined sorts spans and joins those that are the same or near each other.
func joined(list []span) []span {
	slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range list {
		if n := len(out); n > 0 && s.from <= out[n-1].to+gap {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// length is that of spans together.
func length(list []span) (n int64) {
	for _, s := range list {
		n += s.length()
	}
	return n
}

// over is the view once the spans are brought.
func (p *plan) over(part io.ReaderAt) *view {
	v := *p.view
	v.spans, v.part = p.spans, part
	at := int64(0)
	for _, s := range p.spans {
		v.at = append(v.at, at)
		at += s.length()
	}
	return &v
}
