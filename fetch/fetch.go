package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/gofrs/flock"
)

// mostStarts bounds how often a file that changes, or arrives spoilt, is begun.
const mostStarts = 3

// Fetch finds a published file on this machine ([Options.Find]), else brings it into the own folder. What has
// arrived stays there after any end of the program, and the next call goes on behind it. Errors wrap [ErrServer],
// [ErrSum], [ErrOffline], are the context's, or the system's about the folder.
func (o Options) Fetch(ctx context.Context, i Item) (Found, error) {
	found, err := o.Find(ctx, i)
	if !errors.Is(err, ErrAbsent) {
		if err == nil {
			o.tidy(ctx, found)
		}
		return found, err
	}
	if why := o.offline(); why != "" {
		return Found{}, fmt.Errorf("fetch: %s (%s) is %w, and no request is made (%w: %s)", i.Name, i.File, ErrAbsent, ErrOffline, why)
	}
	c, err := o.connect(ctx, i)
	if err != nil {
		return Found{}, err
	}
	folder, err := o.folder(i)
	if err != nil {
		return Found{}, err
	}
	if err := file.MakeFolder(folder, 0o755); err != nil {
		return Found{}, fmt.Errorf("fetch: %w; name another folder to keep files in", err)
	}
	lock, err := o.lock(ctx, folder)
	if err != nil {
		return Found{}, err
	}
	defer lock.Close()
	quiet := o
	quiet.Say = nil // it has said what it found
	if found, err = quiet.Find(ctx, i); !errors.Is(err, ErrAbsent) {
		return found, err // somebody else brought it meanwhile
	}
	if err := file.Sweep(folder); err != nil {
		return Found{}, fmt.Errorf("fetch: %w", err)
	}
	return c.start(ctx, folder)
}

// lockName is a file in a folder that files are brought into.
const lockName = ".lock"

// lock makes this program the only one that brings files into a folder.
func (o Options) lock(ctx context.Context, folder string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(folder, lockName))
	got, err := lock.TryLock()
	if err == nil && !got {
		o.say("another program is bringing the same file: waiting for it")
		_, err = lock.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("fetch: locking %s: %w", folder, err)
	}
	return lock, nil
}

// start brings a file, from its beginning again where that may help.
func (c *connection) start(ctx context.Context, folder string) (found Found, err error) {
	for n := 1; ; n++ {
		var again bool
		found, again, err = c.bring(ctx, folder)
		if err == nil || !again || n == mostStarts || ctx.Err() != nil {
			return found, err
		}
		c.options.say(fmt.Sprintf("%v; it is brought anew", err))
	}
}

// bring brings a file. again says that another start may help.
func (c *connection) bring(ctx context.Context, folder string) (found Found, again bool, err error) {
	r, err := c.probe(ctx)
	if err != nil {
		return Found{}, false, err
	}
	path := filepath.Join(folder, c.item.File+partEnding)
	var changed *changed
	if c.item.Model != "" && r.ranges && !c.options.Whole {
		x := c.index(ctx, r)
		p, err := planned(x, r.Size, c.item.File)
		switch {
		case errors.As(x.failed, &changed):
			return Found{}, true, x.failed
		case x.failed != nil && (errors.Is(x.failed, ErrServer) || ctx.Err() != nil):
			return Found{}, false, x.failed
		case err == nil:
			return c.bringTensors(ctx, r, p, path)
		case !errors.Is(err, errAll):
			c.options.say(fmt.Sprintf("%s is brought whole: %v", c.item.File, err))
		}
	}
	return c.bringWhole(ctx, r, path)
}

// bringWhole brings all of a file.
func (c *connection) bringWhole(ctx context.Context, r remote, path string) (found Found, again bool, err error) {
	p, err := c.ready(ctx, path, r, []span{{0, r.Size}}, true, 0)
	if err != nil {
		return Found{}, false, err
	}
	if again, err := c.filled(ctx, r, p); err != nil {
		return Found{}, again, err
	}
	digits, kept, want, checked := p.digits(), p.kept, c.item.Sum, checkedSum(c.item.Sum)
	if want == "" {
		want, checked = r.Linked, checkedServer
	}
	if !strings.HasPrefix(digits, want) {
		err := fmt.Errorf("fetch: %s: %w: the SHA-256 of what arrived begins with %s, that of the published file with %s", shown(c.address), ErrSum, digits[:8], want[:8])
		return Found{}, kept > 0, errors.Join(err, p.remove())
	}
	if want == "" {
		checked = checkedNothing
	}
	final := strings.TrimSuffix(path, partEnding)
	if err := p.place(final); err != nil {
		return Found{}, false, fmt.Errorf("fetch: %w", err)
	}
	if info, err := os.Stat(final); err == nil {
		if whole, err := filepath.Abs(final); err == nil {
			c.options.remember(ctx, whole, info, digits)
		}
	}
	return Found{Item: c.item, Path: final, Where: c.from(r.Size), Checked: checked}, false, nil
}

// bringTensors brings those of the model.
func (c *connection) bringTensors(ctx context.Context, r remote, plan *plan, path string) (found Found, again bool, err error) {
	total := length(plan.spans)
	p, err := c.ready(ctx, path, r, plan.spans, false, total)
	if err != nil {
		return Found{}, false, err
	}
	if again, err := c.filled(ctx, r, p); err != nil {
		return Found{}, again, err
	}
	final := filepath.Join(filepath.Dir(path), c.item.tensorsFile())
	var bad *spoilt
	if err := c.tensors(ctx, r, plan, p.f, final); errors.As(err, &bad) {
		return Found{}, true, errors.Join(err, p.remove())
	} else if err != nil {
		return Found{}, false, errors.Join(err, p.f.Close())
	}
	if err := p.remove(); err != nil {
		return Found{}, false, fmt.Errorf("fetch: %w", err)
	}
	checked := checkedMembers
	if c.address.Scheme != "https" {
		checked += ", which nobody vouches for on the way by http: only the whole file has a SHA-256 to compare"
	}
	return Found{Item: c.item, Path: final, Where: fmt.Sprintf("the tensors alone, %s of %s", megabytes(total), c.from(r.Size)), Tensors: true, Checked: checked}, false, nil
}

// from says where a file of some size came from.
func (c *connection) from(size int64) string {
	return fmt.Sprintf("%s from %s", megabytes(size), c.address.Host)
}

// megabytes writes a number of bytes.
func megabytes(n int64) string {
	if n < 1_000_000 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

// ready opens a part, if the disk has room for what is missing of it and for what will be written then.
func (c *connection) ready(ctx context.Context, path string, r remote, spans []span, summed bool, then int64) (*part, error) {
	p, err := c.options.openPart(ctx, path, r, spans, summed)
	if err != nil {
		return nil, err
	}
	if free, ok := file.Free(filepath.Dir(path)); ok && free < p.total-p.have+then {
		return nil, errors.Join(fmt.Errorf("fetch: %s: %s are needed for %s, and %s are free: make room, or name another folder to keep files in", filepath.Dir(path), megabytes(p.total-p.have+then), c.item.Name, megabytes(free)), p.f.Close())
	}
	return p, nil
}

// filled brings what is missing of a part, which is closed after an error. again says that another start may help.
func (c *connection) filled(ctx context.Context, r remote, p *part) (again bool, err error) {
	if err := c.stream(ctx, r, p); err != nil {
		var changed *changed
		if errors.As(err, &changed) {
			return true, errors.Join(err, p.remove())
		}
		return false, errors.Join(err, p.f.Close())
	}
	return false, nil
}
