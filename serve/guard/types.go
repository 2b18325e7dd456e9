package guard

import (
	"net/http"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// Types are the content types that a route takes. A page of another site can send text/plain, forms and bodies without a
// type unasked, so that a route takes them only where its protocol must.
type Types uint8

// The content types.
const (
	JSON      Types = 1 << iota // application/json
	Multipart                   // multipart/form-data
	Image                       // image/*, but SVG, which is a program
	Octets                      // application/octet-stream
	RPC                         // application/grpc, application/grpc-web; bodies have the encoding of messages
	Missing                     // none at all, as Triton's client sends
	Anything                    // any or none, for a body that is a picture whatever it is called
)

// names are the types in words, in the order of their bits.
var names = []string{"application/json", "multipart/form-data", "image/*", "application/octet-stream", "application/grpc", "none at all", "any"}

// check refuses a request whose type the route does not take. GET, HEAD, DELETE and OPTIONS have no body to be typed.
func (t Types) check(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return nil
	}
	if t&Anything != 0 {
		return nil
	}
	given := contentType(r.Header)
	ok := false
	switch {
	case len(r.Header["Content-Type"]) == 0:
		ok = t&Missing != 0
	case given == "application/json":
		ok = t&JSON != 0
	case given == "multipart/form-data":
		ok = t&Multipart != 0
	case given == "application/octet-stream":
		ok = t&Octets != 0
	case given == "image/svg+xml":
	case strings.HasPrefix(given, "image/"):
		ok = t&Image != 0
	case isGRPC(given):
		ok = t&RPC != 0
	}
	if ok {
		return nil
	}
	if given == "" {
		return api.Refuse(api.BadType, "the request has no Content-Type, or not one: this path takes %s", t)
	}
	return api.Refuse(api.BadType, "Content-Type %s: this path takes %s", Quote(given), t)
}

// String lists the types.
func (t Types) String() string {
	var list []string
	for i, name := range names {
		if t>>i&1 != 0 {
			list = append(list, name)
		}
	}
	if list == nil {
		return "no body"
	}
	return strings.Join(list, " or ")
}

// contentType is the media type of a request in lower case, without parameters; "" for none or several.
func contentType(h http.Header) string {
	if list := h["Content-Type"]; len(list) == 1 {
		kind, _, _ := strings.Cut(list[0], ";")
		return strings.ToLower(strings.TrimSpace(kind))
	}
	return ""
}

// isGRPC tells whether a content type is one of gRPC's.
func isGRPC(kind string) bool {
	rest, ok := strings.CutPrefix(kind, "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == '-')
}
