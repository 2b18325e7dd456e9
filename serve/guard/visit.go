package guard

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Visit is what is known of a request, for its answer, the queue and the log. Nothing in it is of the body.
type Visit struct {
	ID     string // of the request: the client's X-Request-Id if it is fit for a log, else a made one
	Client string // who is taken for the sender: the name of the token, else the address of the connection
	Route  string // the pattern that the path and method have; "" if none

	Protocol string // of the route, for questions; "" if it asks none

	Start    time.Time
	Duration time.Duration // until it was answered
	Status   int           // of HTTP; 0 before the answer
	In, Out  int64         // bytes of the bodies, as sent

	Code api.Code // why it was refused; "" if it was not
	Err  error    // of the refusal, with its cause: for the log alone

	Note any // what the route has to say of the request, for Options.After
}

type visitKey struct{}

// VisitOf is the visit of a request's context. Without a guard it is an empty one.
func VisitOf(ctx context.Context) *Visit {
	if v, ok := ctx.Value(visitKey{}).(*Visit); ok {
		return v
	}
	return new(Visit)
}

// newVisit begins one. Forwarded headers are not believed: anybody can send them.
func newVisit(r *http.Request) *Visit {
	v := &Visit{ID: requestID(r.Header["X-Request-Id"]), Client: "unix", Start: time.Now()}
	if address, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		v.Client = address.Addr().Unmap().String()
	}
	return v
}

// requestID is what the client calls its request, if it says so once and in [A-Za-z0-9._-]{1,64}: it goes into logs and
// headers. Otherwise it is 128 random bits.
func requestID(given []string) string {
	if len(given) != 1 || !word(given[0]) {
		return rand.Text()
	}
	return given[0]
}

// word tells whether a name is fit for logs: [A-Za-z0-9._-]{1,64}.
func word(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}
