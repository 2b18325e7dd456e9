package guard

import "net/http"

// secure sets what browsers are to know of every answer: nothing runs but the page's own files, nothing is framed,
// embedded by other sites or taken for another type than it says. It stands on all routes, since an answer of JSON that
// is opened as a page is one.
func secure(h http.Header) {
	for _, row := range headers {
		h[row.name] = row.value // shared and never written: Set replaces the slice, Add finds it full
	}
}

var headers = []struct {
	name  string
	value []string
}{
	{"Content-Security-Policy", []string{"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
		"media-src blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Permissions-Policy", []string{"camera=(self)"}},
}
