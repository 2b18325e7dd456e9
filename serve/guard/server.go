package guard

import (
	"log/slog"
	"net/http"
)

// Limits of connections that no client has reason to reach.
const (
	headerBytes = 16 << 10 // of a request's line and headers
	streams     = 100      // of an HTTP/2 connection at a time
)

// Server is an HTTP server whose handler is the guard: HTTP/1, and HTTP/2 with TLS or without (h2c), each with bounds on
// what a client may hold open. It has no WriteTimeout and no ReadTimeout: those would count computing, and give a
// picture no more time than a question. Pages of Go's own (pprof, expvar) are not on it, nor "OPTIONS *" without a guard.
// TLS is for the caller to set.
func (g *Guard) Server() *http.Server {
	if g.options.weak.server {
		return &http.Server{Handler: g, Protocols: protocols()}
	}
	t := g.options.Times
	return &http.Server{
		Handler:                      g,
		Protocols:                    protocols(),
		ReadHeaderTimeout:            t.Header,
		IdleTimeout:                  t.Idle,
		MaxHeaderBytes:               headerBytes - 4096, // net/http reads so much more than it is told
		DisableGeneralOptionsHandler: true,
		ConnState:                    g.connections.state,
		ErrorLog:                     slog.NewLogLogger(g.options.Log.Handler(), slog.LevelDebug), // bad TLS and the like, of strangers' making
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: streams,
			SendPingTimeout:      t.Write,
			PingTimeout:          t.Write / 2,
			WriteByteTimeout:     t.Write,
		},
	}
}

func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}
