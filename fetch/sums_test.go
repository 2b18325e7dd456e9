package fetch

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// Where no sum is published, the digits of the name count, else the hub's word.
func TestSums(t *testing.T) {
	data := noise(small)
	for name, c := range map[string]struct {
		sum, linked, says, err string
	}{
		"digits":          {sumOf(data)[:8], "", "begins with the 8 digits", ""},
		"other digits":    {"01234567", "", "", "that of the published file with 01234567"},
		"the hub's word":  {"", sumOf(data), "that the server named", ""},
		"a wrong word":    {"", strings.Repeat("ab", 32), "", "that of the published file with abababab"},
		"nobody's word":   {"", "", "no SHA-256 is published", ""},
		"published first": {sumOf(data), strings.Repeat("ab", 32), "", "the hub says that its SHA-256 begins with abababab"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, false)
			h.twist = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.Header().Set("X-Linked-Etag", `"`+c.linked+`"`)
				return false
			}
			item := thing(data)
			item.Sum = c.sum
			found, err := d.options(h.URL).Fetch(t.Context(), item)
			if c.err == "" && (err != nil || !strings.Contains(found.Checked, c.says)) || c.err != "" && (!errors.Is(err, ErrSum) || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}
