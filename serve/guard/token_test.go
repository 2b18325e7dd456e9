package guard

import (
	"encoding/base64"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// newTokens are tokens without a file.
func newTokens(t testing.TB, given string) *Tokens {
	t.Helper()
	tokens, _, err := OpenTokens(t.Context(), "", given)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Rule 13.12: without a token nobody gets further than health and the page's files, and learns nothing of why.
func TestRule13_12(t *testing.T) {
	const right = "a-token-of-some-length"
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, "# of the lab\n"+right+" lab\n\nanother-token-of-a-person\r\n")
	seen := map[string]bool{}
	attacks := map[string]string{
		"none":            request("GET /v1/info", ""),
		"wrong":           request("GET /v1/info", "", "Authorization: Bearer wrong"),
		"the beginning":   request("GET /v1/info", "", "Authorization: Bearer a-token"),
		"longer":          request("GET /v1/info", "", "Authorization: Bearer "+right+"x"),
		"an empty one":    request("GET /v1/info", "", "Authorization: Bearer "),
		"no scheme":       request("GET /v1/info", "", "Authorization: "+right),
		"as a user":       request("GET /v1/info", "", basic(right, "")),
		"two":             request("GET /v1/info", "", "Authorization: Bearer "+right, "Authorization: Bearer x"),
		"in the query":    request("GET /v1/info?token="+right+"&access_token="+right, ""),
		"in a cookie":     request("GET /v1/info", "", "Cookie: token="+right),
		"the owner":       request("GET /v1/info", "", "Authorization: Bearer lab"),
		"a comment":       request("GET /v1/info", "", "Authorization: Bearer #"),
		"work":            request("POST /v1/detect", "{}", asJSON),
		"another route":   request("GET /v2/", ""),
		"with other case": request("GET /v1/info", "", "Authorization: Bearer "+strings.ToUpper(right)),
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			tokens, _, err := OpenTokens(t.Context(), file, "")
			if err != nil {
				t.Fatal(err)
			}
			rule(t, Options{Tokens: tokens}, func(w *weak) { w.token = true }, func(t *testing.T, s *site) bool {
				status, header, body := s.raw(t, attack)
				if status != 200 && (status != 401 || len(header["Www-Authenticate"]) != 2 || code(body) != "unauthorized") {
					t.Errorf("%d %v %s", status, header, body)
				}
				seen[body] = true
				return status == 200
			})
		})
	}
	refusals := 0
	for body := range seen {
		if strings.Contains(body, "unauthorized") {
			refusals++
		}
	}
	if refusals != 1 {
		t.Errorf("%d different refusals: one says which token is nearly right", refusals)
	}
}

// The token is taken as Bearer and as the password of Basic, names its client, and what is open needs none.
func TestTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, "a-token-of-some-length lab\n\nanother-token-of-a-person\n")
	tokens, _, err := OpenTokens(t.Context(), file, "token-of-the-environment")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Tokens: tokens})
	for header, client := range map[string]string{
		"Authorization: Bearer a-token-of-some-length":                             "lab",
		"authorization: bearer  another-token-of-a-person":                         "token-3",
		"Authorization: Bearer token-of-the-environment":                           "token",
		basic("", "a-token-of-some-length"):                                        "lab",
		basic("label studio", "another-token-of-a-person"):                         "token-3",
		strings.Replace(basic("x", "a-token-of-some-length"), "Basic", "BASIC", 1): "lab",
	} {
		if status, _, body := s.raw(t, request("GET /v1/info", "", header)); status != 200 || !strings.Contains(body, `"client":"`+client+`"`) {
			t.Errorf("%s: %d %s", header, status, body)
		}
	}
	for _, line := range []string{"GET /", "GET /v2/health/live"} {
		if status, _, body := s.raw(t, request(line, "")); status != 200 {
			t.Errorf("%s: %d %s", line, status, body)
		}
	}
	// What is not there is not told to strangers.
	if status, _, _ := s.raw(t, request("GET /v3", "")); status != 401 {
		t.Error(status)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an open route of POST is taken")
			}
		}()
		s.Handle(Route{Pattern: "POST /open", Open: true})
	}()
}

// Tokens are read again, and those that were stay where the file is bad.
func TestTokensReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, "the-first-of-the-tokens\n")
	tokens, warnings, err := OpenTokens(t.Context(), file, "")
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	client := func(token string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		name, _ := tokens.check(r)
		return name
	}
	write(t, file, "short\n")
	if warnings, err := tokens.Reload(t.Context()); err != nil || len(warnings) != 1 || strings.Contains(warnings[0], "short\n") {
		t.Error(warnings, err)
	}
	if client("the-first-of-the-tokens") != "" || client("short") != "token-1" {
		t.Error("the old token is known, or the new one is not")
	}
	for content, want := range map[string]string{
		"":                               "no token",
		"# nothing\n":                    "no token",
		"secret-one\nsecret-two a b\n":   "line 2",
		"secret-one\x01\n":               "line 1",
		"sécret-one\n":                   "line 1",
		"secret-one 127.0.0.1\n":         "no address",
		"secret-one a/b\n":               "line 1",
		strings.Repeat("secret\n", 1001): "more than 1000",
		strings.Repeat("x", 1<<20+1):     "too large",
	} {
		write(t, file, content)
		_, err := tokens.Reload(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-") || !strings.Contains(err.Error(), file) {
			t.Errorf("%.20q: %v, want %q", content, err, want)
		}
		if client("short") != "token-1" {
			t.Fatalf("%.20q: the tokens of before are gone", content)
		}
	}
	if _, _, err := OpenTokens(t.Context(), "", ""); err == nil {
		t.Error("no token at all is taken")
	}
	if _, _, err := OpenTokens(t.Context(), filepath.Join(t.TempDir(), "none"), ""); err == nil {
		t.Error("no file is taken")
	}
	if runtime.GOOS == "windows" {
		return
	}
	write(t, file, "the-first-of-the-tokens\n")
	for mode, warn := range map[os.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1, 0o604: 1} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if warnings, err := tokens.Reload(t.Context()); err != nil || len(warnings) != warn {
			t.Errorf("%o: %v %v", mode, warnings, err)
		}
	}
}

// write writes a file for its owner alone.
func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
