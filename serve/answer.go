package serve

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/guard"
	"github.com/glipvk/glipvk/serve/queue"
	"github.com/glipvk/glipvk/serve/v1"
	"github.com/glipvk/glipvk/text"
)

// place is a request's place in the queue, which its first question takes.
type place struct {
	*queue.Place[job, picture.Input, result]
	taken atomic.Bool
}

type placeKey struct{}

// Answer answers a question.
func (s *Server) Answer(ctx context.Context, q api.Question) (api.Answer, error) {
	c, list, total, err := s.answer(ctx, q, false)
	if err != nil {
		return api.Answer{}, err
	}
	a := c.answer(s, list, total)
	s.metrics.took(a.Timing)
	s.notes.answered(a.Timing)
	lineOf(ctx).add(a)
	if q.Keep {
		for i, p := range q.Pictures {
			if p.Kept != "" {
				continue
			}
			k, err := s.Keep(ctx, slices.Clone(p.Data)) // which lies in the body of the request
			if err != nil {
				return api.Answer{}, err
			}
			a.Pictures[i].Kept = k.ID
		}
	}
	return a, nil
}

// Align says where the words of a caption show in the one picture of a question.
func (s *Server) Align(ctx context.Context, q api.Question) (v1.Alignment, error) {
	_, list, _, err := s.answer(ctx, q, true)
	if err != nil {
		return v1.Alignment{}, err
	}
	a := list[0].Value.alignment
	out := v1.Alignment{
		Model: s.options.Name, Caption: a.Caption,
		Grid: v1.Grid{Height: a.Height, Width: a.Width, Stride: a.Stride, Scale: [2]float64{a.ScaleX * float64(a.Stride), a.ScaleY * float64(a.Stride)}},
	}
	out.Tokens, out.Maps = answering(a.Tokens)
	out.Words, out.WordMaps = answering(a.Words)
	return out, nil
}

// answering are the words of maps, and their bytes.
func answering(list []glipvk.WordMap) (words []v1.Answering, maps []byte) {
	words, maps = []v1.Answering{}, []byte{}
	for _, m := range list {
		words = append(words, v1.Answering{Text: m.Text, Begin: m.Span.Begin, End: m.Span.End, Peak: m.Peak})
		maps = m.Append(maps)
	}
	return words, maps
}

// answer has a question answered, for all that it needs of time and place.
func (s *Server) answer(ctx context.Context, q api.Question, align bool) (*checked, []queue.Answer[result], time.Duration, error) {
	began := guard.VisitOf(ctx).Start
	if began.IsZero() {
		began = time.Now()
	}
	limit := s.options.Limits.Timeout
	if q.Timeout > 0 {
		limit = min(limit, q.Timeout)
	}
	ctx, cancel := context.WithDeadline(ctx, began.Add(limit))
	defer cancel()
	p, err := s.place(ctx, q)
	if err != nil {
		return nil, nil, 0, err
	}
	defer p.Leave()
	p.Checked()
	c, err := s.check(ctx, q, align)
	if err != nil {
		return nil, nil, 0, err
	}
	list, err := p.Do(ctx, queue.Request[job]{Client: guard.VisitOf(ctx).Client, Priority: q.Priority, Units: c.units})
	if err != nil {
		s.notes.failed(time.Since(began))
		return nil, nil, 0, s.unanswered(err, len(c.units))
	}
	return c, list, time.Since(began), nil
}

// place is that of the request, or a new one for a question beside its first.
func (s *Server) place(ctx context.Context, q api.Question) (*place, error) {
	if p, ok := ctx.Value(placeKey{}).(*place); ok && !p.taken.Swap(true) {
		return p, nil
	}
	var n int64
	for _, picture := range q.Pictures {
		n += int64(len(picture.Data))
	}
	p, err := s.queue.Admit(ctx, n)
	return &place{Place: p}, err
}

// unanswered is why a question was not answered, as a refusal that says of which picture.
func (s *Server) unanswered(err error, of int) error {
	var unit *queue.UnitError
	if !errors.As(err, &unit) {
		return err
	}
	var panicked *queue.Panic
	if errors.As(err, &panicked) {
		s.metrics.panics.Inc()
		return err
	}
	if r, ok := errors.AsType[*api.Refusal](unit.Err); ok && of > 1 {
		own := *r
		own.Text = pictureName(unit.Unit, of) + ": " + r.Text
		return &own
	}
	return unit.Err
}

// Info says what the server is.
func (s *Server) Info() api.Info {
	i := api.Info{
		Model: s.options.Name, Version: version, Weights: s.options.Weights, Server: s.options.Version, Platform: "glipvk_cpu",
		Classes: s.options.Classes, Limits: s.options.Limits,
	}
	if o := s.current.Load(); o != nil {
		i.Device, i.Precision = o.device.Name, string(o.device.Precision)
		if o.device.Vulkan != nil {
			i.Platform = "glipvk_vulkan"
		}
	}
	return i
}

// About says what the server is to the page.
func (s *Server) About() v1.About {
	l, stats := s.options.Limits, s.queue.Stats()
	s.mu.Lock()
	at := s.state
	s.mu.Unlock()
	a := v1.About{
		Model: s.options.Name, Weights: s.options.Weights, Version: s.options.Version, Ready: at == ready, State: at.String(),
		Auth: s.tokens != nil, MadeUp: s.options.MadeUp,
		Limits: v1.Limits{
			Body: l.Body, Pixels: l.Pixels, Side: l.Side, Pictures: l.Pictures, Sentence: l.Sentence, Phrases: l.Phrases, Phrase: l.Phrase,
			Tokens: text.MaxTokens, Timeout: l.Timeout.Seconds(),
		},
		Queue:    v1.Queue{Waiting: stats.Waiting[0] + stats.Waiting[1], Limit: s.options.Queue, Seconds: stats.Estimate.Seconds()},
		Defaults: v1.Defaults{Threshold: s.options.Threshold, IoU: s.options.IoU, Max: s.options.Max, Form: "eval", Classes: append([]string{}, s.options.Classes...)},
	}
	if o := s.current.Load(); o != nil {
		a.Architecture, a.Device, a.Fallback, a.Precision = o.info.Name, o.device.Name, o.device.Fallback, string(o.device.Precision)
		a.Limits.Tokens = o.detector.MaxTokens()
		size := cmp.Or(s.options.Size, o.info.Size)
		a.Size = v1.Size{Short: size.Short, Long: size.Long}
	}
	return a
}

// Tokens says what a text becomes.
func (s *Server) Tokens(sentence string) (v1.Tokens, error) {
	out := v1.Tokens{Tokens: []v1.Token{}, Phrases: []v1.Phrase{}}
	d := s.detector()
	if d == nil {
		return out, s.unready()
	}
	t := d.Tokenizer()
	e, err := t.Encode(sentence)
	if err != nil {
		return out, asRefusal(err)
	}
	out.Count, out.Limit = len(e.Tokens), d.MaxTokens()
	read := len(e.Truncated(out.Limit).Tokens)
	for i, token := range e.Tokens {
		if i == 0 || i == len(e.Tokens)-1 {
			continue // [CLS] and [SEP]
		}
		if i == read-1 && read < len(e.Tokens) { // in whose place [SEP] is read
			out.Truncated = &token.Begin
		}
		out.Tokens = append(out.Tokens, v1.Token{Text: token.Text, Begin: token.Begin, End: token.End})
	}
	q := text.Query{Caption: sentence}
	out.List = len(text.Parts(sentence)) > 1
	found, err := find(d, q)
	if errors.Is(err, text.ErrNoPhrase) || sentence == "" {
		return out, nil
	}
	if err != nil {
		return out, asRefusal(err)
	}
	spans := text.Parts(sentence)
	for i, p := range found.phrases {
		span := p.Span
		if out.List && i < len(spans) { // where the names stand in what was typed, not in the caption that they become
			span = [2]int{spans[i].Begin, spans[i].End}
		}
		out.Phrases = append(out.Phrases, v1.Phrase{Label: p.Label, Phrase: p.Phrase, Span: span, Silent: p.Silent})
	}
	return out, nil
}

// Keep keeps a picture.
func (s *Server) Keep(ctx context.Context, data []byte) (v1.Kept, error) {
	if err := s.unready(); err != nil {
		return v1.Kept{}, err
	}
	h, err := picture.ReadHeader(ctx, bytes.NewReader(data), "the picture", s.pictureLimits())
	if err != nil {
		return v1.Kept{}, pictureRefusal(err)
	}
	kind := map[string]string{"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WebP": "image/webp", "BMP": "image/bmp", "TIFF": "image/tiff"}[h.Format]
	return s.images.keep(v1.Kept{Data: data, Type: kind, Width: h.Width, Height: h.Height})
}

// Kept gives a kept picture.
func (s *Server) Kept(id string) (v1.Kept, error) { return s.images.get(id) }

// Forget forgets a kept picture, and what the detector remembers of it.
func (s *Server) Forget(id string) error {
	k, err := s.images.forget(id)
	if err == nil {
		if d := s.detector(); d != nil {
			d.ForgetPicture(fileKey(sha256.Sum256(k.Data)))
		}
	}
	return err
}
