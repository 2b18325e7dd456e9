package remote

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// dialer connects to hosts.
type dialer struct {
	private bool // whether addresses may be any
	timeout time.Duration
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	again   bool // resolves once more after judging, in tests alone
}

// transport connects anew for each request, so that each is to an address that was judged for it. No proxy stands
// between, not even one of the environment: it would resolve the name again.
func transport(d dialer, secure *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            d.dial,
		Protocols:              protocols,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
		TLSClientConfig:        secure,
	}
}

// vouchedKey is the context's value that the server's owner vouched for an address: that of his Label Studio.
type vouchedKey struct{}

// refuse is the refusal of what is not fetched.
func refuse(format string, arguments ...any) error {
	return api.Refuse(api.NotFetched, format, arguments...)
}

// tries is how many addresses of a host are dialled at most.
const tries = 4

// dial resolves a name once, judges all its addresses and connects to one of them, in their order.
func (d dialer) dial(ctx context.Context, network, at string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	if literal, err := netip.ParseAddr(host); err == nil {
		addresses = []netip.Addr{literal}
	} else if addresses, err = d.resolve(ctx, host); err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	if !d.private && ctx.Value(vouchedKey{}) == nil && slices.ContainsFunc(addresses, private) {
		return nil, refuse("%s has an address that is not public: start the server with --fetch-private if it may be fetched from", host)
	}
	if d.again {
		if addresses, err = d.resolve(ctx, host); err != nil {
			return nil, err
		}
	}
	one := net.Dialer{Timeout: d.timeout / 2, KeepAlive: -1}
	for _, address := range addresses[:min(len(addresses), tries)] {
		var conn net.Conn
		if conn, err = one.DialContext(ctx, network, net.JoinHostPort(address.Unmap().String(), port)); err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func private(a netip.Addr) bool { return !public(a) }

// public tells whether an address is one of the open internet: not of this machine, a local network, a provider's inside,
// a tunnel that ends at one, documentation, or of no host at all (IANA's registries of special-purpose addresses).
func public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && !global.Contains(a) {
		return false
	}
	return a.IsValid() && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// global is what of IPv6 is given out; loopback, local, mapped, translated (64:ff9b::/96) and multicast lie outside.
var global = netip.MustParsePrefix("2000::/3")

var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

func prefixes(list ...string) (all []netip.Prefix) {
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}
