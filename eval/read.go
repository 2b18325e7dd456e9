package eval

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
)

// ReadTruths reads COCO's annotations. Errors wrap [ErrInput] or are those of reading.
func ReadTruths(ctx context.Context, path string) (*Truths, error) {
	t := &Truths{About: map[int64]*Picture{}}
	return t, scan(ctx, path, mostBytes, func(s *scanner) error { return s.truths(t, true) })
}

// ReadLVISTruths reads LVIS' annotations, which have no iscrowd. Errors wrap [ErrInput] or are those of reading.
func ReadLVISTruths(ctx context.Context, path string) (*Truths, error) {
	t := &Truths{About: map[int64]*Picture{}}
	return t, scan(ctx, path, mostBytes, func(s *scanner) error { return s.truths(t, false) })
}

// ParseTruths reads COCO's annotations that are in memory.
func ParseTruths(data []byte) (*Truths, error) {
	t := &Truths{About: map[int64]*Picture{}}
	return t, scanAll(context.Background(), bytes.NewReader(data), func(s *scanner) error { return s.truths(t, true) })
}

// truths reads annotations; crowds says whether each must say whether it is one.
func (s *scanner) truths(t *Truths, crowds bool) error {
	return s.object(func(name []byte) error {
		switch string(name) {
		case "images":
			t.Pictures = nil
			return s.list(mostPictures, func(int) error { return s.picture(t) })
		case "categories":
			t.Categories = nil
			return s.list(mostCategories, func(int) error { return s.category(t) })
		case "annotations":
			t.List = nil
			return s.list(mostTruths, func(int) error { return s.truth(t, crowds) })
		}
		return s.skip()
	})
}

// picture reads an element of images.
func (s *scanner) picture(t *Truths) error {
	var p Picture
	var id int64
	var address string
	var known bool
	err := s.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			id, err = s.whole()
			known = true
		case "file_name":
			p.File, err = s.text()
		case "coco_url":
			address, err = s.text()
		case "width":
			p.Width, err = s.size()
		case "height":
			p.Height, err = s.size()
		case "neg_category_ids":
			p.Absent, err = s.wholes()
		case "not_exhaustive_category_ids":
			p.Partial, err = s.wholes()
		default:
			err = s.skip()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !known:
		return s.bad("the picture has no id")
	case p.File == "" && address != "":
		p.File = lastTwo(address)
	}
	t.Pictures = append(t.Pictures, id)
	t.About[id] = &p
	return nil
}

// lastTwo are the last two parts of an address, as in val2017/000000397133.jpg.
func lastTwo(address string) string {
	parts := strings.Split(address, "/")
	return path.Join(parts[max(len(parts)-2, 0):]...)
}

// size reads pixels; no picture has more than 2^31 a side.
func (s *scanner) size() (int, error) {
	v, err := s.number()
	if err == nil && !(v >= 0 && v < 1<<31) {
		err = s.bad("%g is no size of a picture", v)
	}
	return int(v), err
}

// category reads an element of categories.
func (s *scanner) category(t *Truths) error {
	var c Category
	var known bool
	err := s.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			c.ID, err = s.whole()
			known = true
		case "name":
			c.Name, err = s.text()
		case "frequency":
			c.Frequency, err = s.text()
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && !known {
		err = s.bad("the category has no id")
	}
	t.Categories = append(t.Categories, c)
	return err
}

// What of an element was there.
const (
	hasID = 1 << iota
	hasPicture
	hasCategory
	hasBox
	hasArea
	hasCrowd
	hasScore
)

// truth reads an element of annotations.
func (s *scanner) truth(t *Truths, crowds bool) error {
	var x Truth
	var there int
	err := s.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			x.ID, err = s.whole()
			there |= hasID
		case "image_id":
			x.Picture, err = s.whole()
			there |= hasPicture
		case "category_id":
			x.Category, err = s.whole()
			there |= hasCategory
		case "bbox":
			x.Box, err = s.box()
			there |= hasBox
		case "area":
			x.Area, err = s.number()
			there |= hasArea
		case "iscrowd":
			x.Crowd, err = s.flag()
			there |= hasCrowd
		case "ignore":
			x.Ignore, err = s.flag()
		default:
			err = s.skip()
		}
		return err
	})
	wanted := hasID | hasPicture | hasCategory | hasBox | hasArea
	names := "id, image_id, category_id, bbox and area"
	if crowds {
		wanted, names = wanted|hasCrowd, "id, image_id, category_id, bbox, area and iscrowd"
	}
	if err == nil && there&wanted != wanted {
		err = s.bad("%s are wanted, and not all there", names)
	}
	t.List = append(t.List, x)
	return err
}

// ReadResults reads COCO's results, a list of image_id, category_id, bbox and score; LVIS has the same. An empty list is an error, as
// in the reference: give no results to evaluate none. Errors wrap [ErrInput] or are those of reading.
func ReadResults(ctx context.Context, path string) ([]Found, error) {
	var list []Found
	err := scan(ctx, path, mostBytes, func(s *scanner) (err error) {
		list, err = s.results()
		return err
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s: eval: %w: there are no results", path, ErrInput)
	}
	return list, err
}

// ParseResults reads results that are in memory, also none.
func ParseResults(data []byte) (list []Found, err error) {
	err = scanAll(context.Background(), bytes.NewReader(data), func(s *scanner) (err error) {
		list, err = s.results()
		return err
	})
	return list, err
}

// results reads a list of detections.
func (s *scanner) results() (list []Found, err error) {
	var f Found
	var there int
	field := func(name []byte) (err error) {
		switch string(name) {
		case "image_id":
			f.Picture, err = s.whole()
			there |= hasPicture
		case "category_id":
			f.Category, err = s.whole()
			there |= hasCategory
		case "bbox":
			f.Box, err = s.box()
			there |= hasBox
		case "score":
			f.Score, err = s.number()
			there |= hasScore
		default:
			err = s.skip()
		}
		return err
	}
	err = s.list(mostResults, func(int) error {
		f, there = Found{}, 0
		if err := s.object(field); err != nil {
			return err
		}
		if there != hasPicture|hasCategory|hasBox|hasScore {
			return s.bad("image_id, category_id, bbox and score are wanted, and not all there")
		}
		list = append(list, f)
		return nil
	})
	return list, err
}
