package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
)

// Call is what the log and the metrics learn of a request from the protocol that it came by.
type Call struct {
	ID      string   // of the request, which the server gave it or took from its X-Request-Id
	Refusal *Refusal // nil where it was answered
}

type callKey struct{}

// WithCall is a context whose requests are noted in a call.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf is the call of a context, or one that nobody reads.
func CallOf(ctx context.Context) *Call {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		return c
	}
	return &Call{}
}

// Fail notes why a request is refused.
func Fail(ctx context.Context, err error) *Refusal {
	c := CallOf(ctx)
	c.Refusal = Refused(err, c.ID)
	return c.Refusal
}

// Route is a path of a protocol with what may be sent there.
type Route struct {
	Pattern  string   // of [http.ServeMux], with a method
	Protocol string   // by which questions come, one of the words of [Protocols]; "" for what asks none
	Types    []string // content types of bodies, "" for none at all and "*" for any; nil where there is no body
	Small    bool     // whether a body is of no picture: 64 KiB are enough, and it waits for nobody
	Handler  http.Handler
}

// Handler answers with what f makes: JSON of it, or a refusal of its error.
func Handler(f func(r *http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := f(r)
		if err == nil {
			err = WriteJSON(w, http.StatusOK, answer)
		}
		if err != nil {
			Fail(r.Context(), err).Write(w)
		}
	})
}

// WriteJSON answers with a value as JSON. What fails has written nothing.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	text, err := Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // who does not read it has left
	return nil
}

// Marshal is a value as a line of JSON, in which <, > and & stay as they are.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}
