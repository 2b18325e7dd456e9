package text_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

func TestParts(t *testing.T) {
	for caption, want := range map[string]string{
		"":                   "",
		". . .":              "",
		"a cat":              "",
		"cat":                "",
		"a cat. ":            "",
		"The hat is 3.5 cm.": "",
		"person. bicycle. traffic light. small dog.": "person|bicycle|traffic light|small dog",
		"person . traffic light . ":                  "person|traffic light",
		"remote control .":                           "remote control",
		"café .\t3.5 kg.\n\n. . the  end":            "café|3.5 kg|the  end",
		"\u00a0x\u2003.\u2003y\u00a0.":               "x|y",
		"a.b. c":                                     "",
		"a. b. c":                                    "a|b|c",
		"person.car.dog":                             "person|car|dog",
		"person.car.dog.":                            "person|car|dog",
		"Person.Traffic Light.Dog":                   "Person|Traffic Light|Dog",
		"couch. oven. stop sign":                     "couch|oven|stop sign",
		"a remote control. a red car. a bus":         "a remote control|a red car|a bus",
		"a person on a bike. a traffic light":        "a person on a bike|a traffic light",
		"st. bernard. poodle":                        "st. bernard|poodle",
		"St.Bernard dog. poodle":                     "St.Bernard dog|poodle",
		"2.5 litre bottle. cup":                      "2.5 litre bottle|cup",
		"U.S. flag. car":                             "U.S. flag|car",
		"no. 5 bus. car":                             "no. 5 bus|car",
		"size 5. cup":                                "size 5|cup",

		"cat|dog|bird":                   "cat|dog|bird",
		"cat | hot dog |bird|":           "cat|hot dog|bird",
		"cat|":                           "cat",
		"|cat||dog":                      "cat|dog",
		"the man who runs | he":          "the man who runs|he",
		"cat\ndog\r\nstop sign\n":        "cat|dog|stop sign",
		"- cat\n- hot dog\n* bird":       "cat|hot dog|bird",
		"1. cat\n2. dog\n10) bird.":      "cat|dog|bird",
		"• cat • dog":                    "cat|dog",
		"cat\tdog":                       "cat|dog",
		"cat; hot dog; bird;":            "cat|hot dog|bird",
		"cat/dog/bird":                   "cat|dog|bird",
		"cat / hot dog / bird":           "cat|hot dog|bird",
		"cat, dog, bird":                 "cat|dog|bird",
		"cats, dogs, and birds":          "cats|dogs|birds",
		"running shoes, kite":            "running shoes|kite",
		"cat, dog; bird | fish. red car": "cat|dog|bird|fish|red car",
		"dog (small, brown), cat":        "dog (small, brown)|cat",
		"['cat', \"hot dog\"]":           "cat|hot dog",
		"猫、狗、鸟":                          "猫|狗|鸟",
		"🐶 . 🐱":                          "🐶|🐱",
		"猫，狗。鸟；鱼":                        "猫|狗|鸟|鱼",

		"a man walks. a dog barks.":            "",
		"A cat sits on a mat.":                 "",
		"A cat sits on a mat. The dog sleeps.": "",
		"The cat is here. A dog.":              "",
		"A cat sat.It is raining":              "",
		"There is a cat. There is a dog.":      "",
		"a cat... and a dog":                   "",
		"a dog, e.g. a poodle":                 "",
		"e.g. a poodle":                        "",
		"Mr. Smith's dog":                      "",
		"J. Smith and his dog":                 "",
		"a bottle of 2.5 litres":               "",
		"3,000 people":                         "",
		"a big, red, shiny car":                "",
		"a cat, sitting on a mat":              "",
		"a dog, a cat and a bird":              "",
		"a man/woman on a bike":                "",
		"he/she":                               "",
		"a cat w/ whiskers":                    "",
		"open 24/7":                            "",
		"https://example":                      "",
		"an a/c unit":                          "",
		"a cat sitting on\na mat":              "",
		"is there a cat? a dog.":               "",
		"the very long description of a thing by a person. dog.": "",
		"1. 2. 3.": "",
	} {
		var got []string
		for _, s := range text.Parts(caption) {
			got = append(got, string([]rune(caption)[s.Begin:s.End]))
		}
		if have := strings.Join(got, "|"); have != want {
			t.Errorf("%q has the parts %q, want %q", caption, have, want)
		}
	}
}

func TestSilent(t *testing.T) {
	long := strings.Repeat("word ", 300)
	for _, tc := range []struct {
		name   string
		prompt text.Prompt
		want   []string
	}{
		{"all heard", list(t, "cat", "dog"), nil},
		{"empty names", list(t, "cat", "", "(dog)", "\u200b"), []string{"", "(dog)", "\u200b"}},
		{"unknown is a token", list(t, "\U0001f436"), nil},
		{"behind the end", text.Prompt{Text: long, Labels: []text.Label{
			{Name: "read", Span: text.Span{Begin: 253 * 5, End: 253*5 + 4}}, // its token is 254
			{Name: "cut", Span: text.Span{Begin: 254 * 5, End: 254*5 + 4}},
			{Name: "half", Span: text.Span{Begin: 253 * 5, End: 254*5 + 4}},
		}}, []string{"cut"}},
	} {
		silent, err := text.BERT().Silent(tc.prompt)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, label := range silent {
			got = append(got, label.Name)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	for _, bad := range []text.Prompt{{Text: "\xff"}, {Text: "cat", Labels: []text.Label{{Span: text.Span{Begin: 2, End: 9}}}}} {
		if _, err := text.BERT().Silent(bad); !errors.Is(err, text.ErrCaption) {
			t.Errorf("%+v: error %v", bad, err)
		}
	}
}

func list(t *testing.T, names ...string) text.Prompt {
	t.Helper()
	prompt, err := text.List{Names: names}.Prompt()
	if err != nil {
		t.Fatal(err)
	}
	return prompt
}

// A caption that is a list is looked for as one, in the form of training, and in several
// captions where one does not hold it; every name stands in the text.
func TestListQuery(t *testing.T) {
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("thing %d", i))
	}
	for _, tc := range []struct {
		name, caption string
		captions      int
		first         string
		labels        []string
	}{
		{"stops", "person. stop sign. couch.", 1, "person. stop sign. couch.", []string{"person", "stop sign", "couch"}},
		{"no spaces", "person.car.dog", 1, "person.car.dog", []string{"person", "car", "dog"}},
		{"bars", "cat|hot dog (small)|Bird", 1, "cat. hot dog (small). Bird", []string{"cat", "hot dog (small)", "Bird"}},
		{"lines", "cat\n- dog\n", 1, "cat. dog", []string{"cat", "dog"}},
		{"mixed", "cat; dog. bird", 1, "cat. dog. bird", []string{"cat", "dog", "bird"}},
		{"sentence", "A stop sign. It is red.", 1, "A stop sign. It is red.", []string{"a stop sign"}},
		{"letters with stops", "a U.S. flag", 1, "a U.S. flag", []string{"a u.s. flag"}},
		{"many, in stops", strings.Join(many, ". "), 3, strings.Join(many[:40], ". "), many},
		{"many, in lines", strings.Join(many, "\n"), 3, strings.Join(many[:40], ". "), many},
		{"long, in stops", strings.Repeat("stop sign. ", 79) + "couch", 1, strings.Repeat("stop sign. ", 79) + "couch", append(slices.Repeat([]string{"stop sign"}, 79), "couch")},
		{"longer, in stops", strings.Repeat("red stop sign. ", 79) + "couch", 2, "", append(slices.Repeat([]string{"red stop sign"}, 79), "couch")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			prompts, err := text.Query{Caption: tc.caption}.Prompts(text.BERT())
			if err != nil {
				t.Fatal(err)
			}
			if len(prompts) != tc.captions || tc.first != "" && prompts[0].Text != tc.first {
				t.Errorf("%d captions, the first %q", len(prompts), prompts[0].Text)
			}
			var labels []string
			for _, p := range prompts {
				for _, l := range p.Labels {
					labels = append(labels, l.Name)
				}
			}
			if !slices.Equal(labels, tc.labels) {
				t.Errorf("labels %q", labels)
			}
			for _, l := range labels {
				if !strings.Contains(strings.ToLower(tc.caption), strings.ToLower(l)) {
					t.Errorf("%q does not stand in the text", l)
				}
			}
		})
	}
}

func TestUnsaid(t *testing.T) {
	for caption, want := range map[string]string{
		"a cat sits on the mat":               "sits",
		"stop signs and two red-hot Ovens":    "two",
		"there is a cat":                      "",
		"the dog's bone, quickly, quickly!":   "quickly",
		"a bird":                              "",
		"\u00e9t\u00e9 3.5 is here, his hats": "\u00e9t\u00e9 3.5 here",
	} {
		prompts, err := text.Query{Caption: caption}.Prompts(text.BERT())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(prompts[0].Unsaid(), " "); got != want {
			t.Errorf("%q: %q is left, want %q", caption, got, want)
		}
	}
}

// FuzzParts takes any text: the names lie in it, in order, and are none of them empty.
func FuzzParts(f *testing.F) {
	for _, s := range []string{"a. b. c", "cat|(dog, bird", "1. x\n2) y", "e.g. a.b.c", "['a', \"b\"]", "\xff|", "猫、狗", "a/b and/or c/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, caption string) {
		at, length := 0, len([]rune(caption))
		for _, s := range text.Parts(caption) {
			if s.Begin < at || s.End <= s.Begin || s.End > length {
				t.Fatalf("%q: part %v after %d", caption, s, at)
			}
			at = s.End
		}
	})
}
