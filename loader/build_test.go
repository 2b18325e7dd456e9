package loader

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"testing"
)

// pickler writes pickles opcode by opcode.
type pickler struct{ bytes.Buffer }

func newPickle() *pickler {
	p := &pickler{}
	p.WriteString("\x80\x02")
	return p
}

func (p *pickler) op(ops ...byte) *pickler { p.Write(ops); return p }

func (p *pickler) str(s string) *pickler {
	p.WriteByte(opBinUnicode)
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
	return p
}

// num writes an integer as torch does for sizes beyond 32 bits: LONG1.
func (p *pickler) num(n int64) *pickler {
	p.op(opLong1, 8)
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	return p
}

func (p *pickler) global(module, name string) *pickler {
	fmt.Fprintf(p, "c%s\n%s\n", module, name)
	return p
}

func (p *pickler) put(slot byte) *pickler { return p.op(opBinPut, slot) }
func (p *pickler) get(slot byte) *pickler { return p.op(opBinGet, slot) }

func (p *pickler) nums(list ...int64) *pickler {
	p.op(opMark)
	for _, n := range list {
		p.num(n)
	}
	return p.op(opTuple)
}

// storage pushes a storage through its persistent id.
func (p *pickler) storage(class, key string, numel int64) *pickler {
	module := "torch"
	if class == "UntypedStorage" {
		module = "torch.storage"
	}
	p.op(opMark).str("storage").global(module, class).str(key).str("cpu").num(numel)
	return p.op(opTuple, opBinPersID)
}

// view describes a strided tensor for the builders below.
type view struct {
	class, key string
	numel      int64
	offset     int64
	shape      []int64
	strides    []int64
}

func (p *pickler) tensor(v view) *pickler {
	p.global("torch._utils", "_rebuild_tensor_v2").op(opMark)
	p.storage(v.class, v.key, v.numel).num(v.offset).nums(v.shape...).nums(v.strides...)
	p.op(opNewFalse).global("collections", "OrderedDict").op(opEmptyTuple, opReduce)
	return p.op(opTuple, opReduce)
}

func (p *pickler) stop() []byte { return append(bytes.Clone(p.Bytes()), opStop) }

// member is a file of a zip.
type member struct {
	name string
	data []byte
}

// makeZip packs members, stored, below archive/.
func makeZip(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, m := range members {
		f, err := w.CreateHeader(&zip.FileHeader{Name: "archive/" + m.name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(m.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// readPickle opens a checkpoint of one pickle and no storages.
func readPickle(t testing.TB, pickle []byte) (*Checkpoint, error) {
	t.Helper()
	return readBytes(makeZip(t, member{"data.pkl", pickle}), "test.pth")
}

func readBytes(data []byte, name string) (*Checkpoint, error) {
	return Read(bytes.NewReader(data), int64(len(data)), name)
}

// floats is 0, 1, 2, ... as little-endian float32.
func floats(n int) []byte {
	var out []byte
	for i := range n {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(i)))
	}
	return out
}

// sparse is a file most of which is zeros that take no memory: writes of its
// own zero block become holes.
type sparse struct {
	zero []byte
	at   int64
	runs []sparseRun
}

type sparseRun struct {
	at   int64
	data []byte
}

func newSparse() *sparse { return &sparse{zero: make([]byte, 1<<20)} }

func (s *sparse) Write(p []byte) (int, error) {
	if len(p) > 0 && &p[0] != &s.zero[0] {
		s.runs = append(s.runs, sparseRun{s.at, bytes.Clone(p)})
	}
	s.at += int64(len(p))
	return len(p), nil
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.at {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.at-off))
	clear(p[:n])
	for _, r := range s.runs {
		lo, hi := max(off, r.at), min(off+int64(n), r.at+int64(len(r.data)))
		if lo < hi {
			copy(p[lo-off:hi-off], r.data[lo-r.at:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// pickleOf takes data.pkl out of a zip checkpoint; nil if there is none.
func pickleOf(file []byte) []byte {
	a, err := openArchive(bytes.NewReader(file), int64(len(file)))
	if err != nil || a.members[a.root+"data.pkl"] == nil {
		return nil
	}
	s, err := a.segment(a.root + "data.pkl")
	if err != nil {
		return nil
	}
	return bytes.Clone(file[s.offset : s.offset+s.size])
}
