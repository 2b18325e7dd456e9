package annotate

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
)

func TestConfig(t *testing.T) {
	cats := []studioLabel{{"Cat", []string{"Cat"}}}
	for _, row := range []struct {
		about, text string
		want        studioConfig
	}{
		{"whole", config, studioConfig{
			from: "things", to: "photo", key: "img",
			labels:  []studioLabel{{"Cat & é", []string{"Cat & é"}}, {"Beard", []string{"whiskers", "long whiskers"}}},
			prompts: []string{"prompt"}, levels: []string{"box_threshold_1"},
		}},
		{"of two pictures", `<View><RectangleLabels name="r" toName="a, b"><Label value="Cat"/></RectangleLabels><Image name="b" value="$x"/></View>`,
			studioConfig{from: "r", to: "b", key: "x", labels: cats}},
		{"without its picture", `<View><RectangleLabels name="r" toName="a"><Label value="Cat"/></RectangleLabels></View>`,
			studioConfig{from: "r", to: "a", labels: cats}},
		{"without rectangles", `<View><Image name="a" value="$x"/><Choices name="c" toName="a"/></View>`, studioConfig{}},
		{"empty", ``, studioConfig{}},
		{"in capitals", `<VIEW><IMAGE name="a" value="$x"/><RECTANGLELABELS name="r" toName="a"><LABEL value="Cat"/></RECTANGLELABELS></VIEW>`,
			studioConfig{from: "r", to: "a", key: "x", labels: cats}},
	} {
		got, err := readConfig(row.text, api.Limits{}.Or())
		if err != nil || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %+v, %v, want %+v", row.about, got, err, row.want)
		}
	}
	many := `<View><RectangleLabels name="r" toName="a">` + strings.Repeat(`<Label value="Cat"/>`, 1204) + `</RectangleLabels></View>`
	if _, err := readConfig(many, api.Limits{}.Or()); code(t, err) != api.TooLarge {
		t.Error(err)
	}
}

// A phrase comes back under the label that it was looked for by, one of a sentence under the label that it contains.
func TestLabel(t *testing.T) {
	c, err := readConfig(config, api.Limits{}.Or())
	if err != nil {
		t.Fatal(err)
	}
	c.labels = append(c.labels, studioLabel{"Old Dog", []string{"Old Dog"}})
	for phrase, want := range map[string]string{
		"Cat & é": "Cat & é", "whiskers": "Beard", "long whiskers": "Beard", "its Whiskers.": "Beard", "an old dog": "Old Dog", "the beard": "Beard",
		"a bearded man": "Cat & é", "": "Cat & é",
	} {
		if got := c.label(phrase); got != want {
			t.Errorf("%q is %q, want %q", phrase, got, want)
		}
	}
}

// TestStudio follows predictions, and why some are empty.
func TestStudio(t *testing.T) {
	picture := cat(t)
	data := "data:image/png;base64," + b64(picture)
	var lock sync.Mutex
	reasons := map[string]api.Code{}
	h := fake.Front(Routes(&fake.Answerer{}, Options{
		Fetch: web{"https://there/cat.png": picture, "/data/upload/1/cat.png": picture},
		Unread: func(_ context.Context, task string, reason *api.Refusal) {
			lock.Lock()
			defer lock.Unlock()
			reasons[task] = reason.Code
		},
	}))
	got := answered[studioAnswer](t, send(t, h, "POST", "/labelstudio/predict",
		ask(config, data, "data:image/png;base64,AAAA", "/data/upload/1/cat.png", "https://there/cat.png", "https://elsewhere/cat.png", "s3://bucket/cat.png", "data:,x", ""), inJSON), http.StatusOK)
	if want := map[string]api.Code{"2": api.BadPicture, "5": api.NotFetched, "6": api.NotFetched, "7": api.BadPicture, "8": api.NotFetched}; !reflect.DeepEqual(reasons, want) {
		t.Errorf("%v, want %v", reasons, want)
	}
	if len(got.Results) != 8 {
		t.Fatalf("%+v", got)
	}
	ids := map[string]bool{}
	for i, r := range got.Results {
		sum := 0.0
		for _, g := range r.Result {
			v := g.Value
			if g.From != "things" || g.To != "photo" || g.Type != "rectanglelabels" || g.Width != 451 || g.Height != 300 || ids[g.ID] || g.ID == "" ||
				v.X < 0 || v.Y < 0 || v.X+v.Width > 100 || v.Y+v.Height > 100 || v.Width <= 0 || len(v.Labels) != 1 || (v.Labels[0] != "Cat & é" && v.Labels[0] != "Beard") {
				t.Errorf("task %d: %+v", i+1, g)
			}
			ids[g.ID] = true
			sum += g.Score
		}
		if n := len(r.Result); r.Model != "glip@00000000" || r.Result == nil || (n == 0) == (i == 0 || i == 2 || i == 3) || n > 0 && math.Abs(r.Score-sum/float64(n)) > 1e-12 {
			t.Errorf("task %d: %+v", i+1, r)
		}
	}
	for body, want := range map[string]api.Code{
		`{"label_config":"<View/>","tasks":[{"id":1,"data":{"img":"x"}}]}`:                                                                                                                                              api.BadRequest,
		`{"label_config":"<View><RectangleLabels name='r' toName='i'/></View>","tasks":[{"id":1}]}`:                                                                                                                     api.BadRequest,
		`{"label_config":"<View><Image name='i' value='$img'/><RectangleLabels name='r' toName='i'/></View>","tasks":[{"id":1}]}`:                                                                                       api.BadQuery,
		`{"label_config":"<View><Image name='i' value='$img'/><RectangleLabels name='r' toName='i'><Label value='a'/></RectangleLabels></View>","tasks":[{"id":1,"data":{}}]}`:                                          api.BadRequest,
		`{"label_config":"<View><Image name='i' value='$img'/><RectangleLabels name='r' toName='i'><Label value='a'/></RectangleLabels></View>","tasks":[{"id":1,"data":{"img":["x"]}}]}`:                               api.BadRequest,
		`{"label_config":"<View><Image name='i' value='$img'/><RectangleLabels name='r' toName='i'><Label value='a'/></RectangleLabels></View>","tasks":[{"id":1}]}`:                                                    api.BadRequest,
		`{"label_config":"<View><Image name='i' value='$img'/><RectangleLabels name='r' toName='i'><Label value='a'/></RectangleLabels></View>","tasks":[{"id":1,"data":{"img":"` + strings.Repeat("x", 5000) + `"}}]}`: api.TooLarge,
	} {
		delete(reasons, "1")
		w := send(t, h, "POST", "/labelstudio/predict", body, inJSON)
		if got := answered[studioAnswer](t, w, http.StatusOK); len(got.Results) != 1 || got.Results[0].Result == nil || reasons["1"] != want {
			t.Errorf("%.300s: %s, %q, want %q", body, w.Body, reasons["1"], want)
		}
	}
	for method, path := range map[string]string{"GET": "/labelstudio/health", "POST": "/labelstudio/setup"} {
		if w := send(t, h, method, path, `{"hostname":"http://169.254.169.254/","access_token":"secret"}`, inJSON); w.Code != 200 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if w := send(t, h, "GET", "/labelstudio/", "", ""); w.Body.String() != "{\"model_class\":\"GLIP\",\"status\":\"UP\"}\n" {
		t.Error(w.Body)
	}
	if w := send(t, h, "POST", "/labelstudio/setup", "{}", inJSON); w.Body.String() != "{\"model_version\":\"glip@00000000\"}\n" {
		t.Error(w.Body)
	}
	if w := send(t, h, "POST", "/labelstudio/webhook", `{"action":"ANNOTATION_CREATED"}`, inJSON); w.Code != 201 || w.Body.String() != "{\"status\":\"ok\"}\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestStudioSaid reads what an annotator says: a sentence, a threshold.
func TestStudioSaid(t *testing.T) {
	body := strings.Replace(ask(config, "data:image/png;base64,AAAA"), `"context":null`, `"context":{"result":[
		{"from_name":"prompt","type":"textarea","value":{"text":[" a cat with","whiskers "]}},
		{"from_name":"prompt","type":"textarea","value":{"text":"at night"}},
		{"from_name":"other","value":{"text":["ignored"]}},
		{"from_name":"box_threshold_2","value":{"number":0.9}},
		{"from_name":"box_threshold_1","value":{"number":0.25}},
		{"from_name":"things","type":"rectanglelabels","value":{"x":1,"number":{},"text":{}}}, {"value":null}]}`, 1)
	asked, err := readStudio([]byte(body), api.Limits{}.Or())
	if err != nil {
		t.Fatal(err)
	}
	q, err := asked.question()
	if err != nil || len(q.Texts) != 1 || q.Texts[0] != "a cat with whiskers at night" || q.Phrases != nil || *q.Threshold != 0.25 {
		t.Errorf("%+v, %v", q, err)
	}
	asked.sentence = ""
	if q, err := asked.question(); err != nil || !reflect.DeepEqual(q.Phrases, []string{"Cat & é", "whiskers", "long whiskers"}) {
		t.Errorf("%+v, %v", q, err)
	}
	for _, wrong := range []string{
		`[{"from_name":"prompt","value":{"text":"` + strings.Repeat("x", 9000) + `"}}]`, `[{"from_name":"prompt","value":{"text":["` + strings.Repeat(strings.Repeat("x", 8000)+`","`, 3) + `"]}}]`,
		`[{}` + strings.Repeat(",{}", 1024) + `]`,
	} {
		body := strings.Replace(ask(config), `"context":null`, `"context":{"result":`+wrong+`}`, 1)
		if _, err := readStudio([]byte(body), api.Limits{}.Or()); code(t, err) != api.TooLarge {
			t.Errorf("%.60s: %v", wrong, err)
		}
	}
}

// Boxes are in per cent of the picture and stay in it.
func TestPerCent(t *testing.T) {
	for _, row := range [][5]float64{{0, 50, 100, 0, 50}, {-10, 110, 100, 0, 100}, {90, 120, 100, 90, 10}, {150, 160, 100, 100, 0}, {0, 1, 0, 0, 100}} {
		if begin, length := perCent(row[0], row[1], int(row[2])); begin != row[3] || length != row[4] {
			t.Errorf("%v: %v, %v", row, begin, length)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(config)
	f.Add(`<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]><View a="&x;"/>`)
	f.Add(`<View><Image name='photo'`)
	f.Fuzz(func(t *testing.T, text string) {
		l := api.Limits{}.Or()
		c, err := readConfig(text, l)
		if err != nil {
			code(t, err)
			return
		}
		if len(c.labels) > l.Phrases {
			t.Fatal(len(c.labels))
		}
		if len(c.labels) > 0 {
			c.label(text[:min(len(text), 100)])
			c.phrases()
		}
	})
}

// FuzzBodies reads bodies of all three protocols: what is refused is refused in words, what is taken has pictures within the body.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		`{"inputs":"AAEC","parameters":{"candidate_labels":["a","b"],"threshold":0.5}}`, `{"inputs":{"image":"AA=="},"parameters":{"candidate_labels":"a, b"}}`,
		`{"image":{"type":"base64","value":"AAEC"},"text":["dog"],"box_threshold":0.3}`, `{"image":[{"value":"x","type":"numpy"}],"text":"dog"}`,
		ask(config, "data:image/png;base64,AAEC", "/data/x"),
	} {
		f.Add([]byte(body), "application/json", "candidate_labels=a&candidate_labels=b,c")
	}
	f.Add([]byte("\x89PNG"), "image/png", "candidate_labels=a")
	f.Fuzz(func(t *testing.T, body []byte, kind, query string) {
		info := api.Info{Limits: api.Limits{}.Or()}
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		s := &server{Answerer: &fake.Answerer{Blind: true}}
		if q, err := hfQuestion(append([]byte(nil), body...), kind, values, info); err != nil {
			code(t, err)
		} else if len(q.Pictures[0].Data) > len(body) {
			t.Fatal("a picture longer than the body")
		}
		if r, err := rfRead(append([]byte(nil), body...), info.Limits); err != nil {
			code(t, err)
		} else {
			for _, image := range r.images {
				if _, err := s.rfPicture(t.Context(), image); err != nil {
					code(t, err)
				}
			}
		}
		if a, err := readStudio(append([]byte(nil), body...), info.Limits); err != nil {
			code(t, err)
		} else if got, err := s.predict(t.Context(), a); err != nil || len(got.Results) != len(a.tasks) {
			t.Fatalf("%d results of %d tasks, %v", len(got.Results), len(a.tasks), err)
		}
	})
}
