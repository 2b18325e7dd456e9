package serve

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// What /v1/openapi.json says is what the server answers, to the last member, and it says of every route.
func TestOpenAPI(t *testing.T) {
	r := start(t, nil)
	image := read(t, scene)
	_, _, document := r.call(t, "GET", "/v1/openapi.json", "", nil)
	if document["openapi"] != "3.1.0" {
		t.Fatal(document["openapi"])
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("openapi.json", resource); err != nil {
		t.Fatal(err)
	}
	fits := func(name string, value map[string]any) {
		t.Helper()
		schema, err := compiler.Compile("openapi.json#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for member := range value {
			delete(value, member)
			break
		}
		if name != "Question" && schema.Validate(value) == nil {
			t.Errorf("%s: a member that is missing is not missed", name)
		}
	}
	question := map[string]any{
		"image": string(base64Of(image)), "text": "a red apple and two dogs", "phrases": []any{"dogs"}, "spans": []any{[]any{0, 11}}, "threshold": 0.2, "iou": 0.5,
		"max_detections": 9, "priority": 1, "keep": true,
	}
	body, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]map[string]any{}
	var status int
	status, _, answers["Answer"] = r.call(t, "POST", "/v1/detect", "application/json", body)
	if status != 200 || answers["Answer"]["image_id"] == nil {
		t.Fatal(status, answers["Answer"])
	}
	id := answers["Answer"]["image_id"].(string)
	delete(answers["Answer"], "image_id") // which need not be there
	kind, form := form(t, image, "text", "a red applecart and dogs")
	_, _, answers["Alignment"] = r.call(t, "POST", "/v1/align", kind, form)
	_, _, answers["Tokens"] = r.call(t, "POST", "/v1/tokens", "application/json", []byte(`{"text":"a dog"}`))
	_, _, answers["Kept"] = r.call(t, "POST", "/v1/images", "image/png", image)
	_, _, answers["About"] = r.call(t, "GET", "/v1/info", "", nil)
	_, _, answers["Error"] = r.call(t, "GET", "/v1/nothing", "", nil)
	answers["Question"] = question
	for name, a := range answers {
		fits(name, a)
	}
	if status, _, _ := r.call(t, "DELETE", "/v1/images/"+id, "", nil); status != 204 {
		t.Error(status)
	}
	for path, methods := range document["paths"].(map[string]any) {
		for method := range methods.(map[string]any) {
			status, _, answer := r.call(t, strings.ToUpper(method), strings.Replace(path, "{id}", "none", 1), "", nil)
			if code := answer["code"]; status == 405 || code == "not_found" {
				t.Errorf("%s %s: %d %v", method, path, status, answer)
			}
		}
	}
}
