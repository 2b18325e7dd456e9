package loader

import (
	"encoding/binary"
	"io"

	"github.com/nlpodyssey/gopickle/types"
)

// legacyProtocol is the number in the second pickle of a legacy file.
const legacyProtocol = 1001

// readLegacy reads the index of a file in the format before PyTorch 1.6: five
// pickles (magic, protocol, system, object, storage keys), then for each key a
// 64-bit element count and the raw bytes.
func (c *Checkpoint) readLegacy(r io.ReaderAt, size int64, o Options) error {
	pos := int64(len(legacyMagic))
	next := func() (unpickled, error) {
		left := size - pos
		n, err := scanPickle(io.NewSectionReader(r, pos, left), left)
		if err != nil {
			return unpickled{}, err
		}
		start := pos
		pos += n
		return unpickle(io.NewSectionReader(r, start, n))
	}
	protocol, err := next()
	if err != nil {
		return err
	}
	if n, ok := integer(protocol.object); !ok || n != legacyProtocol {
		return formatErr("the protocol number of this legacy file is not %d", legacyProtocol)
	}
	system, err := next()
	if err != nil {
		return err
	}
	if err := checkSystem(system.object); err != nil {
		return err
	}
	object, err := next()
	if err != nil {
		return err
	}
	keys, err := next()
	if err != nil {
		return err
	}
	storages, err := legacyStorages(r, size, pos, object.storages, keys.object)
	if err != nil {
		return err
	}
	return c.index(object, size, o, func(s storageNode) (*segment, error) {
		seg := storages[s.key]
		if seg == nil {
			return nil, formatErr("its storage %q is not in the file's list", shorten(printable(s.key)))
		}
		want, err := s.bytes()
		if err == nil && want != seg.size {
			err = formatErr("storage %q should have %d bytes and has %d", printable(s.key), want, seg.size)
		}
		return seg, err
	})
}

// checkSystem refuses files of big-endian machines.
func checkSystem(v any) error {
	list, ok := entries(v)
	if !ok {
		return formatErr("the system description of this legacy file is not a dictionary")
	}
	for _, e := range list {
		if e.key == "little_endian" && e.value != true {
			return formatErr("the file was written on a big-endian machine; load it there and save it as little-endian")
		}
	}
	return nil
}

// legacyStorages walks the storages behind the pickles, reading the element
// count of each and skipping its bytes.
func legacyStorages(r io.ReaderAt, size, pos int64, declared map[string]storageNode, keys any) (map[string]*segment, error) {
	list, ok := keys.(*types.List)
	if !ok {
		return nil, formatErr("the list of storages of this legacy file is not a list")
	}
	segments := make(map[string]*segment, list.Len())
	for i := range list.Len() {
		key, _ := list.Get(i).(string)
		s, ok := declared[key]
		if !ok || segments[key] != nil {
			return nil, formatErr("the file's list of storages does not match its tensors")
		}
		var count [8]byte
		if n, err := r.ReadAt(count[:], pos); n < len(count) {
			return nil, readErr("the storages", err)
		}
		if n := int64(binary.LittleEndian.Uint64(count[:])); n == 0 && s.numel > 0 {
			return nil, truncatedErr("storage %q should have %d elements and its count is 0%s; copy or download the file again", shorten(printable(key)), s.numel, after(": the file", ending(r, size)))
		} else if n != s.numel {
			return nil, formatErr("storage %q should have %d elements and has %d", shorten(printable(key)), s.numel, n)
		}
		pos += int64(len(count))
		bytes, err := s.bytes()
		if err != nil {
			return nil, err
		}
		if bytes > size-pos {
			return nil, truncatedErr("storage %q needs %d bytes, %d are left; copy or download the file again", shorten(printable(key)), bytes, size-pos)
		}
		segments[key] = &segment{r: r, offset: pos, size: bytes}
		pos += bytes
	}
	return segments, nil
}
