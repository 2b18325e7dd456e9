package guard

import (
	"fmt"
	"net"
	"strings"
)

// Listen judges the address to serve at: nil, or a sentence that says what to give. An address of other machines needs
// tokens, or the word that it shall need none: servers that were opened by one variable are found by the hundred
// thousand.
func Listen(address string, tokens, noAuth bool) error {
	if tokens && noAuth {
		return fmt.Errorf("--no-auth and tokens: give one of the two")
	}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path == "" {
			return fmt.Errorf("--listen unix: lacks the path of the socket, as in unix:/run/glip.sock")
		}
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isPort(":"+port) || port == "" {
		return fmt.Errorf("--listen %s: expected host:port, as 127.0.0.1:8000, [::1]:8000 or :8000, or unix:/path", Quote(address))
	}
	if name, ok := hostName(net.JoinHostPort(host, port)); ok && local(name) {
		return nil
	}
	if tokens || noAuth {
		return nil
	}
	return fmt.Errorf("--listen %s can be reached from other machines: give --token-file FILE (one token a line), or --no-auth if everybody there may use it", address)
}
