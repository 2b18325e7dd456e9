package train_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/glipvk/glipvk/train"
)

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
