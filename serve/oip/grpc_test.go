package oip

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
	"github.com/glipvk/glipvk/serve/oip/schema"
	"google.golang.org/protobuf/proto"
)

// dial serves a model and is a client of HTTP/2 with the address. Both end with the test, which then counts goroutines.
func dial(t *testing.T, answerer api.Answerer, o Options) (*http.Client, string) {
	t.Helper()
	before := runtime.NumGoroutine()
	s := httptest.NewUnstartedServer(nil)
	s.Config = fake.Server(Routes(answerer, o))
	s.Start()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
		for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
				return
			}
		}
	})
	return &http.Client{Transport: transport}, s.URL
}

// call calls a method of the service.
func call[Out, In any](t *testing.T, c *http.Client, url, method string, in *In, o ...connect.ClientOption) (*Out, error) {
	t.Helper()
	client := connect.NewClient[In, Out](c, url+"/"+Service+"/"+method, append(o, connect.WithGRPC())...)
	out, err := client.CallUnary(t.Context(), connect.NewRequest(in))
	if err != nil {
		return nil, err
	}
	return out.Msg, nil
}

// message is an inference with typed contents.
func message(picture []byte, phrases ...string) *schema.ModelInferRequest {
	list := [][]byte{}
	for _, p := range phrases {
		list = append(list, []byte(p))
	}
	of := func(name string, elements ...[]byte) *schema.ModelInferRequest_InferInputTensor {
		return &schema.ModelInferRequest_InferInputTensor{
			Name: name, Datatype: "BYTES", Shape: []int64{int64(len(elements))}, Contents: &schema.InferTensorContents{BytesContents: elements},
		}
	}
	return &schema.ModelInferRequest{ModelName: "glip", Id: "7", Inputs: []*schema.ModelInferRequest_InferInputTensor{of("image", picture), of("phrases", list...)}}
}

// inRaw moves the contents of a message.
func inRaw(m *schema.ModelInferRequest) *schema.ModelInferRequest {
	for _, in := range m.Inputs {
		m.RawInputContents = append(m.RawInputContents, (&result{texts: texts(in.Contents.BytesContents)}).raw())
		in.Contents = nil
	}
	return m
}

func texts(list [][]byte) (made []string) {
	for _, e := range list {
		made = append(made, string(e))
	}
	return made
}

// TestGRPC asks every method, and compares its answer with that of REST.
func TestGRPC(t *testing.T) {
	c, url := dial(t, &fake.Answerer{}, Options{Statistics: shown, Delay: 5 * time.Millisecond})
	same := func(file string, m proto.Message, err error) {
		t.Helper()
		if err != nil {
			t.Error(file, err)
			return
		}
		var got, want map[string]any
		made, err := json.Marshal(m) // the generated types have the fields' names and numbers
		if err == nil {
			err = json.Unmarshal(made, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile("testdata/" + file)
		if err == nil {
			err = json.Unmarshal(text, &want)
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range want { // what is zero is not in a message
			g, err := json.Marshal(got[name])
			if err != nil {
				t.Fatal(err)
			}
			w, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer(`"data_type":"TYPE_STRING"`, `"data_type":13`, `"data_type":"TYPE_INT32"`, `"data_type":8`, `"data_type":"TYPE_FP32"`, `"data_type":11`,
				`,"optional":false`, ``, `"reason":"",`, ``).Replace(string(w))
			if string(g) != text && text != "0" {
				t.Errorf("%s: %s is %s, want %s", file, name, g, text)
			}
		}
	}
	live, err := call[schema.ServerLiveResponse](t, c, url, "ServerLive", &schema.ServerLiveRequest{})
	same("live.json", live, err)
	ready, err := call[schema.ServerReadyResponse](t, c, url, "ServerReady", &schema.ServerReadyRequest{})
	same("ready.json", ready, err)
	modelReady, err := call[schema.ModelReadyResponse](t, c, url, "ModelReady", &schema.ModelReadyRequest{Name: "glip", Version: "1"})
	same("ready.json", modelReady, err)
	server, err := call[schema.ServerMetadataResponse](t, c, url, "ServerMetadata", &schema.ServerMetadataRequest{})
	same("server.json", server, err)
	metadata, err := call[schema.ModelMetadataResponse](t, c, url, "ModelMetadata", &schema.ModelMetadataRequest{Name: "glip"})
	same("model.json", metadata, err)
	config, err := call[schema.ModelConfigResponse](t, c, url, "ModelConfig", &schema.ModelConfigRequest{Name: "glip"})
	same("config.json", config.GetConfig(), err)
	stats, err := call[schema.ModelStatisticsResponse](t, c, url, "ModelStatistics", &schema.ModelStatisticsRequest{})
	same("stats.json", stats, err)
	index, err := call[schema.RepositoryIndexResponse](t, c, url, "RepositoryIndex", &schema.RepositoryIndexRequest{Ready: true})
	if err != nil || len(index.Models) != 1 || index.Models[0].Name != "glip" || index.Models[0].State != "READY" {
		t.Error(index, err)
	}

	picture := cat(t)
	want, header := wantRaw(t, picture)
	for about, o := range map[string][]connect.ClientOption{
		"plain": nil,
		"gzip":  {connect.WithSendGzip()},
		"deflate": {connect.WithSendCompression("deflate"), connect.WithAcceptCompression("deflate",
			func() connect.Decompressor { return &inflater{} }, func() connect.Compressor { return zlib.NewWriter(nil) })},
	} {
		for form, m := range map[string]*schema.ModelInferRequest{"typed": message(picture, "cat", "whiskers"), "raw": inRaw(message(picture, "cat", "whiskers"))} {
			out, err := call[schema.ModelInferResponse](t, c, url, "ModelInfer", m, o...)
			if err != nil {
				t.Error(about, form, err)
				continue
			}
			if out.Id != "7" || out.ModelName != "glip" || out.ModelVersion != "1" || !bytes.Equal(bytes.Join(out.RawOutputContents, nil), want) || len(out.Outputs) != len(header) {
				t.Errorf("%s, %s: %v", about, form, out)
			}
		}
	}
	m := message(picture, "cat", "whiskers")
	m.Parameters = map[string]*schema.InferParameter{
		"threshold":          {ParameterChoice: &schema.InferParameter_DoubleParam{DoubleParam: 0.2}},
		"max_detections":     {ParameterChoice: &schema.InferParameter_Int64Param{Int64Param: 3}},
		"priority":           {ParameterChoice: &schema.InferParameter_Uint64Param{Uint64Param: 1}},
		"timeout":            {ParameterChoice: &schema.InferParameter_StringParam{StringParam: "30000000"}},
		"binary_data_output": {ParameterChoice: &schema.InferParameter_BoolParam{}},
		"sequence_id":        {ParameterChoice: &schema.InferParameter_Int64Param{Int64Param: 3}},
	}
	m.Outputs = []*schema.ModelInferRequest_InferRequestedOutputTensor{{Name: "phrases"}, {Name: "scores"}, {Name: "counts"}}
	out, err := call[schema.ModelInferResponse](t, c, url, "ModelInfer", m)
	if err != nil || len(out.RawOutputContents) != 0 || len(out.Outputs) != 3 || texts(out.Outputs[0].Contents.BytesContents)[1] != "whiskers" ||
		len(out.Outputs[1].Contents.Fp32Contents) != 3 || out.Outputs[2].Contents.IntContents[0] != 3 {
		t.Error(out, err)
	}
}

// wantRaw is what REST answers in binary to the question of [message].
func wantRaw(t *testing.T, picture []byte) (raw []byte, outputs []any) {
	t.Helper()
	h := fake.Front(Routes(&fake.Answerer{}, Options{}))
	w := send(t, h, "POST", "/v2/models/glip/infer", []byte(inJSON(picture, phrases+`,"parameters":{"binary_data_output":true}}`)), nil)
	var answer struct{ Outputs []any }
	d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	if err := d.Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return w.Body.Bytes()[d.InputOffset()+1:], answer.Outputs
}

// TestGRPCRefused sends what is wrong.
func TestGRPCRefused(t *testing.T) {
	c, url := dial(t, &fake.Answerer{Means: api.Info{Limits: api.Limits{Body: 1 << 20}}}, Options{})
	number := func(f float64) *schema.InferParameter {
		return &schema.InferParameter{ParameterChoice: &schema.InferParameter_DoubleParam{DoubleParam: f}}
	}
	with := func(name string, p *schema.InferParameter) func(*schema.ModelInferRequest) {
		return func(m *schema.ModelInferRequest) { m.Parameters = map[string]*schema.InferParameter{name: p} }
	}
	for _, row := range []struct {
		about  string
		change func(*schema.ModelInferRequest)
		code   connect.Code
		says   string
	}{
		{"another model", func(m *schema.ModelInferRequest) { m.ModelName = "../../etc/passwd" }, connect.CodeNotFound, "glip"},
		{"another version", func(m *schema.ModelInferRequest) { m.ModelVersion = "7" }, connect.CodeNotFound, "7"},
		{"no inputs", func(m *schema.ModelInferRequest) { m.Inputs = nil }, connect.CodeInvalidArgument, "image"},
		{"no query", func(m *schema.ModelInferRequest) { m.Inputs = m.Inputs[:1] }, connect.CodeInvalidArgument, "nothing to look for"},
		{"an input twice", func(m *schema.ModelInferRequest) { m.Inputs = append(m.Inputs, m.Inputs[0]) }, connect.CodeInvalidArgument, "twice"},
		{"an input that is none", func(m *schema.ModelInferRequest) { m.Inputs[0].Name = "x" }, connect.CodeInvalidArgument, `"x"`},
		{"another datatype", func(m *schema.ModelInferRequest) { m.Inputs[0].Datatype = "FP32" }, connect.CodeInvalidArgument, "FP32"},
		{"a shape of 2^62", func(m *schema.ModelInferRequest) { m.Inputs[0].Shape[0] = 1 << 62 }, connect.CodeInvalidArgument, "dimensions"},
		{"a negative shape", func(m *schema.ModelInferRequest) { m.Inputs[0].Shape[0] = -1 }, connect.CodeInvalidArgument, "dimensions"},
		{"another shape", func(m *schema.ModelInferRequest) { m.Inputs[0].Shape[0] = 2 }, connect.CodeInvalidArgument, "1 elements"},
		{"other contents", func(m *schema.ModelInferRequest) { m.Inputs[0].Contents.Fp32Contents = []float32{1} }, connect.CodeInvalidArgument, "FP32"},
		{"too many pictures", func(m *schema.ModelInferRequest) { m.Inputs[0].Shape[0] = 17 }, connect.CodeResourceExhausted, "--max-pictures"},
		{"a parameter that is none", with("treshold", number(0.5)), connect.CodeInvalidArgument, "treshold"},
		{"a parameter out of range", with("threshold", number(1.5)), connect.CodeInvalidArgument, "1.5"},
		{"a parameter without a value", with("priority", number(0.5)), connect.CodeInvalidArgument, "whole"},
		{"a parameter of an input", func(m *schema.ModelInferRequest) {
			m.Inputs[0].Parameters = map[string]*schema.InferParameter{"shared_memory_region": nil}
		}, connect.CodeInvalidArgument, "shared_memory_region"},
		{"a parameter of an output", func(m *schema.ModelInferRequest) {
			m.Outputs = []*schema.ModelInferRequest_InferRequestedOutputTensor{{Name: "boxes", Parameters: map[string]*schema.InferParameter{"classification": number(1)}}}
		}, connect.CodeInvalidArgument, "classification"},
		{"an output that is none", func(m *schema.ModelInferRequest) {
			m.Outputs = []*schema.ModelInferRequest_InferRequestedOutputTensor{{Name: "masks"}}
		}, connect.CodeInvalidArgument, "masks"},
		{"raw and typed", func(m *schema.ModelInferRequest) { m.RawInputContents = [][]byte{{0}, {0}} }, connect.CodeInvalidArgument, "beside"},
		{"too few raw", func(m *schema.ModelInferRequest) { inRaw(m); m.RawInputContents = m.RawInputContents[:1] }, connect.CodeInvalidArgument, "1 raw"},
		{"a length beyond the tensor", func(m *schema.ModelInferRequest) { inRaw(m); m.RawInputContents[0] = []byte("\xff\xff\xff\xffx") }, connect.CodeInvalidArgument, "are left"},
		{"a picture that is none", func(m *schema.ModelInferRequest) { m.Inputs[0].Contents.BytesContents[0] = []byte("x") }, connect.CodeInvalidArgument, "picture 1"},
		{"a long ID", func(m *schema.ModelInferRequest) { m.Id = strings.Repeat("x", 257) }, connect.CodeInvalidArgument, "257"},
		{"a long message", func(m *schema.ModelInferRequest) { m.Inputs[0].Contents.BytesContents[0] = make([]byte, 1<<20) }, connect.CodeResourceExhausted, "1048576"},
	} {
		m := message([]byte("x"), "cat")
		row.change(m)
		_, err := call[schema.ModelInferResponse](t, c, url, "ModelInfer", m)
		if connect.CodeOf(err) != row.code || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "oip:") {
			t.Errorf("%s: %v, want %v %q", row.about, err, row.code, row.says)
		}
	}
	for _, method := range []string{"ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"} { // whose requests have the same fields
		_, err := call[schema.ModelReadyResponse](t, c, url, method, &schema.ModelReadyRequest{Name: "no"})
		if connect.CodeOf(err) != connect.CodeNotFound {
			t.Errorf("%s: %v", method, err)
		}
	}
	for _, method := range []string{"ModelStreamInfer", "RepositoryModelLoad", "SystemSharedMemoryRegister", "LogSettings", "NoSuch"} {
		if _, err := call[schema.ModelReadyResponse](t, c, url, method, &schema.ModelReadyRequest{}); connect.CodeOf(err) != connect.CodeUnimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
	// The library speaks more than gRPC, and more encodings of messages.
	for _, kind := range []string{"application/json", "application/proto", "application/grpc+json", "application/grpc-web+proto", ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/"+Service+"/ServerLive", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %s", kind, answer.Status)
		}
	}
}

// TestGRPCPassedOn has the answerer and a deadline refuse.
func TestGRPCPassedOn(t *testing.T) {
	for _, code := range api.Codes() {
		refuse := api.Refuse(code, "so it is")
		refuse.Retry = 3 * time.Second
		state := func() error { return refuse }
		c, url := dial(t, &fake.Answerer{Err: refuse, Blind: true}, Options{Ready: state, Live: state})
		_, err := call[schema.ModelInferResponse](t, c, url, "ModelInfer", message([]byte("x"), "cat"))
		known, ok := err.(*connect.Error)
		if !ok || int(known.Code()) != code.GRPC() || known.Message() != "so it is" || known.Meta().Get("retry-after") != "3" {
			t.Errorf("%s: %v", code, err)
		}
		live, err := call[schema.ServerLiveResponse](t, c, url, "ServerLive", &schema.ServerLiveRequest{})
		if err != nil || live.Live {
			t.Error(live, err)
		}
		ready, err := call[schema.ModelReadyResponse](t, c, url, "ModelReady", &schema.ModelReadyRequest{Name: "glip"})
		if err != nil || ready.Ready {
			t.Error(ready, err)
		}
	}
	slow := &fake.Answerer{Delay: time.Minute, Blind: true}
	c, url := dial(t, slow, Options{})
	client := connect.NewClient[schema.ModelInferRequest, schema.ModelInferResponse](c, url+"/"+Service+"/ModelInfer", connect.WithGRPC())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.CallUnary(ctx, connect.NewRequest(message([]byte("x"), "cat"))); connect.CodeOf(err) != connect.CodeDeadlineExceeded {
		t.Error(err)
	}
	for slow.Inside.Load() > 0 { // the test's time is the bound
		time.Sleep(time.Millisecond)
	}
}

// TestHealth watches a server that becomes ready, and then ends.
func TestHealth(t *testing.T) {
	var loading atomic.Bool
	loading.Store(true)
	draining := make(chan struct{})
	c, url := dial(t, &fake.Answerer{}, Options{Draining: draining, Ready: func() error {
		if loading.Load() {
			return api.Refuse(api.Loading, "not yet")
		}
		return nil
	}})
	// Of the messages of grpc.health.v1 field 1 is a name, and in the answer a number: 1 is serving, 2 is not. So have others.
	named := func(service string) *schema.ModelReadyRequest { return &schema.ModelReadyRequest{Name: service} }
	check := connect.NewClient[schema.ModelReadyRequest, schema.StatisticDuration](c, url+"/grpc.health.v1.Health/Check", connect.WithGRPC())
	if _, err := check.CallUnary(t.Context(), connect.NewRequest(named("no.such"))); connect.CodeOf(err) != connect.CodeNotFound {
		t.Error(err)
	}
	watch := connect.NewClient[schema.ModelReadyRequest, schema.StatisticDuration](c, url+"/grpc.health.v1.Health/Watch", connect.WithGRPC())
	stream, err := watch.CallServerStream(t.Context(), connect.NewRequest(named(Service)))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	next := func(want uint64) {
		t.Helper()
		if !stream.Receive() || stream.Msg().Count != want {
			t.Fatalf("%v, %v, want state %d", stream.Msg(), stream.Err(), want)
		}
	}
	next(2)
	loading.Store(false)
	next(1)
	loading.Store(true)
	close(draining)
	next(2)
	if stream.Receive() || stream.Err() != nil {
		t.Errorf("%v, %v, want the end", stream.Msg(), stream.Err())
	}
}

// TestCallsNoted has refusals of gRPC reach the log's call, also those of the messages' reader.
func TestCallsNoted(t *testing.T) {
	var noted *api.Call
	routes := Routes(&fake.Answerer{Means: api.Info{Limits: api.Limits{Body: 1 << 20}}}, Options{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted = &api.Call{}
		mux := http.NewServeMux()
		for _, route := range routes {
			mux.Handle(route.Pattern, route.Handler)
		}
		mux.ServeHTTP(w, r.WithContext(api.WithCall(r.Context(), noted)))
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	for about, row := range map[string]struct {
		method  string
		message *schema.ModelInferRequest
		want    api.Code
	}{
		"right":         {"ModelInfer", message(cat(t), "cat"), ""},
		"no query":      {"ModelInfer", message(cat(t)[:100]), api.BadQuery},
		"too long":      {"ModelInfer", message(make([]byte, 1<<20), "cat"), api.TooLarge},
		"too many":      {"ModelInfer", message([]byte("x"), make([]string, 20000)...), api.BadRequest},
		"no method":     {"NoSuch", message([]byte("x"), "cat"), api.BadMethod},
		"another model": {"ModelReady", &schema.ModelInferRequest{ModelName: "no"}, api.NoModel}, // field 1 is the name in both
	} {
		_, err := call[schema.ModelInferResponse](t, c, s.URL, row.method, row.message)
		got := api.Code("")
		if noted.Refusal != nil {
			got = noted.Refusal.Code
		}
		if got != row.want || (err == nil) != (row.want == "") {
			t.Errorf("%s: %v, noted %+v, want %q", about, err, noted, row.want)
		}
	}
}
