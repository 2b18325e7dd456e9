package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"hash/crc32"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/serve/annotate"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/v1"
)

// The rules of security have numbers, 13.1 to 13.16, and each has tests of its name here or in the package that keeps it.
func TestRules(t *testing.T) {
	var all []byte
	for _, root := range []string{".", "../web"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all = append(all, text...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= 16; n++ {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^func TestRule13_%d(_\w+)?\(t \*testing\.T\)`, n)).Match(all) {
			t.Errorf("rule 13.%d has no test", n)
		}
	}
}

// headed is the first chunk of a PNG of a size.
func headed(width, height uint32) []byte {
	head := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	head = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(head, width), height)
	head = append(head, 8, 2, 0, 0, 0)
	head = binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(head[12:]))
	return append(head, "\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e"...)
}

// ways are the routes by which a picture comes, each with its body for one, and what it is told to look for.
func ways(t testing.TB, image []byte) map[string]func(r *running) (status int, answer map[string]any) {
	text := base64.StdEncoding.EncodeToString(image)
	way := func(path, kind string, body []byte) func(*running) (int, map[string]any) {
		return func(r *running) (int, map[string]any) {
			status, _, answer := r.call(t, "POST", path, kind, body)
			return status, answer
		}
	}
	kind, inForm := form(t, image, "text", "a dog")
	const inJSON = "application/json"
	return map[string]func(*running) (int, map[string]any){
		"form":     way("/v1/detect", kind, inForm),
		"json":     way("/v1/detect", inJSON, []byte(`{"image":"`+text+`","text":"a dog"}`)),
		"data":     way("/v1/align", inJSON, []byte(`{"image":"data:image/png;base64,`+text+`","text":"a dog"}`)),
		"images":   way("/v1/images", "image/png", image),
		"infer":    way("/v2/models/glip/infer", inJSON, []byte(`{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["`+text+`"]},{"name":"text","shape":[1],"datatype":"BYTES","data":["a dog"]}]}`)),
		"hf":       way("/hf/glip?candidate_labels=dog", "image/png", image),
		"roboflow": way("/grounding_dino/infer", inJSON, []byte(`{"image":{"type":"base64","value":"`+text+`"},"text":["dog"]}`)),
	}
}

// Rule 13.6: a picture's size is read before memory is taken for it, by every route.
func TestRule13_6_Pictures(t *testing.T) {
	f := newFake()
	r := start(t, func(o *Options) { o.open, o.Log, o.Limits.Timeout = f.opening, nil, 2*time.Second })
	for name, ask := range ways(t, headed(16383, 16383)) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		status, answer := ask(r)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; status != 413 || answer["code"] != "too_large" || took > 16<<20 {
			t.Errorf("%s: %d %v, and %d MB were taken", name, status, answer, took>>20)
		}
	}
}

// Rule 13.6: what all pictures that are being decoded take together is bounded.
func TestRule13_6_Together(t *testing.T) {
	f := newFake()
	r := start(t, func(o *Options) { o.open, o.Limits.Decoding = f.opening, 1<<20 })
	if err := r.decoding.Acquire(t.Context(), 1<<20); err != nil { // as others that are being decoded
		t.Fatal(err)
	}
	infer := fmt.Appendf(nil, `{"parameters":{"timeout":200000},"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["%s"]},{"name":"text","shape":[1],"datatype":"BYTES","data":["a dog"]}]}`, base64Of(read(t, scene)))
	if status, _, answer := r.call(t, "POST", "/v2/models/glip/infer", "application/json", infer); status != 504 {
		t.Error("it was decoded although there is no room", status, answer)
	}
	r.decoding.Release(1 << 20)
	if status, _, answer := r.call(t, "POST", "/v2/models/glip/infer", "application/json", infer); status != 200 {
		t.Error(status, answer)
	}
}

// reaches are all routes but the page's files. A new one is judged by rule 13.8 before it is written here.
const reaches = `
DELETE /v1/images/{id}
GET /labelstudio
GET /labelstudio/health
GET /labelstudio/{$}
GET /v1/images/{id}
GET /v1/info
GET /v1/openapi.json
GET /v2/health/live
GET /v2/health/ready
GET /v2/models/stats
GET /v2/models/{model}
GET /v2/models/{model}/config
GET /v2/models/{model}/ready
GET /v2/models/{model}/stats
GET /v2/models/{model}/versions/{version}
GET /v2/models/{model}/versions/{version}/config
GET /v2/models/{model}/versions/{version}/ready
GET /v2/models/{model}/versions/{version}/stats
GET /v2/{$}
GET /v2
POST /grounding_dino/infer
POST /grpc.health.v1.Health/
POST /grpc.reflection.v1.ServerReflection/
POST /grpc.reflection.v1alpha.ServerReflection/
POST /hf/{model}
POST /inference.GRPCInferenceService/
POST /inference.GRPCInferenceService/ModelConfig
POST /inference.GRPCInferenceService/ModelInfer
POST /inference.GRPCInferenceService/ModelMetadata
POST /inference.GRPCInferenceService/ModelReady
POST /inference.GRPCInferenceService/ModelStatistics
POST /inference.GRPCInferenceService/RepositoryIndex
POST /inference.GRPCInferenceService/ServerLive
POST /inference.GRPCInferenceService/ServerMetadata
POST /inference.GRPCInferenceService/ServerReady
POST /labelstudio/predict
POST /labelstudio/setup
POST /labelstudio/webhook
POST /v1/align
POST /v1/detect
POST /v1/images
POST /v1/tokens
POST /v2/models/{model}/infer
POST /v2/models/{model}/versions/{version}/infer
POST /v2/repository/index
`

// Rule 13.8: nothing that comes over the network names memory, files, models to load, logs or traces.
func TestRule13_8(t *testing.T) {
	f := newFake()
	r := start(t, func(o *Options) { o.open = f.opening })
	var patterns []string
	for _, list := range [][]api.Route{v1.Routes(r), annotate.Routes(r, r.annotation), r.inference()} {
		for _, route := range list {
			patterns = append(patterns, route.Pattern)
		}
	}
	want := strings.Split(strings.TrimSpace(reaches), "\n")
	slices.Sort(want)
	slices.Sort(patterns)
	if !slices.Equal(patterns, want) {
		t.Errorf("the routes are\n%s\nwant those judged by rule 13.8\n%s", strings.Join(patterns, "\n"), strings.Join(want, "\n"))
	}
	for _, path := range []string{
		"/v2/systemsharedmemory/region/x/register", "/v2/systemsharedmemory/status", "/v2/cudasharedmemory/region/x/register", "/v2/tpusharedmemory/x",
		"/v2/repository/models/glip/load", "/v2/repository/models/glip/unload", "/v2/logging", "/v2/trace/setting", "/v2/models/glip/trace/setting",
		"/models?url=http://evil.example/x.mar", "/v1/models", "/debug/pprof/", "/debug/vars", "/internal/shutdown",
	} {
		for _, method := range []string{"GET", "POST"} {
			if status, _, answer := r.call(t, method, path, "application/json", []byte("{}")); status != 404 {
				t.Errorf("%s %s: %d %v", method, path, status, answer)
			}
		}
	}
	image := base64Of(read(t, scene))
	// Data may come in the body alone: what else an input and an output say of where they lie is refused.
	infer := func(of, to string) []byte {
		return []byte(`{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["` + string(image) + `"],"parameters":{` + of + `}},` +
			`{"name":"text","shape":[1],"datatype":"BYTES","data":["a dog"]}],"outputs":[{"name":"boxes","parameters":{` + to + `}}]}`)
	}
	if status, _, answer := r.call(t, "POST", "/v2/models/glip/infer", "application/json", infer("", "")); status != 200 {
		t.Error(status, answer)
	}
	for _, p := range []string{`"shared_memory_region":"x"`, `"shared_memory_byte_size":1`, `"shared_memory_offset":0`, `"file":"/etc/passwd"`} {
		for _, body := range [][]byte{infer(p, ""), infer("", p)} {
			if status, _, answer := r.call(t, "POST", "/v2/models/glip/infer", "application/json", body); status != 400 {
				t.Errorf("%s: %d %v", p, status, answer)
			}
		}
	}
}

// Rule 13.9: a model's name is compared, never joined to a path.
func TestRule13_9_Models(t *testing.T) {
	f := newFake()
	r := start(t, func(o *Options) { o.open = f.opening })
	for _, name := range []string{"other", "..%2f..%2fetc%2fpasswd", "glip%2f..", "%2e%2e", "glip%00", "GLIP", "glip%20", "C:%5cx", "glip%5c..%5cglip"} {
		for _, path := range []string{"/v2/models/" + name, "/v2/models/" + name + "/infer", "/hf/" + name + "?candidate_labels=a"} {
			method := "POST"
			if !strings.Contains(path, "infer") && !strings.Contains(path, "/hf/") {
				method = "GET"
			}
			status, _, answer := r.call(t, method, path, "application/json", []byte(`{}`))
			if said := fmt.Sprint(answer["error"]); status != 404 || strings.Contains(said, "no such file") {
				t.Errorf("%s %s: %d %v", method, path, status, answer)
			}
		}
	}
}

// Rule 13.10: a stranger's bytes come back with a type that no browser runs, as a file to save.
func TestRule13_10(t *testing.T) {
	f := newFake()
	r := start(t, func(o *Options) { o.open = f.opening })
	script := "<script>alert(document.domain)</script>"
	for name, data := range map[string]string{
		"SVG": `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "SVG behind XML": `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`,
		"HTML": "<!doctype html>" + script, "PDF": "%PDF-1.7 " + script, "a script": "alert(1)//",
	} {
		for kind, want := range map[string]int{"image/svg+xml": 415, "image/png": 400, "application/octet-stream": 400} {
			if status, _, answer := r.call(t, "POST", "/v1/images", kind, []byte(data)); status != want {
				t.Errorf("%s is taken for a picture: %d %v", name, status, answer)
			}
		}
	}
	// A picture that is a page as well: its type is that of its content, whatever was said when it came.
	both := append(read(t, scene), script...)
	status, _, kept := r.call(t, "POST", "/v1/images", "image/gif", both)
	if status != 201 {
		t.Fatal(status, kept)
	}
	status, header, _ := r.call(t, "GET", "/v1/images/"+kept["id"].(string), "", nil)
	if status != 200 || header.Get("Content-Type") != "image/png" || header.Get("Content-Disposition") != "attachment" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error(status, header)
	}
	// What is said of a stranger's words is JSON.
	for _, path := range []string{"/" + script, "/v1/images/" + script, "/v2/models/" + script} {
		_, header, _ := r.call(t, "GET", strings.ReplaceAll(path, "</", "%3C%2F"), "", nil)
		if header.Get("Content-Type") != "application/json" || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Error(path, header)
		}
	}
}

// Rule 13.11: what a request brings is read as JSON, protobuf, XML labels or a picture, and as nothing else.
func TestRule13_11(t *testing.T) {
	f := newFake()
	r := start(t, func(o *Options) { o.open = f.opening })
	npy := "\x93NUMPY\x01\x00\x46\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 3), }        \n\x01\x02\x03"
	for name, data := range map[string]string{
		"a pickle": "\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.", "an array": npy,
		"an array of objects": strings.Replace(npy, "|u1", "|O ", 1), "an archive": "PK\x03\x04\x14\x00\x00\x00\x00\x00", "a program": "\x7fELF\x02\x01\x01\x00",
		"weights": "\x08\x00\x00\x00\x00\x00\x00\x00{}      ", "a pack": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		for way, ask := range ways(t, []byte(data)) {
			if status, answer := ask(r); status != 400 || answer["code"] != "bad_picture" {
				t.Errorf("%s by %s: %d %v", name, way, status, answer)
			}
		}
	}
	for _, kind := range []string{"numpy", "npy", "pickle", "tensor"} {
		body := `{"image":{"type":"` + kind + `","value":"` + string(base64Of(read(t, scene))) + `"},"text":["dog"]}`
		if status, _, answer := r.call(t, "POST", "/grounding_dino/infer", "application/json", []byte(body)); status != 400 {
			t.Errorf("%s: %d %v", kind, status, answer)
		}
	}
	for _, kind := range []string{"application/x-yaml", "application/xml", "application/x-python-pickle", "application/msgpack", "application/zip"} {
		if status, _, answer := r.call(t, "POST", "/v1/detect", kind, []byte("x")); status != 415 {
			t.Errorf("%s: %d %v", kind, status, answer)
		}
	}
	// No package of the server could read more, or run anything.
	for _, root := range []string{".", "../web"} {
		for path, imports := range imported(t, root) {
			for _, i := range imports {
				if slices.Contains([]string{"encoding/gob", "encoding/asn1", "archive/tar", "archive/zip", "os/exec", "plugin", "text/template", "html/template"}, i) ||
					strings.HasSuffix(i, "/loader") || strings.HasSuffix(i, "/convert") || strings.Contains(i, "yaml") || strings.Contains(i, "msgpack") {
					t.Errorf("%s imports %s", path, i)
				}
			}
		}
	}
}

// imported are the imports of the files below a folder, but of tests.
func imported(t *testing.T, root string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			out[path] = append(out[path], name)
		}
		return nil
	})
	if err != nil || len(out) == 0 {
		t.Fatal(len(out), err)
	}
	return out
}

// Rule 13.16: with no pictures remembered, nobody learns from an answer, or its time, that a picture was asked about before; and that it
// can be learned otherwise is documented.
func TestRule13_16(t *testing.T) {
	for pictures, remembered := range map[int]bool{glipvk.None: false, 4: true} {
		r := start(t, func(o *Options) {
			o.Open = func(ctx context.Context) (*glipvk.Detector, error) {
				return glipvk.OpenDetector(ctx, "glip-world", glipvk.DetectorOptions{Options: glipvk.Options{Device: "cpu"}, Pictures: pictures})
			}
		})
		kind, body := form(t, read(t, scene), "text", "two dogs")
		var took time.Duration
		for i := range 2 {
			status, _, answer := r.call(t, "POST", "/v1/detect", kind, body)
			if status != http.StatusOK {
				t.Fatal(status, answer)
			}
			timing := answer["timing"].(map[string]any)
			known, _ := json.Marshal(timing["known"])
			took = time.Duration(timing["picture"].(float64) * 1e9)
			if got := bytes.Contains(known, []byte("picture")); got != (remembered && i > 0) {
				t.Errorf("%d pictures, question %d: known are %s", pictures, i, known)
			}
		}
		if !remembered && took < time.Millisecond/2 {
			t.Errorf("it was encoded in %v", took)
		}
		if n := metric(t, r, `glip_device_memory_bytes{kind="pictures"}`); (n > 0) != remembered {
			t.Errorf("%d pictures: %g bytes are remembered", pictures, n)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(string(read(t, "../docs/serve.md")), "`--pictures 0`") {
		t.Error("docs/serve.md does not say how to remember nothing")
	}
}
