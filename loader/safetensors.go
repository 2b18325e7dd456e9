package loader

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"sort"
	"strconv"
	"unicode/utf8"
)

// maxHeaderBytes bounds the JSON header, as the format's own reader does
// (safetensors:safetensors/src/tensor.rs).
const maxHeaderBytes = 100_000_000

// readSafetensors reads the header of a safetensors file: a 64-bit length, a
// JSON object of that length, then the tensors without gap or overlap.
func (c *Checkpoint) readSafetensors(r io.ReaderAt, size int64) error {
	var prefix [8]byte
	if n, err := r.ReadAt(prefix[:], 0); n < len(prefix) {
		return readErr("the length of the header", err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	switch {
	case n > uint64(size-int64(len(prefix))):
		return truncatedErr("the header announces %d bytes, the file has %d; copy or download it again", n, size)
	case n > maxHeaderBytes:
		return formatErr("the header of %d bytes is longer than %d", n, maxHeaderBytes)
	case n == 0:
		return formatErr("the header is empty")
	}
	header := make([]byte, n)
	if m, err := r.ReadAt(header, int64(len(prefix))); m < len(header) {
		return readErr("the header", err)
	}
	list, metadata, err := parseHeader(header)
	if err != nil {
		return err
	}
	c.metadata = metadata
	start := int64(len(prefix)) + int64(n)
	if err := checkCoverage(list, uint64(size-start), r, size); err != nil {
		return err
	}
	for _, e := range list {
		shape := make([]int, len(e.shape))
		for d, s := range e.shape {
			shape[d] = int(s) // checkBytes has seen that it fits
		}
		seg := &segment{r: r, offset: start + int64(e.begin), size: int64(e.end - e.begin)}
		info := TensorInfo{Name: e.name, DType: e.dtype, Shape: shape, Strides: rowMajor(shape), Storage: e.name}
		t, err := newTensor(info, seg, 0, seg.size/e.dtype.Size(), size)
		if err == nil {
			err = c.add(t)
		}
		if err != nil {
			return inFile(err, "", e.name)
		}
	}
	return nil
}

// stEntry is a tensor of a safetensors header; offsets are bytes behind it.
type stEntry struct {
	name       string
	dtype      DType
	shape      []uint64
	begin, end uint64
}

// jsonReader walks JSON by tokens. encoding/json alone would accept repeated
// keys and numbers that are no integers.
type jsonReader struct{ d *json.Decoder }

func newJSONReader(text []byte) (jsonReader, error) {
	if !utf8.Valid(text) {
		return jsonReader{}, formatErr("the JSON header is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return jsonReader{d}, nil
}

func (j jsonReader) token() (json.Token, error) {
	t, err := j.d.Token()
	if err != nil {
		return nil, &Error{Kind: ErrFormat, Detail: "the JSON header is broken", Cause: err}
	}
	return t, nil
}

// expect reads a delimiter.
func (j jsonReader) expect(want json.Delim) error {
	t, err := j.token()
	if err != nil {
		return err
	}
	if t != want {
		return formatErr("the JSON header has %.20v where %v belongs", t, want)
	}
	return nil
}

func (j jsonReader) string() (string, error) {
	t, err := j.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", formatErr("the JSON header has %.20v where a string belongs", t)
	}
	return s, nil
}

// uint reads a non-negative integer written without fraction or exponent.
func (j jsonReader) uint() (uint64, error) {
	t, err := j.token()
	if err != nil {
		return 0, err
	}
	n, ok := t.(json.Number)
	if ok {
		if v, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
			return v, nil
		}
	}
	return 0, formatErr("the JSON header has %.40v where a non-negative integer belongs", t)
}

// object calls field for each key of an object, having refused repeats.
func (j jsonReader) object(field func(key string) error) error {
	if err := j.expect('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for j.d.More() {
		key, err := j.string()
		if err != nil {
			return err
		}
		if seen[key] {
			return formatErr("the JSON header has the key %q twice", shorten(key))
		}
		seen[key] = true
		if err := field(key); err != nil {
			return err
		}
	}
	return j.expect('}')
}

// strings reads an object of strings.
func (j jsonReader) strings() (map[string]string, error) {
	said := map[string]string{}
	err := j.object(func(key string) (err error) { said[key], err = j.string(); return err })
	return said, err
}

// uints reads an array of at most most integers.
func (j jsonReader) uints(most int) ([]uint64, error) {
	if err := j.expect('['); err != nil {
		return nil, err
	}
	var list []uint64
	for j.d.More() {
		n, err := j.uint()
		if err != nil {
			return nil, err
		}
		if list = append(list, n); len(list) > most {
			return nil, formatErr("the JSON header has a list of more than %d numbers", most)
		}
	}
	return list, j.expect(']')
}

// end refuses anything but white space behind the value.
func (j jsonReader) end() error {
	if _, err := j.d.Token(); err != io.EOF {
		return formatErr("the JSON header goes on after its object")
	}
	return nil
}

// parseHeader decodes and checks each entry by itself.
func parseHeader(header []byte) ([]stEntry, map[string]string, error) {
	if header[0] != '{' {
		return nil, nil, formatErr("the JSON header starts with %q, not with a brace", header[0])
	}
	j, err := newJSONReader(header)
	if err != nil {
		return nil, nil, err
	}
	var metadata map[string]string
	var list []stEntry
	err = j.object(func(name string) (err error) {
		if name == "__metadata__" {
			metadata, err = j.strings()
			return err
		}
		e, err := j.entry(name)
		if err == nil {
			err = e.checkBytes()
		}
		list = append(list, e)
		return inFile(err, "", name)
	})
	if err != nil {
		return nil, nil, err
	}
	return list, metadata, j.end()
}

// entry reads {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}.
func (j jsonReader) entry(name string) (stEntry, error) {
	e := stEntry{name: name}
	fields := 0
	err := j.object(func(key string) error {
		fields++
		switch key {
		case "dtype":
			s, err := j.string()
			if err != nil {
				return err
			}
			if e.dtype = safetensorsDType(s); e.dtype == "" {
				return formatErr("element type %q is not known; convert the tensor to F32", shorten(s))
			}
			return nil
		case "shape":
			var err error
			e.shape, err = j.uints(maxRank)
			return err
		case "data_offsets":
			ends, err := j.uints(2)
			if err == nil && len(ends) != 2 {
				err = formatErr("data_offsets has %d numbers, 2 expected", len(ends))
			}
			if err == nil {
				e.begin, e.end = ends[0], ends[1]
			}
			return err
		}
		return formatErr("the JSON header has the unknown field %q", shorten(key))
	})
	if err == nil && fields != 3 {
		err = formatErr("dtype, shape or data_offsets is missing")
	}
	return e, err
}

// checkBytes compares the byte range with shape and element type.
func (e stEntry) checkBytes() error {
	if e.end < e.begin {
		return formatErr("its bytes end (%d) before they begin (%d)", e.end, e.begin)
	}
	need, zero := int64(e.dtype.Size()), false
	for _, s := range e.shape {
		if s == 0 {
			zero = true
			continue
		}
		var ok bool
		if s > 1<<62 {
			return formatErr("shape %v is impossible", e.shape)
		}
		if need, ok = mul(need, int64(s)); !ok {
			return formatErr("shape %v overflows", e.shape)
		}
	}
	if zero {
		need = 0
	}
	if uint64(need) != e.end-e.begin {
		return formatErr("shape %v of %s needs %d bytes, the header gives it %d", e.shape, e.dtype, need, e.end-e.begin)
	}
	return nil
}

// checkCoverage requires that the tensors fill the data exactly: from 0 to the
// end, each beginning where the one before ended.
func checkCoverage(list []stEntry, bytes uint64, r io.ReaderAt, size int64) error {
	order := make([]*stEntry, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	sort.SliceStable(order, func(a, b int) bool {
		if order[a].begin != order[b].begin {
			return order[a].begin < order[b].begin
		}
		return order[a].end < order[b].end
	})
	at := uint64(0)
	for _, e := range order {
		if e.end > bytes {
			return &Error{Tensor: e.name, Kind: ErrTruncated, Detail: "its bytes run past the end of the file; copy or download it again"}
		}
		if e.begin != at {
			return &Error{Tensor: e.name, Kind: ErrFormat, Detail: "its bytes overlap others or leave a hole; save the file again"}
		}
		at = e.end
	}
	if at != bytes {
		return formatErr("%d bytes follow the last tensor%s; fetch or save the file again", bytes-at, after(": the file", ending(r, size)))
	}
	return nil
}
