package text

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Prompt is a caption and the phrases in it that are looked for.
type Prompt struct {
	Text   string  // the caption, valid UTF-8
	Labels []Label // in order; GLIP's label i+1 is element i
	First  int     // index in the list of names of Labels[0]; 0 but for prompts that a list was split into
}

// Label is one phrase of a prompt.
type Label struct {
	Name string // as the user gave it
	Span Span   // where it stands in the caption
}

// Spans returns the spans of the labels, for [Encoding.Positive].
func (p Prompt) Spans() []Span {
	spans := make([]Span, len(p.Labels))
	for i, label := range p.Labels {
		spans[i] = label.Span
	}
	return spans
}

// Form is how names become a caption. The zero value is that of training and
// evaluation.
type Form struct {
	Separator string // between names; "" means [Separator]
	Trailing  bool   // the separator also after the last name
	Raw       bool   // names as they are; otherwise [CleanName] first
}

// Separator stands between names in training and evaluation
// (DATASETS.SEPARATION_TOKENS).
const Separator = ". "

// Evaluation joins cleaned names with ". " (create_queries_and_maps of
// maskrcnn_benchmark/engine/inference.py). Demo puts " . " behind every name, also
// the last (compute_prediction of predictor_glip.py). They make different tokens.
var (
	Evaluation = Form{}
	Demo       = Form{Separator: " . ", Trailing: true, Raw: true}
)

// Affix is what a list's caption says instead of a name: Prefix, Name, Suffix, of
// which only Name is looked for (the caption prompts of ODinW).
type Affix struct{ Prefix, Name, Suffix string }

// List is a list of class names, from which prompts are made.
type List struct {
	Names []string
	Form  Form
	// Affixes, if any, has one element per name and is written as it is.
	Affixes []Affix
	// Extra names end every caption, as they are, and are not looked for.
	Extra []string
}

// CleanName does what GLIP's evaluation does with a class name: what lies between
// the first ( and the last ) goes with them, _ becomes a space, and two spaces
// one, once over. Spaces at the ends stay (clean_name of inference.py).
func CleanName(name string) string {
	if begin, end := strings.Index(name, "("), strings.LastIndex(name, ")"); begin >= 0 && end > begin {
		name = name[:begin] + name[end+1:]
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "_", " "), "  ", " ")
}

// Prompt puts all names into one caption, of however many tokens. A name may be empty:
// it then has no tokens. No names or more than [MaxNames], names that are longer than
// [MaxName] or not UTF-8, affixes that do not match the names, and a caption longer than
// [MaxCaption] are errors that wrap [ErrCaption].
func (l List) Prompt() (Prompt, error) {
	if err := l.check(); err != nil {
		return Prompt{}, err
	}
	return l.caption(0, len(l.Names))
}

// Chunks puts size names into each caption, fewer into the last, as GLIP's
// chunked evaluation does (TEST.CHUNKED_EVALUATION, 40 for LVIS). Errors are those
// of Prompt, and a size below 1.
func (l List) Chunks(size int) ([]Prompt, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, fmt.Errorf("text: %w: chunks of %d names; at least 1", ErrCaption, size)
	}
	var prompts []Prompt
	for begin := 0; begin < len(l.Names); begin += min(size, len(l.Names)-begin) {
		prompt, err := l.caption(begin, begin+min(size, len(l.Names)-begin))
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, prompt)
	}
	return prompts, nil
}

// Split puts as many names into each caption as fit limit tokens ([CLS] and [SEP]
// included; usually [MaxTokens]) and, where size is above 0, at most size names.
// Errors are those of Prompt, and a name that fits no caption even alone.
func (t *Tokenizer) Split(l List, limit, size int) ([]Prompt, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if size < 1 {
		size = len(l.Names)
	}
	var prompts []Prompt
	for begin := 0; begin < len(l.Names); {
		prompt, err := t.fill(l, begin, limit, size)
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, prompt)
		begin += len(prompt.Labels)
	}
	return prompts, nil
}

// fill makes the longest prompt from name begin on. It halves the range of counts
// that is left, so that few captions are tokenised, not one per name.
func (t *Tokenizer) fill(l List, begin, limit, size int) (Prompt, error) {
	fits := func(count int) (Prompt, int, error) {
		if count > 1 && l.size(begin, begin+count) > MaxCaption {
			return Prompt{}, limit + 1, nil
		}
		prompt, err := l.caption(begin, begin+count)
		if err != nil {
			return Prompt{}, 0, err
		}
		encoding, err := t.Encode(prompt.Text)
		return prompt, len(encoding.Tokens), err
	}
	best, tokens, err := fits(1)
	if err != nil {
		return Prompt{}, err
	}
	if tokens > limit {
		return Prompt{}, fmt.Errorf("text: %w: name %d, %s, makes a caption of %d tokens by itself; %d fit: shorten it",
			ErrCaption, begin, quote(l.Names[begin]), tokens, limit)
	}
	low, high := 1, min(size, len(l.Names)-begin, limit)+1 // a name and its separator are a token at least
	for low+1 < high {
		middle := (low + high) / 2
		prompt, tokens, err := fits(middle)
		if err != nil {
			return Prompt{}, err
		}
		if tokens <= limit {
			low, best = middle, prompt
		} else {
			high = middle
		}
	}
	return best, nil
}

// caption makes the caption of names [begin, end) if it is not too long.
func (l List) caption(begin, end int) (Prompt, error) {
	if size := l.size(begin, end); size > MaxCaption {
		return Prompt{}, fmt.Errorf("text: %w: names %d to %d make a caption of up to %d bytes, at most %d are read: put fewer names into one",
			ErrCaption, begin, end-1, size, MaxCaption)
	}
	return l.part(begin, end), nil
}

// size is how many bytes the caption of names [begin, end) has at most.
func (l List) size(begin, end int) int {
	between := cmp.Or(len(l.Form.Separator), len(Separator))
	size := between
	for i := begin; i < end; i++ {
		size += between + len(l.Names[i])
		if len(l.Affixes) > 0 {
			affix := l.Affixes[i]
			size += len(affix.Prefix) + len(affix.Name) + len(affix.Suffix)
		}
	}
	for _, name := range l.Extra {
		size += between + len(name)
	}
	return size
}

// part makes the caption of names [begin, end).
func (l List) part(begin, end int) Prompt {
	between := l.Form.Separator
	if between == "" {
		between = Separator
	}
	p := Prompt{First: begin, Labels: make([]Label, 0, end-begin)}
	var caption strings.Builder
	at := 0 // code points written
	write := func(s string) {
		caption.WriteString(s)
		at += utf8.RuneCountInString(s)
	}
	for i := begin; i < end; i++ {
		affix := Affix{Name: l.Names[i]}
		if len(l.Affixes) > 0 {
			affix = l.Affixes[i]
		} else if !l.Form.Raw {
			affix.Name = CleanName(affix.Name)
		}
		if i > begin {
			write(between)
		}
		write(affix.Prefix)
		span := Span{Begin: at}
		write(affix.Name)
		span.End = at
		write(affix.Suffix)
		p.Labels = append(p.Labels, Label{Name: l.Names[i], Span: span})
	}
	for _, name := range l.Extra {
		write(between)
		write(name)
	}
	if l.Form.Trailing {
		write(between)
	}
	p.Text = caption.String()
	return p
}

// check refuses a list that makes no caption.
func (l List) check() error {
	if len(l.Names) == 0 {
		return fmt.Errorf("text: %w: no names", ErrCaption)
	}
	for what, n := range map[string]int{"names": len(l.Names), "extra names": len(l.Extra)} {
		if err := few(n, what); err != nil {
			return fmt.Errorf("text: %w", err)
		}
	}
	if len(l.Affixes) > 0 && len(l.Affixes) != len(l.Names) {
		return fmt.Errorf("text: %w: %d affixes for %d names", ErrCaption, len(l.Affixes), len(l.Names))
	}
	for i, name := range l.Names {
		if err := readable(name, MaxName); err != nil {
			return fmt.Errorf("text: name %d, %s: %w", i, quote(name), err)
		}
	}
	for i, a := range l.Affixes {
		if err := cmp.Or(readable(a.Prefix, MaxName), readable(a.Name, MaxName), readable(a.Suffix, MaxName)); err != nil {
			return fmt.Errorf("text: affix %d: %w", i, err)
		}
	}
	for i, name := range append([]string{l.Form.Separator}, l.Extra...) {
		if err := readable(name, MaxName); err != nil {
			return fmt.Errorf("text: separator and extra names, element %d: %w", i, err)
		}
	}
	return nil
}

// quote is a name in quotation marks, cut to what an error message bears.
func quote(name string) string {
	const most = 60
	head := name[:min(len(name), utf8.UTFMax*most)]
	if utf8.RuneCountInString(head) > most {
		head = string([]rune(head)[:most])
	}
	if len(head) < len(name) {
		head += "..."
	}
	return fmt.Sprintf("%q", head)
}
