package labels

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Bounds of a Parquet file. The library takes the sizes that a file says, of lists, pages and what they become, for what they are; so
// each is looked at before.
const (
	mostFooter = 1 << 20  // bytes
	mostPage   = 64 << 20 // bytes, compressed or not
	mostValues = 1 << 24  // of a page
	mostPages  = 1 << 20  // of a file
	pageHead   = 1 << 16  // bytes of the header of a page
	mostDepth  = 16       // of what describes a file
)

// openParquet opens a file whose sizes, of all that is read of it, are within bounds.
func openParquet(ctx context.Context, in io.ReaderAt, size int64, columns []string) (*parquet.File, error) {
	bad := func(err error) error { return fmt.Errorf("%w: no usable Parquet: %w", ErrLabels, err) }
	var tail [8]byte
	if size > mostStream {
		return nil, bad(fmt.Errorf("%d bytes, want at most %d", size, int64(mostStream)))
	}
	if size < 12 {
		return nil, bad(errors.New("it is too short"))
	}
	if _, err := in.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if string(tail[4:]) != "PAR1" {
		return nil, bad(errors.New("it does not end with PAR1: it is cut short, encrypted, or something else"))
	}
	if length > mostFooter || length > size-12 {
		return nil, bad(fmt.Errorf("its footer has %d bytes, want at most %d", length, min(mostFooter, size-12)))
	}
	footer := make([]byte, length)
	if _, err := in.ReadAt(footer, size-8-length); err != nil {
		return nil, err
	}
	if err := (&thrift{data: footer}).fields(0, 0, func(_, _ int, _ int64) {}); err != nil {
		return nil, bad(fmt.Errorf("footer: %w", err))
	}
	f, err := parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, bad(err)
	}
	g := guard{in: in, size: size, left: size}
	rows := int64(0)
	for i, group := range f.Metadata().RowGroups {
		if rows += group.NumRows; group.NumRows < 0 || rows < 0 || rows > mostTotal || rows > 1<<20+size {
			return nil, bad(fmt.Errorf("it says that it has %d rows, more than a file of %d bytes can be believed to have", rows, size))
		}
		for _, name := range columns {
			name = strings.TrimSuffix(name, "?")
			leaf, there := f.Schema().Lookup(name)
			if !there || leaf.ColumnIndex >= len(group.Columns) {
				continue
			}
			if err := g.column(ctx, &group.Columns[leaf.ColumnIndex].MetaData, group.NumRows); err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return nil, bad(fmt.Errorf("row group %d, column %s: %w", i, name, err))
			}
		}
	}
	return f, nil
}

// guard walks over the headers of pages.
type guard struct {
	in    io.ReaderAt
	size  int64
	left  int64 // bytes that no column has had
	pages int
	head  [pageHead]byte
}

// column looks at the pages of a column of so many rows.
func (g *guard) column(ctx context.Context, m *format.ColumnMetaData, rows int64) error {
	if m.Codec != format.Uncompressed && m.Codec != format.Snappy {
		return fmt.Errorf("it is compressed with %s; want Snappy, which DuckDB, pandas and Spark write where they are told compression snappy, or none", m.Codec)
	}
	at := m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		at = m.DictionaryPageOffset
	}
	length := m.TotalCompressedSize
	if at < 4 || length < 0 || length > g.left || at > g.size-length {
		return fmt.Errorf("%d bytes at byte %d are not all in the file, or another column's", length, at)
	}
	g.left -= length
	values := int64(0)
	for end := at + length; at < end; {
		if g.pages++; g.pages > mostPages {
			return fmt.Errorf("more than %d pages", mostPages)
		}
		if g.pages%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		head := g.head[:min(pageHead, end-at)]
		if n, err := g.in.ReadAt(head, at); n < len(head) {
			return err
		}
		p, err := pageOf(head)
		if err != nil {
			return fmt.Errorf("page at byte %d: %w", at, err)
		}
		at += int64(p.head)
		switch {
		case p.packed < 0 || p.packed > mostPage || p.packed > end-at || p.plain < 0 || p.plain > mostPage:
			return fmt.Errorf("a page of %d bytes, and %d as they are, want at most %d", p.packed, p.plain, mostPage)
		case p.wrong || p.values > mostValues || p.levels > p.packed:
			return fmt.Errorf("a page of %d values, want at most %d", p.values, mostValues)
		}
		if m.Codec == format.Snappy && !p.bare && p.packed > p.levels {
			var first [binary.MaxVarintLen32]byte
			n, err := g.in.ReadAt(first[:], at+p.levels)
			if err != nil && err != io.EOF {
				return err
			}
			if plain, k := binary.Uvarint(first[:n]); k <= 0 || plain > mostPage {
				return fmt.Errorf("a page that becomes %d bytes, want at most %d", plain, mostPage)
			}
		}
		if p.kind != int64(format.DictionaryPage) {
			values += p.values
		}
		at += p.packed
	}
	if values != rows {
		return fmt.Errorf("its pages have %d values in %d rows", values, rows)
	}
	return nil
}

// pageHeader is what of the header of a page decides how much it becomes.
type pageHeader struct {
	head                        int // bytes of it
	kind, plain, packed, values int64
	levels                      int64 // bytes in front of what is compressed
	bare                        bool  // nothing is compressed
	wrong                       bool  // a number is below 0
}

// pageOf reads the header that data begin with.
func pageOf(data []byte) (p pageHeader, err error) {
	t := &thrift{data: data}
	err = t.fields(0, 0, func(above, id int, v int64) {
		switch [2]int{above, id} {
		case [2]int{0, 1}:
			p.kind = v
		case [2]int{0, 2}:
			p.plain = v
		case [2]int{0, 3}:
			p.packed = v
		case [2]int{5, 1}, [2]int{7, 1}, [2]int{8, 1}: // of a data page, a dictionary, a data page of the second version
			p.values = max(p.values, v)
			p.wrong = p.wrong || v < 0
		case [2]int{8, 5}, [2]int{8, 6}:
			p.levels += v
			p.wrong = p.wrong || v < 0 || v > mostPage
		case [2]int{8, 7}:
			p.bare = v == 0
		}
	})
	if p.kind != int64(format.DataPageV2) {
		p.levels, p.bare = 0, false
	}
	p.head = t.at
	return p, err
}

// thrift walks over a struct in Thrift's compact protocol, whose lists and texts all have to lie in the data.
type thrift struct {
	data []byte
	at   int
}

var errThrift = errors.New("its description is damaged")

func (t *thrift) byte() (byte, error) {
	if t.at >= len(t.data) {
		return 0, errThrift
	}
	t.at++
	return t.data[t.at-1], nil
}

func (t *thrift) uvarint() (uint64, error) {
	v, n := binary.Uvarint(t.data[t.at:])
	if n <= 0 {
		return 0, errThrift
	}
	t.at += n
	return v, nil
}

// skip passes over so many bytes.
func (t *thrift) skip(n uint64) error {
	if n > uint64(len(t.data)-t.at) {
		return errThrift
	}
	t.at += int(n)
	return nil
}

// fields walks over a struct that is the field above of another one, or 0, and tells the numbers and truths of the first two depths.
func (t *thrift) fields(depth, above int, see func(above, id int, v int64)) error {
	if depth > mostDepth {
		return errThrift
	}
	for id := 0; ; {
		head, err := t.byte()
		if err != nil || head == 0 {
			return err
		}
		before := id
		if id += int(head >> 4); head>>4 == 0 {
			v, err := t.uvarint()
			if err != nil {
				return err
			}
			id = int(int16(v>>1) ^ -int16(v&1))
		}
		if id <= before {
			return errThrift // no field comes twice
		}
		if kind := head & 15; kind == 1 || kind == 2 {
			if depth < 2 {
				see(above, id, int64(2-kind))
			}
			continue
		}
		if err := t.value(head&15, depth, above, id, see); err != nil {
			return err
		}
	}
}

// value walks over a value of some kind.
func (t *thrift) value(kind byte, depth, above, id int, see func(above, id int, v int64)) error {
	switch kind {
	case 1, 2, 3: // a truth in a list, or a byte
		return t.skip(1)
	case 4, 5, 6: // whole numbers
		v, err := t.uvarint()
		if depth < 2 {
			see(above, id, int64(v>>1)^-int64(v&1))
		}
		return err
	case 7:
		return t.skip(8)
	case 8: // a text
		n, err := t.uvarint()
		if err != nil {
			return err
		}
		return t.skip(n)
	case 9, 10: // a list, a set
		head, err := t.byte()
		n := uint64(head >> 4)
		if err == nil && n == 15 {
			n, err = t.uvarint()
		}
		return t.several(n, err, depth, head&15)
	case 11: // a map
		n, err := t.uvarint()
		if err != nil || n == 0 {
			return err
		}
		kinds, err := t.byte()
		if err == nil {
			err = t.several(n, nil, depth, kinds>>4, kinds&15)
		}
		return err
	case 12:
		return t.fields(depth+1, id, see)
	}
	return errThrift
}

// several walks over so many values of each of the kinds, in turns.
func (t *thrift) several(n uint64, err error, depth int, kinds ...byte) error {
	if err != nil {
		return err
	}
	if depth > mostDepth || n > uint64(len(t.data)-t.at) {
		return errThrift
	}
	for range n {
		for _, k := range kinds {
			if err := t.value(k, max(depth+1, 2), 0, 0, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
