package text

import (
	"fmt"
	"unicode/utf8"
)

// What is looked at of a query, however long the time and large the machine. The model
// itself reads [MaxTokens] tokens of a caption.
const (
	MaxCaption = 1 << 16 // bytes of a caption
	MaxName    = 1 << 14 // bytes of a name or phrase
	MaxNames   = 1 << 15 // names of a list, or phrases and spans of a caption
)

// short refuses text that is longer than most bytes, before anything else is done with it.
func short(text string, most int) error {
	if len(text) > most {
		return fmt.Errorf("%w: %d bytes are too many, at most %d are read: shorten it", ErrCaption, len(text), most)
	}
	return nil
}

// readable refuses text that is longer than most bytes or not UTF-8.
func readable(text string, most int) error {
	if err := short(text, most); err != nil {
		return err
	}
	return valid(text)
}

// few refuses more names than are read.
func few(n int, what string) error {
	if n > MaxNames {
		return fmt.Errorf("%w: %d %s are too many, at most %d are read: make several queries of them", ErrCaption, n, what, MaxNames)
	}
	return nil
}

// valid refuses text that is not UTF-8, naming the first bad byte.
func valid(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	for i, r := range text {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
			return fmt.Errorf("%w: byte %d (0x%02x) is not UTF-8; save the text as UTF-8", ErrCaption, i, text[i])
		}
	}
	return nil
}
