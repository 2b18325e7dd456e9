package oip

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
)

// Rule 13.7: shapes, counts and lengths are whole numbers, and are held against their limits and against what is there before memory is
// taken for them.
func TestRule13_7(t *testing.T) {
	// As many phrases may be asked as a shape has: what is there is the only bound.
	h := fake.Front(Routes(&fake.Answerer{Blind: true, Means: api.Info{Limits: api.Limits{Phrases: 1 << 20}}}, Options{}))
	bounded := fake.Front(Routes(&fake.Answerer{Blind: true}, Options{}))
	const picture = `{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"]},{"name":"text","shape":[1],"datatype":"BYTES","data":["a cat"]},`
	typed := func(shape, data string) string {
		return `{"name":"phrases","shape":[` + shape + `],"datatype":"BYTES","data":[` + data + `]}`
	}
	raw := func(name, kind, shape string, size int) string {
		return `{"name":"` + name + `","shape":[` + shape + `],"datatype":"` + kind + `","parameters":{"binary_data_size":` + strconv.Itoa(size) + `}}`
	}
	phrase := []byte("\x03\x00\x00\x00cat")
	long := []byte("\xff\xff\xff\xffcat")
	ask := func(h http.Handler, inputs string, raw []byte) (w *httptest.ResponseRecorder, took int, size int) {
		text := picture + inputs + `]}`
		body := append([]byte(text), raw...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w = send(t, h, http.MethodPost, "/v2/models/glip/infer", body, map[string]string{headerLength: strconv.Itoa(len(text))})
		runtime.ReadMemStats(&after)
		return w, int(after.TotalAlloc - before.TotalAlloc), len(body)
	}
	for about, inputs := range map[string]string{"in JSON": typed("1", `"cat"`), "in binary": raw("phrases", "BYTES", "1", len(phrase))} {
		var data []byte
		if about == "in binary" {
			data = phrase
		}
		if w, _, _ := ask(h, inputs, data); w.Code != http.StatusOK {
			t.Fatalf("%s, what is right: %d %s", about, w.Code, w.Body)
		}
	}
	for about, c := range map[string]struct {
		inputs string
		raw    []byte
	}{
		"a negative dimension":       {typed("-1", ``), nil},
		"one in binary":              {raw("phrases", "BYTES", "-1", 7), phrase},
		"two negative ones":          {typed("-1,-1", `"cat"`), nil},
		"a product that overflows":   {typed("4294967296,4294967296", ``), nil},
		"a dimension that does":      {typed("18446744073709551617", `"cat"`), nil},
		"a fraction":                 {typed("1.5", `"cat"`), nil},
		"more than there is":         {typed("1048576", `"cat"`), nil},
		"less than there is":         {typed("0", `"cat"`), nil},
		"more than is taken":         {raw("phrases", "BYTES", "1048577", 7), phrase},
		"many dimensions":            {typed("1"+strings.Repeat(",1", 100000), `"cat"`), nil},
		"a length beyond the data":   {raw("phrases", "BYTES", "1", 7), long},
		"a length beyond a tensor":   {raw("phrases", "BYTES", "1", 7) + "," + raw("spans", "INT32", "1,2", 8), append([]byte("\x0b\x00\x00\x00cat"), make([]byte, 8)...)},
		"more strings than bytes":    {raw("phrases", "BYTES", "1048576", 7), phrase},
		"more numbers than bytes":    {raw("spans", "INT64", "1048576,2", 16), append(make([]byte, 8), 1, 0, 0, 0, 0, 0, 0, 0)},
		"fewer numbers than bytes":   {raw("spans", "INT64", "1,2", 24), append(make([]byte, 8), 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)},
		"tensors longer than a body": {raw("phrases", "BYTES", "1", 1<<40), phrase},
		"sizes that overflow":        {raw("phrases", "BYTES", "1", 1<<62) + "," + raw("classes", "BYTES", "1", 1<<62), phrase},
		"a negative size":            {raw("phrases", "BYTES", "1", -1), phrase},
		"what is left of the body":   {raw("phrases", "BYTES", "1", 7), append(phrase[:7:7], 0)},
		"what is left of a tensor":   {raw("phrases", "BYTES", "1", 8), append(phrase[:7:7], 0)},
		"more elements than a shape": {typed("2", `"cat","cat"`+strings.Repeat(`,"cat"`, 100000)), nil},
	} {
		w, took, size := ask(h, c.inputs, c.raw)
		if refusedBy(t, w); w.Code != 400 && w.Code != 413 || took > 256<<10+3*size {
			t.Errorf("%s: %d %s, and %d bytes were taken for %d", about, w.Code, w.Body, took, size)
		}
	}
	// The count is held against the limit before there is room for so many.
	w, took, size := ask(bounded, raw("phrases", "BYTES", "1048576", 4<<20), make([]byte, 4<<20))
	if w.Code != 413 || took > 3*size {
		t.Errorf("%d %s, and %d bytes were taken for %d", w.Code, w.Body, took, size)
	}
}
