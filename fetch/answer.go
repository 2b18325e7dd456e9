package fetch

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// span is a part of a file: the bytes from one on to another, which is not among them.
type span struct{ from, to int64 }

func (s span) length() int64 { return s.to - s.from }

// answer is that of a server which sends something of a file.
type answer struct {
	*http.Response
	body  *body
	asked span // to is 0 where all was asked for
	hops  hops
	part  bool  // the body is a part, from where it was asked for on
	size  int64 // of the whole file; -1 where the server does not say
}

// over says whether an answer has come to its end, which lets its connection serve again.
func (a *answer) over() bool {
	n, _ := a.body.Read(make([]byte, 1))
	return n == 0
}

// passing is an error that may be none in a while.
type passing struct {
	error
	wait time.Duration // that the server asks for
}

// Unwrap implements the interface of package errors.
func (p *passing) Unwrap() error { return p.error }

// judge refuses what is not the file, or a part of it that was not asked for.
func (a *answer) judge(c *connection) error {
	if err := a.status(c); err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	switch coding := a.Header.Get("Content-Encoding"); {
	case kind == "text/html" || kind == "application/xhtml+xml":
		return c.server("it sends a web page, not the file: the address may be wrong, want a login, or lead through a proxy that wants one")
	case coding != "" && coding != "identity":
		return c.server("it sends the file coded (%.40q) though it was asked not to", coding)
	case a.StatusCode == http.StatusOK:
		a.size = a.ContentLength
		return nil
	}
	sent, size, err := contentRange(a.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return c.server("%w", err)
	case sent.from != a.asked.from || sent.to > a.asked.to:
		return c.server("it was asked for bytes %d to %d and sends %d to %d", a.asked.from, a.asked.to-1, sent.from, sent.to-1)
	case a.ContentLength >= 0 && a.ContentLength != sent.length():
		return c.server("it says that it sends bytes %d to %d, and that these are %d", sent.from, sent.to-1, a.ContentLength)
	}
	a.part, a.size, a.asked = true, size, sent
	return nil
}

// status says what a status means that brings no bytes.
func (a *answer) status(c *connection) error {
	switch code := a.StatusCode; {
	case code == http.StatusOK, code == http.StatusPartialContent && a.asked.to > 0:
		return nil
	case code == http.StatusRequestedRangeNotSatisfiable:
		return &changed{c.server("it has no bytes from %d on (416): the file there is shorter than it was", a.asked.from)}
	case code == http.StatusUnauthorized:
		return c.server("it asks who you are (401): give HF_TOKEN where it is the hub, and look whether it still counts")
	case code == http.StatusForbidden:
		return c.server("it does not let you have the file (403)")
	case code == http.StatusNotFound, code == http.StatusGone:
		return c.server("there is no such file (%d)", code)
	case code == http.StatusConflict:
		return c.server("it gives the file to nobody (409), as Microsoft's storage has done since May 2023")
	case code == http.StatusProxyAuthRequired:
		return c.server("the proxy asks who you are (407): put name and password into HTTPS_PROXY")
	case code == http.StatusTooManyRequests:
		return &passing{c.server("it was asked too often (429)"), retryAfter(a.Header)}
	case code == http.StatusRequestTimeout, code >= 500:
		return &passing{c.server("it has a trouble of its own (%d %s)", code, http.StatusText(code)), retryAfter(a.Header)}
	}
	return c.server("it answers %d %s", a.StatusCode, http.StatusText(a.StatusCode))
}

// retryAfter is how long a server wants not to be asked; 0 where it does not say.
func retryAfter(h http.Header) time.Duration {
	said := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(said); err == nil && seconds > 0 && seconds < 1<<20 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// contentRange reads "bytes 0-99/1000"; size is -1 for "*".
func contentRange(s string) (sent span, size int64, err error) {
	wrong := fmt.Errorf("it sends a part of the file and does not say which: Content-Range is %.80q", s)
	rest, ok := strings.CutPrefix(s, "bytes ")
	part, total, slash := strings.Cut(rest, "/")
	from, last, dash := strings.Cut(part, "-")
	if !ok || !slash || !dash {
		return span{}, 0, wrong
	}
	var end int64
	if sent.from, err = number(from); err != nil {
		return span{}, 0, wrong
	}
	if end, err = number(last); err != nil {
		return span{}, 0, wrong
	}
	sent.to = end + 1
	if size = -1; total != "*" {
		if size, err = number(total); err != nil {
			return span{}, 0, wrong
		}
	}
	if sent.to <= sent.from || size >= 0 && sent.to > size {
		return span{}, 0, wrong
	}
	return sent, size, nil
}

// number reads digits alone.
func number(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 62)
	return int64(n), err
}
