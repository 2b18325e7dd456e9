package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
)

// form writes fields as a client does; those whose name begins with "@" are files of an odd name.
func form(t testing.TB, fields ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		name, file := strings.CutPrefix(fields[i], "@")
		create := w.CreateFormField
		if file {
			create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, "../../etc/passwd\"\r\nX: y") }
		}
		part, err := create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, fields[i+1])
	}
	w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func readForm(kind string, body []byte, parts int) ([]Part, error) {
	r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return ReadForm(r, parts)
}

// Fields come in their order, with what was sent and nothing of what a file was called (rule 13.9).
func TestRule13_9(t *testing.T) {
	picture := strings.Repeat("\x00\r\n--", 30000)
	kind, body := form(t, "@image", picture, "text", "a cat", "phrase", "", "phrase", "whiskers")
	list, err := readForm(kind, body, 4)
	if err != nil || len(list) != 4 {
		t.Fatal(len(list), err)
	}
	for i, want := range []Part{{"image", []byte(picture)}, {"text", []byte("a cat")}, {"phrase", nil}, {"phrase", []byte("whiskers")}} {
		if list[i].Name != want.Name || !bytes.Equal(list[i].Data, want.Data) {
			t.Errorf("%d: %s, %d bytes", i, list[i].Name, len(list[i].Data))
		}
	}
	if text := fmt.Sprintf("%+v %s", list, list); strings.Contains(text, "passwd") {
		t.Error("the name of a file goes further")
	}
	if _ = append(list[0].Data, "xxxxx"...); string(list[1].Data) != "a cat" {
		t.Error("a field may be written into the next")
	}
}

// A form has a bounded number of parts, these of headers; what is none is refused.
func TestForm(t *testing.T) {
	kind, body := form(t, "a", "1", "b", "2")
	many := "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n"
	for i := range 16 {
		many += fmt.Sprintf("X-%d: y\r\n", i)
	}
	for name, c := range map[string]struct {
		kind, body string
		want       api.Code
	}{
		"parts":        {kind, string(body), api.TooLarge},
		"headers":      {"multipart/form-data; boundary=x", many + "\r\n1\r\n--x--\r\n", api.TooLarge},
		"no end":       {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", api.BadRequest},
		"no name":      {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", api.BadRequest},
		"a long name":  {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=" + strings.Repeat("y", 257) + "\r\n\r\n1\r\n--x--\r\n", api.BadRequest},
		"no boundary":  {"multipart/form-data", string(body), api.BadRequest},
		"a long one":   {"multipart/form-data; boundary=" + strings.Repeat("x", 71), string(body), api.BadRequest},
		"another":      {"multipart/form-data; boundary=y", string(body), api.BadRequest},
		"empty":        {"multipart/form-data; boundary=y", "", api.BadRequest},
		"another type": {"multipart/mixed; boundary=x", string(body), api.BadRequest},
		"no type":      {";", string(body), api.BadRequest},
	} {
		_, err := readForm(c.kind, []byte(c.body), 1)
		if refusal := (*api.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := readForm(kind, body, 2); err != nil || len(list) != 2 {
		t.Error(list, err)
	}
	allocated := testing.AllocsPerRun(10, func() { _, _ = readForm(kind, body, 2) })
	if allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
}

// What a form yields lay in its body, and its failures are refusals.
func FuzzForm(f *testing.F) {
	kind, body := form(f, "@image", "\x89PNG\r\n", "text", "a cat", "", "x")
	f.Add(kind, body)
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41\r\n--x--"))
	f.Add("multipart/form-data; boundary=\"a b\"", []byte("--a b\r\n\r\n--a b--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		list, err := readForm(kind, body, 3)
		if refusal := (*api.Refusal)(nil); err != nil && !errors.As(err, &refusal) {
			t.Errorf("%v is no refusal", err)
		}
		total := 0
		for _, part := range list {
			total += len(part.Data)
			if part.Name == "" || !bytes.Contains(body, part.Data) {
				t.Errorf("%q has %q, which was not sent", part.Name, part.Data)
			}
		}
		if len(list) > 3 || total > len(body) {
			t.Errorf("%d parts of %d bytes, of %d", len(list), total, len(body))
		}
	})
}
