package text

import "unicode"

// Parts returns where the parts of a caption lie that stand between separators, as in
// "person. traffic light. dog" and "person . traffic light . dog . ": a full stop that
// white space follows parts what is before it from what is behind. A stop at the end
// belongs to no part, nor does the space around a part, and a part of nothing else is
// left out. A caption of fewer than two parts has none: it is a sentence.
func Parts(caption string) []Span {
	runes := []rune(caption)
	var parts []Span
	begin := 0
	for i := 0; i <= len(runes); i++ {
		if i < len(runes) && (runes[i] != '.' || i+1 < len(runes) && !unicode.IsSpace(runes[i+1])) {
			continue
		}
		part := Span{begin, i}
		for part.Begin < part.End && unicode.IsSpace(runes[part.Begin]) {
			part.Begin++
		}
		for part.End > part.Begin && unicode.IsSpace(runes[part.End-1]) {
			part.End--
		}
		if part.End > part.Begin {
			parts = append(parts, part)
		}
		begin = i + 1
	}
	if len(parts) < 2 {
		return nil
	}
	return parts
}
