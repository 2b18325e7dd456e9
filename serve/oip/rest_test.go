package oip

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
)

var update = flag.Bool("update", false, "write the answers in testdata anew")

// cat is a photograph of 451 x 300 pixels.
func cat(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../testdata/pictures/chelsea.png")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// shown are statistics of a server that has done something.
func shown() Statistics {
	of := func(n uint64) Spent { return Spent{n, time.Duration(n) * time.Millisecond} }
	return Statistics{
		Last: time.UnixMilli(1700000000123), Inferences: 5, Executions: 4,
		Success: of(3), Fail: of(1), Queue: of(3), Input: of(5), Infer: of(4), Output: of(3), Hit: of(1), Miss: of(2),
		Batches: []Batch{{1, of(3), of(3), of(3)}, {2, of(1), of(1), of(1)}},
	}
}

// send asks a server of routes.
func send(t testing.TB, h http.Handler, method, path string, body []byte, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	return fake.Send(t.Context(), h, method, path, body, header)
}

// inJSON is the body of an inference: the picture, and what else it has.
func inJSON(picture []byte, rest string) string {
	return `{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["` + base64.StdEncoding.EncodeToString(picture) + `"]}` + rest
}

const phrases = `,{"name":"phrases","shape":[2],"datatype":"BYTES","data":["cat","whiskers"]}]`

// TestGolden compares the answers of every route with those of testdata.
func TestGolden(t *testing.T) {
	h := fake.Front(Routes(&fake.Answerer{}, Options{Statistics: shown, Delay: 5 * time.Millisecond}))
	picture := cat(t)
	for _, row := range []struct{ file, method, path, body string }{
		{"server.json", "GET", "/v2", ""},
		{"server.json", "GET", "/v2/", ""},
		{"live.json", "GET", "/v2/health/live", ""},
		{"ready.json", "GET", "/v2/health/ready", ""},
		{"model.json", "GET", "/v2/models/glip", ""},
		{"model.json", "GET", "/v2/models/glip/versions/1", ""},
		{"model_ready.json", "GET", "/v2/models/glip/ready", ""},
		{"model_ready.json", "GET", "/v2/models/glip/versions/1/ready", ""},
		{"config.json", "GET", "/v2/models/glip/config", ""},
		{"config.json", "GET", "/v2/models/glip/versions/1/config", ""},
		{"stats.json", "GET", "/v2/models/glip/stats", ""},
		{"stats.json", "GET", "/v2/models/glip/versions/1/stats", ""},
		{"stats.json", "GET", "/v2/models/stats", ""},
		{"index.json", "POST", "/v2/repository/index", ""},
		{"infer.json", "POST", "/v2/models/glip/infer", inJSON(picture, phrases+`,"id":"42"}`)},
		{"infer.json", "POST", "/v2/models/glip/versions/1/infer", inJSON(picture, phrases+`,"id":"42"}`)},
		{"infer_nothing.json", "POST", "/v2/models/glip/infer", inJSON(picture, phrases+`,"parameters":{"threshold":1}}`)},
		{"infer_binary", "POST", "/v2/models/glip/infer", inJSON(picture, phrases+`,"parameters":{"binary_data_output":true}}`)},
		{"infer_mixed", "POST", "/v2/models/glip/infer", inJSON(picture, phrases+`,"outputs":[
			{"name":"scores","parameters":{"binary_data":true}},{"name":"phrases"},{"name":"counts","parameters":{"binary_data":true}}]}`)},
		{"infer_binary_nothing", "POST", "/v2/models/glip/infer", inJSON(picture, phrases+`,"parameters":{"threshold":"1","binary_data_output":true}}`)},
	} {
		header := map[string]string{}
		if row.body != "" {
			header["Content-Type"] = "application/json"
		}
		w := send(t, h, row.method, row.path, []byte(row.body), header)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", row.path, w.Code, w.Body)
			continue
		}
		got := w.Body.Bytes()
		if size := w.Header().Get(headerLength); size != "" {
			n, err := strconv.Atoi(size)
			if err != nil || w.Header().Get("Content-Type") != "application/octet-stream" {
				t.Fatal(err, w.Header())
			}
			got = append([]byte(nil), got[:n]...)
			for _, b := range w.Body.Bytes()[n:] { // in hexadecimal, so that the file is text
				got = append(got, "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
			}
			got = append(got, '\n')
		} else if w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", row.path, w.Header())
		}
		if w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%s: Content-Length %s of %d bytes", row.path, w.Header().Get("Content-Length"), w.Body.Len())
		}
		file := filepath.Join("testdata", row.file)
		if *update {
			if err := os.WriteFile(file, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is\n%s, %s is\n%s", row.path, got, file, want)
		}
		if bytes.Contains(got, []byte("null")) {
			t.Errorf("%s has a null: %s", row.path, got)
		}
	}
}

// inBinary is the body of an inference in binary with its header: pictures, phrases and what else the JSON has.
func inBinary(pictures [][]byte, words []string, rest string) (body []byte, header int) {
	var raw []byte
	size := func(list [][]byte) string {
		before := len(raw)
		for _, e := range list {
			raw = append(binary.LittleEndian.AppendUint32(raw, uint32(len(e))), e...)
		}
		return strconv.Itoa(len(raw) - before)
	}
	var list [][]byte
	for _, w := range words {
		list = append(list, []byte(w))
	}
	text := `{"inputs":[{"name":"image","shape":[` + strconv.Itoa(len(pictures)) + `],"datatype":"BYTES","parameters":{"binary_data_size":` + size(pictures) + `}}`
	text += `,{"name":"phrases","shape":[` + strconv.Itoa(len(words)) + `],"datatype":"BYTES","parameters":{"binary_data_size":` + size(list) + `}}]` + rest + "}"
	return append([]byte(text), raw...), len(text)
}

// TestSameInEveryForm asks one question in every form of REST: the answers are the same.
func TestSameInEveryForm(t *testing.T) {
	h := fake.Front(Routes(&fake.Answerer{}, Options{}))
	picture := cat(t)
	want, err := os.ReadFile("testdata/infer.json")
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.Replace(want, []byte(`"id":"42",`), nil, 1)
	bin, header := inBinary([][]byte{picture}, []string{"cat", "whiskers"}, "")
	withHeader := map[string]string{headerLength: strconv.Itoa(header)}
	plain := inJSON(picture, phrases+"}")
	b64 := base64.StdEncoding.EncodeToString(picture)
	packed := func(writer io.WriteCloser, into *bytes.Buffer) []byte {
		if _, err := writer.Write(bin); err != nil {
			t.Fatal(err)
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		return into.Bytes()
	}
	var zipped, deflated bytes.Buffer
	packed(gzip.NewWriter(&zipped), &zipped)
	packed(zlib.NewWriter(&deflated), &deflated)
	for _, row := range []struct {
		about  string
		body   []byte
		header map[string]string
	}{
		{"JSON", []byte(plain), nil},
		{"JSON with a type", []byte(plain), map[string]string{"Content-Type": "application/json; charset=utf-8"}},
		{"a data: URL", []byte(strings.Replace(plain, b64, "data:image/png;base64,"+b64, 1)), nil},
		{"without padding", []byte(strings.Replace(plain, b64, strings.TrimRight(b64, "="), 1)), nil},
		{"escaped", []byte(strings.Replace(plain, b64, strings.ReplaceAll(b64, "/", `\/`), 1)), nil},
		{"members in another order, nested, nulls", []byte(`{"outputs":null,"id":null,"x":[{}],"parameters":{"sequence_id":1,"headers":{"a":"b"},"triton_x":null,"iou":null},
			"inputs":[{"parameters":{"content_type":"pillow_image"},"data":[["` + b64 + `"]],"datatype":"BYTES","shape":[1,1],"name":"image"},
			{"data":[["cat"],["wh\u0069skers"]],"shape":[1,2],"datatype":"BYTES","name":"phrases","parameters":{"content_type":"str","headers":null}}]}`), nil},
		{"binary", bin, withHeader},
		{"gzip", zipped.Bytes(), map[string]string{headerLength: strconv.Itoa(header), "Content-Encoding": "gzip"}},
		{"deflate", deflated.Bytes(), map[string]string{headerLength: strconv.Itoa(header), "Content-Encoding": "deflate"}},
	} {
		w := send(t, h, "POST", "/v2/models/glip/infer", row.body, row.header)
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), want) {
			t.Errorf("%s: %d %s, want %s", row.about, w.Code, w.Body, want)
		}
	}
}

// TestSettings follows what a request sets to the question.
func TestSettings(t *testing.T) {
	picture := base64.StdEncoding.EncodeToString([]byte("x"))
	body := `{"id":"größe","parameters":{"threshold":"0.25","iou":0.5,"max_detections":7,"prompt_form":"demo","priority":2,"timeout":"1500"},"inputs":[
		{"name":"image","shape":[2,1],"datatype":"BYTES","data":["` + picture + `","` + picture + `"]},
		{"name":"text","shape":[1],"datatype":"BYTES","data":["a cat"]},
		{"name":"spans","shape":[1,2],"datatype":"INT64","data":[[2,5]]}]}`
	r, err := readInfer([]byte(body), len(body), api.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := r.question()
	if err != nil {
		t.Fatal(err)
	}
	if q.ID != "größe" || *q.Threshold != 0.25 || *q.IoU != 0.5 || *q.Max != 7 || q.Form != "demo" || q.Priority != api.Low || q.Timeout != 1500*time.Microsecond ||
		len(q.Pictures) != 2 || string(q.Pictures[1].Data) != "x" || q.Texts[0] != "a cat" || q.Spans[0] != [2]int{2, 5} {
		t.Errorf("%+v", q)
	}
}

// refusal is what a body says of an error.
type refusal struct{ Error, Code string }

func refusedBy(t *testing.T, w *httptest.ResponseRecorder) refusal {
	t.Helper()
	var r refusal
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || r.Error == "" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
	return r
}

// TestRefused sends what is wrong to every route.
func TestRefused(t *testing.T) {
	h := fake.Front(Routes(&fake.Answerer{Means: api.Info{Limits: api.Limits{Body: 1 << 20, Pixels: 1e6}}}, Options{}))
	ok := `{"name":"image","shape":[1],"datatype":"BYTES","data":["` + base64.StdEncoding.EncodeToString(cat(t)[:100]) + `"]},{"name":"phrases","shape":[1],"datatype":"BYTES","data":["cat"]}`
	image := func(change string) string { return `{"inputs":[` + change + `]}` }
	in := func(input string) string { return `{"inputs":[` + ok + "," + input + `]}` }
	set := func(parameters string) string { return `{"inputs":[` + ok + `],"parameters":{` + parameters + `}}` }
	bin, header := inBinary([][]byte{[]byte("x")}, []string{"cat"}, "")
	at := func(header int) map[string]string { return map[string]string{headerLength: strconv.Itoa(header)} }
	const infer = "/v2/models/glip/infer"
	for _, row := range []struct {
		method, path, body string
		header             map[string]string
		status             int
		code               api.Code
		says               string
	}{
		{"GET", "/v2/x", "", nil, 404, api.NotFound, "nothing"},
		{"POST", "/v2/repository/models/glip/load", "{}", nil, 404, api.NotFound, ""},
		{"GET", "/v2/systemsharedmemory/status", "", nil, 404, api.NotFound, ""},
		{"GET", "/v2/logging", "", nil, 404, api.NotFound, ""},
		{"GET", infer, "", nil, 405, api.BadMethod, ""},
		{"POST", "/v2", "", nil, 405, api.BadMethod, ""},
		{"GET", "/v2/models/no", "", nil, 404, api.NoModel, "glip"},
		{"GET", "/v2/models/glip/versions/2", "", nil, 404, api.NoModel, `"2"`},
		{"GET", "/v2/models/no/ready", "", nil, 404, api.NoModel, ""},
		{"GET", "/v2/models/no/config", "", nil, 404, api.NoModel, ""},
		{"GET", "/v2/models/no/stats", "", nil, 404, api.NoModel, ""},
		{"POST", "/v2/models/no%20such%2F..%2Fmodel/infer", "{}", nil, 404, "", ""},
		{"POST", "/v2/models/no/infer", "{}", nil, 404, api.NoModel, ""},
		{"POST", "/v2/models/glip/versions/01/infer", "{}", nil, 404, api.NoModel, ""},
		{"POST", infer, "{}", map[string]string{"Content-Type": "text/plain"}, 415, api.BadType, ""},
		{"POST", infer, "{}", map[string]string{"Content-Encoding": "br"}, 415, api.BadEncoding, ""},
		{"POST", infer, strings.Repeat(" ", 1<<20+1), nil, 413, api.TooLarge, "--max-body"},
		{"POST", infer, "", nil, 400, api.BadRequest, "no JSON"},
		{"POST", infer, "null", nil, 400, api.BadRequest, "no JSON object"},
		{"POST", infer, "[]", nil, 400, api.BadRequest, ""},
		{"POST", infer, "{", nil, 400, api.BadRequest, ""},
		{"POST", infer, "{}{}", nil, 400, api.BadRequest, "goes on"},
		{"POST", infer, `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", nil, 400, api.BadRequest, "--max-depth"},
		{"POST", infer, `{"inputs":[],"inputs":[]}`, nil, 400, api.BadRequest, "twice"},
		{"POST", infer, `{"inputs":{}}`, nil, 400, api.BadRequest, "an array"},
		{"POST", infer, `{"inputs":[1]}`, nil, 400, api.BadRequest, "an object"},
		{"POST", infer, `{"id":7,"inputs":[` + ok + `]}`, nil, 400, api.BadRequest, "a string"},
		{"POST", infer, `{"id":"` + strings.Repeat("x", 257) + `","inputs":[` + ok + `]}`, nil, 400, api.BadRequest, "257"},
		{"POST", infer, `{}`, nil, 400, api.BadTensor, "image"},
		{"POST", infer, `{"inputs":null}`, nil, 400, api.BadTensor, "image"},
		{"POST", infer, in(ok), nil, 400, api.BadTensor, "twice"},
		{"POST", infer, in(`{"name":"mask","shape":[1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, `"mask"`},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"FP32","data":[1]}`), nil, 400, api.BadTensor, "FP32"},
		{"POST", infer, in(`{"name":"spans","shape":[1,2],"datatype":"FP32","data":[1,2]}`), nil, 400, api.BadTensor, "INT32"},
		{"POST", infer, in(`{"name":"text","datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "dimensions"},
		{"POST", infer, in(`{"name":"text","shape":[1,1,1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "dimensions"},
		{"POST", infer, in(`{"name":"text","shape":[1,1,1,1,1,1,1,1,1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "dimensions"},
		{"POST", infer, in(`{"name":"text","shape":[-1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "-1"},
		{"POST", infer, in(`{"name":"text","shape":[1.5],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "whole"},
		{"POST", infer, in(`{"name":"text","shape":["1"],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "number"},
		{"POST", infer, in(`{"name":"text","shape":[4611686018427387904],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "dimension"},
		{"POST", infer, in(`{"name":"text","shape":[1048577,1048577],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "1048576"},
		{"POST", infer, in(`{"name":"text","shape":[2,2],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "[N, 1]"},
		{"POST", infer, in(`{"name":"spans","shape":[2],"datatype":"INT32","data":[0,1]}`), nil, 400, api.BadTensor, "[S, 2]"},
		{"POST", infer, in(`{"name":"spans","shape":[1,2],"datatype":"INT32","data":[0,1.5]}`), nil, 400, api.BadTensor, "whole"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":[]}`), nil, 400, api.BadTensor, "0 elements"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":["a","b"]}`), nil, 400, api.BadTensor, "more data"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":"a"}`), nil, 400, api.BadTensor, "no array"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":[1]}`), nil, 400, api.BadTensor, "no string"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":[{"a":"b"}]}`), nil, 400, api.BadTensor, "no string"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES"}`), nil, 400, api.BadTensor, "no data"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":["a"],"parameters":{"binary_data_size":0}}`), nil, 400, api.BadTensor, "both"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}`), nil, 400, api.BadTensor, headerLength},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","parameters":{"shared_memory_region":"x"}}`), nil, 400, api.BadRequest, "shared_memory_region"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":["a"],"parameters":{"binary_data_size":-1}}`), nil, 400, api.BadRequest, "bytes"},
		{"POST", infer, image(`{"name":"image","shape":[1],"datatype":"BYTES","data":["????"]}`), nil, 400, api.BadTensor, "base64"},
		{"POST", infer, image(`{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"],"parameters":{"content_type":"np"}}`), nil, 400, api.BadTensor, "content_type"},
		{"POST", infer, image(`{"name":"image","shape":[17],"datatype":"BYTES","data":[]}`), nil, 413, api.TooLarge, "--max-pictures"},
		{"POST", infer, image(`{"name":"image","shape":[0],"datatype":"BYTES","data":[]},{"name":"phrases","shape":[1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadTensor, "image"},
		{"POST", infer, image(`{"name":"image","shape":[1],"datatype":"BYTES","data":[""]},{"name":"phrases","shape":[1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadPicture, "empty"},
		{"POST", infer, image(`{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"]},{"name":"phrases","shape":[1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadPicture, ""},
		{"POST", infer, image(`{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"]}`), nil, 400, api.BadQuery, "nothing to look for"},
		{"POST", infer, in(`{"name":"phrases","shape":[1204],"datatype":"BYTES","data":[]}`), nil, 413, api.TooLarge, "--max-phrases"},
		{"POST", infer, in(`{"name":"classes","shape":[1],"datatype":"BYTES","data":["a"]}`), nil, 400, api.BadQuery, "alone"},
		{"POST", infer, in(`{"name":"text","shape":[2],"datatype":"BYTES","data":["a","b"]}`), nil, 400, api.BadQuery, "2 texts"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":["` + strings.Repeat("a", 9000) + `"]}`), nil, 413, api.TooLarge, "--max-sentence"},
		{"POST", infer, in(`{"name":"text","shape":[1],"datatype":"BYTES","data":["` + strings.Repeat("a", 90000) + `"]}`), nil, 413, api.TooLarge, "8192"},
		{"POST", infer, in(`{"name":"spans","shape":[1,2],"datatype":"INT64","data":[0,9223372036854775807]}`), nil, 400, api.BadQuery, ""},
		{"POST", infer, set(`"treshold":0.5`), nil, 400, api.BadRequest, "treshold"},
		{"POST", infer, set(`"threshold":2`), nil, 400, api.BadRequest, "threshold"},
		{"POST", infer, set(`"threshold":"NaN"`), nil, 400, api.BadRequest, "finite"},
		{"POST", infer, set(`"threshold":"much"`), nil, 400, api.BadRequest, "much"},
		{"POST", infer, set(`"threshold":true`), nil, 400, api.BadRequest, "true"},
		{"POST", infer, set(`"threshold":{}`), nil, 400, api.BadRequest, ""},
		{"POST", infer, set(`"iou":-1`), nil, 400, api.BadRequest, "iou"},
		{"POST", infer, set(`"max_detections":0`), nil, 400, api.BadRequest, "max_detections"},
		{"POST", infer, set(`"max_detections":1.5`), nil, 400, api.BadRequest, "whole"},
		{"POST", infer, set(`"max_detections":1e300`), nil, 400, api.BadRequest, "whole"},
		{"POST", infer, set(`"prompt_form":"train"`), nil, 400, api.BadQuery, "train"},
		{"POST", infer, set(`"prompt_form":1`), nil, 400, api.BadRequest, "eval"},
		{"POST", infer, set(`"priority":3`), nil, 400, api.BadRequest, "3"},
		{"POST", infer, set(`"timeout":-1`), nil, 400, api.BadRequest, "timeout"},
		{"POST", infer, set(`"binary_data_output":1`), nil, 400, api.BadRequest, "true or false"},
		{"POST", infer, `{"inputs":[` + ok + `],"outputs":[{"name":"masks"}]}`, nil, 400, api.BadTensor, `"masks"`},
		{"POST", infer, `{"inputs":[` + ok + `],"outputs":[{"name":"boxes"},{"name":"boxes"}]}`, nil, 400, api.BadTensor, "twice"},
		{"POST", infer, `{"inputs":[` + ok + `],"outputs":[{"name":"boxes","parameters":{"classification":3}}]}`, nil, 400, api.BadRequest, "classification"},
		{"POST", infer, string(bin), nil, 400, api.BadTensor, headerLength},
		{"POST", infer, string(bin), at(0), 400, api.BadRequest, "tensor alone"},
		{"POST", infer, string(bin), at(len(bin) + 1), 400, api.BadRequest, "the body has"},
		{"POST", infer, string(bin), map[string]string{headerLength: "-1"}, 400, api.BadRequest, "-1"},
		{"POST", infer, string(bin[:len(bin)-1]), at(header), 400, api.BadTensor, "are left of the body"},
		{"POST", infer, string(bin) + "x", at(header), 400, api.BadTensor, "follow"},
		{"POST", infer, string(bin), at(header), 400, api.BadPicture, ""},
	} {
		w := send(t, h, row.method, row.path, []byte(row.body), row.header)
		r := refusedBy(t, w)
		if w.Code != row.status || row.code != "" && r.Code != string(row.code) || !strings.Contains(r.Error, row.says) || len(r.Error) > 400 {
			t.Errorf("%s %s %.120s %v: %d %s %q, want %d %s %q", row.method, row.path, row.body, row.header, w.Code, r.Code, r.Error, row.status, row.code, row.says)
		}
	}
}

// TestPassedOn has the answerer, health and a client that leaves refuse, by every code.
func TestPassedOn(t *testing.T) {
	body := []byte(inJSON(cat(t), phrases+"}"))
	for _, code := range api.Codes() {
		refuse := api.Refuse(code, "so it is")
		refuse.Retry = time.Second
		state := func() error { return refuse }
		h := fake.Front(Routes(&fake.Answerer{Err: refuse}, Options{Ready: state, Live: state}))
		for method, paths := range map[string][]string{
			"POST": {"/v2/models/glip/infer"}, "GET": {"/v2/health/ready", "/v2/health/live", "/v2/models/glip/ready"},
		} {
			for _, path := range paths {
				w := send(t, h, method, path, body, nil)
				if r := refusedBy(t, w); w.Code != code.Status() || r.Code != string(code) || w.Header().Get("Retry-After") != "1" {
					t.Errorf("%s: %s: %d %+v %v", code, path, w.Code, r, w.Header())
				}
			}
		}
		if w := send(t, h, "POST", "/v2/repository/index", nil, nil); !strings.Contains(w.Body.String(), "UNAVAILABLE") || !strings.Contains(w.Body.String(), "so it is") {
			t.Errorf("%s: %s", code, w.Body)
		}
	}
	h := fake.Front(Routes(&fake.Answerer{Err: io.ErrClosedPipe}, Options{}))
	if w := send(t, h, "POST", "/v2/models/glip/infer", body, nil); w.Code != 500 || strings.Contains(w.Body.String(), "pipe") || !strings.Contains(w.Body.String(), "17") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h = fake.Front(Routes(&fake.Answerer{Delay: time.Minute}, Options{}))
	if w := send(t, h, "POST", "/v2/models/glip/infer", []byte(inJSON(cat(t), phrases+`,"parameters":{"timeout":1000}}`)), nil); w.Code != 504 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
