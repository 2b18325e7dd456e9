package jsonlist_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// A list that is written element by element is the list written at once.
func TestList(t *testing.T) {
	for _, list := range [][]any{{}, {1}, {map[string]any{"a": "<&>", "b": []int{1, 2}}, "x", nil}} {
		var parts, whole bytes.Buffer
		l := &jsonlist.List{W: &parts, Indent: "  "}
		for _, v := range list {
			if err := l.Add(v); err != nil {
				t.Fatal(err)
			}
		}
		e := jsonlist.Encoder(&whole)
		e.SetIndent("", "  ")
		if err := errors.Join(l.End(), e.Encode(list)); err != nil {
			t.Fatal(err)
		}
		if parts.String()+"\n" != whole.String() || l.N != len(list) {
			t.Errorf("%d elements, %s\nwant\n%s", l.N, parts.String(), whole.String())
		}
	}
}

// Without an indent an element is a line.
func TestListOfLines(t *testing.T) {
	var text bytes.Buffer
	l := &jsonlist.List{W: &text}
	if err := errors.Join(l.Add(map[string]any{"a": []int{1, 2}}, "<"), l.End()); err != nil || text.String() != "[\n{\"a\":[1,2]},\n\"<\"\n]" {
		t.Errorf("%v, %s", err, text.String())
	}
	if s, err := jsonlist.Compact([]string{"a & b"}); err != nil || s != `["a & b"]` {
		t.Errorf("%v, %s", err, s)
	}
}

// What is no JSON is refused, and counts as nothing.
func TestListWrong(t *testing.T) {
	l := &jsonlist.List{W: io.Discard}
	if err := l.Add(func() {}); err == nil || l.N != 0 {
		t.Errorf("a function is written as JSON: %v, %d elements", err, l.N)
	}
}
