package main

import (
	"context"
	"fmt"
	"io"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/viz"
)

// letters are the fonts that drawings are labelled in.
type letters struct {
	fonts  *viz.Fonts
	stderr io.Writer
	said   map[string]bool // phrases that stand as numbers in drawings
}

// maxFont is how long a font file may be, in bytes; those of all Chinese characters have 20 million.
const maxFont = 128 << 20

// newLetters reads font files; the system's fonts are looked for when a phrase needs one.
func newLetters(ctx context.Context, files []string, stderr io.Writer) (*letters, error) {
	l := &letters{stderr: stderr, said: map[string]bool{}}
	var fonts [][]byte
	for _, path := range files {
		data, err := file.ReadAll(ctx, path, maxFont)
		if err != nil {
			return nil, cli.Blame(fmt.Errorf("--font: %w", err))
		}
		if _, err := viz.NewFonts(false, data); err != nil {
			return nil, cli.Usage("--font %s: %w", path, err)
		}
		fonts = append(fonts, data)
	}
	var err error
	l.fonts, err = viz.NewFonts(true, fonts...)
	return l, err
}

// explain says once of each phrase that no font has that its number stands in drawings.
func (l *letters) explain(found []glipvk.Detection) {
	for _, d := range found {
		if l.said[d.Phrase] || !l.fonts.Lacks(d.Phrase) {
			continue
		}
		l.said[d.Phrase] = true
		fmt.Fprintf(l.stderr, "glip: no font here has every letter of %q: #%d stands for it in drawings; --font FILE names a font that has\n", d.Phrase, d.Label)
	}
}
