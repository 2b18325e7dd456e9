package guard

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// longest is what of a stranger's text goes into a log or a sentence, in bytes.
const longest = 200

// Quote makes a stranger's text fit for a log: at most 200 bytes of it, in quotes, without line breaks, control
// characters or bytes that are no text. Sentences, labels and IDs are logged so, at debug alone; bodies and tokens never.
func Quote(s string) string {
	if len(s) <= longest {
		return strconv.Quote(s)
	}
	return strconv.Quote(Cut(s)) + "..."
}

// Cut is the first 200 bytes of a text, without a character in part.
func Cut(s string) string {
	if len(s) <= longest {
		return s
	}
	end := longest
	for end > longest-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.Clone(s[:end]) // a log line need not keep the whole alive
}
