package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/labels"
)

// truths reads annotations in any format, and finds the folder of their pictures. COCO's own are read as pycocotools reads them; others
// are what COCO's would be if they were written as such: numbers of pictures and classes from 1, areas of boxes.
func (f *evalFlags) truths(ctx context.Context, at, images string, stderr io.Writer) (*eval.Truths, string, error) {
	part, ifAny, err := partOf("--part", f.part, "val")
	if err != nil {
		return nil, "", err
	}
	format := f.source.LabelFormat
	if format == "" {
		if format, err = labels.Detect(ctx, at); err != nil {
			return nil, "", input(err)
		}
	}
	o := f.source.options(images, part, ifAny)
	switch format {
	case "coco":
		if at, err = labels.COCOFile(at, o); err != nil {
			return nil, "", input(err)
		}
		t, err := eval.ReadTruths(ctx, at)
		return t, cmp.Or(images, filepath.Dir(at)), input(err)
	case "coco-results":
		return nil, "", cli.Usage("--truth %s: a list of results; want the annotations that they are measured against", at)
	}
	set, err := labels.Read(ctx, format, at, o)
	if err != nil {
		return nil, "", input(err)
	}
	remark(stderr, at, set.Report)
	if info, err := os.Stat(at); images == "" && err == nil && info.IsDir() {
		images = at
	}
	images = cmp.Or(images, filepath.Dir(at))
	return truthsOf(set, images), images, nil
}

// truthsOf are labels as an evaluation takes them; the files of pictures are named from a folder.
func truthsOf(set *labels.Set, images string) *eval.Truths {
	set.Number()
	t := &eval.Truths{About: map[int64]*eval.Picture{}}
	for i, name := range set.Classes {
		t.Categories = append(t.Categories, eval.Category{ID: set.CategoryIDs[i], Name: name})
	}
	for _, p := range set.Pictures {
		t.Pictures = append(t.Pictures, p.ID)
		t.About[p.ID] = &eval.Picture{File: fileFrom(images, p.File), Name: p.Name, Width: p.Width, Height: p.Height}
		for _, o := range p.Objects {
			w, h := o.Box.Size()
			t.List = append(t.List, eval.Truth{
				ID: int64(len(t.List) + 1), Picture: p.ID, Category: set.CategoryIDs[o.Class], Box: eval.Box{o.Box.X1, o.Box.Y1, w, h}, Area: w * h, Crowd: o.Crowd,
			})
		}
	}
	return t
}

// fileFrom is the path of a file from a folder, or the whole path where it is not in it.
func fileFrom(folder, at string) string {
	if inside, err := filepath.Rel(folder, at); err == nil && filepath.IsLocal(inside) {
		return filepath.ToSlash(inside)
	}
	if whole, err := filepath.Abs(at); err == nil {
		return whole
	}
	return at
}

// resultsOf reads results: COCO's list, or labels with scores, whose pictures and classes are known by their names.
func (b *boxed) resultsOf(ctx context.Context, at string, stderr io.Writer) ([]eval.Found, error) {
	format, err := labels.Detect(ctx, at)
	if err != nil {
		return nil, input(err)
	}
	if format == "coco-results" || format == "coco" {
		found, err := eval.ReadResults(ctx, at)
		if err == nil || format == "coco-results" || ctx.Err() != nil {
			return found, input(err)
		}
		if set, failed := labels.Read(ctx, format, at, b.flags.source.options(b.images, "", false)); failed == nil {
			return b.foundIn(at, set, stderr)
		}
		return nil, input(err) // what COCO's list should have been
	}
	set, err := labels.Read(ctx, format, at, b.flags.source.options(b.images, "", false))
	if err != nil {
		return nil, input(err)
	}
	return b.foundIn(at, set, stderr)
}

// foundIn makes results of labels with scores.
func (b *boxed) foundIn(at string, set *labels.Set, stderr io.Writer) (list []eval.Found, err error) {
	remark(stderr, at, set.Report)
	pictures, err := b.picturesByName()
	if err != nil {
		return nil, err
	}
	categories := map[string]int64{}
	for _, c := range b.truths.Categories {
		categories[c.Name] = c.ID
	}
	unknown := 0
	for _, p := range set.Pictures {
		id, known := pictures[p.Name]
		if !known && len(p.Objects) > 0 {
			return nil, cli.Usage("--results %s: the picture %s is none of --truth, whose pictures have names as %s", at, p.Name, b.aName())
		}
		for i, o := range p.Objects {
			if !o.Scored {
				return nil, cli.Usage("--results %s: %s: object %d has no score, by which results are ordered", at, p.Name, i)
			}
			category, known := categories[set.Classes[o.Class]]
			if !known {
				unknown++
				continue
			}
			w, h := o.Box.Size()
			list = append(list, eval.Found{Picture: id, Category: category, Box: eval.Box{o.Box.X1, o.Box.Y1, w, h}, Score: o.Score})
		}
	}
	if unknown > 0 {
		fmt.Fprintf(stderr, "glip: %s: %s of classes that --truth does not have, and passed over\n", at, counted(unknown, "result is", "results are"))
	}
	if len(list) == 0 {
		return nil, cli.Usage("--results %s: there are no results", at)
	}
	return list, nil
}

// picturesByName are the numbers of pictures by what labels call them.
func (b *boxed) picturesByName() (map[string]int64, error) {
	names := map[string]int64{}
	for id, about := range b.truths.About {
		name := path.Clean(strings.ReplaceAll(cmp.Or(about.Name, about.File), `\`, "/"))
		if other, twice := names[name]; twice && other != id {
			return nil, cli.Usage("--truth: the pictures %d and %d are both called %s, so results by name are of neither", min(id, other), max(id, other), name)
		}
		names[name] = id
	}
	return names, nil
}

// aName is what a picture of the truths is called: that of the lowest number.
func (b *boxed) aName() string {
	first := int64(math.MaxInt64)
	for id := range b.truths.About {
		first = min(first, id)
	}
	if about := b.truths.About[first]; about != nil {
		return cmp.Or(about.Name, about.File, "none")
	}
	return "none"
}
