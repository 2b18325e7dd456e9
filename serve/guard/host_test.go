package guard

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Rule 13.1: what other machines can reach needs tokens, or the word that it needs none.
func TestRule13_1(t *testing.T) {
	for _, at := range []string{"127.0.0.1:8000", "127.8.8.8:80", "[::1]:8000", "localhost:8000", "LOCALHOST:8000", "glip.localhost:8000", "unix:/run/glip.sock"} {
		if err := Listen(at, false, false); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	for _, at := range []string{":8000", "0.0.0.0:8000", "[::]:8000", "192.168.1.5:8000", "glip.example:8000", "localhost.example:8000", "[fe80::1%eth0]:8000", "127.0.0.1.nip.io:80", "2130706433:80"} {
		err := Listen(at, false, false)
		if err == nil || !strings.Contains(err.Error(), "--token-file") || !strings.Contains(err.Error(), "--no-auth") {
			t.Errorf("%s without a token: %v", at, err)
		}
		if err := Listen(at, true, false); err != nil {
			t.Errorf("%s with a token: %v", at, err)
		}
		if err := Listen(at, false, true); err != nil {
			t.Errorf("%s with --no-auth: %v", at, err)
		}
	}
	for _, at := range []string{"", "8000", "127.0.0.1", "127.0.0.1:", "::1:80", "localhost:http", "unix:"} {
		if err := Listen(at, false, false); err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%q: %v", at, err)
		}
	}
	if err := Listen("127.0.0.1:8000", true, true); err == nil {
		t.Error("tokens and --no-auth together")
	}
}

// Rule 13.2: a name that was made to point here is not answered to, whichever field says it.
func TestRule13_2(t *testing.T) {
	attacks := map[string]string{
		"another name":        request("GET /v1/info", "", "Host: evil.example"),
		"with the port":       request("GET /v1/info", "", "Host: evil.example:8000"),
		"begins as loopback":  request("GET /v1/info", "", "Host: 127.0.0.1.evil.example"),
		"begins as localhost": request("GET /v1/info", "", "Host: localhost.evil.example"),
		"of a local network":  request("GET /v1/info", "", "Host: glip.local"),
		"internal":            request("GET /v1/info", "", "Host: glip.internal"),
		"of another network":  request("GET /v1/info", "", "Host: 192.168.7.7"),
		"a short address":     request("GET /v1/info", "", "Host: 127.1"),
		"no host":             "GET /v1/info HTTP/1.0\r\n\r\n",
		"an empty one":        request("GET /v1/info", "", "Host: "),
		"absolute form":       request("GET http://evil.example/v1/info", ""),
		"forwarded":           request("GET /v1/info", "", "Host: evil.example", "X-Forwarded-Host: localhost", "Forwarded: host=localhost"),
		"origin the same":     request("POST /v1/detect", "{}", "Host: evil.example", "Origin: http://evil.example", "Sec-Fetch-Site: same-origin", "Content-Type: application/json"),
		"health":              request("GET /v2/health/live", "", "Host: evil.example"),
		"the page":            request("GET /", "", "Host: evil.example"),
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			rule(t, Options{}, func(w *weak) { w.host = true }, func(t *testing.T, s *site) bool {
				status, _, body := s.raw(t, attack)
				if status != 200 && (status != 421 || code(body) != "bad_host") {
					t.Errorf("%d %s", status, body)
				}
				return status == 200
			})
		})
	}
	t.Run(":authority", func(t *testing.T) {
		rule(t, Options{}, func(w *weak) { w.host = true }, func(t *testing.T, s *site) bool {
			status, _, _ := s.grpc(t, "/inference.GRPCInferenceService/ServerLive", func(r *http.Request) { r.Host = "evil.example" })
			if status != "0" && status != "7" {
				t.Errorf("grpc-status %s", status)
			}
			return status == "0"
		})
	})
	t.Run("with OPTIONS *", func(t *testing.T) {
		status, _, body := open(t, Options{}).raw(t, request("OPTIONS *", "", "Host: evil.example"))
		if status != 421 {
			t.Errorf("%d %s", status, body)
		}
	})
}

// Names of this machine are answered to, without regard to port, case and a last dot, and those that were given.
func TestHostKnown(t *testing.T) {
	s := open(t, Options{Hosts: []string{"Glip.Example.:443", "10.0.0.9"}})
	for _, host := range []string{"localhost", "LocalHost:1", "localhost.", "localhost.:80", "a.b.localhost", "127.0.0.1", "127.9.8.7:80", "[::1]:8000", "[::1]", "[::ffff:127.0.0.1]", s.at, "glip.example", "GLIP.example.:9", "10.0.0.9:8000"} {
		if status, _, body := s.raw(t, request("GET /v1/info", "", "Host: "+host)); status != 200 {
			t.Errorf("%s: %d %s", host, status, body)
		}
	}
	status, _, body := s.raw(t, request("GET /v1/info", "", "Host: evil.example:80"))
	if status != 421 || !strings.Contains(body, "--host evil.example ") {
		t.Errorf("%d %s: does not say what would allow it", status, body)
	}
	// Bound to all addresses, the one at which a connection came in is the host, and no other of its network.
	all, err := newHosts("0.0.0.0:8000", nil)
	if err != nil {
		t.Fatal(err)
	}
	for host, known := range map[string]bool{"192.168.1.5:8000": true, "[::ffff:192.168.1.5]": true, "192.168.1.6:8000": false, "glip.example": false, "0.0.0.0:8000": true} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(192, 168, 1, 5), Port: 8000}))
		if err := all.check(r); (err == nil) != known {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, name := range []string{"", "a b", "http://x", "x/", "-", "*", "*.example", "a..b", "x:y", "[::1%lo]", "::1", "[::1", "[127.0.0.1]", "localhost.."} {
		if _, err := New(Options{Hosts: []string{name}}); (err == nil) != (name == "-") {
			t.Errorf("--host %q: %v", name, err)
		}
	}
}

// What is taken for a host is one for URLs too, and says itself.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost", "LOCALHOST.:80", "[::1]:8000", "::1", "127.0.0.1:", "a@localhost", "localhost/", "[::1%25lo]", "a.localhost", "..localhost", "localhost:80:80", "[::ffff:127.0.0.1]:1", "[127.0.0.1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := hostName(s)
		if !ok {
			return
		}
		at := name
		if strings.Contains(name, ":") {
			at = "[" + name + "]"
		}
		if again, ok := hostName(at); !ok || again != name {
			t.Errorf("%q is %q, which is %q (%v)", s, name, again, ok)
		}
		u, err := url.Parse("http://" + s + "/v1/info")
		if err != nil || u.User != nil || u.Path != "/v1/info" {
			t.Fatalf("%q is taken for a host, of no URL: %v", s, err)
		}
		host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		if host != name && !strings.Contains(host, ":") {
			t.Errorf("%q is the host %q to a URL and %q here", s, host, name)
		}
		if local(name) && host != "localhost" && !strings.HasSuffix(host, ".localhost") && !strings.HasPrefix(host, "127.") && !strings.Contains(host, ":") {
			t.Errorf("%q is taken for this machine", s)
		}
	})
}
