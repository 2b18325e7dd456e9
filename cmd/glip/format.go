package main

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/glipvk/glipvk"
)

// save adds the values of one input to a set of files, in the format asked for; what is said of them goes where there is room.
func save(p *pending, format, stem string, maps []glipvk.Map, said map[string]string) error {
	switch format {
	case "npz":
		return p.add(stem+".npz", func(w io.Writer) error { return writeNpz(w, maps) })
	case "safetensors":
		return p.add(stem+".safetensors", func(w io.Writer) error { return writeSafetensors(w, maps, said) })
	}
	for _, m := range maps {
		if err := p.add(stem+"."+m.Name+".npy", func(w io.Writer) error { return writeNpy(w, m) }); err != nil {
			return err
		}
	}
	return nil
}

// writeNpy writes NumPy's format, version 1.0: a header padded to a multiple of 64 bytes, then the values.
func writeNpy(w io.Writer, m glipvk.Map) error {
	sizes := make([]string, len(m.Shape))
	for i, n := range m.Shape {
		sizes[i] = fmt.Sprint(n)
	}
	shape := strings.Join(sizes, ", ")
	if len(sizes) == 1 {
		shape += "," // a tuple of one
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape)
	const before = 10 // magic, version, length
	header += strings.Repeat(" ", (64-(before+len(header)+1)%64)%64) + "\n"
	head := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	if _, err := w.Write(append(head, header...)); err != nil {
		return err
	}
	return writeFloats(w, m.Data)
}

// writeFloats writes little-endian float32 values, some at a time.
func writeFloats(w io.Writer, data []float32) error {
	buf := make([]byte, 0, 1<<16)
	for len(data) > 0 {
		n := min(len(data), cap(buf)/4)
		buf = buf[:0]
		for _, v := range data[:n] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// writeNpz writes the archive that numpy.load opens: one .npy for each map.
func writeNpz(w io.Writer, maps []glipvk.Map) error {
	z := zip.NewWriter(w)
	for _, m := range maps {
		f, err := z.CreateHeader(&zip.FileHeader{Name: m.Name + ".npy", Method: zip.Store})
		if err == nil {
			err = writeNpy(f, m)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// writeSafetensors writes the length of a JSON header, the header, which says what is said of the tensors, and the values one tensor after the other.
func writeSafetensors(w io.Writer, maps []glipvk.Map, said map[string]string) error {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := map[string]any{"__metadata__": said}
	at := int64(0)
	for _, m := range maps {
		end := at + 4*int64(len(m.Data))
		header[m.Name] = entry{"F32", m.Shape, [2]int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, strings.Repeat(" ", (8-len(text)%8)%8)...)
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, m := range maps {
		if err := writeFloats(w, m.Data); err != nil {
			return err
		}
	}
	return nil
}
