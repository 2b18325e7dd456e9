package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

// tokens runs "glip tokens --format json".
func tokens(t *testing.T, args ...string) tokensDocument {
	t.Helper()
	o := glip(t, append([]string{"tokens", "--format", "json"}, args...)...)
	if o.code != 0 {
		t.Fatalf("%q: exit status %d, %s", args, o.code, o.stderr)
	}
	var doc tokensDocument
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// labels writes what a document says of its phrases: label, phrase, tokens.
func (d tokensDocument) labels() string {
	var all []string
	for _, p := range d.Prompts {
		for _, l := range p.Phrases {
			all = append(all, fmt.Sprintf("%d %s %v", l.Label, l.Phrase, l.Tokens))
		}
	}
	return strings.Join(all, ", ")
}

func TestTokens(t *testing.T) {
	names := filepath.Join(t.TempDir(), "names.txt")
	if err := os.WriteFile(names, []byte("\ufeffperson\r\n\n  hair_drier  \nbow_(ribbon)"), 0o600); err != nil {
		t.Fatal(err)
	}
	tiny := filepath.Join("..", "..", "text", "testdata", "tiny-vocab.txt")
	for _, tc := range []struct {
		name    string
		args    []string
		caption string
		labels  string
	}{
		{"separators", []string{"person. bicycle. traffic light. small dog."}, "person. bicycle. traffic light. small dog.",
			"1 person [1], 2 bicycle [3], 3 traffic light [5 6], 4 small dog [8 9]"},
		{"the demo's separators", []string{"very quickly . cat . "}, "very quickly . cat . ", "1 very quickly [1 2], 2 cat [4]"},
		{"a sentence", []string{"bobble heads on top of the shelf"}, "bobble heads on top of the shelf",
			"1 bobble heads [1 2 3], 2 top [5], 3 the shelf [7 8]"},
		{"a text and a phrase", []string{"--phrase", "TOP", "--span", "0:6", "bobble heads. on top"}, "bobble heads. on top", "1 TOP [6], 2 bobble [1 2]"},
		{"nothing to look for", []string{"very quickly"}, "very quickly", ""},
		{"--text is a sentence", []string{"--text", "a man walks. a dog barks"}, "a man walks. a dog barks", "1 a man walks [1 2 3], 2 a dog barks [5 6 7 8]"},
		{"bars", []string{"--text", "cat|hot dog|bird"}, "cat. hot dog. bird", "1 cat [1], 2 hot dog [3 4], 3 bird [6]"},
		{"stops alone", []string{"--text", "person.car.dog"}, "person.car.dog", "1 person [1], 2 car [3], 3 dog [5]"},
		{"classes", []string{"--class", "person", "--class", "hair, drier"}, "person. hair, drier", "1 person [1], 2 hair, drier [3 4 5 6]"},
		{"a file of classes", []string{"--classes", names}, "person. hair drier. bow ", "1 person [1], 2 hair_drier [3 4 5], 3 bow_(ribbon) [7]"},
		{"the demo's form", []string{"--classes", names, "--prompt-form", "demo"}, "person . hair_drier . bow_(ribbon) . ",
			"1 person [1], 2 hair_drier [3 4 5 6], 3 bow_(ribbon) [8 9 10 11 12]"},
		{"phrases alone", []string{"--phrase", "a cat", "--phrase", "a dog"}, "a cat. a dog", "1 a cat [1 2], 2 a dog [4 5]"},
		{"another vocabulary", []string{"--vocab", tiny, "--class", "person"}, "person", "1 person [1]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc := tokens(t, tc.args...)
			if got := doc.labels(); got != tc.labels {
				t.Errorf("phrases %s, want %s", got, tc.labels)
			}
			if len(doc.Prompts) != 1 || doc.Prompts[0].Caption != tc.caption {
				t.Errorf("captions %+v, want %q", doc.Prompts, tc.caption)
			}
		})
	}
}

// The tokens of a document are those of the library, and say who owns them.
func TestTokensDocument(t *testing.T) {
	doc := tokens(t, "--text", "a red cat", "--phrase", "red cat", "--phrase", "cat")
	want, err := text.BERT().Encode("a red cat")
	if err != nil {
		t.Fatal(err)
	}
	owners := [][]int{{}, {}, {1}, {1, 2}, {}}
	for i, token := range doc.Prompts[0].Tokens {
		w := want.Tokens[i]
		if token.Index != i || token.ID != w.ID || token.Token != w.Text || token.Begin != w.Begin || token.End != w.End ||
			!token.Read || !slices.Equal(token.Labels, owners[i]) {
			t.Errorf("token %+v, want %+v of %v", token, w, owners[i])
		}
	}
}

// A long list is several captions whose labels go on counting; a long caption is read up
// to its 254th word.
func TestTokensLong(t *testing.T) {
	var args []string
	for i := range 100 {
		args = append(args, "--class", fmt.Sprintf("thing %d", i))
	}
	doc := tokens(t, args...)
	if len(doc.Prompts) != 3 || doc.Prompts[2].Phrases[0].Label != 81 || doc.Prompts[2].Phrases[19].Phrase != "thing 99" {
		t.Errorf("%d captions, labels %s", len(doc.Prompts), doc.labels())
	}
	doc = tokens(t, "--phrase", "cat", "cat"+strings.Repeat(" word", 300))
	for i, token := range doc.Prompts[0].Tokens {
		if token.Read != (i < 255) {
			t.Fatalf("token %d is read: %v", i, token.Read)
		}
	}
	if o := glip(t, "tokens", "--phrase", "cat", "cat"+strings.Repeat(" word", 300)); strings.Count(o.stdout, "(not read") != 303-255 {
		t.Errorf("%d tokens are marked as not read", strings.Count(o.stdout, "(not read"))
	}
}

// The table shows every token once and has no space at the end of a line.
func TestTokensTable(t *testing.T) {
	o := glip(t, "tokens", "--class", "cat", "--class", "", "--class", "small dog")
	want := `caption: "cat. . small dog", 7 tokens

index  id    token  place  phrase
0      101   [CLS]
1      4937  cat    0:3    1 "cat"
2      1012  .      3:4
3      1012  .      5:6
4      2235  small  7:12   3 "small dog"
5      3899  dog    13:16  3 "small dog"
6      102   [SEP]

label  phrase       place  tokens
1      "cat"        0:3    1
2      ""                  none: never found
3      "small dog"  7:16   4 5
`
	if o.code != 0 || o.stdout != want || !strings.Contains(o.stderr, `never found, for no token that the model reads stands for them: ""`) {
		t.Errorf("exit status %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
}

func TestTokensExitCodes(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.txt")
	if err := os.WriteFile(empty, []byte("\n \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := "cat" + strings.Repeat(" word", 2000) // 10,000 characters
	for _, row := range []exitRow{
		{"a long caption", []string{long, "--phrase", "cat"}, 0, "1 \"cat\""},
		{"unknown tokens", []string{"\U0001f436 . \U0001f431"}, 0, "[UNK]"},
		{"nothing", nil, 2, "nothing to look for"},
		{"empty", []string{""}, 2, "empty"},
		{"empty text", []string{"--text", ""}, 2, "--text is empty"},
		{"two texts", []string{"a", "b"}, 2, "quotation marks"},
		{"text twice", []string{"a", "--text", "b"}, 2, "exclude"},
		{"text and class", []string{"a", "--class", "b"}, 2, "exclude"},
		{"class and classes", []string{"--class", "a", "--classes", empty}, 2, "exclude"},
		{"class and phrase", []string{"--class", "a", "--phrase", "b"}, 2, "exclude"},
		{"form of a sentence", []string{"--text", "a cat", "--prompt-form", "demo"}, 2, "already"},
		{"bad form", []string{"--class", "a", "--prompt-form", "x"}, 2, "eval or demo"},
		{"bad format", []string{"a", "--format", "coco"}, 2, "table or json"},
		{"no names", []string{"--classes", empty}, 2, "holds no name"},
		{"no file of names", []string{"--classes", filepath.Join(dir, "none")}, 2, "none"},
		{"no vocabulary", []string{"--vocab", filepath.Join(dir, "none"), "a"}, 2, "--vocab"},
		{"no noun phrase", []string{"--text", ". . ."}, 2, "--phrase"},
		{"phrase elsewhere", []string{"a cat", "--phrase", "dog"}, 2, "does not stand"},
		{"phrase that is cut off", []string{long, "--span", "9990:9994"}, 2, "no token"},
		{"span outside", []string{"a cat", "--span", "3:9"}, 2, "[3, 9)"},
		{"span of nothing", []string{"--span", "3:9"}, 2, "caption"},
		{"bad span", []string{"a cat", "--span", "3-9"}, 2, "BEGIN:END"},
		{"backward span", []string{"a cat", "--span", "3:2"}, 2, "BEGIN:END"},
		{"negative span", []string{"a cat", "--span=-1:2"}, 2, "BEGIN:END"},
		{"not UTF-8", []string{"caf\xe9"}, 2, "UTF-8"},
		{"phrase not UTF-8", []string{"a cat", "--phrase", "\xff"}, 2, "UTF-8"},
		{"class not UTF-8", []string{"--class", "\xff"}, 2, "UTF-8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := glip(t, append([]string{"tokens"}, row.args...)...)
			out := o.stderr
			if row.code == 0 {
				out = o.stdout
			}
			if o.code != row.code || !strings.Contains(out, row.word) || (row.code != 0) != (o.stdout == "") {
				t.Errorf("exit status %d, want %d and %q\nstdout: %s\nstderr: %s", o.code, row.code, row.word, o.stdout, o.stderr)
			}
		})
	}
}

// How a text is taken, and what of it is not looked for, is said on stderr, by detect as well.
func TestTextRemarks(t *testing.T) {
	d := newDesk(t)
	d.write(t, "line.txt", []byte("person, stop sign, hot dog\n"))
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"--text", "stop sign. couch. oven"}, `glip: the text is taken as a list of 3 names: "stop sign" "couch" "oven"` + "\n"},
		{[]string{"--text", "a|b|c|d|e|f|g"}, `a list of 7 names: "a" "b" "c" "d" "e" and 2 more` + "\n"},
		{[]string{"--text", "two cats sit on a mat"}, `glip: not looked for, being in no noun phrase of the text (--phrase names more): "two"`},
		{[]string{"--classes", d.path("line.txt")}, "its one line is taken as a list of 3 names"},
		{[]string{"--text", "a cat on a mat"}, ""},
		{[]string{"--text", "a. cat sits", "--phrase", "cat"}, ""},
		{[]string{"--class", "cat. dog", "--class", "a|b"}, ""},
	} {
		for _, command := range [][]string{{"tokens"}, tinyDetect(d.path("none.png"))} {
			o := glip(t, append(command, tc.args...)...)
			said, _, _ := strings.Cut(o.stderr, "glip: picture: ") // which is not there
			if (said != "") != (tc.says != "") || !strings.Contains(said, tc.says) {
				t.Errorf("%s %q: %q, want %q", command[0], tc.args, o.stderr, tc.says)
			}
		}
	}
}
