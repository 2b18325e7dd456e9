package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// remote is what a server said of a file when it was first asked.
type remote struct {
	Address  string `json:"address"`
	Size     int64  `json:"size"`
	Tag      string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
	Linked   string `json:"sha256,omitempty"` // in the hub's words

	ranges bool // it gives parts
}

// changed is wrapped by an error of a file that is no longer the one that it was at first.
type changed struct{ error }

// Unwrap implements the interface of package errors.
func (c *changed) Unwrap() error { return c.error }

// probe asks for the first byte of a file, to learn what the file is.
func (c *connection) probe(ctx context.Context) (r remote, err error) {
	err = c.persist(ctx, func() (bool, error) {
		a, err := c.get(ctx, 0, 1, "")
		if err != nil {
			return false, err
		}
		r = remote{Address: shown(c.address), Size: a.size, ranges: a.part, Linked: a.hops.linked, Modified: a.Header.Get("Last-Modified")}
		r.Tag = strong(a.Header)
		if a.part {
			_, _ = io.CopyN(io.Discard, a.body, 1)
			a.over()
		}
		return false, a.body.Close()
	})
	if err != nil {
		return r, err
	}
	return r, c.believable(&r)
}

// strong is the ETag of an answer that stands for every byte of the file; "" where there is none.
func strong(h http.Header) string {
	if tag := h.Get("Etag"); len(tag) > 2 && len(tag) < 1000 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		return tag
	}
	return ""
}

// believable compares what a server says of a file with what is published.
func (c *connection) believable(r *remote) error {
	i := c.item
	switch {
	case r.Size < 0 && (i.Bytes == 0 || i.Rounded):
		return c.server("it does not say how long the file is, so that nobody could tell where it ends: name another server as the mirror")
	case r.Size < 0:
		r.Size = i.Bytes
	case r.Size == 0:
		return c.server("the file there is empty")
	case i.Bytes > 0 && !i.Rounded && r.Size != i.Bytes:
		return c.server("it has a file of %d bytes, the published one has %d", r.Size, i.Bytes)
	}
	if r.Linked != "" && !strings.HasPrefix(r.Linked, i.Sum) {
		return c.server("%w: the hub says that its SHA-256 begins with %s, that of the published file begins with %s", ErrSum, r.Linked[:8], i.Sum[:8])
	}
	return nil
}

// same requires an answer to be of the file that was asked for at first.
func (c *connection) same(r remote, a *answer) error {
	was, is := r.Linked, a.hops.linked
	if was == "" || is == "" {
		was, is = r.Tag, strong(a.Header)
	}
	if was == "" || is == "" {
		was, is = r.Modified, a.Header.Get("Last-Modified")
	}
	switch {
	case a.size >= 0 && a.size != r.Size:
		return &changed{c.server("the file had %d bytes when it was first asked for, and has %d now", r.Size, a.size)}
	case was != "" && is != "" && was != is:
		return &changed{c.server("the file has changed since it was first asked for (%s, now %s)", was, is)}
	}
	return nil
}

const (
	mostTries = 6 // in a row that bring nothing
	firstWait = time.Second
	mostWait  = time.Minute // that a server may ask for
)

// persist tries until it works, or until an error does not pass. Only tries in a row that bring nothing new are
// counted; try says whether it brought something.
func (c *connection) persist(ctx context.Context, try func() (bool, error)) error {
	for idle := 0; ; {
		arrived, err := try()
		var p *passing
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("fetch: %s: %w", shown(c.address), ctx.Err())
		case !errors.As(err, &p):
			return err
		}
		if idle++; arrived {
			idle = 0
		}
		if idle >= mostTries {
			return fmt.Errorf("%w; %d tries in a row brought nothing", err, idle)
		}
		if p.wait > mostWait {
			return fmt.Errorf("%w; it wants not to be asked again for %v: try later", err, p.wait.Round(time.Second))
		}
		wait := max(p.wait, firstWait<<max(idle-1, 0))
		c.options.say(fmt.Sprintf("%v; trying again in %v", err, wait))
		if err := c.options.pause(ctx, wait); err != nil {
			return fmt.Errorf("fetch: %s: %w", shown(c.address), err)
		}
	}
}

// pause waits, but not longer than the context.
func (o Options) pause(ctx context.Context, d time.Duration) error {
	if o.trial.pause != nil {
		return o.trial.pause(ctx, d)
	}
	clock := time.NewTimer(d)
	defer clock.Stop()
	select {
	case <-clock.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// into reads a part of a remote file into memory.
func (c *connection) into(ctx context.Context, r remote, p []byte, from int64) error {
	have := 0
	return c.persist(ctx, func() (bool, error) {
		a, err := c.get(ctx, from+int64(have), from+int64(len(p)), r.Tag)
		if err != nil {
			return false, err
		}
		defer a.body.Close()
		if err := c.same(r, a); err != nil {
			return false, err
		}
		switch {
		case !a.part && r.Tag != "":
			r.Tag = "" // another machine behind the same address may have another for the same file
			return false, &passing{error: c.server("it sends all of the file for a part")}
		case !a.part:
			return false, c.server("it gave a part of the file at first, and does not any more")
		}
		n, err := io.ReadFull(a.body, p[have:])
		if have += n; err != nil {
			return n > 0, c.ended(ctx, int64(n), a, err)
		}
		if !a.over() {
			return false, c.server("it sends more than the %d bytes that it said", n)
		}
		return true, nil
	})
}

// ended says how far an answer came that ended early.
func (c *connection) ended(ctx context.Context, n int64, a *answer, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	sent := fmt.Sprintf("it ended after %d bytes", n)
	if a.ContentLength >= 0 {
		sent = fmt.Sprintf("it ended after %d of %d bytes", n, a.ContentLength)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &passing{error: c.server("%s", sent)}
	}
	return &passing{error: c.server("%s: %w", sent, err)}
}
