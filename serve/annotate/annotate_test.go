package annotate

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
	"github.com/glipvk/glipvk/serve/oip"
)

// cat is a photograph of 451 x 300 pixels.
func cat(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../testdata/pictures/chelsea.png")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// send asks a server of routes, with a content type.
func send(t testing.TB, h http.Handler, method, path, body, kind string) *httptest.ResponseRecorder {
	t.Helper()
	return fake.Send(t.Context(), h, method, path, []byte(body), map[string]string{"Content-Type": kind})
}

// answered is an answer decoded.
func answered[T any](t testing.TB, w *httptest.ResponseRecorder, status int) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != status || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

// web has pictures by address.
type web map[string][]byte

func (w web) Fetch(_ context.Context, address string) ([]byte, error) {
	data, ok := w[address]
	if !ok {
		return nil, api.Refuse(api.NotFetched, "pictures of there are not fetched: start the server with --fetch there")
	}
	return data, nil
}

const inJSON = "application/json"

// ask is a prediction of one task with a key of its data.
func ask(config string, image ...string) string {
	tasks := []string{}
	for i, v := range image {
		tasks = append(tasks, fmt.Sprintf(`{"data":{"other":1,"img":%q},"id":%d,"meta":{}}`, v, i+1))
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // a string
	}
	return `{"tasks":[` + strings.Join(tasks, ",") + `],"project":"3.17","label_config":` + string(text) + `,"params":{"login":null,"context":null}}`
}

const config = `<?xml version="1.0" encoding="UTF-8"?><View><Header value="x"/><Image name="other" value="$x"/><Image name="photo" value="$img"/>
	<RectangleLabels name="things" toName="photo"><Label value="Cat &amp; é"/><View><Label value="Beard" predicted_values="whiskers, long whiskers"/></View></RectangleLabels>
	<RectangleLabels name="more" toName="photo"><Label value="Dog"/></RectangleLabels><Label value="Outside"/>
	<TextArea name="prompt" toName="photo"/><Number name="box_threshold_1" toName="photo"/><Number name="box_threshold_2" toName="other"/></View>`

// TestSameBoxes asks one question by every protocol.
func TestSameBoxes(t *testing.T) {
	answerer := &fake.Answerer{}
	h := fake.Front(slices.Concat(oip.Routes(answerer, oip.Options{}), Routes(answerer, Options{})))
	picture := b64(cat(t))
	type box struct {
		label string
		score float64
		at    [4]float64
	}
	var want []box
	inference := answered[struct {
		Outputs []struct {
			Name string
			Data []any
		}
	}](t, send(t, h, "POST", "/v2/models/glip/infer", `{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["`+picture+`"]},
		{"name":"phrases","shape":[2],"datatype":"BYTES","data":["cat","whiskers"]}]}`, inJSON), http.StatusOK)
	for i, score := range inference.Outputs[1].Data {
		b := box{inference.Outputs[3].Data[i].(string), score.(float64), [4]float64{}}
		for n := range b.at {
			b.at[n] = inference.Outputs[0].Data[4*i+n].(float64)
		}
		want = append(want, b)
	}
	if len(want) != 4 {
		t.Fatal(want)
	}
	compare := func(about string, got []box, within float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", about, got, want)
			return
		}
		for i, w := range want {
			same := got[i].label == w.label && math.Abs(got[i].score-w.score) <= 1e-6
			for n, v := range got[i].at {
				same = same && math.Abs(v-w.at[n]) <= within
			}
			if !same {
				t.Errorf("%s: box %d is %v, want %v", about, i, got[i], w)
			}
		}
	}
	var got []box
	for _, d := range answered[[]hfDetection](t, send(t, h, "POST", "/hf/glip", `{"inputs":"`+picture+`","parameters":{"candidate_labels":"cat, whiskers"}}`, inJSON), http.StatusOK) {
		got = append(got, box{d.Label, d.Score, [4]float64{float64(d.Box.XMin), float64(d.Box.YMin), float64(d.Box.XMax), float64(d.Box.YMax)}})
	}
	compare("hf", got, 0.5)

	got = nil
	rf := answered[rfAnswer](t, send(t, h, "POST", "/grounding_dino/infer", `{"image":{"type":"base64","value":"`+picture+`"},"text":["cat","whiskers"]}`, inJSON), http.StatusOK)
	for _, p := range rf.Predictions {
		got = append(got, box{p.Class, p.Confidence, [4]float64{p.X - p.Width/2, p.Y - p.Height/2, p.X + p.Width/2, p.Y + p.Height/2}})
	}
	compare("roboflow", got, 1e-3)

	got = nil
	plain := `<View><Image name="i" value="$img"/><RectangleLabels name="r" toName="i"><Label value="cat"/><Label value="whiskers"/></RectangleLabels></View>`
	studio := answered[studioAnswer](t, send(t, h, "POST", "/labelstudio/predict", ask(plain, "data:image/png;base64,"+picture), inJSON), http.StatusOK)
	for _, r := range studio.Results[0].Result {
		v, w, h := r.Value, float64(r.Width)/100, float64(r.Height)/100
		got = append(got, box{v.Labels[0], r.Score, [4]float64{v.X * w, v.Y * h, (v.X + v.Width) * w, (v.Y + v.Height) * h}})
	}
	compare("labelstudio", got, 1e-3)
}

func TestHuggingFace(t *testing.T) {
	picture := string(cat(t))
	text := b64([]byte(picture))
	with := fake.Front(Routes(&fake.Answerer{Means: api.Info{Classes: []string{"dog"}}}, Options{}))
	for _, row := range []struct {
		path, body, kind, labels string
	}{
		{"/hf/glip", `{"inputs":"` + text + `","parameters":{"candidate_labels":["a cat","whiskers"],"top_k":5},"options":{"a":[]}}`, inJSON, "a cat,a cat,whiskers,whiskers"},
		{"/hf/glip", `{"parameters":{"candidate_labels":"a cat , whiskers,"},"inputs":{"image":"` + text + `"}}`, inJSON, "a cat,a cat,whiskers,whiskers"},
		{"/hf/glip", `{"inputs":"data:image/png;base64,` + text + `","parameters":{"candidate_labels":["a cat"],"threshold":0.5}}`, inJSON, "a cat"},
		{"/hf/glip", `{"inputs":"` + text + `","parameters":{"candidate_labels":["a cat"],"threshold":1}}`, inJSON, ""},
		{"/hf/glip", `{"inputs":"` + text + `","parameters":null}`, inJSON, "dog,dog"},
		{"/hf/glip", picture, "image/png", "dog,dog"},
		{"/hf/glip", picture, "", "dog,dog"},
		{"/hf/glip", picture, "application/x-www-form-urlencoded", "dog,dog"},
		{"/hf/glip?candidate_labels=a+cat&candidate_labels=whiskers", picture, "image/png", "a cat,a cat,whiskers,whiskers"},
	} {
		w := send(t, with, "POST", row.path, row.body, row.kind)
		list := answered[[]hfDetection](t, w, http.StatusOK)
		var labels []string
		last := 1.0
		for _, d := range list {
			labels = append(labels, d.Label)
			if d.Score > last || d.Box.XMin >= d.Box.XMax || d.Box.YMin >= d.Box.YMax || d.Box.XMax > 450 || d.Box.YMax > 299 {
				t.Errorf("%+v", d)
			}
			last = d.Score
		}
		slices.Sort(labels)
		if strings.Join(labels, ",") != row.labels || strings.TrimSpace(w.Body.String()) == "null" {
			t.Errorf("%s %.60s %q: %s, want %s", row.path, row.body, row.kind, w.Body, row.labels)
		}
	}
	if got := hfAnswer(api.Found{Detections: []api.Detection{{Box: [4]float64{0.4, 0.5, 9.51, 10.49}, Score: 0.5, Phrase: "a"}}}); got[0].Box != (hfBox{0, 1, 10, 10}) {
		t.Errorf("%+v", got)
	}
}

func TestRoboflow(t *testing.T) {
	picture := cat(t)
	text := b64(picture)
	h := fake.Front(Routes(&fake.Answerer{}, Options{Fetch: web{"https://there/cat.png": picture}}))
	one := answered[rfAnswer](t, send(t, h, "POST", "/grounding_dino/infer", `{"text":"cat, dog","box_threshold":0.3,"api_key":"x","text_threshold":0.1,"image":{"value":"`+text+`","type":"base64"}}`, inJSON), http.StatusOK)
	if one.Image != (rfSize{451, 300}) || one.Time <= 0 || len(one.Predictions) != 2 || one.Predictions[1].Class != "dog" || one.Predictions[1].ClassID != 1 || one.Predictions[0].ID == one.Predictions[1].ID {
		t.Errorf("%+v", one)
	}
	many := answered[[]rfAnswer](t, send(t, h, "POST", "/grounding_dino/infer", `{"text":["cat"],"image":[{"type":"base64","value":"`+text+`"},{"type":"url","value":"https://there/cat.png"}]}`, inJSON), http.StatusOK)
	if len(many) != 2 || len(many[1].Predictions) != 2 {
		t.Errorf("%+v", many)
	}
	w := send(t, h, "POST", "/grounding_dino/infer", `{"text":["cat"],"box_threshold":1,"image":{"type":"base64","value":"`+text+`"}}`, inJSON)
	if !strings.Contains(w.Body.String(), `"predictions":[]`) {
		t.Error(w.Body)
	}
}

// TestRefused sends what is wrong to every route.
func TestRefused(t *testing.T) {
	h := fake.Front(Routes(&fake.Answerer{Means: api.Info{Limits: api.Limits{Body: 1 << 18, Pixels: 1e5}}}, Options{}))
	small := b64([]byte("x"))
	large := strings.Repeat(" ", 1<<18+1)
	deep := `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}"
	big := b64(cat(t)[:1000])
	hf := func(inputs, labels string) string {
		return `{"inputs":` + inputs + `,"parameters":{"candidate_labels":` + labels + `}}`
	}
	rf := func(image string) string { return `{"text":["cat"],"image":` + image + `}` }
	for _, row := range []struct {
		method, path, body, kind string
		status                   int
		code                     api.Code
		says                     string
	}{
		{"GET", "/hf/glip", "", "", 405, api.BadMethod, ""},
		{"POST", "/hf/no", "x", "", 404, api.NoModel, "glip"},
		{"POST", "/hf/glip/x", "x", "", 404, api.NotFound, ""},
		{"POST", "/hf/glip", large, "", 413, api.TooLarge, "--max-body"},
		{"POST", "/hf/glip", "", "image/png", 400, api.BadQuery, "--class"},
		{"POST", "/hf/glip?candidate_labels=cat", "", "image/png", 400, api.BadPicture, "empty"},
		{"POST", "/hf/glip?candidate_labels=cat", "x", "image/png", 400, api.BadPicture, ""},
		{"POST", "/hf/glip?candidate_labels=cat", string(cat(t)), "image/png", 413, api.TooLarge, "pixels"},
		{"POST", "/hf/glip", "", inJSON, 400, api.BadRequest, "no JSON"},
		{"POST", "/hf/glip", "[]", inJSON, 400, api.BadRequest, "object"},
		{"POST", "/hf/glip", "{}x", inJSON, 400, api.BadRequest, "goes on"},
		{"POST", "/hf/glip", deep, inJSON, 400, api.BadRequest, "--max-depth"},
		{"POST", "/hf/glip", "{}", inJSON, 400, api.BadRequest, "inputs"},
		{"POST", "/hf/glip", hf("7", `["cat"]`), inJSON, 400, api.BadRequest, "string"},
		{"POST", "/hf/glip", hf(`"?"`, `["cat"]`), inJSON, 400, "", "base64"},
		{"POST", "/hf/glip", hf(`"AAAA"`, `["cat"]`), inJSON, 400, api.BadPicture, ""},
		{"POST", "/hf/glip", hf(`"AAAA"`, `[]`), inJSON, 400, api.BadQuery, "--class"},
		{"POST", "/hf/glip", hf(`"AAAA"`, `7`), inJSON, 400, api.BadRequest, ""},
		{"POST", "/hf/glip", hf(`"AAAA"`, `["`+strings.Repeat("x", 300)+`"]`), inJSON, 413, api.TooLarge, "256"},
		{"POST", "/hf/glip", hf(`"AAAA"`, `[""`+strings.Repeat(`,"a"`, 1203)+`]`), inJSON, 413, api.TooLarge, "--max-phrases"},
		{"POST", "/hf/glip", `{"inputs":"AAAA","parameters":{"candidate_labels":["a"],"threshold":2}}`, inJSON, 400, api.BadRequest, "threshold"},
		{"POST", "/hf/glip", `{"inputs":"AAAA","parameters":{"candidate_labels":["a"],"threshold":"x"}}`, inJSON, 400, api.BadRequest, "threshold"},
		{"POST", "/grounding_dino/infer", rf(`{"type":"base64","value":"` + small + `"}`), "text/plain", 415, api.BadType, ""},
		{"POST", "/grounding_dino/infer", large, inJSON, 413, api.TooLarge, "--max-body"},
		{"POST", "/grounding_dino/infer", "7", inJSON, 400, api.BadRequest, "object"},
		{"POST", "/grounding_dino/infer", `{"text":["cat"]}`, inJSON, 400, api.BadRequest, "image"},
		{"POST", "/grounding_dino/infer", rf(`[]`), inJSON, 400, api.BadRequest, "image"},
		{"POST", "/grounding_dino/infer", rf(`"x"`), inJSON, 400, api.BadRequest, "object"},
		{"POST", "/grounding_dino/infer", rf(`{"type":"base64"}`), inJSON, 400, api.BadRequest, "no value"},
		{"POST", "/grounding_dino/infer", rf(`{"type":"base64","value":[1]}`), inJSON, 400, api.BadRequest, "string"},
		{"POST", "/grounding_dino/infer", rf(`{"type":"base64","value":"?"}`), inJSON, 400, api.BadPicture, "base64"},
		{"POST", "/grounding_dino/infer", rf(`{"type":"base64","value":"` + big + big + `"}`), inJSON, 400, api.BadPicture, ""},
		{"POST", "/grounding_dino/infer", rf(`{"type":"numpy","value":"gASV"}`), inJSON, 400, api.BadRequest, "pickle"},
		{"POST", "/grounding_dino/infer", rf(`{"type":"file","value":"/etc/passwd"}`), inJSON, 400, api.BadRequest, `"file"`},
		{"POST", "/grounding_dino/infer", rf(`{"type":"url","value":"https://there/x"}`), inJSON, 403, api.NotFetched, "--fetch"},
		{"POST", "/grounding_dino/infer", rf(`{"type":"url","value":"/data/x"}`), inJSON, 403, api.NotFetched, ""},
		{"POST", "/grounding_dino/infer", rf(`{"type":"url","value":"file:///etc/passwd"}`), inJSON, 403, api.NotFetched, ""},
		{"POST", "/grounding_dino/infer", `{"image":{"type":"base64","value":"` + small + `"}}`, inJSON, 400, api.BadQuery, "--class"},
		{"POST", "/grounding_dino/infer", rf(`[` + strings.Repeat(`{},`, 16) + `{}]`), inJSON, 413, api.TooLarge, "--max-pictures"},
		{"POST", "/labelstudio/health", "", inJSON, 405, api.BadMethod, ""},
		{"POST", "/labelstudio/setup", "{}", "text/plain", 415, api.BadType, ""},
		{"POST", "/labelstudio/webhook", "{}", "", 415, api.BadType, ""},
		{"POST", "/labelstudio/predict", "{}", "text/plain", 415, api.BadType, ""},
		{"POST", "/labelstudio/predict", large, inJSON, 413, api.TooLarge, "--max-body"},
		{"POST", "/labelstudio/predict", "{", inJSON, 400, api.BadRequest, ""},
		{"POST", "/labelstudio/predict", "7", inJSON, 400, api.BadRequest, "object"},
		{"POST", "/labelstudio/predict", `{"tasks":{}}`, inJSON, 400, api.BadRequest, "array"},
		{"POST", "/labelstudio/predict", `{"tasks":[{"data":7}]}`, inJSON, 400, api.BadRequest, "object"},
		{"POST", "/labelstudio/predict", `{"tasks":[{}` + strings.Repeat(`,{}`, 1024) + `]}`, inJSON, 413, api.TooLarge, "1024"},
		{"POST", "/labelstudio/predict", ask("<View><Image"), inJSON, 400, api.BadRequest, "XML"},
		{"POST", "/labelstudio/predict", ask(`<!DOCTYPE v [<!ENTITY x "y">]><View/>`), inJSON, 400, api.BadRequest, "DOCTYPE"},
		{"POST", "/labelstudio/predict", ask(`<View a="&x;"/>`), inJSON, 400, api.BadRequest, "XML"},
		{"POST", "/labelstudio/predict", ask(strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65)), inJSON, 400, api.BadRequest, "deeper"},
		{"POST", "/labelstudio/predict", ask(strings.Replace(config, `"box_threshold_1"`, `"box_threshold"`, 1))[:100], inJSON, 400, api.BadRequest, ""},
	} {
		w := send(t, h, row.method, row.path, row.body, row.kind)
		r := answered[struct{ Error, Code string }](t, w, row.status)
		if row.code != "" && r.Code != string(row.code) || !strings.Contains(r.Error, row.says) || r.Error == "" || len(r.Error) > 400 {
			t.Errorf("%s %s %.100s: %+v, want %s %q", row.method, row.path, row.body, r, row.code, row.says)
		}
	}
	h = fake.Front(Routes(&fake.Answerer{}, Options{}))
	if w := send(t, h, "POST", "/labelstudio/predict", ask("<View>"+strings.Repeat(" ", 256<<10)+"</View>"), inJSON); w.Code != 413 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestPassedOn has the answerer refuse, by every code.
func TestPassedOn(t *testing.T) {
	picture := b64([]byte("x"))
	for _, code := range api.Codes() {
		refuse := api.Refuse(code, "so it is")
		refuse.Retry = time.Second
		h := fake.Front(Routes(&fake.Answerer{Err: refuse, Blind: true}, Options{}))
		for path, body := range map[string]string{
			"/hf/glip":              `{"inputs":"` + picture + `","parameters":{"candidate_labels":"cat"}}`,
			"/grounding_dino/infer": `{"text":"cat","image":{"type":"base64","value":"` + picture + `"}}`,
			"/labelstudio/predict":  ask(config, "data:image/png;base64,"+picture, "data:image/png;base64,"+picture),
		} {
			w := send(t, h, "POST", path, body, inJSON)
			if path == "/labelstudio/predict" && ofTask(code) {
				if got := answered[studioAnswer](t, w, http.StatusOK); len(got.Results) != 2 || len(got.Results[1].Result) != 0 {
					t.Errorf("%s: %s", code, w.Body)
				}
				continue
			}
			r := answered[struct{ Error, Code string }](t, w, code.Status())
			if r.Code != string(code) || r.Error != "so it is" || w.Header().Get("Retry-After") != "1" {
				t.Errorf("%s %s: %+v %v", path, code, r, w.Header())
			}
		}
	}
}

// panics answers nothing.
type panics struct{ fake.Answerer }

func (p *panics) Answer(context.Context, api.Question) (api.Answer, error) { panic("at the disco") }

// TestStudioEnds has a panic, and a client that leaves: nothing stays behind.
func TestStudioEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	body := ask(config, slices.Repeat([]string{"data:image/png;base64,AAAA"}, 20)...)
	h := fake.Front(Routes(&panics{}, Options{}))
	if w := send(t, h, "POST", "/labelstudio/predict", body, inJSON); w.Code != 500 || strings.Contains(w.Body.String(), "disco") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	answerer := &fake.Answerer{Delay: time.Minute, Blind: true}
	h = fake.Front(Routes(answerer, Options{}))
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, leave)
	r := httptest.NewRequestWithContext(ctx, "POST", "/labelstudio/predict", strings.NewReader(body))
	r.Header.Set("Content-Type", inJSON)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != api.Cancelled.Status() || answerer.Inside.Load() != 0 || answerer.Asked.Load() > studioAtOnce {
		t.Errorf("%d %s, %d asked, %d inside", w.Code, w.Body, answerer.Asked.Load(), answerer.Inside.Load())
	}
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
		}
	}
}

// A picture in base64 takes no memory beside its body.
func TestMemory(t *testing.T) {
	picture := b64(bytes.Repeat([]byte{1, 2, 3}, 5<<20))
	h := fake.Front(Routes(&fake.Answerer{Blind: true}, Options{}))
	for path, body := range map[string]string{
		"/hf/glip":              `{"inputs":"` + picture + `","parameters":{"candidate_labels":"cat"}}`,
		"/grounding_dino/infer": `{"text":"cat","image":{"value":"` + picture + `","type":"base64"}}`,
		"/labelstudio/predict":  ask(config, "data:image/png;base64,"+picture),
	} {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", inJSON)
		w := httptest.NewRecorder()
		var first, last runtime.MemStats
		runtime.ReadMemStats(&first)
		h.ServeHTTP(w, r)
		runtime.ReadMemStats(&last)
		if took := float64(last.TotalAlloc-first.TotalAlloc) / float64(len(body)); took > 1.2 || w.Code != http.StatusOK {
			t.Errorf("%s: %d, %.2f times the body were allocated, at most 1.2 are asked for", path, w.Code, took)
		}
	}
}

// code is the code of a refusal; "" for no error.
func code(t testing.TB, err error) api.Code {
	t.Helper()
	if err == nil {
		return ""
	}
	r, ok := errors.AsType[*api.Refusal](err)
	if !ok {
		t.Fatalf("%v is no refusal", err)
	}
	return r.Code
}
