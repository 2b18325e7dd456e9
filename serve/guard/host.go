package guard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// hosts are the names that requests may be meant for. A page that makes its own name point here (DNS rebinding) sends
// that name, whatever address it reached, so names are compared and nothing is looked up.
type hosts struct{ names map[string]bool }

// newHosts are the host of an address and further names.
func newHosts(listen string, more []string) (hosts, error) {
	h := hosts{map[string]bool{}}
	for _, name := range more {
		known, ok := hostName(name)
		if !ok {
			return h, fmt.Errorf("--host %s: a host is a name or an address, as in the URL that people type", Quote(name))
		}
		h.names[known] = true
	}
	if strings.HasPrefix(listen, "unix:") {
		return h, nil
	}
	if bound, ok := hostName(listen); ok { // ":8000" has none
		h.names[bound] = true
	}
	return h, nil
}

// check refuses a request that was meant for another host. net/http has put :authority of HTTP/2 and the host of an
// absolute URL in the field's place; forwarded headers are not believed.
func (h hosts) check(r *http.Request) error {
	name, ok := hostName(r.Host)
	switch {
	case !ok:
		return api.Refuse(api.BadHost, "the request names no host, or not in a form that a URL has")
	case local(name), h.names[name], arrived(r, name):
		return nil
	}
	return api.Refuse(api.BadHost, "this server does not answer to the host %s: start it with --host %[1]s if it should", api.CutTo(name, longest))
}

// local tells whether a name means this machine to every resolver: localhost, a name below it, a loopback address.
func local(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.IsLoopback()
}

// arrived tells whether a name is the address at which the connection came in: bound to all addresses, a server is asked
// for by one of them, by probes of Kubernetes for one. No foreign page has an address of this machine for its origin.
func arrived(r *http.Request, name string) bool {
	address, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && at.AddrPort().Addr().Unmap().WithZone("") == address
}

// hostName is the host of "host" or "host:port", in lower case, without a last dot, an address in its shortest form. It
// is false for what no URL has there: user names, paths, zones, empty labels, bare IPv6, other bytes than a name's.
func hostName(s string) (string, bool) {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", false
		}
		host, port = s[1:end], s[end+1:]
		address, err := netip.ParseAddr(host)
		if err != nil || !address.Is6() || address.Zone() != "" {
			return "", false
		}
		return address.Unmap().String(), port == "" || isPort(port)
	}
	if colon := strings.IndexByte(s, ':'); colon >= 0 {
		host, port = s[:colon], s[colon:]
	}
	if port != "" && !isPort(port) {
		return "", false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > 253 || host[0] == '.' || host[len(host)-1] == '.' || strings.Contains(host, "..") {
		return "", false
	}
	for i := range len(host) {
		c := host[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return "", false
		}
	}
	return host, true
}

// isPort tells whether s is ":" and a port; the number may be missing, as RFC 3986 has it.
func isPort(s string) bool {
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
