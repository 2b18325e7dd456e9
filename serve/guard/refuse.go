package guard

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"

	"connectrpc.com/connect"
	"github.com/glipvk/glipvk/serve/api"
)

// rpc writes errors as gRPC has them: in trailers, beside status 200.
var rpc = connect.NewErrorWriter()

// Refuse answers a request with an error in the words of its protocol: gRPC to gRPC, which takes any other answer for
// UNKNOWN, {"error", "code"} to all others. It notes the error in the request's [Visit]. An error that is no
// [*api.Refusal] is a failure of ours, of which the client learns the request's ID alone. Where the answer has begun the
// connection is cut, so that nobody takes a part for the whole.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	v := VisitOf(r.Context())
	refusal := api.Refused(err, v.ID)
	v.Code, v.Err = refusal.Code, refusal
	if v.Status != 0 {
		panic(http.ErrAbortHandler)
	}
	if refusal.Code == api.TooLarge && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // or net/http would first wait for what need not come
	}
	if !isRPC(r) {
		refusal.Write(w)
		return
	}
	e := connect.NewError(connect.Code(refusal.Code.GRPC()), errors.New(refusal.Text))
	if refusal.Retry > 0 {
		e.Meta().Set("Retry-After", strconv.Itoa(refusal.Seconds()))
	}
	_ = rpc.Write(w, r, e) // who does not read it has left
}

// isRPC tells whether a request is gRPC or gRPC-Web.
func isRPC(r *http.Request) bool {
	return r.Method == http.MethodPost && isGRPC(contentType(r.Header))
}

// recovered answers for a handler that panicked: the process lives, the stack goes to the log. It is what to panic with
// again, where the answer has begun and only cutting the connection tells the client; nil otherwise.
func recovered(log *slog.Logger, out *writer, r *http.Request, cause any) (abort any) {
	if cause == http.ErrAbortHandler { // which net/http compares so
		return cause
	}
	v := out.visit
	failure := fmt.Errorf("panic: %s", Quote(fmt.Sprint(cause)))
	log.ErrorContext(r.Context(), "panic", "request", v.ID, "route", v.Route, "cause", failure, "stack", string(debug.Stack()))
	if v.Status != 0 {
		v.Code, v.Err = api.Internal, failure
		return http.ErrAbortHandler
	}
	Refuse(out, r, failure)
	return nil
}
