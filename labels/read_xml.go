package labels

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

func readVOC(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	folder := at
	if inside := filepath.Join(at, "Annotations"); isFolder(inside) {
		folder = inside
		if pictures := filepath.Join(at, "JPEGImages"); o.Pictures == "" && isFolder(pictures) {
			o.Pictures = pictures
		}
	}
	wanted, err := vocPart(ctx, at, o)
	if err != nil {
		return nil, err
	}
	list, err := files(ctx, folder, func(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".xml") })
	if err != nil {
		return nil, err
	}
	found, err := stems(ctx, o.Pictures)
	if err != nil {
		return nil, err
	}
	b, err := build(o, nil)
	if err != nil {
		return nil, err
	}
	for s := range found {
		if wanted != nil && !wanted[s] {
			delete(found, s)
		}
	}
	for _, name := range list {
		if wanted != nil && !wanted[stem(name)] {
			continue
		}
		data, err := file.ReadAll(ctx, filepath.Join(folder, filepath.FromSlash(name)), mostText)
		if err != nil {
			return nil, err
		}
		if err := b.voc(ctx, name, data, found); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := b.rest(ctx, o.Pictures, found); err != nil {
		return nil, err
	}
	return b.done()
}

// vocPart are the stems of a part; nil where all are wanted.
func vocPart(ctx context.Context, root string, o ReadOptions) (map[string]bool, error) {
	lists := filepath.Join(root, "ImageSets", "Main")
	if o.Part == "" || o.PartIfAny && !isFolder(lists) {
		return nil, nil
	}
	data, err := file.ReadAll(ctx, filepath.Join(lists, o.Part+".txt"), mostText)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, line := range nonEmpty(string(data)) {
		wanted[line] = true
	}
	return wanted, nil
}

// voc adds the picture of a file.
func (b *builder) voc(ctx context.Context, name string, data []byte, found map[string]string) error {
	var f vocFile
	if err := xml.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("%w: %w; want Pascal VOC's XML, an annotation with size and objects", ErrLabels, err)
	}
	key := pictureOf(stem(name), f.FileName, found)
	p, err := b.picture(ctx, key, float64(f.Width), float64(f.Height), filepath.Join(b.options.Pictures, filepath.FromSlash(key)))
	if err != nil {
		return unless(err)
	}
	for i, v := range f.Objects {
		where := fmt.Sprintf("%s: object %d", name, i)
		if v.Box == nil {
			b.set.Report.note(&b.set.Report.Other, "%s has no bndbox", where)
			continue
		}
		class, err := b.class(strings.TrimSpace(v.Name), where)
		if err != nil {
			return err
		}
		if err := b.object(&p, Object{Class: class, Box: b.options.VOC.back(*v.Box)}, where); err != nil {
			return err
		}
	}
	b.add(p)
	return nil
}

// What of CVAT's elements is read.
type (
	cvatImageIn struct {
		Name     string      `xml:"name,attr"`
		Width    float64     `xml:"width,attr"`
		Height   float64     `xml:"height,attr"`
		Boxes    []cvatShape `xml:"box"`
		Polygons []cvatShape `xml:"polygon"`
		Lines    []cvatShape `xml:"polyline"`
		Points   []cvatShape `xml:"points"`
		Ellipses []cvatShape `xml:"ellipse"`
		Masks    []cvatShape `xml:"mask"`
		Cuboids  []cvatShape `xml:"cuboid"`
		Tracks   []struct{}  `xml:"skeleton"`
	}
	cvatShape struct {
		Label      string  `xml:"label,attr"`
		XTL        float64 `xml:"xtl,attr"`
		YTL        float64 `xml:"ytl,attr"`
		XBR        float64 `xml:"xbr,attr"`
		YBR        float64 `xml:"ybr,attr"`
		Rotation   float64 `xml:"rotation,attr"` // degrees, clockwise, about the centre
		Points     string  `xml:"points,attr"`   // x,y;x,y
		CX         float64 `xml:"cx,attr"`
		CY         float64 `xml:"cy,attr"`
		RX         float64 `xml:"rx,attr"`
		RY         float64 `xml:"ry,attr"`
		Left       float64 `xml:"left,attr"`
		Top        float64 `xml:"top,attr"`
		Width      float64 `xml:"width,attr"`
		Height     float64 `xml:"height,attr"`
		Attributes []struct {
			Name string `xml:"name,attr"`
			Text string `xml:",chardata"`
		} `xml:"attribute"`
	}
)

func readCVAT(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	return inOne(at, "annotations.xml", func(in io.Reader) (*Set, error) { return parseCVAT(ctx, in, o) })
}

func parseCVAT(ctx context.Context, in io.Reader, o ReadOptions) (*Set, error) {
	d := xml.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	var listed []string
	var b *builder
	for depth := 0; ; {
		token, err := d.Token()
		switch {
		case err == io.EOF && b != nil:
			return b.done()
		case err == io.EOF:
			return nil, fmt.Errorf("%w: there are no pictures; want CVAT for images 1.1, annotations with an image each", ErrLabels)
		case err == nil:
			err = ctx.Err()
		}
		if start, ok := token.(xml.StartElement); ok && err == nil {
			depth++
			switch name := start.Name.Local; {
			case depth == 1 && name != "annotations":
				err = fmt.Errorf("the element %s instead of annotations", name)
			case depth == 2 && name == "track":
				err = errors.New("this is CVAT for video; export as CVAT for images")
			case depth == 2 && name == "meta":
				depth--
				var m cvatMeta
				if err = d.DecodeElement(&m, &start); err == nil {
					listed = m.names()
				}
			case depth == 2 && name == "image":
				depth--
				if b == nil {
					if b, err = build(o, listed); err != nil {
						return nil, err
					}
				}
				var image cvatImageIn
				if err = d.DecodeElement(&image, &start); err == nil {
					err = b.cvat(ctx, &image)
				}
			}
		} else if _, ok := token.(xml.EndElement); ok {
			depth--
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			line, _ := d.InputPos()
			return nil, fmt.Errorf("%w: line %d: %w", ErrLabels, line, err)
		}
	}
}

// cvatMeta has the labels of the task, the project or the job.
type cvatMeta struct {
	Task    []cvatLabel `xml:"task>labels>label"`
	Project []cvatLabel `xml:"project>labels>label"`
	Job     []cvatLabel `xml:"job>labels>label"`
	Plain   []cvatLabel `xml:"labels>label"`
}

type cvatLabel struct {
	Name string `xml:"name"`
}

func (m cvatMeta) names() (list []string) {
	for _, labels := range [][]cvatLabel{m.Task, m.Project, m.Job, m.Plain} {
		for _, l := range labels {
			list = append(list, l.Name)
		}
		if len(list) > 0 {
			break
		}
	}
	return list
}

// cvat adds a picture.
func (b *builder) cvat(ctx context.Context, image *cvatImageIn) error {
	p, err := b.picture(ctx, image.Name, image.Width, image.Height, filepath.Join(b.options.Pictures, filepath.FromSlash(image.Name)))
	if err != nil {
		return unless(err)
	}
	for _, kind := range []struct {
		name   string
		shapes []cvatShape
		hull   func(s cvatShape) ([][2]float64, error) // points whose hull is the box
	}{
		{"box", image.Boxes, func(s cvatShape) ([][2]float64, error) { return s.turned(), nil }},
		{"polygon", image.Polygons, cvatShape.points},
		{"polyline", image.Lines, cvatShape.points},
		{"points", image.Points, cvatShape.points},
		{"ellipse", image.Ellipses, func(s cvatShape) ([][2]float64, error) { return s.ellipse(), nil }},
		{"mask", image.Masks, func(s cvatShape) ([][2]float64, error) {
			return [][2]float64{{s.Left, s.Top}, {s.Left + s.Width, s.Top + s.Height}}, nil
		}},
	} {
		for i, s := range kind.shapes {
			where := fmt.Sprintf("%s: %s %d", p.Name, kind.name, i)
			points, err := kind.hull(s)
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			o := Object{}
			o.Box, _ = hull(points)
			if o.Class, err = b.class(s.Label, where); err != nil {
				return err
			}
			if o.Class < 0 {
				continue
			}
			o.Score, o.Scored = s.score()
			if err := b.object(&p, o, where); err != nil {
				return err
			}
		}
	}
	for range len(image.Cuboids) + len(image.Tracks) {
		b.set.Report.note(&b.set.Report.Other, "%s has a cuboid or a skeleton", p.Name)
	}
	b.add(p)
	return nil
}

// score is the number of the attribute score, if there is one.
func (s cvatShape) score() (float64, bool) {
	for _, a := range s.Attributes {
		if strings.EqualFold(a.Name, "score") {
			v, err := strconv.ParseFloat(strings.TrimSpace(a.Text), 64)
			return v, err == nil
		}
	}
	return 0, false
}

// turned are the corners of a box about its centre.
func (s cvatShape) turned() [][2]float64 {
	if s.Rotation == 0 {
		return [][2]float64{{s.XTL, s.YTL}, {s.XBR, s.YBR}}
	}
	sin, cos := math.Sincos(s.Rotation * math.Pi / 180)
	cx, cy := (s.XTL+s.XBR)/2, (s.YTL+s.YBR)/2
	var points [][2]float64
	for _, x := range []float64{s.XTL - cx, s.XBR - cx} {
		for _, y := range []float64{s.YTL - cy, s.YBR - cy} {
			points = append(points, [2]float64{cx + x*cos - y*sin, cy + x*sin + y*cos})
		}
	}
	return points
}

// ellipse are the corners of the box around an ellipse, which may be turned.
func (s cvatShape) ellipse() [][2]float64 {
	sin, cos := math.Sincos(s.Rotation * math.Pi / 180)
	dx, dy := math.Hypot(s.RX*cos, s.RY*sin), math.Hypot(s.RX*sin, s.RY*cos)
	return [][2]float64{{s.CX - dx, s.CY - dy}, {s.CX + dx, s.CY + dy}}
}

// points are those of a polygon.
func (s cvatShape) points() ([][2]float64, error) {
	var list [][2]float64
	for pair := range strings.SplitSeq(s.Points, ";") {
		x, y, _ := strings.Cut(pair, ",")
		px, err := strconv.ParseFloat(strings.TrimSpace(x), 64)
		py, failed := strconv.ParseFloat(strings.TrimSpace(y), 64)
		if err := errors.Join(err, failed); err != nil {
			return nil, fmt.Errorf("points are %.40q, want x,y;x,y;…", s.Points)
		}
		list = append(list, [2]float64{px, py})
	}
	return list, nil
}
