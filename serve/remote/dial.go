package remote

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
)

// transport connects anew for each request, so that each is to an address that was judged for it.
func (f *Fetcher) transport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil, // not even one of the environment: it would resolve the name again
		DialContext:            f.dial,
		Protocols:              protocols,
		DisableKeepAlives:      true,
		DisableCompression:     !f.options.weak.encoding,
		MaxResponseHeaderBytes: 16 << 10,
		TLSClientConfig:        f.options.tls,
		TLSHandshakeTimeout:    f.options.Timeout,
	}
}

// tries is how many addresses of a host are dialled at most.
const tries = 4

// dial resolves a name once, judges all its addresses and connects to one of them, in their order.
func (f *Fetcher) dial(ctx context.Context, network, at string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	if literal, err := netip.ParseAddr(host); err == nil {
		addresses = []netip.Addr{literal}
	} else if addresses, err = f.options.resolve(ctx, host); err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	vouched := f.options.Private || ctx.Value(studioKey{}) != nil || f.options.weak.addresses
	if !vouched && slices.ContainsFunc(addresses, private) {
		return nil, refuse("%s has an address that is not public: start the server with --fetch-private if it may be fetched from", host)
	}
	if f.options.weak.pin {
		if addresses, err = f.options.resolve(ctx, host); err != nil {
			return nil, err
		}
	}
	dialer := net.Dialer{Timeout: f.options.Timeout / 2, KeepAlive: -1}
	for _, address := range addresses[:min(len(addresses), tries)] {
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(address.Unmap().String(), port)); err == nil {
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
