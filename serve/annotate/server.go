package annotate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// Fetcher gets a picture that a client names: by an address of http or https, or by a path /data/... of the one Label Studio
// that the server knows. What it does not know it refuses, in words for who runs the server. Errors are refusals.
type Fetcher interface {
	Fetch(ctx context.Context, address string) ([]byte, error)
}

// Options are what the server allows beside answering. The zero value fetches nothing.
type Options struct {
	Fetch Fetcher // nil refuses all addresses

	// Unread is told why a task of Label Studio's has an empty result, in words for who runs the server; nil tells nobody. It is
	// called from several goroutines.
	Unread func(ctx context.Context, task string, reason *api.Refusal)
}

// server answers.
type server struct {
	api.Answerer
	Options
}

// ask has a question answered, for each of its pictures.
func (s *server) ask(ctx context.Context, q api.Question) (api.Answer, error) {
	if err := q.Check(s.Info().Limits); err != nil {
		return api.Answer{}, err
	}
	a, err := s.Answer(ctx, q)
	if err != nil {
		return api.Answer{}, err
	}
	if len(a.Pictures) != len(q.Pictures) {
		return api.Answer{}, fmt.Errorf("annotate: an answer of %d pictures to a question of %d", len(a.Pictures), len(q.Pictures))
	}
	return a, nil
}

// fetch gets the picture of an address.
func (s *server) fetch(ctx context.Context, address string) ([]byte, error) {
	if s.Fetch == nil {
		return nil, api.Refuse(api.NotFetched, "pictures are not fetched: start the server with --fetch HOST or --label-studio URL, or send the picture itself")
	}
	return s.Fetch.Fetch(ctx, address)
}

// named is what a text names, separated by commas.
func named(text string) (list []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// texts reads an array of strings, or one string of them with commas, at most so many.
func texts(j *api.JSON, l api.Limits) (list []string, err error) {
	if !j.Is('[') {
		text, err := j.Text(l.Phrases * (l.Phrase + 2))
		return named(text), err
	}
	err = j.Array(func(i int) error {
		if i == l.Phrases {
			return api.Refuse(api.TooLarge, "more than the %d labels that are taken (--max-phrases)", l.Phrases)
		}
		text, err := j.Text(l.Phrase)
		list = append(list, text)
		return err
	})
	return list, err
}

// share reads a number from 0 to 1; nil for null.
func share(j *api.JSON, name string) (*float64, error) {
	value, err := j.Scalar()
	if err != nil || value == nil {
		return nil, err
	}
	if f, ok := value.(float64); ok && f >= 0 && f <= 1 {
		return &f, nil
	}
	return nil, api.Refuse(api.BadRequest, "%s is no number from 0 to 1", name)
}

// sought is what is looked for: labels, or the server's own where there are none.
func sought(labels []string, info api.Info) ([]string, error) {
	if len(labels) == 0 {
		labels = slices.Clone(info.Classes)
	}
	if len(labels) == 0 {
		return nil, api.Refuse(api.BadQuery, "there is nothing to look for: give labels, or start the server with --class NAME")
	}
	return labels, nil
}

// id is a name for one detection, the same for the same one.
func id(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return hex.EncodeToString(sum[:8])
}
