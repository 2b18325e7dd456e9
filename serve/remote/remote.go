// Package remote fetches pictures by URL, from the hosts that the server's owner named and from no other. A server that
// fetches what strangers say is a way into the network behind it, so that without a list nothing is ever fetched.
//
// Of a URL the scheme, the host and the port must be those of one entry; its name is resolved once, all its addresses
// must be public, and one of these is dialled, so that a name that changes between look and call changes nothing. There
// is no proxy, no redirection, no compression and no credential; time and length are bounded. What came is judged by its
// content alone, by who decodes it.
//
// The package imports serve/api alone.
package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Options of a [Fetcher]. The zero value fetches nothing.
type Options struct {
	// Hosts that pictures may be fetched from: "host" and "host:port" by https, "http://host" and "http://host:port"
	// without encryption.
	Hosts []string
	// Private allows addresses that are not public: of this machine, of a local network.
	Private bool
	// LabelStudio is the URL of the one Label Studio whose relative paths (/data/...) are fetched, wherever it is, with
	// its key; "" if there is none.
	LabelStudio, Key string

	Limit   int64         // bytes of a picture: 32 MiB
	Timeout time.Duration // from the look-up to the last byte: 10 s

	resolve func(ctx context.Context, host string) ([]netip.Addr, error) // of tests
	tls     *tls.Config                                                  // of tests
	weak    weak
}

// Fetcher fetches. It is safe for concurrent use, and holds no connection between calls.
type Fetcher struct {
	options Options
	allowed map[place]bool
	studio  *url.URL // nil without a Label Studio
	client  *http.Client
}

// place is where a server listens.
type place struct{ scheme, host, port string }

// in is the place in a URL. Signatures of URLs cover the host as it is sent, so a port that goes without saying is not said.
func (p place) in() string {
	at := p.host
	if strings.Contains(at, ":") {
		at = "[" + at + "]"
	}
	if p.port != ports[p.scheme] {
		at += ":" + p.port
	}
	return at
}

// String is the place as --fetch takes it.
func (p place) String() string {
	if p.scheme == "http" {
		return "http://" + p.in()
	}
	return p.in()
}

var ports = map[string]string{"http": "80", "https": "443"}

// maxURL bounds a URL, in bytes.
const maxURL = 4096

// New makes a fetcher. Errors are sentences about a host that cannot be one.
func New(o Options) (*Fetcher, error) {
	o.Limit, o.Timeout = cmp.Or(o.Limit, 32<<20), cmp.Or(o.Timeout, 10*time.Second)
	if o.resolve == nil {
		o.resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	f := &Fetcher{options: o, allowed: map[place]bool{}}
	for _, host := range o.Hosts {
		at := host
		if !strings.Contains(host, "://") {
			at = "https://" + host
		}
		u, err := url.Parse(at)
		if err != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("--fetch %q: expected host, host:port or http://host:port", host)
		}
		where, err := placeOf(u)
		if err != nil {
			return nil, fmt.Errorf("--fetch %q: %w", host, err)
		}
		f.allowed[where] = true
	}
	if o.LabelStudio != "" {
		u, err := url.Parse(strings.TrimSuffix(o.LabelStudio, "/"))
		if err == nil {
			_, err = placeOf(u)
		}
		if err != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("--label-studio %q: expected the URL of its first page, as http://localhost:8080", o.LabelStudio)
		}
		f.studio = u
	}
	f.client = &http.Client{Transport: transport(dialer{private: o.Private || o.weak.addresses, timeout: o.Timeout, resolve: o.resolve, again: o.weak.pin}, o.tls)}
	f.client.Transport.(*http.Transport).DisableCompression = !o.weak.encoding
	if !o.weak.redirects {
		f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return f, nil
}

// placeOf is where a URL points: its scheme, its host in lower case, its port, said or not.
func placeOf(u *url.URL) (place, error) {
	p := place{u.Scheme, strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()}
	known := ports[p.scheme]
	switch {
	case known == "":
		return p, errors.New("pictures are fetched by https, or by http from a host that was given as http://host")
	case u.User != nil:
		return p, errors.New("a URL with a user name is not fetched")
	case u.Opaque != "" || strings.HasSuffix(u.Host, ":") || !isHost(p.host):
		return p, errors.New("the URL has no host, or an odd one; names are written in ASCII (xn--...)")
	}
	p.port = cmp.Or(p.port, known)
	return p, nil
}

// isHost tells whether s is a name or an address, without a zone.
func isHost(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Zone() == ""
	}
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == "" && !strings.HasPrefix(s, ".")
}

// Fetch brings what a URL, or a path of the Label Studio, names. Errors are refusals whose text names no address.
func (f *Fetcher) Fetch(ctx context.Context, at string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	if len(at) > maxURL {
		return nil, refuse("the URL has more than %d bytes", maxURL)
	}
	u, err := url.Parse(at)
	if err != nil {
		return nil, refuse("the URL of the picture is none")
	}
	key := ""
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		if u, err = f.below(u); err != nil {
			return nil, err
		}
		ctx, key = context.WithValue(ctx, vouchedKey{}, true), f.options.Key
	} else if u, err = f.known(u); err != nil {
		return nil, err
	}
	u.Fragment, u.RawFragment = "", ""
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, refuse("the URL of the picture is none")
	}
	r.Header.Set("User-Agent", "glip")
	r.Header.Set("Accept", "image/*")
	if !f.options.weak.encoding {
		r.Header.Set("Accept-Encoding", "identity")
	}
	if key != "" {
		r.Header.Set("Authorization", "Token "+key)
	}
	return f.get(r)
}

// below is a path of Label Studio as a URL: its pictures lie under /data/, and nothing else of it is asked for.
func (f *Fetcher) below(u *url.URL) (*url.URL, error) {
	if f.studio == nil {
		return nil, refuse("the picture is a path of Label Studio: start the server with --label-studio URL, and LABEL_STUDIO_API_KEY for its key")
	}
	if !strings.HasPrefix(u.Path, "/data/") || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") || strings.Contains(u.Path, "\\") {
		return nil, refuse("of Label Studio only what lies below /data/ is fetched")
	}
	full := *f.studio
	full.Path, full.RawPath, full.RawQuery = f.studio.Path+u.Path, "", u.RawQuery
	return &full, nil
}

// known is a URL of a host that was named, in the form in which it was judged; any other is refused.
func (f *Fetcher) known(u *url.URL) (*url.URL, error) {
	switch u.Scheme {
	case "s3", "gs", "azure", "azure-blob":
		return nil, refuse("pictures are not fetched by %s://: let Label Studio sign URLs (\"use pre-signed URLs\"), or send the picture itself", u.Scheme)
	}
	if f.options.weak.hosts {
		return u, nil
	}
	at, err := placeOf(u)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if !f.allowed[at] {
		return nil, refuse("pictures are not fetched from %.200s: start the server with --fetch %.200[1]s, or send the picture itself", at)
	}
	judged := *u
	judged.Host = at.in()
	return &judged, nil
}

// get sends the request and reads the answer.
func (f *Fetcher) get(r *http.Request) ([]byte, error) {
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, f.failed(r, err)
	}
	defer answer.Body.Close()
	switch limit := f.options.Limit; {
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return nil, refuse("%s answered with a redirection (%d), which is not followed: give the URL of the picture itself", r.URL.Hostname(), answer.StatusCode)
	case answer.StatusCode != http.StatusOK:
		return nil, api.Refuse(api.BadPicture, "%s answered with status %d instead of a picture", r.URL.Hostname(), answer.StatusCode)
	case answer.Header.Get("Content-Encoding") != "" && !f.options.weak.encoding:
		return nil, api.Refuse(api.BadPicture, "%s answered in a Content-Encoding, which was not asked for", r.URL.Hostname())
	case answer.ContentLength > limit && !f.options.weak.limit:
		return nil, f.tooLong(r)
	}
	var from io.Reader = answer.Body
	if !f.options.weak.limit {
		from = io.LimitReader(from, f.options.Limit+1)
	}
	data, err := io.ReadAll(from)
	if err != nil {
		return nil, f.failed(r, err)
	}
	if int64(len(data)) > f.options.Limit && !f.options.weak.limit {
		return nil, f.tooLong(r)
	}
	return data, nil
}

func (f *Fetcher) tooLong(r *http.Request) error {
	return api.Refuse(api.TooLarge, "the picture of %s has more than %d bytes (--max-body)", r.URL.Hostname(), f.options.Limit)
}

// failed is why no answer came, without an address of this network in its words.
func (f *Fetcher) failed(r *http.Request, err error) error {
	if known, ok := errors.AsType[*api.Refusal](err); ok {
		return known
	}
	text := "%s could not be reached"
	if errors.Is(err, context.DeadlineExceeded) {
		text = "%s did not answer in time"
	}
	refusal := api.Refuse(api.BadPicture, text, r.URL.Hostname())
	refusal.Cause = err
	return refusal
}
