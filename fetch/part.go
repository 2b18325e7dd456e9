package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"reflect"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/gofrs/flock"
)

// state says what a part of a file is a part of. It stands beside it before the first byte comes.
type state struct {
	Remote remote     `json:"remote"`
	Spans  [][2]int64 `json:"spans"`
}

// mostState bounds what is read of a state, in bytes.
const mostState = 1 << 20

// part is a file on its way: the spans that are wanted of it, one behind the other, as far as they have come.
type part struct {
	f     *file.File
	path  string
	spans []span
	total int64     // of the spans, in bytes
	have  int64     // of those, how many have come
	kept  int64     // of those, how many had come before this run
	sum   hash.Hash // of what has come; nil where nobody asks
}

// openPart opens what an earlier run left of the spans of a file, else begins anew. With summed their SHA-256 is computed.
func (o Options) openPart(ctx context.Context, path string, r remote, spans []span, summed bool) (*part, error) {
	p := &part{path: path, spans: spans}
	s := state{Remote: r}
	for _, sp := range spans {
		p.total += sp.length()
		s.Spans = append(s.Spans, [2]int64{sp.from, sp.to})
	}
	if summed {
		p.sum = sha256.New()
	}
	f, err := file.OpenPart(path)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	p.f = f
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		if info.Size() <= p.total && s.isIn(ctx, path+stateEnding) {
			err = p.resume(ctx, o, info.Size())
		} else {
			o.say(fmt.Sprintf("%s is of another file, or the file has changed: it is brought anew", path))
			err = p.reset()
		}
	}
	var text []byte
	if err == nil {
		if text, err = json.Marshal(s); err == nil {
			err = file.Replace(path+stateEnding, text, 0o644)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fetch: %w", err), f.Close())
	}
	return p, nil
}

// Endings of names beside that of the file.
const (
	partEnding  = ".part"
	stateEnding = ".json"
)

// isIn says whether a file holds this state.
func (s state) isIn(ctx context.Context, path string) bool {
	was, ok := readState(ctx, path)
	return ok && was.Remote.is(s.Remote) && reflect.DeepEqual(was.Spans, s.Spans)
}

// readState is the state that a file holds, if it does.
func readState(ctx context.Context, path string) (s state, ok bool) {
	data, err := file.ReadAll(ctx, path, mostState)
	return s, err == nil && json.Unmarshal(data, &s) == nil
}

// tidy removes the part of a file that is whole and has its name, which a program left that was killed right then. The
// part of a whole file stays where the tensors alone were found. Who holds the folder does so itself.
func (o Options) tidy(ctx context.Context, found Found) {
	if root, err := o.root(); err == nil {
		_ = file.Sweep(root) // where the sums are
	}
	part := filepath.Join(filepath.Dir(found.Path), found.Item.File+partEnding)
	s, ok := readState(ctx, part+stateEnding)
	if folder, err := o.folder(found.Item); err != nil || folder != filepath.Dir(found.Path) || !ok || found.Tensors && reflect.DeepEqual(s.Spans, [][2]int64{{0, s.Remote.Size}}) {
		return
	}
	lock := flock.New(filepath.Join(filepath.Dir(found.Path), lockName))
	if got, err := lock.TryLock(); err == nil && got {
		_, _ = file.Remove(part), file.Remove(part+stateEnding)
		_ = lock.Close()
	}
}

// is says whether two files are one: of one content in the hub's words, else at one address with one tag, or one time.
func (r remote) is(other remote) bool {
	if r.Size != other.Size {
		return false
	}
	if r.Linked != "" || other.Linked != "" {
		return r.Linked == other.Linked
	}
	return r.Address == other.Address && r.Tag == other.Tag && r.Modified == other.Modified
}

// resume goes on behind the first bytes of the part, which are summed.
func (p *part) resume(ctx context.Context, o Options, have int64) error {
	for p.have < have && p.sum != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		o.progress(Checking, p.have, have)
		n, err := io.Copy(p.sum, io.NewSectionReader(p.f, p.have, min(16<<20, have-p.have)))
		if p.have += n; err != nil {
			return err
		}
	}
	p.have, p.kept = have, have
	return nil
}

// reset forgets what has come.
func (p *part) reset() error {
	p.have, p.kept = 0, 0
	if p.sum != nil {
		p.sum.Reset()
	}
	return p.f.Truncate(0)
}

// at is what of the remote file comes next: the rest of a span.
func (p *part) at() span {
	done := p.have
	for _, s := range p.spans {
		if done < s.length() {
			return span{s.from + done, s.to}
		}
		done -= s.length()
	}
	return span{}
}

// digits are those of the sum.
func (p *part) digits() string { return hex.EncodeToString(p.sum.Sum(nil)) }

// remove closes the part and removes it.
func (p *part) remove() error {
	return errors.Join(p.f.Close(), file.Remove(p.path), file.Remove(p.path+stateEnding))
}

// place gives the part, which is whole, its name.
func (p *part) place(final string) error {
	if err := file.Complete(p.f, final); err != nil {
		return err
	}
	return file.Remove(p.path + stateEnding)
}
