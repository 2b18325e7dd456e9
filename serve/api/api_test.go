package api

import (
	"errors"
	"io/fs"
	"net/http/httptest"
	"testing"
	"time"
)

// Every code has numbers, and what a client reads has nothing of the cause.
func TestRefusal(t *testing.T) {
	for _, code := range Codes() {
		if code.Status() < 400 || code.GRPC() < 1 || code.GRPC() > 16 {
			t.Errorf("%s: HTTP %d, gRPC %d", code, code.Status(), code.GRPC())
		}
		w := httptest.NewRecorder()
		w.Header().Set("Content-Length", "7")
		r := Refuse(code, "the queue is full: ask again in %d s", 3)
		r.Retry, r.Cause = 2100*time.Millisecond, &fs.PathError{Op: "open", Path: "/secret", Err: fs.ErrNotExist}
		r.Write(w)
		want := `{"error":"the queue is full: ask again in 3 s","code":"` + string(code) + "\"}\n"
		if w.Body.String() != want || w.Code != code.Status() || w.Header().Get("Retry-After") != "3" || w.Header().Get("Content-Length") != "" {
			t.Errorf("%s: %d %v %s", code, w.Code, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	failure := errors.New("open /secret: no such file")
	r := Refused(failure, "17")
	if r.Write(w); w.Code != 500 || w.Body.String() != "{\"error\":\"internal error, request 17\",\"code\":\"internal\"}\n" || !errors.Is(r, failure) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if known := Refuse(BadQuery, "no phrase"); Refused(errors.Join(known), "17") != known {
		t.Error("a refusal within another error is lost")
	}
}

// What is not set has its default, what is set stays.
func TestLimits(t *testing.T) {
	l := Limits{Body: 5}.Or()
	if l.Body != 5 || l.Pixels != 40e6 || l.Timeout != 120*time.Second || l != l.Or() {
		t.Errorf("%+v", l)
	}
}
