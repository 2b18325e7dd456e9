package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

// queryFlags say what to look for; "detect" and "tokens" have them.
type queryFlags struct {
	classes     []string
	classesFile string
	form        string
	text        string
	phrases     []string
	spans       []string
	vocab       string
}

// queryHelp explains the flags.
const queryHelp = `What to look for is one of

  --class NAME, once for each, or --classes FILE with a name on each line: a list of
    classes, joined as in GLIP's training and evaluation ("person. hair drier"), or as
    in its demo with --prompt-form demo ("person . hair_drier . "). More than 80 names,
    or more than fill 256 tokens, are several captions.
  --text SENTENCE with --phrase P or --span BEGIN:END, once for each: these are looked
    for as parts of the sentence. A phrase is searched for in it, in any case; a span
    counts characters (Unicode code points) from 0, END not included.
  --text LIST alone, its names parted by ". ", "|", ";", "/", commas or line ends: these names,
    as --phrase gives them. stderr says where a text is taken so.
  --text SENTENCE alone: its noun phrases, found by a part-of-speech tagger for English;
    stderr says which other words are not looked for.
  --phrase P without a sentence: a list of phrases, joined like classes.

Labels count from 1 in the order given, phrases before spans.`

// define adds the flags to a command.
func (f *queryFlags) define(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.classes, "class", nil, "name of a class to look for; may be repeated")
	fl.StringVar(&f.classesFile, "classes", "", "file with a class name on each line")
	fl.StringVar(&f.form, "prompt-form", "eval", "how names become a caption: eval (\". \" between cleaned names) or demo (\" . \" behind each)")
	fl.StringVar(&f.text, "text", "", "sentence to look for the parts of")
	fl.StringArrayVar(&f.phrases, "phrase", nil, "phrase of the sentence to look for; may be repeated")
	fl.StringArrayVar(&f.spans, "span", nil, "part BEGIN:END of the sentence to look for, in characters from 0; may be repeated")
	fl.StringVar(&f.vocab, "vocab", "", "vocab.txt of the text encoder (default: that of bert-base-uncased, built in)")
	cli.Complete(cmd, "prompt-form", func() []string { return []string{"eval", "demo"} })
}

// query turns the flags into the library's query. Whether it can be used is found when
// it is.
func (f queryFlags) query(cmd *cobra.Command) (text.Query, error) {
	set := func(name string) bool { return cmd.Flags().Changed(name) }
	list := set("class") || set("classes")
	sentence := set("text")
	grounded := set("phrase") || set("span")
	switch {
	case set("class") && set("classes"):
		return text.Query{}, cli.Usage("--class and --classes exclude each other: put all names into the file")
	case list && (sentence || grounded):
		return text.Query{}, cli.Usage("--class and --classes exclude --text, --phrase and --span: give one way to say what to look for")
	case !list && !sentence && !grounded:
		return text.Query{}, cli.Usage("nothing to look for: give --class, --classes or --text")
	case sentence && set("prompt-form"):
		return text.Query{}, cli.Usage("--prompt-form says how a list becomes a caption; --text is one already")
	case sentence && f.text == "":
		return text.Query{}, cli.Usage("--text is empty")
	}
	q := text.Query{Caption: f.text, Phrases: f.phrases, Classes: f.classes}
	switch f.form {
	case "eval":
	case "demo":
		q.Form = text.Demo
	default:
		return text.Query{}, cli.Usage("--prompt-form %q: want eval or demo", f.form)
	}
	var err error
	if f.classesFile != "" {
		if q.Classes, err = readClasses(cmd.Context(), f.classesFile, cmd.ErrOrStderr()); err != nil {
			return text.Query{}, err
		}
	}
	for _, s := range f.spans {
		span, err := parseSpan(s)
		if err != nil {
			return text.Query{}, err
		}
		q.Spans = append(q.Spans, span)
	}
	return q, nil
}

// vocabBeside says what --vocab is where there is an architecture.
const vocabBeside = "vocab.txt of the text encoder (default: the one beside --arch if there is one, else that of bert-base-uncased, built in)"

// vocabularyOf is the file of --vocab, or one beside the architecture.
func vocabularyOf(vocab, arch string) string {
	if vocab != "" || arch == "" {
		return vocab
	}
	beside := filepath.Join(filepath.Dir(arch), "vocab.txt")
	if info, err := os.Stat(beside); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return beside
}

// tokenizer is that of --vocab.
func (f queryFlags) tokenizer() (*text.Tokenizer, error) {
	if f.vocab == "" {
		return text.BERT(), nil
	}
	t, err := text.Open(f.vocab)
	if err != nil {
		return nil, cli.Usage("--vocab: %w", err)
	}
	return t, nil
}

// parseSpan reads BEGIN:END.
func parseSpan(s string) (text.Span, error) {
	begin, end, ok := strings.Cut(s, ":")
	b, errB := strconv.Atoi(begin)
	e, errE := strconv.Atoi(end)
	if !ok || errB != nil || errE != nil || b < 0 || e <= b {
		return text.Span{}, cli.Usage("--span %q: want BEGIN:END in characters of the sentence, as in 0:5", s)
	}
	return text.Span{Begin: b, End: e}, nil
}

// mostClasses bounds a file of class names, in bytes: far above any list in use.
const mostClasses = 1 << 24

// readClasses reads a file of names, one on each line. Space around a name and empty
// lines do not count. A file of one line may have all names in it, as [text.Parts] finds them.
func readClasses(ctx context.Context, path string, stderr io.Writer) ([]string, error) {
	data, err := file.ReadAll(ctx, path, mostClasses)
	if err != nil {
		return nil, cli.Usage("--classes: %w", err)
	}
	var names []string
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 1 { // all in one line
		line := []rune(names[0])
		if parts := text.Parts(names[0]); len(parts) > 1 {
			names = nil
			for _, p := range parts {
				names = append(names, string(line[p.Begin:p.End]))
			}
			fmt.Fprintf(stderr, "glip: --classes %s: its one line is taken as a list of %s\n", path, counted(len(names), "name", "names"))
		}
	}
	if len(names) == 0 {
		return nil, cli.Usage("--classes %s: the file holds no name; want one on each line", path)
	}
	return names, nil
}

// advise names the flags that help where a query cannot be used.
func advise(err error) error {
	if errors.Is(err, text.ErrNoPhrase) {
		return fmt.Errorf("%w (--phrase, --span)", err)
	}
	return err
}

// remark says on stderr how a text was taken, what of it is not looked for, and which labels can never be found.
func (f queryFlags) remark(cmd *cobra.Command, t *text.Tokenizer, prompts []text.Prompt) error {
	say := func(what string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "glip: %s: %s\n", what, few(names))
		}
	}
	var names, silent []string
	for _, p := range prompts {
		for _, label := range p.Labels {
			names = append(names, fmt.Sprintf("%.60q", label.Name))
		}
		never, err := t.Silent(p)
		if err != nil {
			return err
		}
		for _, label := range never {
			silent = append(silent, fmt.Sprintf("%.60q", label.Name))
		}
	}
	if f.text != "" && len(f.phrases)+len(f.spans) == 0 {
		if text.Parts(f.text) != nil {
			say(fmt.Sprintf("the text is taken as a list of %s", counted(len(names), "name", "names")), names)
		} else if len(prompts) == 1 && len(names) > 0 {
			var left []string
			for _, word := range prompts[0].Unsaid() {
				left = append(left, fmt.Sprintf("%.60q", word))
			}
			say("not looked for, being in no noun phrase of the text (--phrase names more)", left)
		}
	}
	say("never found, for no token that the model reads stands for them", silent)
	return nil
}
