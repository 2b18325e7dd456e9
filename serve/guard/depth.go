package guard

import (
	"bytes"

	"github.com/glipvk/glipvk/serve/api"
)

// Depth refuses JSON whose arrays and objects are nested deeper than limit, before a decoder builds them. It reads no
// more of JSON than strings and brackets: what is none is for the decoder to refuse.
func Depth(data []byte, limit int) error {
	depth := 0
	for len(data) > 0 {
		switch data[0] {
		case '"':
			end := stringEnd(data[1:])
			if end < 0 {
				return nil // which no decoder takes
			}
			data = data[1+end:]
		case '[', '{':
			if depth++; depth > limit {
				return api.Refuse(api.BadRequest, "the JSON is nested deeper than %d", limit)
			}
		case ']', '}':
			depth--
		}
		data = data[1:]
	}
	return nil
}

// stringEnd is where the quote is that ends a string, -1 if none does. A picture's base64 has no backslash, and is passed
// over as fast as memory goes.
func stringEnd(data []byte) int {
	for at := 0; ; {
		quote := bytes.IndexByte(data[at:], '"')
		if quote < 0 {
			return -1
		}
		back := bytes.IndexByte(data[at:at+quote], '\\')
		if back < 0 {
			return at + quote
		}
		if at += back + 2; at > len(data) {
			return -1
		}
	}
}
