package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

// What is held out is fixed: a model that was trained knows it no other way.
func TestSplit(t *testing.T) {
	s := divide()
	var novel, unseen []string
	for _, k := range s.novel {
		novel = append(novel, k.phrase())
	}
	for _, k := range s.unseen {
		unseen = append(unseen, k.phrase())
	}
	if got, want := strings.Join(novel, " "), "owl bear lion strawberry cake lemon cherry bell star sun"; got != want {
		t.Errorf("novel names %s, want %s", got, want)
	}
	if sum := hash(strings.Join(unseen, ";")); len(unseen) != 64 || len(s.pairs) != 272 || len(s.names) != 48 || sum != 0x813e248354ce1474 {
		t.Errorf("%d names, %d pairs, %d unseen ones of the sum %#x: %q", len(s.names), len(s.pairs), len(unseen), sum, unseen)
	}
	trained := map[int]int{}
	for _, k := range s.pairs {
		trained[k.word]++
	}
	for _, k := range s.names {
		if trained[k.word] < 3 {
			t.Errorf("%s is trained in %d colours", k.phrase(), trained[k.word])
		}
	}
}

// Every name is a word of BERT's, and no two are the same.
func TestWords(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range words {
		encoding, err := text.BERT().Encode(w.name)
		if err != nil || len(encoding.IDs()) != 3 || seen[w.name] || seen[w.emoji] {
			t.Errorf("%+v: %v, %d tokens", w, err, len(encoding.IDs()))
		}
		seen[w.name], seen[w.emoji] = true, true
	}
}

// The vocabulary is BERT's in its order, and says all that is said of the world in the same tokens.
func TestVocabulary(t *testing.T) {
	data, err := vocabulary()
	if err != nil {
		t.Fatal(err)
	}
	small, err := text.Read(bytes.NewReader(data))
	if err != nil || small.Size() < 600 || small.Size() > 1000 {
		t.Fatalf("%v, %d tokens", err, small.Size())
	}
	at := int32(0)
	for id := range int32(small.Size()) {
		token, _ := small.Token(id)
		for {
			other, ok := text.BERT().Token(at)
			if !ok {
				t.Fatalf("%s is not BERT's, or out of order", token)
			}
			if at++; other == token {
				break
			}
		}
	}
	sentences := []string{"there are two pink fish and a house, a photo of 3 red things.", strings.Join(openings, " "), strings.Join(counts, " "),
		"above below near beside next to with and is are", strings.Join(strings.Fields(common), " ")}
	for _, w := range words {
		sentences = append(sentences, "an orange "+w.name+" "+w.plural+text.Separator+w.emoji)
	}
	for _, s := range sentences {
		a, _ := small.Encode(s)
		b, _ := text.BERT().Encode(s)
		for i := range a.Tokens {
			if i >= len(b.Tokens) || a.Tokens[i].Text != b.Tokens[i].Text {
				t.Errorf("%q: %v, want %v", s, a.Tokens, b.Tokens)
				break
			}
		}
	}
}
