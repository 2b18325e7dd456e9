package main

import (
	"bytes"
	"testing"
)

// A list that is written element by element is the list written at once.
func TestArray(t *testing.T) {
	for _, list := range [][]any{{}, {1}, {map[string]any{"a": "<&>", "b": []int{1, 2}}, "x", nil}} {
		var parts, whole bytes.Buffer
		a := &array{w: &parts}
		for _, v := range list {
			if err := a.add(v); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(&whole, list); err != nil {
			t.Fatal(err)
		}
		if parts.String() != whole.String() {
			t.Errorf("%s\nwant\n%s", parts.String(), whole.String())
		}
	}
	if err := (&array{w: &bytes.Buffer{}}).add(func() {}); err == nil {
		t.Error("a function is written as JSON")
	}
}
