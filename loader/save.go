package loader

import (
	"archive/zip"
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/float16"
)

// Saved is a tensor on its way into a file. Data is asked for it once, when its turn comes, and
// gives as many elements as the shape has, row-major. DType is what they are stored as: Float32, which "" stands for,
// or [Float16] or [BFloat16], to whose numbers they are rounded, to the nearest, ties to even; a number beyond the largest is an
// error then. Other types are not written.
type Saved struct {
	Name  string
	Shape []int
	DType DType
	Data  func() ([]float32, error)
}

func (s Saved) dtype() DType { return cmp.Or(s.DType, Float32) }

func (s Saved) elements() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// write writes the elements, little-endian.
func (s Saved) write(w *bufio.Writer) error {
	data, err := s.Data()
	if err != nil {
		return err
	}
	if want := s.elements(); len(data) != want {
		return fmt.Errorf("loader: %s: %d elements to be saved, want %d for %v", s.Name, len(data), want, s.Shape)
	}
	n := s.dtype().narrow()
	var block [1 << 14]byte
	for part := range slices.Chunk(data, len(block)/4) {
		bytes := block[:0]
		for _, v := range part {
			if n.round == nil {
				bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
				continue
			}
			h := n.round(v)
			if h&0x7fff == n.inf && !math.IsInf(float64(v), 0) {
				return fmt.Errorf("loader: %s: %g is to be saved in 16 bits, which end at %g: save it in 32", s.Name, v, n.most)
			}
			bytes = binary.LittleEndian.AppendUint16(bytes, h)
		}
		if _, err := w.Write(bytes); err != nil {
			return err
		}
	}
	return nil
}

// narrow says how numbers become those of a type of 16 bits; the zero value of others.
type narrow struct {
	round func(float32) uint16
	inf   uint16
	most  float32 // the largest
}

func (d DType) narrow() narrow {
	switch d {
	case Float16:
		return narrow{float16.Round, float16.Inf, 65504}
	case BFloat16:
		return narrow{roundBrain, brainInf, math.Float32frombits(0x7f7f << 16)}
	}
	return narrow{}
}

// Holds says whether a number is still finite when it is rounded to the type, of those that [Saved] takes; of infinity
// and NaN, that they stay so.
func (d DType) Holds(v float32) bool {
	n := d.narrow()
	return n.round == nil || n.round(v)&0x7fff != n.inf || math.IsInf(float64(v), 0)
}

// writable refuses types that are not written.
func writable(list []Saved) error {
	for _, s := range list {
		if d := s.dtype(); d != Float32 && d != Float16 && d != BFloat16 {
			return fmt.Errorf("loader: %s is to be saved as %q, want %s, %s or %s", s.Name, d, Float32, Float16, BFloat16)
		}
	}
	return nil
}

// SaveSafetensors writes a file of the safetensors format, version 1, with tensors in the
// order given, and what else is said of it as metadata, nil for nothing. Names must differ.
func SaveSafetensors(w io.Writer, metadata map[string]string, list []Saved) error {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	if err := writable(list); err != nil {
		return err
	}
	header := map[string]any{}
	if len(metadata) > 0 {
		header["__metadata__"] = metadata
	}
	at := int64(0)
	for _, s := range list {
		if _, twice := header[s.Name]; twice {
			return fmt.Errorf("loader: %q is to be saved twice", s.Name)
		}
		end := at + s.dtype().Size()*int64(s.elements())
		header[s.Name] = entry{dtypes[s.dtype()].safetensors, append([]int{}, s.Shape...), [2]int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, strings.Repeat(" ", (8-len(text)%8)%8)...)
	out := bufio.NewWriterSize(w, 1<<20)
	if _, err := out.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, s := range list {
		if err := s.write(out); err != nil {
			return err
		}
	}
	return out.Flush()
}

// SavedEntry is a dictionary of tensors and the entry of a file that it is in; where it is the only one and has no name, the
// file holds the dictionary itself.
type SavedEntry struct {
	Name    string
	Tensors []Saved
}

// metadataMember is a file beside the pickle that PyTorch does not read: a JSON object of strings, as
// __metadata__ of a safetensors file.
const metadataMember = "glipvk.json"

// SavePickle writes what torch.save writes of {entry: OrderedDict of tensors, ...}: a zip archive with a pickle
// of names, shapes and strides and a file of elements for each tensor. torch.load reads it, with weights_only too;
// nothing in it runs code but the making of tensors and dictionaries. What else is said of it, nil for nothing, is in a
// file of its own, for [Checkpoint.Metadata]; torch.load passes over it.
func SavePickle(w io.Writer, metadata map[string]string, entries ...SavedEntry) error {
	var list []Saved
	for _, e := range entries {
		list = append(list, e.Tensors...)
	}
	if err := writable(list); err != nil {
		return err
	}
	z := zip.NewWriter(w)
	create := func(name string) (io.Writer, error) {
		return z.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: zip.Store})
	}
	f, err := create("data.pkl")
	if err == nil {
		_, err = f.Write(pickled(entries))
	}
	if err != nil {
		return err
	}
	files := [][2]string{{"byteorder", "little"}, {"version", "3\n"}}
	if len(metadata) > 0 {
		text, err := json.Marshal(metadata)
		if err != nil {
			return err
		}
		files = append(files, [2]string{metadataMember, string(text)})
	}
	for _, named := range files {
		if f, err = create(named[0]); err == nil {
			_, err = io.WriteString(f, named[1])
		}
		if err != nil {
			return err
		}
	}
	for i, s := range list {
		if f, err = create(fmt.Sprintf("data/%d", i)); err != nil {
			return err
		}
		out := bufio.NewWriterSize(f, 1<<20)
		if err := s.write(out); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return z.Close()
}

// pickleWriter writes opcodes of pickle's protocol 2 (Lib/pickle.py names them).
type pickleWriter struct{ b []byte }

func (p *pickleWriter) op(codes string) { p.b = append(p.b, codes...) }

func (p *pickleWriter) global(module, name string) { p.op("c" + module + "\n" + name + "\n") }

func (p *pickleWriter) text(s string) {
	p.b = binary.LittleEndian.AppendUint32(append(p.b, 'X'), uint32(len(s)))
	p.op(s)
}

// number writes one from 0 on.
func (p *pickleWriter) number(n int) {
	if n <= math.MaxInt32 {
		p.b = binary.LittleEndian.AppendUint32(append(p.b, 'J'), uint32(n))
		return
	}
	p.b = binary.LittleEndian.AppendUint64(append(p.b, '\x8a', 8), uint64(n))
}

func (p *pickleWriter) numbers(list []int) {
	p.op("(")
	for _, n := range list {
		p.number(n)
	}
	p.op("t")
}

// ordered makes an empty OrderedDict.
func (p *pickleWriter) ordered() {
	p.global("collections", "OrderedDict")
	p.op(")R")
}

// pickled is {entry: OrderedDict([(name, tensor), ...]), ...}, or without an entry the latter alone.
func pickled(entries []SavedEntry) []byte {
	p := &pickleWriter{}
	p.op("\x80\x02")
	if len(entries) == 1 && entries[0].Name == "" {
		p.dictionary(0, entries[0].Tensors)
		p.op(".")
		return p.b
	}
	p.op("}")
	number := 0
	for _, e := range entries {
		p.text(e.Name)
		p.dictionary(number, e.Tensors)
		p.op("s") // it into the outer one
		number += len(e.Tensors)
	}
	p.op(".")
	return p.b
}

// dictionary makes an OrderedDict of tensors; first is the number of the first one's file.
func (p *pickleWriter) dictionary(first int, tensors []Saved) {
	p.ordered()
	p.op("(")
	for i, s := range tensors {
		p.text(s.Name)
		p.tensor(first+i, s)
	}
	p.op("u")
}

// tensor calls torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()).
func (p *pickleWriter) tensor(i int, s Saved) {
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op("((")
	p.text("storage")
	p.global("torch", dtypes[s.dtype()].storage)
	p.text(fmt.Sprint(i))
	p.text("cpu")
	p.number(s.elements())
	p.op("tQ") // the persistent id of the storage
	p.number(0)
	p.numbers(s.Shape)
	strides := make([]int, len(s.Shape))
	step := 1
	for k := len(strides) - 1; k >= 0; k-- {
		strides[k] = step
		step *= s.Shape[k]
	}
	p.numbers(strides)
	p.op("\x89")
	p.ordered()
	p.op("tR")
}
