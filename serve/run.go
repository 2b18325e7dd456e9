package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/glipvk/glipvk/serve/guard"
)

// settles is from not being ready to taking nothing: who asks whether the server is ready learns of it before.
const settles = 300 * time.Millisecond

// Run serves until the context ends, and then until what was admitted is answered, at most for the time of Options.Drain. Its
// errors are that the address cannot be had, that the detector cannot be opened, or that requests had to be cut.
func (s *Server) Run(ctx context.Context) error {
	defer s.end()
	fronts, err := s.listen()
	if err != nil {
		return err
	}
	failed := make(chan error, len(fronts)+1)
	for _, f := range fronts {
		go func() { failed <- f.serve() }()
	}
	if s.options.Listening != nil {
		s.options.Listening(fronts[0].address())
	}
	began := time.Now()
	loaded := make(chan error, 1)
	go func() { loaded <- s.load(s.ended) }()
	for waiting := true; waiting; {
		select {
		case err := <-loaded:
			if err != nil {
				s.abort(fronts)
				return err
			}
			loaded = nil
			if s.options.Ready != nil {
				i := s.Info()
				s.options.Ready(time.Since(began), Info{i.Model, i.Device, i.Precision})
			}
			s.notify("READY=1")
		case err := <-failed:
			s.abort(fronts)
			return err
		case <-ctx.Done():
			waiting = false
		}
	}
	return s.leave(fronts, loaded)
}

// leave answers what was admitted and ends.
func (s *Server) leave(fronts []*front, loading <-chan error) error {
	s.notify("STOPPING=1")
	s.become(draining)
	s.log.Info("draining", "longest", s.options.Drain)
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Drain)
	defer cancel()
	wait(ctx, max(s.options.DrainDelay, settles))
	late := s.queue.Drain(ctx)
	close(s.leaving)
	s.queue.Close()
	s.end()
	if loading != nil {
		<-loading // what it opened is closed below
	}
	grace, stop := context.WithTimeout(context.Background(), max(time.Second, s.options.Drain/10))
	defer stop()
	var errs []error
	for _, f := range fronts {
		if err := f.server.Shutdown(grace); err != nil {
			errs = append(errs, f.server.Close())
		}
	}
	errs = append(errs, s.close())
	if late != nil {
		errs = append(errs, fmt.Errorf("not all requests could be answered within %v (--drain)", s.options.Drain))
	}
	return errors.Join(errs...)
}

// abort ends at once.
func (s *Server) abort(fronts []*front) {
	s.become(draining)
	close(s.leaving)
	s.queue.Close()
	s.end()
	for _, f := range fronts {
		_ = f.server.Close() // there is an error to tell already
	}
	_ = s.close()
}

// close gives the detector back.
func (s *Server) close() error {
	s.group.Wait()
	if o := s.current.Swap(nil); o != nil {
		return s.give(o.detector)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// front is a listener with its server.
type front struct {
	server   *http.Server
	listener net.Listener
	secure   bool
}

// address is where it listens, as a URL.
func (f *front) address() string {
	a := f.listener.Addr()
	switch {
	case a.Network() == "unix":
		return "unix:" + a.String()
	case f.secure:
		return "https://" + a.String()
	}
	return "http://" + a.String()
}

func (f *front) serve() error {
	var err error
	if f.secure {
		err = f.server.ServeTLS(f.listener, "", "")
	} else {
		err = f.server.Serve(f.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// listen makes the listeners.
func (s *Server) listen() (fronts []*front, err error) {
	defer func() {
		if err != nil {
			for _, f := range fronts {
				_ = f.listener.Close()
			}
		}
	}()
	main, err := s.front(s.options.Listen, s.route)
	if err != nil {
		return nil, err
	}
	fronts = append(fronts, main)
	if s.options.Metrics != "" {
		f, err := s.front(s.options.Metrics, s.routeMetrics)
		if err != nil {
			return fronts, err
		}
		fronts = append(fronts, f)
	}
	if s.options.GRPC != "" {
		f, err := s.front(s.options.GRPC, s.routeGRPC)
		if err != nil {
			return fronts, err
		}
		fronts = append(fronts, f)
	}
	return fronts, nil
}

// front listens at an address.
func (s *Server) front(address string, route func(*guard.Guard)) (*front, error) {
	if err := guard.Listen(address, s.tokens != nil, s.options.NoAuth); err != nil {
		return nil, err
	}
	network, at := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, at = "unix", path
		if err := free(path); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen(network, at)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w: stop what listens there, or give another address", address, reason(err))
	}
	g, err := guard.New(guard.Options{
		Listen: listenName(address, listener), Hosts: s.options.Hosts, Origins: s.options.Origins, Tokens: s.tokens, Limits: s.options.Limits,
		Log: s.log, Panicked: s.metrics.panics.Inc, After: s.after,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	route(g)
	f := &front{server: g.Server(), listener: g.Limit(listener)}
	if s.certificate != nil {
		f.secure = true
		f.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate.get}
	}
	return f, nil
}

// listenName is the address with the port that the system chose, where it was to.
func listenName(address string, l net.Listener) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != "0" {
		return address
	}
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port)
}

// reason is why an address cannot be had, without the address, which the sentence has.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}

// free removes the socket that a server which was killed left, and nothing else.
func free(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // nothing is there, or listening says why not
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("--listen unix:%s: there is a file of that name: give another", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return fmt.Errorf("--listen unix:%s: another server listens there: stop it, or give another address", path)
	}
	return os.Remove(path)
}

// notify tells systemd how the server stands, where it asks (sd_notify).
func (s *Server) notify(state string) {
	at := s.options.Notify
	if at == "" {
		return
	}
	if at[0] == '@' {
		at = "\x00" + at[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		return // it does not listen
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write([]byte(state))
}

// certificate is read again when it is told to.
type certificate struct {
	certFile, keyFile string
	pair              atomic.Pointer[tls.Certificate]
}

func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("--tls-cert %s, --tls-key %s: %w", c.certFile, c.keyFile, err)
	}
	c.pair.Store(&pair)
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.Load(), nil }

// Reload reads certificate and tokens again; after an error those of before stay.
func (s *Server) Reload(ctx context.Context) error {
	var errs []error
	if s.certificate != nil {
		errs = append(errs, s.certificate.reload())
	}
	if s.tokens != nil {
		warnings, err := s.tokens.Reload(ctx)
		for _, w := range warnings {
			s.log.Warn(w)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
