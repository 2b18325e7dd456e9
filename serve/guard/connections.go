package guard

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// connections bounds how many are open. A limit alone would let idle ones keep everybody out for as long as idle ones are
// kept, so at the limit the one that has been idle for longest makes room.
type connections struct {
	slots chan struct{}

	mu      sync.Mutex
	idle    *list.List // of *connection, the longest idle first
	waiting int        // of those who ask for a place
}

func newConnections(most int) *connections {
	return &connections{slots: make(chan struct{}, most), idle: list.New()}
}

func (c *connections) limit(l net.Listener) net.Listener {
	return &limited{Listener: l, all: c, closed: make(chan struct{})}
}

// limited is a listener whose connections count.
type limited struct {
	net.Listener
	all    *connections
	once   sync.Once
	closed chan struct{}
}

// Accept waits for a connection and for its place. A closed listener ends both.
func (l *limited) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.all.slots <- struct{}{}:
		return &connection{Conn: conn, all: l.all}, nil
	default:
	}
	l.all.wait(1)
	defer l.all.wait(-1)
	select {
	case l.all.slots <- struct{}{}:
		return &connection{Conn: conn, all: l.all}, nil
	case <-l.closed:
		_ = conn.Close() // which was never served
		return nil, net.ErrClosed
	}
}

// Close ends Accept, also one that waits for a place.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// connection is one that has a place.
type connection struct {
	net.Conn
	all  *connections
	once sync.Once
	at   *list.Element // among the idle; nil while it is not
	gone bool          // and is not to be noted again
}

// Close gives the place back.
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.all.note(c, false, true)
		<-c.all.slots
	})
	return err
}

// CloseWrite lets the server end an answer before it closes what was not read, so that the client sees it.
func (c *connection) CloseWrite() error {
	if conn, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return conn.CloseWrite()
	}
	return nil
}

// state follows the server's connections ([http.Server.ConnState]).
func (c *connections) state(conn net.Conn, state http.ConnState) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if ours, ok := conn.(*connection); ok && ours.all == c {
		c.note(ours, state == http.StateIdle, false)
	}
}

// note says whether a connection is idle, and whether it is gone.
func (c *connections) note(conn *connection, idle, gone bool) {
	c.mu.Lock()
	conn.gone = conn.gone || gone
	if conn.at != nil {
		c.idle.Remove(conn.at)
		conn.at = nil
	}
	if idle && !conn.gone {
		conn.at = c.idle.PushBack(conn)
	}
	c.mu.Unlock()
	if idle {
		c.wait(0)
	}
}

// wait counts who asks for a place. While one does, the connection that has been idle for longest is closed, if one is:
// its client sees what it sees when the idle time is up, and asks again by another.
func (c *connections) wait(more int) {
	c.mu.Lock()
	c.waiting += more
	var longest net.Conn
	if first := c.idle.Front(); first != nil && c.waiting > 0 {
		longest = first.Value.(*connection)
	}
	c.mu.Unlock()
	if longest != nil {
		_ = longest.Close() // it makes room in any case
	}
}
