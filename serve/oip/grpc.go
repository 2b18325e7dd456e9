package oip

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/oip/schema"
)

// grpc are the routes of the service by gRPC, of health and of reflection.
func (m model) grpc() (routes []api.Route) {
	options := connect.WithHandlerOptions(deflate(), connect.WithReadMaxBytes(small))
	add := func(path string, h http.Handler) {
		routes = append(routes, api.Route{Pattern: "POST " + path, Types: []string{"application/grpc"}, Small: true, Handler: spoken(h)})
	}
	handle := func(name string, h http.Handler) { add("/"+Service+"/"+name, h) }
	asks := func(name string, h http.Handler) {
		handle(name, receiving(m.Info().Limits.Or(), h))
		inference := &routes[len(routes)-1]
		inference.Protocol, inference.Small = "oip_grpc", false
	}
	unary(handle, options, "ServerLive", func(context.Context, *schema.ServerLiveRequest) (*schema.ServerLiveResponse, error) {
		return &schema.ServerLiveResponse{Live: m.live() == nil}, nil
	})
	unary(handle, options, "ServerReady", func(context.Context, *schema.ServerReadyRequest) (*schema.ServerReadyResponse, error) {
		return &schema.ServerReadyResponse{Ready: m.ready() == nil}, nil
	})
	unary(handle, options, "ModelReady", func(_ context.Context, r *schema.ModelReadyRequest) (*schema.ModelReadyResponse, error) {
		return &schema.ModelReadyResponse{Ready: m.ready() == nil}, m.named(r.Name, r.Version)
	})
	unary(handle, options, "ServerMetadata", func(context.Context, *schema.ServerMetadataRequest) (*schema.ServerMetadataResponse, error) {
		s := m.server()
		return &schema.ServerMetadataResponse{Name: s.Name, Version: s.Version, Extensions: s.Extensions}, nil
	})
	unary(handle, options, "ModelMetadata", func(_ context.Context, r *schema.ModelMetadataRequest) (*schema.ModelMetadataResponse, error) {
		return m.metadata().message(), m.named(r.Name, r.Version)
	})
	unary(handle, options, "ModelConfig", func(_ context.Context, r *schema.ModelConfigRequest) (*schema.ModelConfigResponse, error) {
		return &schema.ModelConfigResponse{Config: m.config().message()}, m.named(r.Name, r.Version)
	})
	unary(handle, options, "ModelStatistics", func(_ context.Context, r *schema.ModelStatisticsRequest) (*schema.ModelStatisticsResponse, error) {
		var err error
		if r.Name != "" {
			err = m.named(r.Name, r.Version)
		}
		return &schema.ModelStatisticsResponse{ModelStats: []*schema.ModelStatistics{m.statistics().message()}}, err
	})
	unary(handle, options, "RepositoryIndex", func(_ context.Context, r *schema.RepositoryIndexRequest) (*schema.RepositoryIndexResponse, error) {
		answer := &schema.RepositoryIndexResponse{}
		for _, i := range m.index() {
			if i.State == "READY" || !r.Ready {
				answer.Models = append(answer.Models, &schema.RepositoryIndexResponse_ModelIndex{Name: i.Name, Version: i.Version, State: i.State, Reason: i.Reason})
			}
		}
		return answer, nil
	})
	unary(asks, options, "ModelInfer", m.modelInfer)
	add("/"+Service+"/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := failure(r.Context(), api.Refuse(api.BadMethod, "the server has no such method: there are no streams, no shared memory, and nothing is loaded or set"))
		_ = connect.NewErrorWriter(options).Write(w, r, err) // who does not read it has left
	}))
	path, health := grpchealth.NewHandler(checker{m}, options)
	add(path, m.ending(health))
	reflector := grpcreflect.NewStaticReflector(Service, grpchealth.HealthV1ServiceName)
	path, reflection := grpcreflect.NewHandlerV1(reflector, options)
	add(path, m.ending(reflection))
	path, reflection = grpcreflect.NewHandlerV1Alpha(reflector, options)
	add(path, m.ending(reflection))
	return routes
}

// unary hands over the handler of a method with one message each way.
func unary[In, Out any](handle func(string, http.Handler), o connect.HandlerOption, name string, f func(context.Context, *In) (*Out, error)) {
	handle(name, connect.NewUnaryHandler("/"+Service+"/"+name, func(ctx context.Context, r *connect.Request[In]) (*connect.Response[Out], error) {
		out, err := f(ctx, r.Msg)
		if err != nil {
			return nil, failure(ctx, err)
		}
		return connect.NewResponse(out), nil
	}, o))
}

// failure is an error as gRPC has it, noted in the context's call.
func failure(ctx context.Context, err error) *connect.Error {
	if known, ok := errors.AsType[*connect.Error](err); ok { // of a body's reader
		return known
	}
	r := api.Fail(ctx, err)
	made := connect.NewError(connect.Code(r.Code.GRPC()), errors.New(r.Text))
	if r.Retry > 0 {
		made.Meta().Set("retry-after", strconv.Itoa(r.Seconds()))
	}
	return made
}

// spoken hands on what speaks gRPC, and notes what the messages' reader refused by itself. The reader's other protocols have bodies and
// errors that nothing here bounds or words.
func spoken(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind := r.Header.Get("Content-Type"); kind != "application/grpc" && kind != "application/grpc+proto" {
			api.Fail(r.Context(), api.Refuse(api.BadType, "Content-Type %q is not gRPC's application/grpc", api.Cut(kind))).Write(w)
			return
		}
		h.ServeHTTP(w, r)
		status := w.Header().Get(http.TrailerPrefix + "Grpc-Status")
		if status == "" {
			status = w.Header().Get("Grpc-Status")
		}
		code, known := map[string]api.Code{
			"1": api.Cancelled, "3": api.BadRequest, "4": api.Deadline, "5": api.NotFound, "8": api.TooLarge, "12": api.BadMethod,
		}[status]
		if call := api.CallOf(r.Context()); call.Refusal == nil && status != "" && status != "0" {
			if !known {
				code = api.Internal
			}
			call.Refusal = api.Refuse(code, "gRPC status %s", status)
		}
	})
}

// ending is a handler whose requests end when the server does.
func (m model) ending(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-m.Draining:
				time.AfterFunc(3*lookEvery, cancel) // watchers learn of it before
			case <-ctx.Done():
			}
		}()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// modelInfer answers the inference that the context has.
func (m model) modelInfer(ctx context.Context, _ *schema.ModelInferRequest) (*schema.ModelInferResponse, error) {
	got, ok := ctx.Value(receivedKey{}).(received)
	if !ok || got.err != nil {
		return nil, got.err
	}
	in := got.message
	if err := m.named(in.ModelName, in.ModelVersion); err != nil {
		return nil, err
	}
	asked, err := readMessage(in, m.Info().Limits)
	if err != nil {
		return nil, err
	}
	all, err := m.ask(ctx, asked)
	if err != nil {
		return nil, err
	}
	info := m.Info()
	out := &schema.ModelInferResponse{ModelName: info.Model, ModelVersion: info.Version, Id: in.Id}
	raw := asked.inBinary(output{}, true) // all in one form: clients look for either
	for _, o := range asked.wanted() {
		r := all[o.name]
		t := &schema.ModelInferResponse_InferOutputTensor{Name: r.Name, Datatype: r.Datatype, Shape: r.Shape}
		if raw {
			out.RawOutputContents = append(out.RawOutputContents, r.raw())
		} else {
			t.Contents = &schema.InferTensorContents{Fp32Contents: r.floats, IntContents: r.ints}
			for _, text := range r.texts {
				t.Contents.BytesContents = append(t.Contents.BytesContents, []byte(text))
			}
		}
		out.Outputs = append(out.Outputs, t)
	}
	return out, nil
}
