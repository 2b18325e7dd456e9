package oip

import (
	"context"
	"errors"
	"sync"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
)

// Service is the name of the service by gRPC.
const Service = "inference.GRPCInferenceService"

// checker says by grpc.health.v1 whether questions are answered.
type checker struct{ model }

// lookEvery is how often a watcher looks whether the server is ready.
const lookEvery = 100 * time.Millisecond

func (c checker) Check(_ context.Context, r *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if r.Service != "" && r.Service != Service {
		return nil, connect.NewError(connect.CodeNotFound, errors.New("there is no such service"))
	}
	if c.ready() != nil {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}

func (c checker) Watch(ctx context.Context, r *grpchealth.CheckRequest, changed func()) (stop func(), err error) {
	if _, err := c.Check(ctx, r); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				changed()
			case <-ended:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(ended) }), nil
}
