package web

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// teapot is what the rest of a server answers.
var teapot = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })

func get(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler(teapot).ServeHTTP(w, r)
	return w.Result()
}

// Every file has its type and its tags; gzip's bytes are the plain ones'.
func TestFiles(t *testing.T) {
	p := Handler(teapot)
	if len(p.Paths()) < 30 || !slices.Contains(p.Paths(), "/") || slices.Contains(p.Paths(), "/index.html") {
		t.Fatalf("%v", p.Paths())
	}
	for _, at := range p.Paths() {
		r := get(t, "GET", at)
		plain, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 || len(plain) == 0 {
			t.Fatalf("%s: %d, %v", at, r.StatusCode, err)
		}
		want := types[path.Ext(at)]
		if at == "/" {
			want = types[".html"]
		}
		for name, value := range map[string]string{
			"Content-Type": want, "Cache-Control": "no-cache", "Content-Encoding": "",
		} {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", at, name, got, value)
			}
		}
		packed := get(t, "GET", at, "Accept-Encoding", "br, gzip;q=0.8")
		if packed.Header.Get("Content-Encoding") == "" {
			continue
		}
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(z); err != nil || string(data) != string(plain) {
			t.Errorf("%s: gzip has other bytes: %v", at, err)
		}
		if packed.Header.Get("ETag") == r.Header.Get("ETag") || packed.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: a cache takes gzip's bytes for the plain ones: %v", at, packed.Header)
		}
	}
	if get(t, "GET", "/main.mjs", "Accept-Encoding", "gzip").Header.Get("Content-Encoding") != "gzip" {
		t.Error("scripts are not packed")
	}
}

// A tag that the client has is enough; HEAD has no body; what is not the page's is left to the rest.
func TestRequests(t *testing.T) {
	tag := get(t, "GET", "/").Header.Get("ETag")
	for _, row := range []struct {
		about, method, path string
		header              []string
		status, most        int
	}{
		{"a known tag", "GET", "/", []string{"If-None-Match", `"x", ` + tag}, 304, 0},
		{"the tag of other bytes", "GET", "/", []string{"If-None-Match", tag, "Accept-Encoding", "gzip"}, 200, 1 << 20},
		{"HEAD", "HEAD", "/", nil, 200, 0},
		{"another method", "POST", "/", nil, 418, 0},
		{"another path", "GET", "/v1/info", nil, 418, 0},
		{"a folder", "GET", "/examples/", nil, 418, 0},
		{"a way out", "GET", "/examples/../main.mjs", nil, 418, 0},
		{"a file by another name", "GET", "/index.html", nil, 418, 0},
	} {
		r := get(t, row.method, row.path, row.header...)
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != row.status || len(body) > row.most || row.status == 200 && row.most > 0 && len(body) == 0 {
			t.Errorf("%s: %d with %d bytes, %v; want %d", row.about, r.StatusCode, len(body), err, row.status)
		}
	}
	for value, want := range map[string]bool{"": false, "gzip": true, "GZIP;q=1": true, "br;q=1, gzip; q=0.001": true, "gzip;q=0": false, "gzip; q=0.000": false, "x-gzip": false} {
		if got := accepts([]string{value}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// The page is small, asks no other host, sets no markup, and has its scripts and styles in files.
func TestPage(t *testing.T) {
	forbidden := map[string][]string{
		".html": {"<script>", "onclick", "onload", "style=", "javascript:"},
		".mjs":  {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setAttribute(\"style\""},
		".css":  {"url(", "@import"},
		".svg":  {"<script", "href"},
		".webp": {},
	}
	host := regexp.MustCompile(`https?://[^\s"'` + "`" + `]+`)
	importing := regexp.MustCompile(`from "\./([^"]+)"`)
	total, imported := 0, map[string]bool{"main.mjs": true}
	err := fs.WalkDir(page, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := page.ReadFile(name)
		text := string(data)
		total += len(data)
		for _, word := range forbidden[path.Ext(name)] {
			if strings.Contains(text, word) {
				t.Errorf("%s has %q", name, word)
			}
		}
		for _, at := range host.FindAllString(text, -1) {
			if at != "http://www.w3.org/2000/svg" {
				t.Errorf("%s names %s", name, at)
			}
		}
		for _, m := range importing.FindAllStringSubmatch(text, -1) {
			imported[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total >= 150_000 {
		t.Errorf("the page has %d bytes, want less than 150,000", total)
	}
	index, err := page.ReadFile("page/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range Examples {
		stem := strings.TrimSuffix(path.Base(e.Path), path.Ext(e.Path))
		if !slices.Contains(Handler(teapot).Paths(), e.Path) || !strings.Contains(string(index), `data-example="`+stem+`" data-text="`+e.Text+`"`) {
			t.Errorf("the page has not the example %v", e)
		}
	}
	scripts, err := fs.Glob(page, "page/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scripts {
		if !imported[path.Base(name)] {
			t.Errorf("nothing imports %s", name)
		}
	}
}
