package train_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/train"
)

// TestScarce: where memory runs out the error says for what, how much is needed, and what needs less; other errors stay.
func TestScarce(t *testing.T) {
	tr := trainer(t, nil)
	s := glip.Training{Batch: 3, Height: 64, Width: 96, Tokens: 16, Objects: 2}
	err := tr.Scarce(t.Context(), fmt.Errorf("engine: %w", engine.ErrOutOfMemory), s)
	for _, want := range []string{"3 pictures of 64 x 96 with 16 tokens", "MB", `Recompute of "blocks"`} {
		if !errors.Is(err, engine.ErrOutOfMemory) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := tr.Scarce(t.Context(), io.EOF, s); err != io.EOF {
		t.Error(err)
	}
}

// TestStepEnds: a step whose context has ended changes nothing.
func TestStepEnds(t *testing.T) {
	list := shown(t, 1)
	one, other := trainer(t, nil), trainer(t, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := one.Step(ended, list...); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, tr := range []*train.Trainer{one, other} {
		if _, err := tr.Step(t.Context(), list...); err != nil {
			t.Fatal(err)
		}
	}
	got, err := one.Weights(t.Context())
	want, err2 := other.Weights(t.Context())
	if err := errors.Join(err, err2); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the next step ends elsewhere, %v", err)
	}
}
