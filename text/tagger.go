package text

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/jdkato/prose/v2"
)

// tagger gives words their part of speech, in the tags of the Penn Treebank: the
// greedy averaged perceptron of Honnibal, as NLTK's PerceptronTagger has it
// (nltk/tag/perceptron.py): a word of the table has its tag, any other the class
// with the highest sum of weights over features of itself, its neighbours and the
// two tags before it.
//
// The weights are those that come with github.com/jdkato/prose (MIT License), which
// has the same features. Its own tagging is not used: it keeps equal words of a
// sentence as one, so that all get the tag of the last, breaks ties at random, and
// takes links and smileys apart.
type tagger struct {
	classes []string
	table   map[string]string             // word -> tag, for words that nearly always have it
	weights map[string]map[string]float64 // feature -> class -> weight
}

// english loads the tagger when it is first needed, in about 0.15 s; it keeps 27 MiB.
var english = sync.OnceValues(newTagger)

func newTagger() (*tagger, error) {
	t := &tagger{}
	for name, target := range map[string]any{"classes": &t.classes, "tags": &t.table, "weights": &t.weights} {
		data, err := prose.Asset("model/AveragedPerceptron/" + name + ".gob")
		if err == nil {
			err = gob.NewDecoder(bytes.NewReader(data)).Decode(target)
		}
		if err != nil {
			return nil, fmt.Errorf("text: the %s of the part-of-speech tagger: %w", name, err)
		}
	}
	return t, nil
}

// Words that stand before and after a sentence.
var (
	beforeSentence = []string{"-START-", "-START2-"}
	afterSentence  = []string{"-END-", "-END2-"}
)

// tag returns the tags of a sentence's words, none of which is empty.
func (t *tagger) tag(words []string) []string {
	context := append([]string{}, beforeSentence...)
	for _, w := range words {
		context = append(context, wordClass(w))
	}
	context = append(context, afterSentence...)
	tags := make([]string, len(words))
	last, beforeLast := beforeSentence[0], beforeSentence[1]
	for i, w := range words {
		tag, ok := t.table[w]
		if !ok {
			tag = t.best(features(w, context[i:], last, beforeLast))
		}
		tags[i] = tag
		last, beforeLast = tag, last
	}
	return tags
}

// features names what the perceptron looks at: word itself, the normalised words from
// two before it to two after it, and the two tags before it. The order is fixed, so
// that sums are the same at every run.
func features(word string, around []string, last, beforeLast string) []string {
	first, _ := utf8.DecodeRuneInString(word)
	return []string{
		"bias",
		"i suffix " + suffix(word),
		"i pref1 " + string(first),
		"i-1 tag " + last,
		"i-2 tag " + beforeLast,
		"i tag+i-2 tag " + last + " " + beforeLast,
		"i word " + around[2],
		"i-1 tag+i word " + last + " " + around[2],
		"i-1 word " + around[1],
		"i-1 suffix " + suffix(around[1]),
		"i-2 word " + around[0],
		"i+1 word " + around[3],
		"i+1 suffix " + suffix(around[3]),
		"i+2 word " + around[4],
	}
}

// best returns the class with the highest sum of weights; of equal ones the last by
// name, as NLTK does.
func (t *tagger) best(features []string) string {
	sums := map[string]float64{}
	for _, feature := range features {
		for class, weight := range t.weights[feature] {
			sums[class] += weight
		}
	}
	best := ""
	for _, class := range t.classes {
		if best == "" || sums[class] > sums[best] || sums[class] == sums[best] && class > best {
			best = class
		}
	}
	return best
}

// wordClass replaces words of which there is no end by a name of their kind.
func wordClass(word string) string {
	runes := []rune(word)
	digits := 0
	hyphen := false
	for i, r := range runes {
		hyphen = hyphen || i > 0 && r == '-'
		if unicode.IsDigit(r) {
			digits++
		}
	}
	switch {
	case hyphen && runes[0] != '-':
		return "!HYPHEN"
	case digits == len(runes) && digits == 4:
		return "!YEAR"
	case unicode.IsDigit(runes[0]):
		return "!DIGITS"
	}
	return word // lower case already
}

// suffix is the last three characters.
func suffix(word string) string {
	runes := []rune(word)
	return string(runes[max(len(runes)-3, 0):])
}
