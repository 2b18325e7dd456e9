package labels

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/glipvk/glipvk/internal/cocofile"
)

// bounded says that a set that was read is in order, or the error is of one of the kinds that are promised.
func bounded(t *testing.T, s *Set, err error) {
	t.Helper()
	if err != nil {
		return
	}
	for _, p := range s.Pictures {
		if err := p.check(len(s.Classes)); err != nil {
			t.Fatal(err)
		}
	}
}

func seedFrom(f *testing.F, texts ...string) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
}

func FuzzCOCO(f *testing.F) {
	seedFrom(f, `{"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 1, "score": 0.5}], "categories": [{"id": 1, "name": "cat"}]}`,
		`{"images": [{"id": 1e99}], "x": [[[]]]}`, `{"categories": [{"id": 0, "name": "a"}, {"id": 1, "name": "b", "supercategory": "a"}]}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		var l cocoLists
		if err := cocofile.Read(t.Context(), bytes.NewReader(data), ErrLabels, l.lists()); err != nil {
			return
		}
		s, err := l.set(t.Context(), ReadOptions{})
		bounded(t, s, err)
	})
}

func FuzzYOLO(f *testing.F) {
	f.Add([]byte("train: images\nnames: [cat, dog]\n"), []byte("1 0.5 0.5 0.1 0.2\n0 .5 .5 .1 .1 .9\n1 0 0 0.5 0 0.25 1\n"))
	f.Add([]byte("nc: 1\nnames: {0: no}\nval: [a, b]\n"), []byte("0 1e-3 -0.001 1 1"))
	f.Fuzz(func(t *testing.T, set, lines []byte) {
		y, listed, err := parseYOLO(set)
		if err != nil {
			return
		}
		_, _ = yoloEntries(&y.Train)
		b, err := build(ReadOptions{}, listed)
		if err != nil {
			return
		}
		p := Picture{Name: "a.jpg", Width: 640, Height: 480}
		if err := b.yoloLines(&p, lines, "a.txt", listed); err != nil {
			if !errors.Is(err, ErrLabels) {
				t.Fatal(err)
			}
			return
		}
		b.add(p)
		s, err := b.done()
		bounded(t, s, err)
		for _, o := range p.Objects {
			if clipped := o.Box.Clip(640, 480); !clipped.empty() { // what is written of it can be read
				o.Box = clipped
				if err := b.yoloLines(&Picture{Name: "b.jpg", Width: 640, Height: 480}, []byte(yoloLine(o, 640, 480, o.Scored)), "b.txt", listed); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func FuzzVOC(f *testing.F) {
	seedFrom(f, "<annotation><filename>a.jpg</filename><size><width>9</width><height>9</height></size><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>")
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := build(ReadOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.voc(t.Context(), "a.xml", data, nil); err != nil {
			return
		}
		s, err := b.done()
		bounded(t, s, err)
	})
}

func FuzzCVAT(f *testing.F) {
	seedFrom(f, `<annotations><meta><task><labels><label><name>cat</name></label></labels></task></meta><image name="a.jpg" width="9" height="9"><box label="cat" xtl="1" ytl="1" xbr="2" ybr="2" rotation="7"/><polygon label="cat" points="1,2;3,4;5,6"/></image></annotations>`,
		`<annotations><image name="a.jpg" width="9" height="9"><ellipse label="x" cx="1" cy="1" rx="-1" ry="1"/></image></annotations>`)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseCVAT(t.Context(), bytes.NewReader(data), ReadOptions{})
		bounded(t, s, err)
	})
}

func FuzzLabelMe(f *testing.F) {
	seedFrom(f, `{"imagePath": "a.jpg", "imageWidth": 9, "imageHeight": 9, "shapes": [{"label": "cat", "points": [[1, 2], [3, 4]], "shape_type": "rectangle", "score": 0.5}, {"label": "dog", "points": [[1, 2], [3, 4]], "shape_type": "circle"}]}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := build(ReadOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.labelMe(t.Context(), "a.json", data, nil); err != nil {
			return
		}
		s, err := b.done()
		bounded(t, s, err)
	})
}

// A journal that anything has written into is read or refused.
func FuzzJournal(f *testing.F) {
	seedFrom(f, `{"name":"a.jpg","w":10,"h":10,"o":[[1,0,0,1,1,0.5]],"crowds":[0]}`, `{"name":"a.jpg","w":1e99}`)
	f.Fuzz(func(t *testing.T, line []byte) {
		var r record
		if json.Unmarshal(line, &r) != nil {
			return
		}
		p, err := r.picture(2)
		if err != nil {
			return
		}
		again, err := recordOf(p, 0).picture(2)
		if err != nil || again.Name != p.Name || len(again.Objects) != len(p.Objects) {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
	})
}
