package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/text"
)

// common are words of English that users write about pictures, besides those of the world.
const common = `
a about above across after again all almost along also always am among an and animal animals another any are around as at away back be
because bed been before behind below beneath beside best better between big black both bottom boy boys bright brown but by can child
children clear close cold color colors colour come corner could dark day did different do does down drawing drawn each early eat eight
empty end even ever every eye eyes face far fast few field find first five flat floor fly food foot for four friend from front full get
girl girls give glass go goes going good gray great green grey ground group had half hand hands happy has have he head her here high him
his hold holding home hot how i if image in inside into is it its just keep kind kitchen know large last left leg legs less let life
light like line little long look looking made make man many may me men middle might more most mouth move much must my near never new
next nice night nine no nose not nothing now number object objects of off old on once one only open or other our out outside over own
paint painted part people person photo photograph picture pictures piece place plate please point red rest right road room round run
running same sat saw say scene sea second see seen seven several shape she shop show showing shown side sit sitting six sky sleep
sleeping small so some something soon stand standing still stop street strong table tail tall ten than that the their them then there
these they thing things this those three through time tiny to today together too top toward town toy toys turn two under up upon upper
us using very view walk walking wall want was water way we well went were wet what wheel wheels when where which while white who whole
why wide will wing wings with within without woman women wood wooden word words work world would year yes you young your`

// vocab is the name of the vocabulary among the parts.
const vocab = "vocab"

// special are the tokens that every vocabulary of BERT's has.
var special = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

// vocabulary is what of BERT's vocabulary the world needs, in BERT's order, a token a line: a small model learns no others.
func vocabulary() ([]byte, error) {
	bert := text.BERT()
	wanted := map[string]bool{}
	for _, token := range special {
		wanted[token] = true
	}
	var b strings.Builder
	b.WriteString(common)
	for _, w := range words {
		fmt.Fprintf(&b, " %s %s %s", w.name, w.plural, w.emoji)
	}
	for _, c := range colours {
		b.WriteString(" " + c.name)
	}
	for r := rune(' '); r < 0x7f; r++ {
		fmt.Fprintf(&b, " %c", r)
	}
	encoding, err := bert.Encode(b.String())
	if err != nil {
		return nil, err
	}
	for _, id := range encoding.IDs() {
		token, _ := bert.Token(id)
		wanted[token] = true
	}
	var lines bytes.Buffer
	for id := range int32(bert.Size()) {
		token, _ := bert.Token(id)
		piece, continues := strings.CutPrefix(token, "##")
		letter := continues && utf8.RuneCountInString(piece) == 1 && piece[0] < utf8.RuneSelf
		if wanted[token] || letter {
			fmt.Fprintln(&lines, token)
		}
	}
	return lines.Bytes(), nil
}

// saveVocabulary writes it and says so.
func saveVocabulary(path string, say io.Writer) error {
	data, err := vocabulary()
	if err != nil {
		return err
	}
	fmt.Fprintf(say, "%s: %d tokens\n", path, bytes.Count(data, []byte("\n")))
	return file.Replace(path, data, 0o644)
}
