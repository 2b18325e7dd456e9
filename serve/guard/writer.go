package guard

import (
	"net/http"
	"time"
)

// writer counts what is answered, and gives the client a time to take it. The time runs from each piece that is handed
// over: one write deadline for all would count the computing, and let a client that reads nothing hold a stream of
// HTTP/2, where the connection as a whole still moves.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	visit   *Visit
	wait    time.Duration // 0 waits for ever
	set     time.Time     // when the deadline was last moved; zero while there is none
}

func newWriter(w http.ResponseWriter, v *Visit, wait time.Duration) *writer {
	return &writer{ResponseWriter: w, control: http.NewResponseController(w), visit: v, wait: wait}
}

// Unwrap lets [http.ResponseController] find what the server gave.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if status >= 200 && w.visit.Status == 0 {
		w.visit.Status = status
	}
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(data []byte) (int, error) {
	if w.visit.Status == 0 {
		w.visit.Status = http.StatusOK
	}
	w.extend()
	n, err := w.ResponseWriter.Write(data)
	w.visit.Out += int64(n)
	return n, err
}

// Flush hands over what was written. Between the messages of a stream no time runs: who watches may wait for hours.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is Flush for [http.ResponseController].
func (w *writer) FlushError() error {
	if w.visit.Status == 0 {
		w.visit.Status = http.StatusOK
	}
	w.extend()
	err := w.control.Flush()
	if w.wait > 0 {
		w.set = time.Time{}
		_ = w.control.SetWriteDeadline(time.Time{}) // a writer of tests has none
	}
	return err
}

// last gives the client its time for what is still in buffers when the handler ends.
func (w *writer) last() {
	if w.visit.Status == 0 {
		w.visit.Status = http.StatusOK
	}
	w.extend()
}

// extend moves the deadline, not more often than it matters.
func (w *writer) extend() {
	if w.wait <= 0 {
		return
	}
	if now := time.Now(); now.Sub(w.set) > w.wait/16 {
		w.set = now
		_ = w.control.SetWriteDeadline(now.Add(w.wait)) // a writer of tests has none
	}
}
