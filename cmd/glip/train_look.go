package main

import (
	"context"
	"fmt"
	"io"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/picture"
)

// mostNamed is how many things of a kind are said on stderr; metrics.jsonl has all.
const mostNamed = 10

// look decodes every picture and says which are of no use, and how many of all.
func (p *trainPlan) look(ctx context.Context, d trainData, stderr io.Writer) (bad, count int, err error) {
	var all []dataset.Picture
	all = append(all, d.train.Pictures...)
	if d.val != nil && d.val != d.train {
		all = append(all, d.val.Pictures...)
	}
	m := cli.Meter(stderr)
	m.Say("look", "looking at picture %d of %d")
	for i, x := range all {
		m.Show("look", int64(i+1), int64(len(all)))
		err := p.usable(ctx, x)
		if ctx.Err() != nil {
			m.Done()
			return bad, i, &cli.Interrupted{Rest: fmt.Sprintf("%d of %d pictures looked at, %d of no use", i, len(all), bad)}
		}
		if err == nil {
			continue
		}
		if bad++; bad <= mostNamed {
			m.Done()
			fmt.Fprintf(stderr, "glip: %v\n", err)
		}
	}
	m.Done()
	return bad, len(all), nil
}

// usable decodes a picture as a step would.
func (p *trainPlan) usable(ctx context.Context, x dataset.Picture) error {
	decoded, err := picture.Open(ctx, x.Path, p.Limits)
	if err == nil && (decoded.Width != x.Width || decoded.Height != x.Height) {
		err = fmt.Errorf("%s: the picture is %d x %d, the annotations say %d x %d (width x height)", x.Path, decoded.Width, decoded.Height, x.Width, x.Height)
	}
	return err
}
