package onnx

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
)

// TestEveryOperation wants of each operation either a lowering or a reason why it has none.
func TestEveryOperation(t *testing.T) {
	var kinds []string
	for _, op := range graph.Kinds() {
		kind := graph.Kind(op)
		kinds = append(kinds, kind)
		_, lowered := lowerings[kind]
		reason := reasons[kind]
		switch {
		case !lowered && reason == "":
			t.Errorf("%s has neither a lowering nor a reason why it has none", kind)
		case lowered && reason != "":
			t.Errorf("%s has a lowering and a reason why it has none", kind)
		}
	}
	for kind := range lowerings {
		if !slices.Contains(kinds, kind) {
			t.Errorf("there is no operation %s", kind)
		}
	}
	for kind := range reasons {
		if !slices.Contains(kinds, kind) {
			t.Errorf("there is no operation %s", kind)
		}
	}
}

func TestRefusesTraining(t *testing.T) {
	b := graph.NewBuilder()
	b.Output(b.In("a", "sum").Record(graph.SumSquares{}, b.In("x").Input(3)))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Graph("g", g, []string{"x"}, []Named{{ID: g.Outputs[0], Name: "y"}}, false)
	if !errors.Is(err, ErrOperation) {
		t.Fatalf("the error is %v", err)
	}
	for _, part := range []string{"a.sum", "sumsquares", "optimizer"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if _, err = Graph("g", g, nil, nil, false); !errors.Is(err, graph.ErrShape) {
		t.Errorf("an input without a name gives %v", err)
	}
}

// TestUnread wants nothing in a model that its outputs do not need, and nodes that compute the same only once.
func TestUnread(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(2, 3)
	y := b.In("y").Add(b.In("once").GELU(x), b.In("again").GELU(x))
	b.In("unread").Linear(x, 5, graph.WithBias)
	b.Output(y)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Graph("g", g, []string{"x"}, []Named{{ID: y.ID(), Name: "y"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Nodes(); got["Gelu"] != 1 || got["MatMul"] != 0 || m.Bytes() != 0 {
		t.Errorf("the model has %v and constants of %d bytes", got, m.Bytes())
	}
}
