package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

const tokensHelp = `tokens shows what GLIP's text encoder reads: the tokens of a caption with their ids and
places, and which phrase of the query owns which tokens. A phrase's score is the mean
over its tokens.

TEXT is what --text says. The flags say what to look for as they do for "glip detect".

` + queryHelp

// tokensFlags are the flags of "glip tokens".
type tokensFlags struct {
	queryFlags
	format, weights string
}

func newTokens() *cobra.Command {
	var f tokensFlags
	cmd := &cobra.Command{
		Use:   "tokens [flags] [TEXT]",
		Short: "show a caption's tokens and which phrase owns which",
		Long:  tokensHelp,
		Example: `  glip tokens "person. bicycle. traffic light. small dog."
  glip tokens --text "a cat and its whiskers" --phrase whiskers
  glip tokens --class person --class hair_drier --prompt-form demo --format json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return cli.Usage("tokens takes one text, %d given: put it in quotation marks", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runTokens(cmd, f, args) },
	}
	f.define(cmd)
	cmd.Flags().StringVar(&f.format, "format", "table", "table or json")
	cmd.Flags().StringVar(&f.weights, "weights", "", "checkpoint whose vocabulary and longest caption are meant, if it says them; embedded is that of glip-world")
	cli.Complete(cmd, "format", func() []string { return []string{"table", "json"} })
	return cmd
}

func runTokens(cmd *cobra.Command, f tokensFlags, args []string) error {
	if f.format != "table" && f.format != "json" {
		return cli.Usage("--format %q: want table or json", f.format)
	}
	var err error
	if f.weights, _, err = cli.Fetched(cmd, f.weights); err != nil {
		return fmt.Errorf("--weights %w", err)
	}
	t, err := f.tokenizer()
	if err != nil {
		return err
	}
	var prompts []text.Prompt
	if len(args) == 1 {
		prompts, err = f.captionPrompts(cmd, t, args[0])
	} else {
		var q text.Query
		if q, err = f.query(cmd); err == nil {
			prompts, err = q.Prompts(t)
		}
	}
	if err != nil {
		return advise(err)
	}
	doc, err := newTokensDocument(t, prompts)
	if err != nil {
		return err
	}
	if err := f.remark(cmd, t, prompts); err != nil {
		return err
	}
	if f.format == "json" {
		return writeJSON(cmd.OutOrStdout(), doc)
	}
	return doc.print(cmd.OutOrStdout())
}

// tokenizer is that of --vocab or --weights.
func (f tokensFlags) tokenizer() (*text.Tokenizer, error) {
	if f.weights == "" {
		return f.queryFlags.tokenizer()
	}
	if card, err := glipvk.OpenCard(f.weights, ""); err != nil || card.Config == nil {
		t, failed := f.queryFlags.tokenizer()
		return t, errors.Join(err, failed)
	}
	_, t, err := glipvk.FindDetector("", glipvk.DetectorOptions{Options: glipvk.Options{Weights: f.weights}, Vocabulary: f.vocab})
	return t, err
}

// captionPrompts is the prompt of a caption that stands on the command line by itself. It
// has no labels where there is nothing that could be one.
func (f tokensFlags) captionPrompts(cmd *cobra.Command, t *text.Tokenizer, caption string) ([]text.Prompt, error) {
	for _, flag := range []string{"text", "class", "classes"} {
		if cmd.Flags().Changed(flag) {
			return nil, cli.Usage("TEXT and --%s exclude each other: give one", flag)
		}
	}
	if caption == "" {
		return nil, cli.Usage("TEXT is empty")
	}
	f.text = caption
	if err := cmd.Flags().Set("text", caption); err != nil {
		return nil, err
	}
	q, err := f.query(cmd)
	if err != nil {
		return nil, err
	}
	prompts, err := q.Prompts(t)
	if errors.Is(err, text.ErrNoPhrase) {
		return []text.Prompt{{Text: caption}}, nil
	}
	return prompts, err
}

// tokensDocument is what the command prints.
type tokensDocument struct {
	Prompts []promptDocument `json:"prompts"`
}

type promptDocument struct {
	Caption string          `json:"caption"`
	Tokens  []tokenDocument `json:"tokens"`
	Phrases []labelDocument `json:"phrases"`
}

// tokenDocument is one token. Begin and End are code points of the caption.
type tokenDocument struct {
	Index  int    `json:"index"` // [CLS] is 0
	ID     int32  `json:"id"`
	Token  string `json:"token"`
	Begin  int    `json:"begin"`
	End    int    `json:"end"`
	Read   bool   `json:"read"` // false behind the last token that the model reads
	Labels []int  `json:"labels"`
}

// labelDocument is one phrase and the tokens that stand for it.
type labelDocument struct {
	Label  int    `json:"label"`
	Phrase string `json:"phrase"`
	Span   [2]int `json:"span"`
	Tokens []int  `json:"tokens"`
}

func newTokensDocument(t *text.Tokenizer, prompts []text.Prompt) (tokensDocument, error) {
	doc := tokensDocument{Prompts: []promptDocument{}}
	for _, p := range prompts {
		encoding, err := t.Encode(p.Text)
		if err != nil {
			return doc, err
		}
		owned, err := encoding.Positive(p.Spans())
		if err != nil {
			return doc, err
		}
		d := promptDocument{Caption: p.Text, Phrases: []labelDocument{}}
		read := len(encoding.Tokens)
		if read > t.Limit() {
			read = t.Limit() - 1 // the last place is [SEP]'s
		}
		for i, token := range encoding.Tokens {
			d.Tokens = append(d.Tokens, tokenDocument{
				Index: i, ID: token.ID, Token: token.Text, Begin: token.Begin, End: token.End, Read: i < read, Labels: []int{},
			})
		}
		for i, label := range p.Labels {
			number := p.First + i + 1
			owned[i] = slices.DeleteFunc(owned[i], func(token int) bool { return token >= t.Limit()-1 })
			d.Phrases = append(d.Phrases, labelDocument{number, label.Name, [2]int{label.Span.Begin, label.Span.End}, owned[i]})
			for _, token := range owned[i] {
				d.Tokens[token].Labels = append(d.Tokens[token].Labels, number)
			}
		}
		doc.Prompts = append(doc.Prompts, d)
	}
	return doc, nil
}

// print writes two tables for each prompt.
func (d tokensDocument) print(w io.Writer) error {
	for i, p := range d.Prompts {
		if i > 0 {
			fmt.Fprintln(w)
		}
		which := "caption"
		if len(d.Prompts) > 1 {
			which = fmt.Sprintf("caption %d of %d", i+1, len(d.Prompts))
		}
		fmt.Fprintf(w, "%s: %q, %d tokens\n\n", which, p.Caption, len(p.Tokens))
		if err := p.print(w); err != nil {
			return err
		}
	}
	return nil
}

func (p promptDocument) print(w io.Writer) error {
	names := map[int]string{}
	for _, l := range p.Phrases {
		names[l.Label] = fmt.Sprintf("%d %q", l.Label, l.Phrase)
	}
	var table strings.Builder
	tw := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "index\tid\ttoken\tplace\tphrase")
	for _, t := range p.Tokens {
		var owners []string
		for _, l := range t.Labels {
			owners = append(owners, names[l])
		}
		if !t.Read {
			owners = []string{"(not read: the model takes 256 tokens)"}
		}
		fmt.Fprintf(tw, "%d\t%d\t%s\t%s\t%s\n", t.Index, t.ID, t.Token, placeText(t.Begin, t.End), strings.Join(owners, ", "))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n")) // a token without a phrase ends in spaces
	}
	if len(p.Phrases) == 0 {
		_, err := fmt.Fprintln(w, "\nno phrase: nothing stands between separators, and no noun phrase was found; --phrase or --span gives one")
		return err
	}
	fmt.Fprintln(w)
	tw = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "label\tphrase\tplace\ttokens")
	for _, l := range p.Phrases {
		tokens := strings.Trim(fmt.Sprint(l.Tokens), "[]")
		if tokens == "" {
			tokens = "none: never found"
		}
		fmt.Fprintf(tw, "%d\t%q\t%s\t%s\n", l.Label, l.Phrase, placeText(l.Span[0], l.Span[1]), tokens)
	}
	return tw.Flush()
}

// placeText writes a range of characters; [CLS] and [SEP] have none.
func placeText(begin, end int) string {
	if begin == end {
		return ""
	}
	return fmt.Sprintf("%d:%d", begin, end)
}
