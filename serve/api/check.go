package api

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Check refuses a question that cannot be answered whatever its pictures show: before memory or work is spent on it.
func (q *Question) Check(l Limits) error {
	l = l.Or()
	switch {
	case len(q.Pictures) == 0:
		return Refuse(BadRequest, "there is no picture")
	case len(q.Pictures) > l.Pictures:
		return Refuse(TooLarge, "%d pictures, at most %d are taken at a time (--max-pictures)", len(q.Pictures), l.Pictures)
	case len(q.ID) > l.ID:
		return Refuse(BadRequest, "the request's ID has %d bytes, at most %d are taken (--max-id)", len(q.ID), l.ID)
	case !utf8.ValidString(q.ID):
		return Refuse(BadRequest, "the request's ID is not in UTF-8")
	}
	for i, p := range q.Pictures {
		if len(p.Data) == 0 && p.Kept == "" {
			return Refuse(BadPicture, "picture %d is empty", i+1)
		}
	}
	if err := q.words(l); err != nil {
		return err
	}
	return q.numbers()
}

// words refuses what is to be looked for.
func (q *Question) words(l Limits) error {
	switch {
	case len(q.Classes) > 0 && len(q.Texts)+len(q.Phrases)+len(q.Spans) > 0:
		return Refuse(BadQuery, "classes stand alone: leave out the text, phrases and spans, or the classes")
	case len(q.Classes)+len(q.Texts)+len(q.Phrases) == 0:
		return Refuse(BadQuery, "there is nothing to look for: give a text, phrases or classes")
	case len(q.Texts) > 1 && len(q.Texts) != len(q.Pictures):
		return Refuse(BadQuery, "%d texts for %d pictures: give one for all, or one for each", len(q.Texts), len(q.Pictures))
	case len(q.Spans) > 0 && len(q.Texts) != 1:
		return Refuse(BadQuery, "spans are of one text, here are %d", len(q.Texts))
	case q.Form != "" && q.Form != "eval" && q.Form != "demo":
		return Refuse(BadQuery, "prompt_form is %q, want eval or demo", Cut(q.Form))
	}
	for _, list := range []struct {
		name, flag string
		words      []string
		most, long int
	}{
		{"text", "--max-sentence", q.Texts, l.Pictures, l.Sentence},
		{"phrase", "--max-phrase", q.Phrases, l.Phrases, l.Phrase},
		{"class", "--max-phrase", q.Classes, l.Phrases, l.Phrase},
	} {
		if len(list.words) > list.most {
			return Refuse(TooLarge, "%d of %s, at most %d are taken (--max-phrases)", len(list.words), list.name, list.most)
		}
		for i, w := range list.words {
			switch {
			case len(w) > list.long:
				return Refuse(TooLarge, "%s %d has %d bytes, at most %d are taken (%s)", list.name, i+1, len(w), list.long, list.flag)
			case !utf8.ValidString(w):
				return Refuse(BadQuery, "%s %d is not in UTF-8", list.name, i+1)
			case strings.TrimSpace(w) == "":
				return Refuse(BadQuery, "%s %d is empty", list.name, i+1)
			}
		}
	}
	if len(q.Spans) > l.Phrases {
		return Refuse(TooLarge, "%d spans, at most %d are taken (--max-phrases)", len(q.Spans), l.Phrases)
	}
	for i, s := range q.Spans {
		if characters := utf8.RuneCountInString(q.Texts[0]); s[0] < 0 || s[0] >= s[1] || s[1] > characters {
			return Refuse(BadQuery, "span %d is [%d, %d), want one within the %d characters of the text that is not empty", i+1, s[0], s[1], characters)
		}
	}
	return nil
}

// numbers refuses what a request sets.
func (q *Question) numbers() error {
	share := func(v *float64) bool { return v == nil || *v >= 0 && *v <= 1 }
	switch {
	case !share(q.Threshold):
		return Refuse(BadRequest, "threshold is %v, want 0 to 1", *q.Threshold)
	case !share(q.IoU):
		return Refuse(BadRequest, "iou is %v, want 0 to 1", *q.IoU)
	case q.Max != nil && (*q.Max < 1 || *q.Max > math.MaxInt32):
		return Refuse(BadRequest, "max_detections is %d, want 1 or more", *q.Max)
	case q.Priority < Default || q.Priority > Low:
		return Refuse(BadRequest, "priority is %d, want 0 (the default), 1 (high) or 2 (low)", q.Priority)
	case q.Timeout < 0:
		return Refuse(BadRequest, "timeout is %v, want none below 0", q.Timeout)
	}
	return nil
}
