package labels

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/glipvk/glipvk/internal/cocofile"
	"github.com/glipvk/glipvk/internal/jsonlist"
)

// readResults reads COCO's or LVIS's results, which have numbers of pictures and classes instead of names.
func readResults(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	if o.Of == nil {
		return nil, fmt.Errorf("%w: results have numbers instead of names: read the annotations that they are of, and give those", ErrFormat)
	}
	return inOne(at, "results.json", func(in io.Reader) (*Set, error) { return parseResults(ctx, in, o) })
}

func parseResults(ctx context.Context, in io.Reader, o ReadOptions) (*Set, error) {
	of := *o.Of
	of.Pictures, of.CategoryIDs = slices.Clone(of.Pictures), slices.Clone(of.CategoryIDs)
	of.Number()
	b, err := build(o, slices.Clone(of.Classes))
	if err != nil {
		return nil, err
	}
	at, names := map[int64]int{}, map[int64]string{}
	for i, p := range of.Pictures {
		p.Objects = nil
		at[p.ID] = i
		b.add(p)
	}
	for i, id := range of.CategoryIDs {
		names[id] = of.Classes[i]
	}
	d := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	err = jsonlist.Elements(ctx, d, mostTotal, func(i int, e cocofile.Annotation, odd error) error {
		t, err := cocoThingOf(e)
		if err := cmp.Or(odd, err); err != nil {
			return err
		}
		if e.Score == nil {
			return fmt.Errorf("it has no score")
		}
		image, known := at[t.image]
		class, listed := names[t.category]
		return b.numbered(image, known, class, listed, t, fmt.Sprintf("result %d", i))
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: at byte %d: %w; want COCO's results, a list of image_id, category_id, bbox and score", ErrLabels, d.InputOffset(), jsonlist.Explained(err))
	}
	if o.Classes == nil {
		b.set.CategoryIDs = of.CategoryIDs
	}
	return b.done()
}
