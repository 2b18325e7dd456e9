package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	mostRedirects = 10
	usualStall    = 30 * time.Second // that nothing may come for before a connection is given up
)

// connection asks for one file.
type connection struct {
	options Options
	client  *http.Client
	address *url.URL
	item    Item
	hops    *hops
}

// hops is what the redirects on the way to a file say of it.
type hops struct{ linked, commit string }

// connect readies requests for an item.
func (o Options) connect(ctx context.Context, i Item) (*connection, error) {
	env := o.environment()
	address, err := i.address(o.Mirror, env.endpoint())
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone() // which heeds HTTPS_PROXY and NO_PROXY
		own.DisableCompression = true
		transport = own
	}
	c := &connection{options: o, address: address, item: i, hops: &hops{}}
	if hub, err := url.Parse(env.endpoint()); err == nil && hub.Scheme == "https" {
		transport = bearer{transport, hub.Host, env.token(ctx)}
	}
	c.client = &http.Client{Transport: transport, CheckRedirect: c.redirect}
	return c, nil
}

// bearer says to the hub, and to no other host, who asks.
type bearer struct {
	http.RoundTripper
	host, token string
}

// RoundTrip implements [http.RoundTripper].
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.token != "" && r.URL.Scheme == "https" && r.URL.Host == b.host {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return b.RoundTripper.RoundTrip(r)
}

// misled is an error of a redirect that is not followed.
type misled struct{ error }

// redirect decides whether one is followed, and notes what the hub says with it.
func (c *connection) redirect(r *http.Request, via []*http.Request) error {
	last := via[len(via)-1]
	switch {
	case len(via) > mostRedirects:
		return misled{fmt.Errorf("it sends on more than %d times", mostRedirects)}
	case r.URL.Scheme != "https" && (last.URL.Scheme == "https" || r.URL.Scheme != "http"):
		return misled{fmt.Errorf("%s sends on to %s, and https is not left for anything else", last.URL.Host, shown(r.URL))}
	}
	c.hops.note(r.Response.Header)
	return nil
}

// note takes down what a hub says of the file.
func (h *hops) note(header http.Header) {
	h.commit = cmp.Or(header.Get("X-Repo-Commit"), h.commit)
	if digits := strings.ToLower(strings.Trim(header.Get("X-Linked-Etag"), `"`)); len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == "" {
		h.linked = digits
	}
}

// shown is an address without what signs it.
func shown(u *url.URL) string {
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return plain.String()
}

// errStalled ends a request that nothing comes of.
var errStalled = errors.New("nothing came")

// get asks for the bytes of a file from one on to another, which is not among them; for all where to is 0. If
// match is not empty, the server is to send all where the file is no longer the one of that ETag. What cannot be got for now is a [passing].
func (c *connection) get(ctx context.Context, from, to int64, match string) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	wait := cmp.Or(c.options.trial.stall, usualStall)
	clock := time.AfterFunc(wait, func() { cancel(fmt.Errorf("%w for %v", errStalled, wait)) })
	stop := func() { clock.Stop(); cancel(nil) }
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address.String(), nil)
	if err != nil {
		stop()
		return nil, fmt.Errorf("fetch: %w", err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("User-Agent", "glipvk")
	if to > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
		if match != "" {
			r.Header.Set("If-Range", match)
		}
	}
	*c.hops = hops{}
	response, err := c.client.Do(r)
	if err != nil {
		err = c.broken(ctx, err)
		stop()
		return nil, err
	}
	c.hops.note(response.Header)
	body := &body{ReadCloser: response.Body, ctx: ctx, clock: clock, wait: wait, stop: stop}
	a := &answer{Response: response, body: body, asked: span{from, to}, hops: *c.hops}
	if err := a.judge(c); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return a, nil
}

// broken says what ended a request. What a server's name, its certificate or its redirects are the reason of does not pass.
func (c *connection) broken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its address may have a signature in it
	}
	var wrong misled
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("fetch: %s: %w", shown(c.address), err)
	case errors.As(err, &wrong), errors.As(err, &certificate), errors.As(err, &name) && name.IsNotFound:
		return c.server("%w", err)
	}
	return &passing{error: c.server("%w", err)}
}

// server is an error about what a server did.
func (c *connection) server(format string, args ...any) error {
	return fmt.Errorf("fetch: %s: %w: %w", shown(c.address), ErrServer, fmt.Errorf(format, args...))
}

// body is what a server sends, given up where nothing comes.
type body struct {
	io.ReadCloser
	ctx   context.Context
	clock *time.Timer
	wait  time.Duration
	stop  func()
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.clock.Reset(b.wait)
	}
	if cause := context.Cause(b.ctx); err != nil && err != io.EOF && cause != nil {
		err = cause
	}
	return n, err
}

// Close implements [io.Closer].
func (b *body) Close() error {
	b.stop()
	_ = b.ReadCloser.Close() // of a connection that is given up
	return nil
}
