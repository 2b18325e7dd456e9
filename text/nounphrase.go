package text

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// ErrNoPhrase: no noun phrase was found in the sentence. It comes with [ErrCaption].
// Say with phrases or spans what to look for.
var ErrNoPhrase = errors.New("no noun phrase found")

// deleted are the characters that a phrase loses (remove_punctuation of
// predictor_glip.py).
const deleted = "|:;@()[]{}^'\"’`?$%#!&*+,."

// NounPhrases finds the noun phrases of an English sentence, in order, for [Ground].
// Each has its own span, also where two read the same, and the phrase that GLIP would
// name it by: lower case, single spaces, without punctuation, unless no such name stands
// in the sentence.
//
// It does what run_ner of maskrcnn_benchmark/engine/predictor_glip.py does with NLTK:
// lower case, the words of the Penn Treebank, their parts of speech by an averaged
// perceptron, and of these an optional determiner, any adjectives and one or more
// nouns; possessives, numbers and participles are not part of a phrase. What differs:
//   - the weights of the perceptron are those of github.com/jdkato/prose, of the same
//     features and training text (Wall Street Journal); single words may be tagged
//     otherwise, and like NLTK it errs on captions without a verb;
//   - sentences end by a plain rule and not by NLTK's trained one;
//   - every phrase is a label at its own place. GLIP searches for each as a regular
//     expression, so that one that repeats, or stands within a longer word, makes more
//     labels than names.
//
// A sentence that is longer than [MaxCaption] or not UTF-8 is an error that wraps [ErrCaption]; one without a noun
// phrase, an empty one among them, wraps [ErrNoPhrase] too.
func NounPhrases(sentence string) ([]Entity, error) {
	if err := readable(sentence, MaxCaption); err != nil {
		return nil, fmt.Errorf("text: sentence: %w", err)
	}
	t, err := english()
	if err != nil {
		return nil, err
	}
	runes := []rune(sentence)
	for i, r := range runes {
		runes[i] = unicode.ToLower(r)
	}
	places := treebank(runes)
	words := make([]string, len(places))
	for i, p := range places {
		words[i] = p.text
	}
	var found []Entity
	for _, c := range chunks(t.tag(words)) {
		if entity, ok := nounPhrase(runes, places[c.Begin:c.End]); ok {
			found = append(found, entity)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("text: %w: %w in %s; say with phrases or spans what to look for", ErrCaption, ErrNoPhrase, quote(sentence))
	}
	return found, nil
}

// chunks returns the runs of tags that are a noun phrase, as spans of words: DT or
// none, any JJ, JJR, JJS, and at least one of NN, NNS, NNP, NNPS, each run from the left
// and as long as can be.
func chunks(tags []string) []Span {
	var runs []Span
	for i := 0; i < len(tags); {
		end := i
		if tags[end] == "DT" {
			end++
		}
		for end < len(tags) && strings.HasPrefix(tags[end], "JJ") {
			end++
		}
		nouns := end
		for end < len(tags) && strings.HasPrefix(tags[end], "NN") {
			end++
		}
		if end == nouns {
			i++
			continue
		}
		runs = append(runs, Span{i, end})
		i = end
	}
	return runs
}

// nounPhrase makes an entity of neighbouring words: its span without the spaces and
// deleted characters at its ends. False if nothing is left.
func nounPhrase(runes []rune, words []word) (Entity, bool) {
	idle := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(deleted, r) }
	var kept []string
	for _, w := range words {
		left := slices.DeleteFunc(slices.Clone(runes[w.begin:w.end]), idle)
		if len(left) > 0 {
			kept = append(kept, string(left))
		}
	}
	if len(kept) == 0 {
		return Entity{}, false
	}
	span := Span{words[0].begin, words[len(words)-1].end}
	for idle(runes[span.Begin]) {
		span.Begin++
	}
	for idle(runes[span.End-1]) {
		span.End--
	}
	phrase, covered := strings.Join(kept, " "), strings.Join(strings.Fields(string(runes[span.Begin:span.End])), " ")
	if !strings.Contains(covered, phrase) {
		phrase = covered // a name that stands in the text: "u.s. flag", which GLIP would call "us flag"
	}
	return Entity{Phrase: phrase, Span: &span}, true
}
