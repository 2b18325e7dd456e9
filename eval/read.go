package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/glipvk/glipvk/internal/file"
)

// mostBytes bounds a file that is read whole.
const mostBytes = 2 << 30

// number is a whole number that may be written 3 or 3.0.
type number int64

func (n *number) UnmarshalJSON(text []byte) error {
	var i int64
	if json.Unmarshal(text, &i) == nil {
		*n = number(i)
		return nil
	}
	var f float64
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return fmt.Errorf("%s is no whole number", text)
	}
	*n = number(f)
	return nil
}

// ReadTruths reads COCO's annotations. Errors wrap [ErrInput] or are those of reading.
func ReadTruths(ctx context.Context, path string) (*Truths, error) {
	data, err := file.ReadAll(ctx, path, mostBytes)
	if err != nil {
		return nil, err
	}
	t, err := ParseTruths(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// ParseTruths reads annotations that are in memory.
func ParseTruths(data []byte) (*Truths, error) {
	var f struct {
		Images     []struct{ ID *number }
		Categories []struct {
			ID   *number
			Name string
		}
		Annotations []struct {
			ID       *number
			Picture  *number    `json:"image_id"`
			Category *number    `json:"category_id"`
			Box      []float64  `json:"bbox"`
			Area     *float64   `json:"area"`
			Crowd    *crowdness `json:"iscrowd"`
		}
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("eval: %w: %w", ErrInput, err)
	}
	t := &Truths{}
	for i, p := range f.Images {
		if p.ID == nil {
			return nil, fmt.Errorf("eval: %w: image %d has no id", ErrInput, i)
		}
		t.Pictures = append(t.Pictures, int64(*p.ID))
	}
	for i, c := range f.Categories {
		if c.ID == nil {
			return nil, fmt.Errorf("eval: %w: category %d has no id", ErrInput, i)
		}
		t.Categories = append(t.Categories, Category{int64(*c.ID), c.Name})
	}
	for i, a := range f.Annotations {
		if a.ID == nil || a.Picture == nil || a.Category == nil || a.Area == nil || a.Crowd == nil || len(a.Box) != 4 {
			return nil, fmt.Errorf("eval: %w: annotation %d: id, image_id, category_id, area, iscrowd and a bbox of four numbers are wanted", ErrInput, i)
		}
		t.List = append(t.List, Truth{int64(*a.ID), int64(*a.Picture), int64(*a.Category), Box(a.Box), *a.Area, bool(*a.Crowd)})
	}
	return t, nil
}

// crowdness is 0 or 1, or false or true.
type crowdness bool

func (c *crowdness) UnmarshalJSON(text []byte) error {
	var b bool
	if json.Unmarshal(text, &b) == nil {
		*c = crowdness(b)
		return nil
	}
	var n float64
	err := json.Unmarshal(text, &n)
	*c = crowdness(n != 0)
	return err
}

// ReadResults reads COCO's results, a list of image_id, category_id, bbox and score. An empty list is an error, as in the
// reference: give no results to evaluate none. Errors wrap [ErrInput] or are those of reading.
func ReadResults(ctx context.Context, path string) ([]Found, error) {
	data, err := file.ReadAll(ctx, path, mostBytes)
	if err != nil {
		return nil, err
	}
	list, err := ParseResults(data)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("eval: %w: there are no results", ErrInput)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// ParseResults reads results that are in memory, also none.
func ParseResults(data []byte) ([]Found, error) {
	var f []struct {
		Picture  *number   `json:"image_id"`
		Category *number   `json:"category_id"`
		Box      []float64 `json:"bbox"`
		Score    *float64  `json:"score"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, errors.Join(fmt.Errorf("eval: %w", ErrInput), err)
	}
	var list []Found
	for i, r := range f {
		if r.Picture == nil || r.Category == nil || r.Score == nil || len(r.Box) != 4 {
			return nil, fmt.Errorf("eval: %w: result %d: image_id, category_id, score and a bbox of four numbers are wanted", ErrInput, i)
		}
		list = append(list, Found{int64(*r.Picture), int64(*r.Category), Box(r.Box), *r.Score})
	}
	return list, nil
}
