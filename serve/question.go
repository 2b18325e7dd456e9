package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/queue"
	"github.com/glipvk/glipvk/text"
)

// job is one picture with what is asked about it.
type job struct {
	data   []byte // encoded
	key    string // by which the detector remembers the picture
	bytes  int64  // that decoding it takes
	query  text.Query
	call   glipvk.CallOptions
	align  bool // where words show is wanted, not boxes
	extent glipvk.Extent
}

// checked is a question that was looked through: all that can be wrong with it, but for damaged pixels, is found before it waits.
type checked struct {
	pictures []seen
	units    []queue.Unit[job]
}

// seen is a picture with what its header says.
type seen struct {
	kept   string
	header picture.Header
	sought sought
}

// sought is what is asked of one picture, in words for the answer.
type sought struct {
	captions []string
	phrases  []api.Phrase
}

// check looks through a question.
func (s *Server) check(ctx context.Context, q api.Question, align bool) (*checked, error) {
	if err := q.Check(s.options.Limits); err != nil {
		return nil, err
	}
	d := s.detector()
	if d == nil {
		return nil, s.unready()
	}
	c := &checked{}
	call := glipvk.CallOptions{Threshold: q.Threshold, IoU: q.IoU, Max: q.Max}
	asked := map[string]sought{}
	for i, p := range q.Pictures {
		at := seen{kept: p.Kept}
		data := p.Data
		if p.Kept != "" {
			k, err := s.images.get(p.Kept)
			if err != nil {
				return nil, err
			}
			data = k.Data
		}
		query, err := s.query(q, i)
		if err != nil {
			return nil, err
		}
		if at.header, err = s.header(ctx, data, i, len(q.Pictures)); err != nil {
			return nil, err
		}
		var known bool
		if at.sought, known = asked[query.Caption]; !known {
			if at.sought, err = find(d, query); err != nil {
				return nil, asRefusal(err)
			}
			asked[query.Caption] = at.sought
		}
		u, err := unit(ctx, d, job{data: data, bytes: at.header.Bytes, query: query, call: call, align: align}, at)
		if err != nil {
			return nil, err
		}
		if align && u.Job.extent.Captions != 1 {
			return nil, api.Refuse(api.BadQuery, "what is looked for makes %d captions, want one: give a sentence, or fewer names", u.Job.extent.Captions)
		}
		c.pictures = append(c.pictures, at)
		c.units = append(c.units, u)
	}
	return c, nil
}

// unit is what the queue is told of a job.
func unit(ctx context.Context, d detector, j job, at seen) (u queue.Unit[job], err error) {
	size, err := d.SizeFor(at.header.Extent)
	if err == nil {
		j.extent, err = d.Extent(ctx, size, j.query)
	}
	if err != nil {
		return u, asRefusal(err)
	}
	pictureKey := sha256.Sum256(j.data)
	j.key = fileKey(queue.Key(pictureKey))
	h := sha256.New()
	h.Write(pictureKey[:])
	fmt.Fprintf(h, "%v %#v", j.align, j.query) // with quotation marks: a list of two is not one with a space
	for _, v := range []*float64{j.call.Threshold, j.call.IoU} {
		if v != nil {
			fmt.Fprintf(h, " %x", *v)
		}
		fmt.Fprint(h, ";")
	}
	if j.call.Max != nil {
		fmt.Fprint(h, *j.call.Max)
	}
	return queue.Unit[job]{
		Job: j, Extent: together(j), Picture: queue.Key(pictureKey), Whole: queue.Key(h.Sum(nil)), Bytes: int64(len(j.data)),
	}, nil
}

// fileKey is by what the detector remembers a picture: a hash of its file.
func fileKey(k queue.Key) string { return "file " + string(k[:]) }

// together is what jobs must share to be computed at a time: kinds that have no run in common differ in it.
func together(j job) queue.Extent {
	e := queue.Extent{Height: j.extent.Height, Width: j.extent.Width, Tokens: j.extent.Tokens + j.extent.Captions<<16, Labels: j.extent.Labels}
	if j.align {
		e.Labels = -1
	}
	return e
}

// query is what a question asks of its picture i.
func (s *Server) query(q api.Question, i int) (text.Query, error) {
	out := text.Query{Phrases: q.Phrases, Classes: q.Classes}
	if q.Form == "demo" {
		out.Form = text.Demo
	}
	switch len(q.Texts) {
	case 0:
	case 1:
		out.Caption = q.Texts[0]
	default:
		out.Caption = q.Texts[i]
	}
	for _, span := range q.Spans {
		out.Spans = append(out.Spans, text.Span{Begin: span[0], End: span[1]})
	}
	if out.Caption == "" && len(out.Phrases) == 0 && len(out.Classes) == 0 {
		if out.Classes = slices.Clone(s.options.Classes); len(out.Classes) == 0 {
			return out, api.Refuse(api.BadQuery, "there is nothing to look for: give a text, phrases or classes")
		}
	}
	return out, nil
}

// header looks at the head of a picture.
func (s *Server) header(ctx context.Context, data []byte, i, of int) (picture.Header, error) {
	h, err := picture.ReadHeader(ctx, bytes.NewReader(data), pictureName(i, of), s.pictureLimits())
	return h, pictureRefusal(err)
}

// pictureName is how a picture is called in words to its sender.
func pictureName(i, of int) string {
	if of == 1 {
		return "the picture"
	}
	return fmt.Sprint("picture ", i+1)
}

// pictureLimits are those of each picture.
func (s *Server) pictureLimits() picture.Limits {
	l := s.options.Limits
	return picture.Limits{MaxSide: l.Side, MaxPixels: l.Pixels, MaxMemory: l.Decoding}
}

// pictureRefusal is what is wrong with a picture, as a refusal.
func pictureRefusal(err error) error {
	var large *picture.LimitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		flag := map[string]string{"MaxSide": "--max-side", "MaxPixels": "--max-pixels", "MaxMemory": "--max-decoding"}[large.Option]
		return api.Refuse(api.TooLarge, "a picture of %d x %d pixels (width x height) is over the limit of %d (%s)", large.Width, large.Height, large.Limit, flag)
	case errors.Is(err, picture.ErrFormat):
		return api.Refuse(api.BadPicture, "%s", strings.TrimSuffix(said(err), ": "+picture.ErrFormat.Error()))
	}
	return err
}

// find is what a query looks for.
func find(d detector, q text.Query) (out sought, err error) {
	t := d.Tokenizer()
	prompts, err := q.Prompts(t)
	if err != nil {
		return out, err
	}
	for i, p := range prompts {
		heard, err := t.Hear(p, d.MaxTokens())
		if err != nil {
			return out, err
		}
		out.captions = append(out.captions, p.Text)
		for l, label := range p.Labels {
			out.phrases = append(out.phrases, api.Phrase{
				Label: p.First + l + 1, Phrase: label.Name, Span: [2]int{label.Span.Begin, label.Span.End}, Caption: i, Silent: !slices.Contains(heard.Labels, l),
			})
		}
	}
	return out, nil
}

// answer puts together what was found.
func (c *checked) answer(s *Server, list []queue.Answer[result], total time.Duration) api.Answer {
	a := api.Answer{Model: s.options.Name, Version: version}
	for i, p := range c.pictures {
		a.Pictures = append(a.Pictures, api.Found{
			Kept: p.kept, Width: p.header.Width, Height: p.header.Height,
			Captions: p.sought.captions, Phrases: p.sought.phrases, Detections: list[i].Value.found,
		})
	}
	a.Timing = timing(list, total)
	return a
}

// timing is where the time of several units went: of those that ran one after the other, the sum; what waited together, the longest.
func timing(list []queue.Answer[result], total time.Duration) api.Timing {
	t := api.Timing{Total: total}
	known := map[string]int{}
	for _, u := range list {
		t.Queue, t.Decode, t.Batch = max(t.Queue, u.Waited), max(t.Decode, u.Prepared), max(t.Batch, u.Batch)
		if u.Shared {
			known["whole"]++
			continue
		}
		r := u.Value.report
		if t.Caption += r.Caption; r.CaptionKnown {
			known["caption"]++
		}
		if t.Picture += r.Picture; r.PictureKnown {
			known["picture"]++
		}
		t.Grounding += r.Grounding
	}
	for _, what := range []string{"picture", "caption", "whole"} {
		if known[what] == len(list) {
			t.Known = append(t.Known, what)
		}
	}
	return t
}
