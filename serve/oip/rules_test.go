package oip

import (
	"encoding/binary"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/internal/fake"
)

// Rule 13.7: shapes, counts and lengths are whole numbers, and are held against their limits and against what is there before memory is
// taken for them.
func TestRule13_7(t *testing.T) {
	h := fake.Front(Routes(&fake.Answerer{}, Options{}))
	ask := func(inputs string, raw []byte) (body []byte, header map[string]string) {
		text := `{"inputs":[` + inputs + `]}`
		return append([]byte(text), raw...), map[string]string{headerLength: strconv.Itoa(len(text))}
	}
	typed := func(shape, data string) string {
		return `{"name":"phrases","shape":[` + shape + `],"datatype":"BYTES","data":[` + data + `]}`
	}
	raw := func(name, kind, shape string, size int) string {
		return `{"name":"` + name + `","shape":[` + shape + `],"datatype":"` + kind + `","parameters":{"binary_data_size":` + strconv.Itoa(size) + `}}`
	}
	long := binary.LittleEndian.AppendUint32(nil, 1<<32-1)
	for about, c := range map[string]struct {
		inputs string
		raw    []byte
	}{
		"a negative dimension":        {typed("-1", `"a"`), nil},
		"two negative ones":           {typed("-1,-1", `"a"`), nil},
		"a negative one, in binary":   {raw("phrases", "BYTES", "-1", 4), []byte("\x00\x00\x00\x00")},
		"a product that overflows":    {typed("4294967296,4294967296", ``), nil},
		"a dimension that does":       {typed("18446744073709551617", `"a"`), nil},
		"a fraction":                  {typed("1.5", `"a"`), nil},
		"an exponent":                 {typed("1e3", `"a"`), nil},
		"more than there is":          {typed("1203", `"a"`), nil},
		"more than is taken":          {typed("1048576", ``), nil},
		"many dimensions":             {typed("1"+strings.Repeat(",1", 100000), `"a"`), nil},
		"a length beyond the data":    {raw("phrases", "BYTES", "1", 4), long},
		"a length beyond a tensor":    {raw("phrases", "BYTES", "1", 8) + "," + raw("classes", "BYTES", "1", 8), append(append(long, "aaaa"...), "\x04\x00\x00\x00aaaa"...)},
		"more strings than bytes":     {raw("phrases", "BYTES", "1203", 4), []byte("\x00\x00\x00\x00")},
		"fewer numbers than bytes":    {raw("spans", "INT64", "1,2", 24), make([]byte, 24)},
		"more numbers than bytes":     {raw("spans", "INT64", "1203,2", 16), make([]byte, 16)},
		"tensors longer than a body":  {raw("phrases", "BYTES", "1", 1<<40), []byte("\x01\x00\x00\x00a")},
		"sizes that overflow":         {raw("phrases", "BYTES", "1", 1<<62) + "," + raw("classes", "BYTES", "1", 1<<62), nil},
		"a negative size":             {raw("phrases", "BYTES", "1", -1), []byte("a")},
		"many inputs":                 {typed("1", `"a"`) + strings.Repeat(","+typed("1", `"a"`), 10000), nil},
		"what is left of the body":    {raw("phrases", "BYTES", "1", 5), []byte("\x01\x00\x00\x00abcd")},
		"elements in many more pairs": {typed("2", `"a"`+strings.Repeat(`,"a"`, 100000)), nil},
	} {
		body, header := ask(c.inputs, c.raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := send(t, h, http.MethodPost, "/v2/models/glip/infer", body, header)
		runtime.ReadMemStats(&after)
		r := refusedBy(t, w)
		if took := after.TotalAlloc - before.TotalAlloc; w.Code != 400 && w.Code != 413 || took > uint64(256<<10+3*len(body)) || strings.Contains(r.Error, "nothing to look for") {
			t.Errorf("%s: %d %s, and %d bytes were taken for %d", about, w.Code, r.Error, took, len(body))
		}
	}
}
