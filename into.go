package glipvk

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/picture"
)

// Room makes the memory that [Model.ExtractInto] fills, for batches of pictures of
// one size, in pixels after preprocessing.
func (m *Model) Room(ctx context.Context, batch, height, width int) (Features, error) {
	var f Features
	err := m.withProgram(ctx, extent{batch: batch, height: height, width: width}, func(s *slot) error {
		f = s.room()
		return nil
	})
	return f, err
}

// room is memory for the results of a program.
func (s *slot) room() Features {
	values := make([][]float32, len(s.maps))
	for i, m := range s.maps {
		values[i] = make([]float32, elements(m.Shape))
	}
	return s.maps.with(values)
}

func elements(shape []int) int {
	n := 1
	for _, side := range shape {
		n *= side
	}
	return n
}

// ExtractInto is [Model.ExtractTensor] into memory that [Model.Room], or an earlier
// call for the same size, made: f[i].Data is overwritten. On a Vulkan device a call
// allocates nothing once the program for the size is made. After an error, f holds
// anything.
func (m *Model) ExtractInto(ctx context.Context, f Features, t picture.Tensor) error {
	if err := m.check(t); err != nil {
		return err
	}
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	s, err := m.programs.acquire(ctx, extent{batch: t.Batch, height: t.Height, width: t.Width})
	if err != nil {
		return err
	}
	defer m.programs.release(s)
	if err := s.fits(f); err != nil {
		return blame(err)
	}
	outputs, _ := m.outputLists.Get().(*[][]float32)
	if outputs == nil {
		outputs = new([][]float32)
	}
	defer m.outputLists.Put(outputs)
	*outputs = (*outputs)[:0]
	for i := range f {
		*outputs = append(*outputs, f[i].Data)
	}
	err = runInto(ctx, s.program, *outputs, t.Data)
	clear(*outputs) // the pool holds no memory of the caller's
	return err
}

// fits refuses memory made for another size.
func (s *slot) fits(f Features) error {
	if len(f) != len(s.maps) {
		return fmt.Errorf("glipvk: room for %d maps, the model has %d; make it by Room", len(f), len(s.maps))
	}
	for i, want := range s.maps {
		if n := elements(want.Shape); len(f[i].Data) != n {
			return fmt.Errorf("glipvk: room for %d values of %s, want %d for %v; make it by Room", len(f[i].Data), want.Name, n, want.Shape)
		}
	}
	return nil
}
