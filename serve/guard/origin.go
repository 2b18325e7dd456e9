package guard

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// origins are the other sites whose scripts may call and read. [http.CrossOriginProtection] keeps the others from
// sending; the headers of CORS, which browsers need to let a script read, go to these alone and never say "*".
type origins struct {
	protection *http.CrossOriginProtection
	allowed    map[string]bool
}

func newOrigins(list []string) (origins, error) {
	o := origins{http.NewCrossOriginProtection(), map[string]bool{}}
	for _, given := range list {
		origin, err := originOf(given)
		if err != nil {
			return o, err
		}
		if err := o.protection.AddTrustedOrigin(origin); err != nil {
			return o, fmt.Errorf("--origin: %w", err)
		}
		o.allowed[origin] = true
	}
	return o, nil
}

// originOf is an origin as browsers send it: in lower case, without the port that the scheme has anyway.
func originOf(given string) (string, error) {
	u, err := url.Parse(strings.ToLower(given))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(given, "#") {
		return "", fmt.Errorf("--origin %s: expected https://host or https://host:port of a site, without a path", Quote(given))
	}
	if _, ok := hostName(u.Host); !ok || strings.HasSuffix(u.Host, ":") {
		return "", fmt.Errorf("--origin %s: %s is no host", Quote(given), Quote(u.Host))
	}
	port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(u.Host, port), nil
}

// check refuses what a page of another site sends, and answers the question that browsers ask first for a site that may
// (the preflight). "null" and file:// are strangers, since every page can be them.
func (o origins) check(w http.ResponseWriter, r *http.Request) (answered bool, err error) {
	given := r.Header["Origin"]
	known := len(given) == 1 && o.allowed[given[0]]
	h := w.Header()
	if len(o.allowed) > 0 {
		h.Add("Vary", "Origin")
	}
	if known {
		h["Access-Control-Allow-Origin"] = given
		h["Access-Control-Expose-Headers"] = []string{"X-Request-Id, Retry-After, Inference-Header-Content-Length, Grpc-Status, Grpc-Message"}
	}
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if preflight && known {
		h["Access-Control-Allow-Methods"] = []string{"GET, POST, DELETE"}
		h["Access-Control-Allow-Headers"] = []string{"Authorization, Content-Type, Content-Encoding, Inference-Header-Content-Length, X-Request-Id, Traceparent, X-Grpc-Web, X-User-Agent, Grpc-Timeout"}
		h["Access-Control-Max-Age"] = []string{"600"}
		w.WriteHeader(http.StatusNoContent)
		return true, nil
	}
	if len(given) > 1 || preflight || o.protection.Check(r) != nil {
		return false, stranger(given)
	}
	return false, nil
}

// stranger is the refusal of another site's page.
func stranger(given []string) error {
	if len(given) == 1 {
		if origin, err := originOf(given[0]); err == nil {
			return api.Refuse(api.CrossOrigin, "a page of another site may not ask this server: start it with --origin %s if it may", api.CutTo(origin, longest))
		}
	}
	return api.Refuse(api.CrossOrigin, "a page of another site, or of none, may not ask this server")
}
