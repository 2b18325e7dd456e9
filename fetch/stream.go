package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// What is held of a file between network, disk and sum.
const (
	pieceBytes = 256 << 10
	pieces     = 8
)

// stream brings what is missing of a part.
func (c *connection) stream(ctx context.Context, r remote, p *part) error {
	furthest := p.have
	for p.have < p.total {
		err := c.persist(ctx, func() (bool, error) {
			err := c.next(ctx, &r, p)
			arrived := p.have > furthest // what came again does not count
			furthest = max(furthest, p.have)
			return arrived, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// next brings what comes next of a part, with one request. A server that does not heed the place where it should
// begin sends all: of a whole file it is taken from the beginning then.
func (c *connection) next(ctx context.Context, r *remote, p *part) error {
	want := p.at()
	whole := len(p.spans) == 1 && p.spans[0] == span{0, r.Size}
	ask := want
	if whole && want.from == 0 {
		ask.to = 0 // all of it, without a range
	}
	a, err := c.get(ctx, ask.from, ask.to, r.Tag)
	if err != nil {
		return err
	}
	defer a.body.Close()
	if err := c.same(*r, a); err != nil {
		return err
	}
	if !a.part && ask.to > 0 {
		switch {
		case r.Tag != "":
			r.Tag = "" // another machine behind the same address may have another for the same file
			return &passing{error: c.server("it sends all of the file for a part")}
		case !whole:
			return c.server("it gave a part of the file at first, and does not any more")
		}
		c.options.say(fmt.Sprintf("%s cannot go on in the middle of a file: it is brought from its beginning", c.address.Host))
		if err := p.reset(); err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
		want = p.at()
	}
	if a.part {
		want.to = a.asked.to // which may be less
	}
	n, err := c.copy(p, a.body, want.length())
	var full disk
	switch {
	case errors.As(err, &full):
		return fmt.Errorf("fetch: %w; what has come of the file stays in %s, and the next run goes on from there", err, p.path)
	case err != nil:
		return c.ended(ctx, n, a, err)
	}
	if !a.over() {
		return c.server("it sends more than the %d bytes that it said", want.length())
	}
	return nil
}

// disk is an error of writing, which no other try mends.
type disk struct{ error }

// Unwrap implements the interface of package errors.
func (d disk) Unwrap() error { return d.error }

// copy adds n bytes to a part. They are summed while the next come.
func (c *connection) copy(p *part, from io.Reader, n int64) (done int64, err error) {
	free, full := make(chan []byte, pieces), make(chan []byte, pieces)
	for range pieces {
		free <- make([]byte, pieceBytes)
	}
	summed := make(chan struct{})
	go func() {
		for b := range full {
			if p.sum != nil {
				p.sum.Write(b)
			}
			free <- b[:pieceBytes]
		}
		close(summed)
	}()
	defer func() { close(full); <-summed }()
	for done < n {
		b := <-free
		got, err := from.Read(b[:min(n-done, pieceBytes)])
		if got == 0 {
			free <- b
		} else {
			if _, err := p.f.WriteAt(b[:got], p.have); err != nil {
				return done, disk{err}
			}
			full <- b[:got]
			p.have += int64(got)
			done += int64(got)
			c.options.progress(Fetching, p.have, p.total)
		}
		if err != nil && done < n {
			return done, err
		}
	}
	return done, nil
}
