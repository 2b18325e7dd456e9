package guard

import (
	"cmp"
	"time"
)

// Times bound how long a client may take. 0 is the default that the comment says.
type Times struct {
	Header time.Duration // from a connection's or a request's first byte to the end of its headers: 5 s
	Body   time.Duration // for a body: 20 s,
	MiB    time.Duration // and this for each MiB that it is long, or that has come of one of unknown length: 1 s
	Write  time.Duration // from an answer's making until the client has taken it: 30 s
	Idle   time.Duration // that a connection stays without a request: 60 s
}

// Or is the times with the defaults of those that are 0.
func (t Times) Or() Times {
	return Times{
		Header: cmp.Or(t.Header, 5*time.Second), Body: cmp.Or(t.Body, 20*time.Second), MiB: cmp.Or(t.MiB, time.Second),
		Write: cmp.Or(t.Write, 30*time.Second), Idle: cmp.Or(t.Idle, 60*time.Second),
	}
}
