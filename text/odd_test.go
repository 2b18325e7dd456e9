package text_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/file/filetest"
	"github.com/glipvk/glipvk/text"
)

func TestOpenOddFiles(t *testing.T) {
	for _, odd := range filetest.Odds(t, "vocab.txt") {
		t.Run(odd.Name, func(t *testing.T) {
			filetest.Soon(t)
			if _, err := text.Open(odd.Path); err == nil || !strings.Contains(err.Error(), odd.Path+": not a regular file but "+odd.Says) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// lines yields different lines without end.
type lines struct{ n, at int }

func (l *lines) Read(p []byte) (int, error) {
	for i := range p {
		switch l.at++; {
		case l.at == 4000:
			p[i], l.at = '\n', 0
			l.n++
		case l.at < 30:
			p[i] = 'a' + byte(l.n>>(l.at-1)&1)
		default:
			p[i] = 'x'
		}
	}
	return len(p), nil
}

func TestVocabularyWithoutEnd(t *testing.T) {
	for _, endless := range []io.Reader{&lines{}, strings.NewReader(strings.Repeat("x", 5000))} {
		if _, err := text.Read(endless); !errors.Is(err, text.ErrVocabulary) || !strings.Contains(err.Error(), "longer than") {
			t.Errorf("error %v", err)
		}
	}
}
