package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Code is why a request was refused, in a word that programs read.
type Code string

// The codes, by what is answered to HTTP. [Code.Status] has their numbers.
const (
	BadRequest   Code = "bad_request"
	BadTensor    Code = "bad_tensor"
	BadPicture   Code = "bad_picture"
	BadQuery     Code = "bad_query"
	Unauthorized Code = "unauthorized"
	CrossOrigin  Code = "cross_origin"
	NotFetched   Code = "not_fetched"
	NotFound     Code = "not_found"
	NoModel      Code = "no_model"
	NoImage      Code = "no_image"
	BadMethod    Code = "bad_method"
	Slow         Code = "slow" // the body did not come in time
	TooLarge     Code = "too_large"
	BadType      Code = "bad_type"
	BadEncoding  Code = "bad_encoding"
	BadHost      Code = "bad_host"
	Overloaded   Code = "overloaded"
	Cancelled    Code = "cancelled" // the client left: for logs
	Internal     Code = "internal"
	Loading      Code = "loading"
	Draining     Code = "draining"
	DeviceLost   Code = "device_lost"
	Deadline     Code = "deadline"
)

// statuses are the codes with what they are in HTTP and in gRPC (google.golang.org/grpc/codes).
var statuses = map[Code]struct{ http, grpc int }{
	BadRequest: {400, 3}, BadTensor: {400, 3}, BadPicture: {400, 3}, BadQuery: {400, 3},
	Unauthorized: {401, 16}, CrossOrigin: {403, 7}, NotFetched: {403, 7},
	NotFound: {404, 5}, NoModel: {404, 5}, NoImage: {404, 5}, BadMethod: {405, 12}, Slow: {408, 4},
	TooLarge: {413, 8}, BadType: {415, 3}, BadEncoding: {415, 3}, BadHost: {421, 7}, Overloaded: {429, 14},
	Cancelled: {499, 1}, Internal: {500, 13}, Loading: {503, 14}, Draining: {503, 14}, DeviceLost: {503, 14}, Deadline: {504, 4},
}

// Codes are all of them.
func Codes() (list []Code) {
	for c := range statuses {
		list = append(list, c)
	}
	return list
}

// Status is the code's number in HTTP.
func (c Code) Status() int { return statuses[c].http }

// GRPC is the code's number in gRPC.
func (c Code) GRPC() int { return statuses[c].grpc }

// Refusal is a request that was not answered, in words for its sender: they name no path, address or type of this machine.
type Refusal struct {
	Code  Code
	Text  string        // a sentence that says what to do
	Retry time.Duration // after which to ask again; 0 says nothing
	Allow string        // methods that a path has, of [BadMethod]
	Cause error         // for the log alone; nil where the text says all
}

// Refuse makes a refusal.
func Refuse(code Code, format string, arguments ...any) *Refusal {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, arguments...)}
}

// Error is the text, and for the log the cause.
func (r *Refusal) Error() string {
	if r.Cause != nil {
		return r.Text + " (" + r.Cause.Error() + ")"
	}
	return r.Text
}

// Unwrap is the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Refused is the refusal in an error; an error without one is that of a context, or a failure of ours, of which the client learns the
// ID of its request.
func Refused(err error, id string) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &Refusal{Code: Cancelled, Text: "the client left", Cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Refusal{Code: Deadline, Text: "there was no time left for an answer", Cause: err}
	}
	return &Refusal{Code: Internal, Text: "internal error, request " + id, Cause: err}
}

// Write answers an HTTP request with the refusal: {"error": sentence, "code": word}, as every protocol but gRPC has it.
func (r *Refusal) Write(w http.ResponseWriter) {
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Length", "Inference-Header-Content-Length"} {
		h.Del(name) // of an answer that was begun
	}
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if r.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(r.Seconds()))
	}
	if r.Allow != "" {
		h.Set("Allow", r.Allow)
	}
	if r.Code == Unauthorized {
		h["Www-Authenticate"] = []string{`Bearer realm="glip"`, `Basic realm="glip"`}
	}
	body, err := json.Marshal(struct {
		Error string `json:"error"`
		Code  Code   `json:"code"`
	}{r.Text, r.Code})
	if err != nil {
		panic(err) // two strings
	}
	w.WriteHeader(r.Code.Status())
	_, _ = w.Write(append(body, '\n')) // who does not read it has left
}

// Seconds is when to ask again, in whole seconds from 1 to 60.
func (r *Refusal) Seconds() int {
	return int(min(max(math.Ceil(r.Retry.Seconds()), 1), 60))
}
