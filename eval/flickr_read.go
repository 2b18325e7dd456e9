package eval

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/glipvk/glipvk/internal/file"
)

// Bounds of the files of Flickr30k Entities.
const (
	mostFlickrIDs  = 1 << 20 // bytes of test.txt or val.txt
	mostFlickrFile = 4 << 20 // of a file about one picture
)

// ReadFlickr reads the layout of Flickr30k Entities: in the folder root the list of pictures SPLIT.txt and, for each, Annotations/ID.xml
// and Sentences/ID.txt. Errors wrap [ErrInput] or are those of reading.
func ReadFlickr(ctx context.Context, root, split string) (*Flickr, error) {
	list := filepath.Join(root, split+".txt")
	ids, err := file.ReadAll(ctx, list, mostFlickrIDs)
	if err != nil {
		return nil, err
	}
	f, seen := &Flickr{}, map[string]bool{}
	for id := range strings.FieldsSeq(string(ids)) {
		if strings.ContainsAny(id, `/\:`) || strings.Trim(id, ".") == "" || seen[id] {
			return nil, fmt.Errorf("%s: eval: %w: %.40q is not the id of a picture, or comes twice", list, ErrInput, id)
		}
		seen[id] = true
		if err := f.read(ctx, root, id); err != nil {
			return nil, err
		}
	}
	if len(f.Sentences) == 0 {
		return nil, fmt.Errorf("%s: eval: %w: no picture of it has a sentence with a box", list, ErrInput)
	}
	return f, nil
}

// read adds the sentences of a picture.
func (f *Flickr) read(ctx context.Context, root, id string) error {
	path := filepath.Join(root, "Annotations", id+".xml")
	data, err := file.ReadAll(ctx, path, mostFlickrFile)
	if err != nil {
		return err
	}
	boxes, err := entities(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(root, "Sentences", id+".txt")
	if data, err = file.ReadAll(ctx, path, mostFlickrFile); err != nil {
		return err
	}
	index := 0
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		s := Sentence{Picture: id, Index: index, File: id + ".jpg"}
		if err := s.parse(line, boxes); err != nil {
			return fmt.Errorf("%s: sentence %d: %w", path, index, err)
		}
		if index++; len(s.Phrases) == 0 {
			f.Others++
			continue
		}
		f.Sentences = append(f.Sentences, s)
	}
	return nil
}

// entities reads the boxes of things by their ids. A thing may have many objects, and an object be many things.
func entities(data []byte) (map[string][][4]float64, error) {
	var a struct {
		Objects []struct {
			Names []string `xml:"name"`
			Boxes []struct {
				X1 *int `xml:"xmin"`
				Y1 *int `xml:"ymin"`
				X2 *int `xml:"xmax"`
				Y2 *int `xml:"ymax"`
			} `xml:"bndbox"`
		} `xml:"object"`
	}
	if err := xml.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("eval: %w: %w", ErrInput, err)
	}
	boxes := map[string][][4]float64{}
	for i, o := range a.Objects {
		if len(o.Boxes) == 0 {
			continue
		}
		b := o.Boxes[0]
		if b.X1 == nil || b.Y1 == nil || b.X2 == nil || b.Y2 == nil || len(o.Names) == 0 {
			return nil, fmt.Errorf("eval: %w: object %d: a bndbox needs xmin, ymin, xmax and ymax, and the object a name", ErrInput, i+1)
		}
		for _, name := range o.Names {
			boxes[name] = append(boxes[name], [4]float64{float64(*b.X1), float64(*b.Y1), float64(*b.X2), float64(*b.Y2)})
		}
	}
	return boxes, nil
}

// parse reads a line, in which [/EN#ID/TYPE/TYPE begins a phrase and a word that ends in ] ends it.
func (s *Sentence) parse(line string, boxes map[string][][4]float64) error {
	var words []string
	var open *Phrase
	var thing string
	length, begin := 0, 0 // code points of the caption so far
	add := func(word string) {
		if len(words) > 0 {
			length++
		}
		words = append(words, word)
		length += utf8.RuneCountInString(word)
	}
	for token := range strings.FieldsSeq(line) {
		switch {
		case open == nil && token[0] == '[':
			parts := strings.Split(token, "/")
			if len(parts) < 2 || len(parts[1]) < 3 {
				return fmt.Errorf("eval: %w: %.40q does not begin a phrase, want [/EN#ID/TYPE", ErrInput, token)
			}
			open, thing = &Phrase{Types: parts[2:]}, parts[1][3:]
			if begin = length; len(words) > 0 {
				begin++
			}
		case open != nil && strings.HasSuffix(token, "]"):
			add(token[:len(token)-1])
			open.Spans, open.Boxes = [][2]int{{begin, length}}, boxes[thing]
			if len(open.Boxes) > 0 {
				s.Phrases = append(s.Phrases, *open)
			}
			open = nil
		default:
			add(token)
		}
	}
	s.Caption = strings.Join(words, " ") // a phrase that nothing ends is none, as in the reference
	return nil
}

// ReadMDETR reads MDETR's file of Flickr30k Entities (final_flickr_separateGT_test.json): a picture for each sentence, and boxes that say
// of which parts of it they are. It knows no types of phrases, and joined boxes that overlap by 0.95 or more, so a recall from it can
// differ by a little from that of the layout of [ReadFlickr]. Errors wrap [ErrInput] or are those of reading.
func ReadMDETR(ctx context.Context, path string) (*Flickr, error) {
	m := &mdetr{}
	if err := scan(ctx, path, mostPhrases, func(s *scanner) error { return m.read(s) }); err != nil {
		return nil, err
	}
	f, err := m.flickr()
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return f, err
}

// mdetr is the file as it is.
type mdetr struct {
	ids       []int64 // of sentences
	sentences []Sentence
	boxes     []mdetrBox
}

type mdetrBox struct {
	sentence int64
	box      [4]float64 // x, y, width, height
	spans    [][2]int
}

func (m *mdetr) read(s *scanner) error {
	return s.object(func(name []byte) error {
		switch string(name) {
		case "images":
			return s.list(mostPictures, func(int) error { return m.sentence(s) })
		case "annotations":
			return s.list(mostTruths, func(int) error { return m.box(s) })
		}
		return s.skip()
	})
}

// sentence reads an element of images.
func (m *mdetr) sentence(s *scanner) error {
	var x Sentence
	var id int64
	there := 0
	err := s.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			id, err = s.whole()
			there |= 1
		case "caption":
			x.Caption, err = s.text()
			there |= 2
		case "file_name":
			x.File, err = s.text()
			there |= 4
		case "original_img_id":
			x.Picture, err = s.name()
			there |= 8
		case "sentence_id":
			var n string
			if n, err = s.name(); err == nil {
				if x.Index, err = strconv.Atoi(n); err != nil {
					err = s.bad("%.40q is no number of a sentence", n)
				}
			}
			there |= 16
		case "tokens_positive_eval":
			err = s.list(mostList, func(int) error {
				spans, err := s.spans()
				if err == nil && len(spans) == 0 {
					err = s.bad("a phrase has no span")
				}
				x.Phrases = append(x.Phrases, Phrase{Spans: spans})
				return err
			})
			there |= 32
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && there != 63 {
		err = s.bad("id, caption, file_name, original_img_id, sentence_id and tokens_positive_eval are wanted, and not all there")
	}
	m.ids, m.sentences = append(m.ids, id), append(m.sentences, x)
	return err
}

// spans reads a list of [begin, end).
func (s *scanner) spans() (spans [][2]int, err error) {
	err = s.list(mostList, func(int) error {
		list, err := s.wholes()
		if err == nil && (len(list) != 2 || list[0] < 0 || list[1] <= list[0] || list[1] > 1<<20) {
			err = s.bad("%v is no span, want [begin, end]", list)
		}
		if err != nil {
			return err
		}
		spans = append(spans, [2]int{int(list[0]), int(list[1])})
		return nil
	})
	return spans, err
}

// box reads an element of annotations.
func (m *mdetr) box(s *scanner) error {
	var x mdetrBox
	there := 0
	err := s.object(func(name []byte) (err error) {
		switch string(name) {
		case "image_id":
			x.sentence, err = s.whole()
			there |= 1
		case "bbox":
			x.box, err = s.box()
			there |= 2
		case "tokens_positive":
			x.spans, err = s.spans()
			there |= 4
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && there != 7 {
		err = s.bad("image_id, bbox and tokens_positive are wanted, and not all there")
	}
	m.boxes = append(m.boxes, x)
	return err
}

// flickr gives each phrase the boxes that say its span.
func (m *mdetr) flickr() (*Flickr, error) {
	of := map[int64][]mdetrBox{}
	for _, b := range m.boxes {
		of[b.sentence] = append(of[b.sentence], b)
	}
	f := &Flickr{}
	for i, s := range m.sentences {
		if len(s.Phrases) == 0 {
			f.Others++
			continue
		}
		for k := range s.Phrases {
			p := &s.Phrases[k]
			for _, b := range of[m.ids[i]] {
				if shares(b.spans, p.Spans) {
					p.Boxes = append(p.Boxes, [4]float64{b.box[0], b.box[1], b.box[0] + b.box[2], b.box[1] + b.box[3]})
				}
			}
			if len(p.Boxes) == 0 {
				return nil, fmt.Errorf("eval: %w: /images/%d: no annotation is of its phrase %v", ErrInput, i, p.Spans)
			}
		}
		f.Sentences = append(f.Sentences, s)
	}
	if len(f.Sentences) == 0 {
		return nil, fmt.Errorf("eval: %w: no sentence has a phrase with a box", ErrInput)
	}
	return f, nil
}

// shares says whether a span is in both lists.
func shares(a, b [][2]int) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// ReadGroundings reads what was found for sentences: a list of image_id, sentence_id and boxes. Errors wrap [ErrInput] or are those of
// reading.
func ReadGroundings(ctx context.Context, path string) ([]Grounding, error) {
	var list []Grounding
	err := scan(ctx, path, mostPhrases, func(s *scanner) (err error) {
		list, err = s.groundings()
		return err
	})
	return list, err
}

// ParseGroundings reads groundings that are in memory.
func ParseGroundings(data []byte) (list []Grounding, err error) {
	err = scanAll(context.Background(), bytes.NewReader(data), func(s *scanner) (err error) {
		list, err = s.groundings()
		return err
	})
	return list, err
}

func (s *scanner) groundings() (list []Grounding, err error) {
	err = s.list(mostResults, func(int) error {
		var g Grounding
		there := 0
		err := s.object(func(name []byte) (err error) {
			switch string(name) {
			case "image_id":
				g.Picture, err = s.name()
				there |= 1
			case "sentence_id":
				var n string
				if n, err = s.name(); err == nil {
					if g.Index, err = strconv.Atoi(n); err != nil {
						err = s.bad("%.40q is no number of a sentence", n)
					}
				}
				there |= 2
			case "boxes":
				g.Boxes, err = s.phrases()
				there |= 4
			default:
				err = s.skip()
			}
			return err
		})
		if err == nil && there != 7 {
			err = s.bad("image_id, sentence_id and boxes are wanted, and not all there")
		}
		list = append(list, g)
		return err
	})
	return list, err
}

// phrases reads a list of boxes for each phrase.
func (s *scanner) phrases() (lists [][][4]float64, err error) {
	err = s.list(mostList, func(int) error {
		var boxes [][4]float64
		err := s.list(mostList, func(int) error {
			b, err := s.box()
			boxes = append(boxes, b)
			return err
		})
		lists = append(lists, boxes)
		return err
	})
	return lists, err
}
