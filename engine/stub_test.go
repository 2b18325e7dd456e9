//go:build !cgo

package engine

import (
	"context"
	"errors"
	"testing"
)

func TestStub(t *testing.T) {
	ctx := context.Background()
	second := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"Open":            second(Open(Options{})),
		"Devices":         second(Devices()),
		"NewBuffer":       second((*Device)(nil).NewBuffer(1, DeviceMemory, "")),
		"Upload":          (*Device)(nil).Upload(ctx, nil, 0, nil),
		"Download":        (*Device)(nil).Download(ctx, nil, nil, 0),
		"Pipeline":        second((*Device)(nil).Pipeline(t.Context(), PipelineSpec{})),
		"NewRecorder":     second((*Device)(nil).NewRecorder("", RecorderOptions{})),
		"Finish":          second((*Recorder)(nil).Finish()),
		"Statistics":      second((*Pipeline)(nil).Statistics()),
		"Representations": second((*Pipeline)(nil).Representations()),
		"Start":           (*Commands)(nil).Start(ctx),
		"Run":             (*Commands)(nil).Run(ctx),
		"Wait":            (*Commands)(nil).Wait(ctx),
		"Times":           second((*Commands)(nil).Times()),
	} {
		if !errors.Is(err, ErrNoDevice) {
			t.Errorf("%s: %v, want ErrNoDevice", name, err)
		}
	}
}
