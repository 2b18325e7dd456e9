package glipvk

import (
	"context"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// instant is a program that takes no time.
type instant struct{ program }

func (instant) runInto(context.Context, [][]float32, []float32) error { return nil }
func (instant) close() error                                          { return nil }

// BenchmarkFrontDoor measures what a call costs outside of the program: GLIP-T's input.
func BenchmarkFrontDoor(b *testing.B) {
	m, err := Open(b.Context(), "GLIP-T", Options{Device: "cpu"})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	m.programs = newPrograms(1, func(_ context.Context, e extent) (program, Features, error) {
		g, err := m.record(e)
		if err != nil {
			return nil, nil, err
		}
		return instant{}, m.outputs(g), nil
	})
	t := picture.Tensor{Batch: 1, Height: 224, Width: 224, Data: make([]float32, 3*224*224)}
	room, err := m.Room(b.Context(), 1, 224, 224)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := m.ExtractInto(b.Context(), room, t); err != nil {
			b.Fatal(err)
		}
	}
}
