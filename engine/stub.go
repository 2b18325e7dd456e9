//go:build !cgo

package engine

import (
	"context"
	"fmt"
	"time"
)

// errStub is what every call says in a program built without cgo, since
// Vulkan is reached through C. Remedy: the CPU fallback, or a build with cgo.
func errStub() error {
	return fmt.Errorf("engine: built without Vulkan support (it needs cgo); build with CGO_ENABLED=1 and a C compiler, or use the CPU: %w", ErrNoDevice)
}

// Device is an open Vulkan device; this build has none.
type Device struct{}

// Devices returns [ErrNoDevice]: this build has no Vulkan.
func Devices() ([]Info, error) { return nil, errStub() }

// Open returns [ErrNoDevice]: this build has no Vulkan.
func Open(Options) (*Device, error) { return nil, errStub() }

// Info returns the zero value.
func (*Device) Info() Info { return Info{} }

// Live returns 0.
func (*Device) Live() int { return 0 }

// LiveByKind returns nil.
func (*Device) LiveByKind() map[string]int { return nil }

// Close does nothing.
func (*Device) Close() error { return nil }

// NewBuffer returns [ErrNoDevice].
func (*Device) NewBuffer(int64, Memory, string) (*Buffer, error) { return nil, errStub() }

// Upload returns [ErrNoDevice].
func (*Device) Upload(context.Context, *Buffer, int64, []byte) error { return errStub() }

// Download returns [ErrNoDevice].
func (*Device) Download(context.Context, []byte, *Buffer, int64) error { return errStub() }

// Pipeline returns [ErrNoDevice].
func (*Device) Pipeline(context.Context, PipelineSpec) (*Pipeline, error) { return nil, errStub() }

// NewRecorder returns [ErrNoDevice].
func (*Device) NewRecorder(string, RecorderOptions) (*Recorder, error) { return nil, errStub() }

// Buffer is a range of memory; this build makes none.
type Buffer struct{}

// Size returns 0.
func (*Buffer) Size() int64 { return 0 }

// Bytes returns nil.
func (*Buffer) Bytes() []byte { return nil }

// Close does nothing.
func (*Buffer) Close() error { return nil }

// Pipeline is a compiled compute shader; this build makes none.
type Pipeline struct{}

// Statistics returns [ErrNoDevice].
func (*Pipeline) Statistics() ([]Statistic, error) { return nil, errStub() }

// Representations returns [ErrNoDevice].
func (*Pipeline) Representations() ([]Representation, error) { return nil, errStub() }

// Recorder collects dispatches and copies; this build makes none.
type Recorder struct{}

// Dispatch does nothing.
func (*Recorder) Dispatch(Dispatch) {}

// Copy does nothing.
func (*Recorder) Copy(*Buffer, int64, *Buffer, int64, int64) {}

// Abandon does nothing.
func (*Recorder) Abandon() {}

// Finish returns [ErrNoDevice].
func (*Recorder) Finish() (*Commands, error) { return nil, errStub() }

// Commands are recorded work; this build makes none.
type Commands struct{}

// Run returns [ErrNoDevice].
func (*Commands) Run(context.Context) error { return errStub() }

// Start returns [ErrNoDevice].
func (*Commands) Start(context.Context) error { return errStub() }

// Wait returns [ErrNoDevice].
func (*Commands) Wait(context.Context) error { return errStub() }

// Times returns [ErrNoDevice].
func (*Commands) Times() ([]time.Duration, error) { return nil, errStub() }

// Barriers returns 0.
func (*Commands) Barriers() int { return 0 }

// Close does nothing.
func (*Commands) Close() error { return nil }
