package graph

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// String is the graph's stable text form: one line a node, so that a change of
// the model shows as a difference of lines.
func (g *Graph) String() string {
	var s strings.Builder
	if err := g.Print(&s); err != nil {
		return err.Error() // a strings.Builder never fails
	}
	return s.String()
}

// Print writes one line per node: its number, path, operation with attributes,
// operands by number, and shape; then the outputs.
func (g *Graph) Print(w io.Writer) error {
	for i, n := range g.Nodes {
		if _, err := fmt.Fprintf(w, "%%%d %s = %s%s %v\n", i, n.Path, describe(n.Op), operands(n.Inputs), n.Shape); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "outputs%s\n", operands(g.Outputs))
	return err
}

// describe prints an operation with its exported attributes: "roll{Down:3 Right:3}".
func describe(op Op) string {
	v := reflect.ValueOf(op)
	var attributes []string
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			attributes = append(attributes, fmt.Sprintf("%s:%v", f.Name, v.Field(i)))
		}
	}
	if len(attributes) == 0 {
		return Kind(op)
	}
	return Kind(op) + "{" + strings.Join(attributes, " ") + "}"
}

func operands(ids []ID) string {
	var s strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&s, " %%%d", id)
	}
	return s.String()
}
