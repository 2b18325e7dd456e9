package text

import (
	"strings"
	"testing"
)

// TestTreebank splits after the conventions of the Penn Treebank.
func TestTreebank(t *testing.T) {
	for sentence, want := range map[string]string{
		"": "",
		"good muffins cost $3.88 in new york.  please buy me two of them.": "good|muffins|cost|$|3.88|in|new|york|.|please|buy|me|two|of|them|.",
		"they'll save and invest more.":                                    "they|'ll|save|and|invest|more|.",
		"hi, my name can't hello,":                                         "hi|,|my|name|ca|n't|hello|,",
		"the man's dogs' hats":                                             "the|man|'s|dogs|'|hats",
		"a \"red\" car (new) [old] {x} <y>":                                "a|``|red|''|car|(|new|)|[|old|]|{|x|}|<|y|>",
		"(\"yes\") the man’s “hat” ‘a’":                                    "(|``|yes|''|)|the|man|'s|``|hat|''|'|a|'",
		"he said ''no'' -- and left...":                                    "he|said|``|no|''|--|and|left|...",
		"a u.s. flag by mr. smith in the u.s.":                             "a|u.s.|flag|by|mr.|smith|in|the|u.s|.",
		"3,5 cm at 10:30: a t-shirt; 5% & more?!":                          "3,5|cm|at|10:30|:|a|t-shirt|;|5|%|&|more|?|!",
		"(a dog.) barks":                                                   "(|a|dog|.|)|barks",
		"cannot gonna d'ye":                                                "can|not|gon|na|d|'ye",
		"'tis 'cat' 's ' ''":                                               "'|tis|'|cat|'|'s|'|``",
		"a.b.c a.b":                                                        "a.b.c|a.b",
		"``big'' `x":                                                       "``|big|''|`|x",
		"he'd've":                                                          "he|'d|'ve",
	} {
		runes := []rune(sentence)
		var got []string
		for _, w := range treebank(runes) {
			got = append(got, w.text)
		}
		if have := strings.Join(got, "|"); have != want {
			t.Errorf("%q\n is %s\nnot %s", sentence, have, want)
		}
	}
}

// TestTags wants the tags of sentences that are beyond doubt. A word that repeats
// has a tag at each place.
func TestTags(t *testing.T) {
	tagger, err := english()
	if err != nil {
		t.Fatal(err)
	}
	for sentence, want := range map[string]string{
		"a cat sits on a mat":         "DT NN VBZ IN DT NN",
		"two cats sit on a mat .":     "CD NNS VBP IN DT NN .",
		"the man saw the saw":         "DT NN VBD DT NN",
		"the play may play in a play": "DT NN MD VB IN DT NN",
		"she likes the 1998 model":    "PRP VBZ DT CD NN",
	} {
		if got := strings.Join(tagger.tag(strings.Fields(sentence)), " "); got != want {
			t.Errorf("%q: %s, want %s", sentence, got, want)
		}
	}
}

func TestWordClass(t *testing.T) {
	for word, want := range map[string]string{
		"t-shirt": "!HYPHEN", "-dog": "-dog", "1998": "!YEAR", "19980": "!DIGITS", "3d": "!DIGITS", "dog": "dog", "-": "-", "٣": "!DIGITS",
	} {
		if got := wordClass(word); got != want {
			t.Errorf("%q is %q, want %q", word, got, want)
		}
	}
}
