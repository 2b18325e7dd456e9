package loader

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// archive is the central directory of a PyTorch zip.
type archive struct {
	r       io.ReaderAt
	size    int64
	root    string // folder of all members, with its slash
	members map[string]*zip.File
	opened  map[string]*segment
}

// readZip reads the index of a zip checkpoint (PyTorch 1.6 and later): the
// central directory, data.pkl, and the 30-byte local header of each storage.
func (c *Checkpoint) readZip(r io.ReaderAt, size int64, o Options) error {
	a, err := openArchive(r, size)
	if err != nil {
		return err
	}
	if err := a.checkKind(); err != nil {
		return err
	}
	pkl, err := a.segment(a.root + "data.pkl")
	if err != nil {
		return err
	}
	if pkl.size > maxPickleBytes {
		return formatErr("data.pkl is longer than %d MiB", maxPickleBytes>>20)
	}
	if err := checkPickle(pkl, o.SkipCRC); err != nil {
		return err
	}
	if c.metadata, err = a.metadata(o.SkipCRC); err != nil {
		return err
	}
	result, err := unpickle(io.NewSectionReader(r, pkl.offset, pkl.size))
	if err != nil {
		return err
	}
	return c.index(result, size, o, a.locate)
}

// checkPickle scans data.pkl and verifies its checksum in the same pass.
func checkPickle(pkl *segment, skipCRC bool) error {
	sum := crc32.NewIEEE()
	in := io.TeeReader(io.NewSectionReader(pkl.r, pkl.offset, pkl.size), sum)
	if _, err := scanPickle(in, pkl.size); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return readErr("data.pkl", err)
	}
	if skipCRC {
		return nil
	}
	return pkl.settle(sum.Sum32())
}

// openArchive reads the central directory, finds where each member's bytes
// begin, and refuses what torch.save never
// writes: compression, encryption, repeated names, paths that climb.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	zr, err := zip.NewReader(r, size)
	switch {
	case errors.Is(err, zip.ErrInsecurePath):
		return nil, unsafeErr("a member's path leaves the archive; nothing was written")
	case errors.Is(err, zip.ErrFormat):
		return nil, truncatedErr("the zip directory at the end of the file is missing or damaged%s; copy or download the file again", after(": it", ending(r, size)))
	case err != nil:
		return nil, readErr("the zip directory", err)
	case len(zr.File) == 0:
		return nil, formatErr("the zip archive has no members; save the checkpoint again")
	}
	a := &archive{r: r, size: size, members: make(map[string]*zip.File, len(zr.File)), opened: map[string]*segment{}}
	first := zr.File[0].Name
	slash := strings.IndexByte(first, '/')
	a.root = first[:slash+1]
	for _, f := range zr.File {
		if err := checkPath(f.Name); err != nil {
			return nil, err
		}
	}
	if what := foreign(zr.File, a.root); what != "" {
		return nil, formatErr("this is %s", what)
	}
	for _, f := range zr.File {
		if err := checkMember(f); err != nil {
			return nil, err
		}
		if a.members[f.Name] != nil {
			return nil, formatErr("two members are called %q; readers would disagree on which one counts", printable(f.Name))
		}
		if strings.HasSuffix(f.Name, "/data.pkl") && f.Name != a.root+"data.pkl" {
			return nil, formatErr("there is a second checkpoint, %q, beside %q", printable(f.Name), printable(a.root))
		}
		a.members[f.Name] = f
		if _, err := a.segment(f.Name); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// foreign says what an archive is that torch.save did not write; "" for one that it did.
func foreign(files []*zip.File, root string) string {
	var found, inside, deeper string
	arrays := 0
	for _, f := range files {
		switch base := path.Base(f.Name); {
		case root != "" && f.Name == root+"data.pkl":
			return ""
		case base == "data.pkl":
			deeper = f.Name
		case base == "model.weights.h5" || base == "saved_model.pb":
			found = "a model of Keras or TensorFlow; " + export
		case strings.HasPrefix(f.Name, "MAR-INF/"):
			found = "an archive of TorchServe; " + unpack
		case strings.HasSuffix(base, ".mlmodel"):
			found = "a Core ML package; export the weights of the model it was made from with torch.save"
		case strings.HasSuffix(base, ".npy"):
			arrays++
		case slices.Contains([]string{".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".pkl", ".tar"}, path.Ext(base)) && inside == "":
			inside = f.Name
		}
	}
	switch {
	case found != "":
		return found
	case arrays == len(files):
		return "an archive of NumPy arrays (.npz); " + resave
	case inside != "":
		return fmt.Sprintf("a zip archive that holds %s; unpack it and give that file", shorten(printable(inside)))
	case deeper != "":
		return fmt.Sprintf("a zip archive in which a checkpoint was packed again, at %s; download it as it was published", shorten(printable(path.Dir(deeper))))
	}
	return fmt.Sprintf("a zip archive without data.pkl, which torch.save did not write; its first member is %s", shorten(printable(files[0].Name)))
}

// checkPath refuses the name of a member that would be written elsewhere.
func checkPath(name string) error {
	if strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\:\x00") {
		return unsafeErr("member %q has an absolute or foreign path; nothing was written", printable(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return unsafeErr("the path of member %q leaves the archive; nothing was written", printable(name))
		}
	}
	return nil
}

// checkMember checks one entry of the central directory.
func checkMember(f *zip.File) error {
	name := printable(f.Name)
	if f.Method != zip.Store {
		return formatErr("member %q is compressed; torch.save stores its members plainly: save the file again", name)
	}
	if f.Flags&1 != 0 {
		return formatErr("member %q is encrypted", name)
	}
	if f.CompressedSize64 != f.UncompressedSize64 {
		return formatErr("member %q declares two sizes", name)
	}
	return nil
}

// checkKind tells a state dict from TorchScript and from other zip files, and
// checks byte order and version.
func (a *archive) checkKind() error {
	for name := range a.members {
		if name == a.root+"constants.pkl" || strings.HasPrefix(name, a.root+"code/") {
			return formatErr("this is a TorchScript archive, a program rather than weights; save model.state_dict() instead")
		}
	}
	if order, ok, err := a.text("byteorder"); err != nil {
		return err
	} else if ok && order != "little" {
		return formatErr("the byte order is %q; load the file on the machine that wrote it and save it as little-endian", order)
	}
	version, ok, err := a.text("version")
	if err != nil || !ok {
		return err
	}
	if n, err := strconv.Atoi(version); err != nil || n < 1 || n > 10 {
		return formatErr("format version %q is not known (1 to 10 are); save the file again with another PyTorch", version)
	}
	return nil
}

// text reads a small text member below the root.
func (a *archive) text(name string) (text string, ok bool, err error) {
	if a.members[a.root+name] == nil {
		return "", false, nil
	}
	s, err := a.segment(a.root + name)
	if err != nil {
		return "", false, err
	}
	if s.size > 64 {
		return "", false, formatErr("member %q has %d bytes", name, s.size)
	}
	var buf []byte
	if err := s.stream(func(b []byte) { buf = append(buf, b...) }); err != nil {
		return "", false, err
	}
	return printable(strings.TrimSpace(string(buf))), true, nil
}

// mostMetadata bounds what an archive says besides its tensors, in bytes: a vocabulary of many languages has one or two million.
const mostMetadata = 1 << 24

// metadata reads what [SavePickle] wrote besides tensors; nil where the archive has no such member.
func (a *archive) metadata(skipCRC bool) (map[string]string, error) {
	name := a.root + metadataMember
	if a.members[name] == nil {
		return nil, nil
	}
	s, err := a.segment(name)
	if err != nil {
		return nil, err
	}
	if s.size > mostMetadata {
		return nil, formatErr("member %q has %d bytes, want %d at most", metadataMember, s.size, mostMetadata)
	}
	if !skipCRC {
		if err := s.verify(); err != nil {
			return nil, err
		}
	}
	data := make([]byte, s.size)
	if n, err := s.r.ReadAt(data, s.offset); n < len(data) {
		return nil, readErr("the metadata", err)
	}
	j, err := newJSONReader(data)
	if err != nil {
		return nil, err
	}
	said, err := j.strings()
	if err == nil {
		err = j.end()
	}
	return said, err
}

// segment finds the bytes of a member that exists.
func (a *archive) segment(name string) (*segment, error) {
	if s := a.opened[name]; s != nil {
		return s, nil
	}
	f := a.members[name]
	offset, err := f.DataOffset()
	if errors.Is(err, zip.ErrFormat) {
		return nil, formatErr("the zip directory sends member %q to a place where there is none", printable(name))
	}
	if err != nil {
		return nil, readErr(fmt.Sprintf("the header of member %q", printable(name)), err)
	}
	n := int64(f.UncompressedSize64)
	if offset < 0 || n < 0 || n > a.size || offset > a.size-n {
		return nil, truncatedErr("member %q runs past the end of the file; copy or download it again", printable(name))
	}
	s := &segment{r: a.r, offset: offset, size: n, crc: f.CRC32, hasCRC: true}
	a.opened[name] = s
	return s, nil
}

// locate finds the member of a storage and compares its size with the
// declared one.
func (a *archive) locate(s storageNode) (*segment, error) {
	key := printable(s.key)
	if s.key == "" || len(s.key) > 64 || strings.ContainsAny(s.key, "/\\") || strings.Contains(s.key, "..") {
		return nil, unsafeErr("storage key %q is no plain name", shorten(key))
	}
	name := a.root + "data/" + s.key
	if a.members[name] == nil {
		return nil, formatErr("its storage %q is not in the archive; copy or download the file again", key)
	}
	seg, err := a.segment(name)
	if err != nil {
		return nil, err
	}
	want, err := s.bytes()
	switch {
	case err != nil:
		return nil, err
	case seg.size < want:
		return nil, truncatedErr("storage %q should have %d bytes and has %d; copy or download the file again", key, want, seg.size)
	case seg.size > want:
		return nil, formatErr("storage %q should have %d bytes and has %d", key, want, seg.size)
	}
	return seg, nil
}
