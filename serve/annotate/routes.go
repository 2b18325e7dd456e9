package annotate

import (
	"net/http"

	"github.com/glipvk/glipvk/serve/api"
)

// Routes are the routes of all three. Bodies come to them decompressed.
func Routes(answerer api.Answerer, o Options) []api.Route {
	s := &server{answerer, o}
	health := api.Handler(func(*http.Request) (any, error) {
		return map[string]string{"status": "UP", "model_class": "GLIP"}, nil
	})
	inJSON := []string{"application/json"}
	return []api.Route{
		{Pattern: "POST /hf/{model}", Protocol: "hf", Types: []string{"*"}, Handler: api.Handler(s.huggingFace)}, // a picture whatever it is called
		{Pattern: "POST /grounding_dino/infer", Protocol: "roboflow", Types: inJSON, Handler: api.Handler(s.roboflow)},
		{Pattern: "GET /labelstudio", Handler: health},
		{Pattern: "GET /labelstudio/{$}", Handler: health},
		{Pattern: "GET /labelstudio/health", Handler: health},
		{Pattern: "POST /labelstudio/setup", Types: inJSON, Handler: api.Handler(s.studioSetup)},
		{Pattern: "POST /labelstudio/predict", Protocol: "labelstudio", Types: inJSON, Handler: api.Handler(s.studioPredict)},
		{Pattern: "POST /labelstudio/webhook", Types: inJSON, Handler: http.HandlerFunc(studioWebhook)},
	}
}
