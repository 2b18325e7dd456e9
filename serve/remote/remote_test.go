package remote

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

const picture = "\x89PNG\r\n\x1a\n"

// site is a server of pictures on this machine, and what it was asked.
type site struct {
	*httptest.Server
	asked atomic.Int64
	last  atomic.Pointer[http.Request]
	port  string
}

func open(t testing.TB, secure bool) *site {
	s := new(site)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.last.Store(r)
		switch path := r.URL.Path; {
		case path == "/redirect":
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		case path == "/long":
			_, _ = w.Write(make([]byte, 1001))
		case path == "/long/chunks":
			for range 1001 {
				_, _ = w.Write([]byte{0})
				w.(http.Flusher).Flush()
			}
		case path == "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 999))
			z.Close()
		case path == "/slow":
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		case path == "/none":
			http.NotFound(w, r)
		default:
			_, _ = io.WriteString(w, picture)
		}
	})
	s.Server = httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // a certificate that is refused on purpose
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	_, s.port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return s
}

// names resolves names as a test wants, one list after the other; the last stays.
func names(lists map[string][]string) (func(context.Context, string) ([]netip.Addr, error), *atomic.Int64) {
	asked := new(atomic.Int64)
	return func(_ context.Context, host string) (all []netip.Addr, err error) {
		list := lists[host]
		if len(list) == 0 {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		at := min(int(asked.Add(1)), len(list)) - 1
		for text := range strings.FieldsSeq(list[at]) {
			all = append(all, netip.MustParseAddr(text))
		}
		return all, nil
	}, asked
}

// fetch is the content, or the word of the refusal.
func fetch(t testing.TB, o Options, at string) string {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.Fetch(t.Context(), at)
	if refusal := (*api.Refusal)(nil); errors.As(err, &refusal) {
		if strings.Contains(refusal.Text, "127.0.0.1") && !strings.Contains(at, "127.0.0.1") {
			t.Errorf("%s: an address in %q", at, refusal.Text)
		}
		return string(refusal.Code)
	}
	if err != nil {
		t.Errorf("%s: %v is no refusal", at, err)
	}
	return string(data)
}

// with takes the rules of both out.
func (w weak) with(o weak) weak {
	return weak{w.hosts || o.hosts, w.addresses || o.addresses, w.pin || o.pin, w.redirects || o.redirects, w.encoding || o.encoding, w.limit || o.limit}
}

// Rule 13.5: nothing is fetched but from what was named, where it was when it was judged.
func TestRule13_5(t *testing.T) {
	s := open(t, false)
	inside := open(t, false) // what only this machine sees
	at := "http://pictures.example:" + s.port
	hosts, addresses := weak{hosts: true}, weak{addresses: true}
	for name, c := range map[string]struct {
		url    string
		is     []string // the addresses of pictures.example, asked once, twice, ...
		beside weak     // rules that would refuse too
		rule   weak
		want   string
	}{
		"another host":         {url: "http://evil.example:" + s.port + "/", beside: addresses, rule: hosts, want: "not_fetched"},
		"another port":         {url: "http://pictures.example:" + inside.port + "/", beside: addresses, rule: hosts, want: "not_fetched"},
		"this machine":         {url: "http://127.0.0.1:" + inside.port + "/", beside: addresses, rule: hosts, want: "not_fetched"},
		"in another form":      {url: "http://[::ffff:127.0.0.1]:" + inside.port + "/", beside: addresses, rule: hosts, want: "not_fetched"},
		"a user who is a host": {url: "http://pictures.example:" + s.port + "@127.0.0.1:" + inside.port + "/", beside: addresses, rule: hosts, want: "not_fetched"},
		"a name of inside":     {url: at + "/", rule: addresses, want: "not_fetched"},
		"one address inside":   {url: at + "/", is: []string{"127.0.0.1 93.184.216.34"}, rule: addresses, want: "not_fetched"},
		"a name that changes":  {url: at + "/", is: []string{"127.0.0.2", "127.0.0.1"}, beside: addresses, rule: weak{pin: true}, want: "bad_picture"},
		"a redirection":        {url: at + "/redirect?to=http://127.0.0.1:" + inside.port + "/", beside: addresses, rule: weak{redirects: true}, want: "not_fetched"},
		"a redirection home":   {url: at + "/redirect?to=/", beside: addresses, rule: weak{redirects: true}, want: "not_fetched"},
		"too long":             {url: at + "/long", beside: addresses, rule: weak{limit: true}, want: "too_large"},
		"too long, unsaid":     {url: at + "/long/chunks", beside: addresses, rule: weak{limit: true}, want: "too_large"},
		"a bomb":               {url: at + "/bomb", beside: addresses, rule: weak{encoding: true}, want: "bad_picture"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.is == nil {
				c.is = []string{"127.0.0.1"}
			}
			attack := func(taken weak) string {
				o := Options{Hosts: []string{at}, Limit: 1000, Timeout: 400 * time.Millisecond, weak: taken}
				o.resolve, _ = names(map[string][]string{"pictures.example": c.is, "evil.example": c.is})
				return fetch(t, o, c.url)
			}
			before := inside.asked.Load()
			if got := attack(c.beside); got != c.want || inside.asked.Load() != before {
				t.Errorf("%q, want %s; inside was asked %d times", got, c.want, inside.asked.Load()-before)
			}
			if got := attack(c.rule.with(c.beside)); strings.Contains("not_fetched bad_picture too_large", got) {
				t.Errorf("the attack fails without the rule (%s), so the test says nothing of it", got)
			}
		})
	}
	t.Run("nothing named", func(t *testing.T) {
		for _, u := range []string{"http://127.0.0.1:" + s.port, "https://example.com/x.png", "file:///etc/passwd", "ftp://x/y", "s3://bucket/x.png", "gs://bucket/x", "/data/upload/x.png", "//127.0.0.1/x", "\x00", "http://[::1", strings.Repeat("x", 5000), "unix:/x", "http:127.0.0.1", ""} {
			if got := fetch(t, Options{}, u); got != "not_fetched" {
				t.Errorf("%.50s: %q", u, got)
			}
		}
	})
}

// What was named is fetched: with its certificate, its port, without proxies and credentials, and failures are told in words.
func TestFetch(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	plain, secure := open(t, false), open(t, true)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	resolve, asked := names(map[string][]string{"example.com": {"127.0.0.1"}, "pictures.example": {"127.0.0.1"}, "other.example": {"127.0.0.1"}})
	o := Options{
		Hosts:   []string{"example.com:" + secure.port, "other.example:" + secure.port, "http://Pictures.example.:" + plain.port, "nowhere.example", "http://example.com:1"},
		Private: true, Timeout: 400 * time.Millisecond, resolve: resolve, tls: &tls.Config{RootCAs: roots},
	}
	for at, want := range map[string]string{
		"https://example.com:" + secure.port + "/x.png":        picture,
		"https://EXAMPLE.com.:" + secure.port + "/x.png?a=b#c": picture,
		"http://pictures.example:" + plain.port:                picture,
		"https://other.example:" + secure.port:                 "bad_picture", // whose certificate is another's
		"http://example.com:" + secure.port:                    "not_fetched",
		"https://pictures.example:" + plain.port:               "not_fetched",
		"https://example.com/":                                 "not_fetched",
		"https://nowhere.example/":                             "bad_picture",
		"http://example.com:1/":                                "bad_picture",
		"https://u:p@example.com:" + secure.port + "/x.png":    "not_fetched",
		"http://pictures.example:" + plain.port + "/none":      "bad_picture",
		"http://pictures.example:" + plain.port + "/slow":      "bad_picture",
	} {
		if got := fetch(t, o, at); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
	asked.Store(0)
	if got := fetch(t, o, "http://pictures.example:"+plain.port+"/x.png"); got != picture || asked.Load() != 1 {
		t.Errorf("%q, resolved %d times", got, asked.Load())
	}
	if h := plain.last.Load().Header; h.Get("Authorization") != "" || h.Get("Cookie") != "" || h.Get("Referer") != "" || h.Get("Accept-Encoding") != "identity" {
		t.Errorf("%v", h)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Fetch(ctx, "http://pictures.example:"+plain.port); err == nil {
		t.Error("a cancelled call is answered")
	}
	for _, bad := range []Options{{Hosts: []string{""}}, {Hosts: []string{"*"}}, {Hosts: []string{"a/b"}}, {Hosts: []string{"ftp://a"}}, {Hosts: []string{"http://u@a"}}, {Hosts: []string{"a:"}}, {Hosts: []string{"ä.example"}}, {LabelStudio: "localhost:8080"}, {LabelStudio: "/x"}, {LabelStudio: "http://x?y"}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// Of Label Studio what lies below /data/ is fetched, with its key, which goes nowhere else.
func TestLabelStudio(t *testing.T) {
	s := open(t, false)
	o := Options{LabelStudio: s.URL + "/studio/", Key: "key-of-the-studio", Hosts: []string{"http://" + s.Listener.Addr().String()}, Limit: 1000}
	for at, want := range map[string]string{
		"/data/upload/1/x.png":         "/studio/data/upload/1/x.png",
		"/data/local-files/?d=a/b.png": "/studio/data/local-files/?d=a/b.png",
		"/data/a%20b.png":              "/studio/data/a%20b.png",
		"/data/%3Fx":                   "/studio/data/%3Fx",
		"/data/../api/users":           "",
		"/data/%2e%2e/api/users":       "",
		"/data/x/..":                   "",
		"/data//x":                     "",
		"/data":                        "",
		"/api/users":                   "",
		"//evil.example/data/x":        "",
		"/\\evil.example/data/x":       "",
		"/data/\\..\\x":                "",
		"data/x":                       "",
	} {
		s.last.Store(nil)
		got := fetch(t, o, at)
		r := s.last.Load()
		if want == "" {
			if got != "not_fetched" || r != nil {
				t.Errorf("%s: %q, %v", at, got, r)
			}
		} else if got != picture || r.RequestURI != want || r.Header.Get("Authorization") != "Token key-of-the-studio" {
			t.Errorf("%s: %q, %+v", at, got, r)
		}
	}
	// To a host that was named goes no key, although this is at the same place; and the studio's redirections are not followed.
	if got := fetch(t, Options{LabelStudio: s.URL, Key: "k", Hosts: o.Hosts, Private: true}, s.URL+"/data/x"); got != picture || s.last.Load().Header.Get("Authorization") != "" {
		t.Errorf("%q", got)
	}
	if got := fetch(t, Options{LabelStudio: s.URL, Key: "k"}, s.URL+"/data/x"); got != "not_fetched" {
		t.Errorf("%q", got)
	}
}

// What is public is what anybody could reach.
func TestPublic(t *testing.T) {
	for _, a := range []string{"8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "192.167.1.1"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not public", a)
		}
	}
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
		"192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1",
	} {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s is public", a)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// What passes for a host that was named is that host to the library that connects.
func FuzzKnown(f *testing.F) {
	for _, s := range []string{"https://pictures.example/x", "https://pictures.example:443", "https://PICTURES.example.", "https://pictures.example@evil.example/", "https://evil.example#@pictures.example", "https:\\\\pictures.example", "https://pictures.example%2eevil.example", "http://pictures.example:443", "https://pictures.example:", "/data/x", "//pictures.example"} {
		f.Add(s)
	}
	fetcher, err := New(Options{Hosts: []string{"pictures.example"}, LabelStudio: "http://studio.example/base"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, at string) {
		u, err := url.Parse(at)
		if err != nil {
			return
		}
		if below, err := fetcher.below(u); err == nil && (below.Host != "studio.example" || !strings.HasPrefix(below.String(), "http://studio.example/base/data/") || strings.Contains(below.Path, "/../")) {
			t.Errorf("%q is %s of Label Studio", at, below)
		}
		judged, err := fetcher.known(u)
		if err != nil {
			return
		}
		r, err := http.NewRequest("GET", judged.String(), nil)
		if err != nil {
			return
		}
		if r.URL.Host != "pictures.example" || r.URL.Scheme != "https" || r.URL.User != nil {
			t.Errorf("%q passes and goes to %s", at, r.URL)
		}
	})
}
