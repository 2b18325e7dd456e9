package labels

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
)

// What a file of Pascal VOC is made of.
type (
	vocFile struct {
		XMLName   xml.Name    `xml:"annotation"`
		Folder    string      `xml:"folder"`
		FileName  string      `xml:"filename"`
		Database  string      `xml:"source>database"`
		Width     vocNumber   `xml:"size>width"`
		Height    vocNumber   `xml:"size>height"`
		Depth     string      `xml:"size>depth"`
		Segmented string      `xml:"segmented"`
		Objects   []vocObject `xml:"object"`
	}
	vocObject struct {
		Name      string  `xml:"name"`
		Pose      string  `xml:"pose"`
		Truncated string  `xml:"truncated"`
		Difficult string  `xml:"difficult"`
		Box       *vocBox `xml:"bndbox"`
	}
	vocBox struct {
		XMin vocNumber `xml:"xmin"`
		YMin vocNumber `xml:"ymin"`
		XMax vocNumber `xml:"xmax"`
		YMax vocNumber `xml:"ymax"`
	}
)

// vocNumber is written without an exponent, and read with decimals too, which some writers have.
type vocNumber float64

func (n vocNumber) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n), 'f', -1, 64), nil
}

func (n *vocNumber) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil {
		return fmt.Errorf("%.40q is no number", text)
	}
	*n = vocNumber(v)
	return nil
}

func voc() Format {
	return Format{
		Name: "voc", About: "Pascal VOC's XML",
		Files:  "Annotations/NAME.xml; with a split ImageSets/Main/train.txt, val.txt, test.txt",
		Writes: true, Reads: true, Split: true, Empty: true, Clips: true, PerPicture: true, read: readVOC,
		open: func(t *target) (*view, error) {
			v := &view{
				path:  func(name string) string { return "Annotations/" + stem(name) + ".xml" },
				place: func(name string) string { return "JPEGImages/" + name },
				each:  t.voc,
			}
			if t.Split.on() {
				v.documents = t.parted("", ".txt", func(ctx context.Context, w io.Writer, all *pictures, part int) error {
					return all.walk(ctx, part, func(p *Picture) error {
						_, err := fmt.Fprintln(w, stem(p.Name))
						return err
					})
				})
				for i := range v.documents {
					v.documents[i].name = "ImageSets/Main/" + v.documents[i].name
				}
			}
			return v, nil
		},
	}
}

// voc is the file of a picture.
func (t *target) voc(p *Picture) ([]byte, error) {
	f := vocFile{Folder: path.Dir(p.Name), FileName: path.Base(p.Name), Database: "Unknown", Width: vocNumber(p.Width), Height: vocNumber(p.Height), Depth: "3", Segmented: "0"}
	if f.Folder == "." {
		f.Folder = ""
	}
	for _, o := range p.Objects {
		box := t.VOC.from(o.Box, p.Width, p.Height)
		f.Objects = append(f.Objects, vocObject{t.Classes[o.Class], "Unspecified", "0", "0", &box})
	}
	data, err := xml.MarshalIndent(f, "", "\t")
	return append(data, '\n'), err
}

// from turns corners inside a picture into numbers of the convention.
func (v VOC) from(b Box, width, height int) vocBox {
	side := func(low, high float64, size int) (vocNumber, vocNumber) {
		switch v {
		case ZeroBased:
			return vocNumber(math.Round(low)), vocNumber(math.Round(high))
		case Shifted:
			return vocNumber(math.Trunc(low) + 1), vocNumber(math.Trunc(high) + 1)
		}
		first := min(math.Round(low)+1, float64(size))
		return vocNumber(first), vocNumber(max(math.Round(high), first))
	}
	var n vocBox
	n.XMin, n.XMax = side(b.X1, b.X2, width)
	n.YMin, n.YMax = side(b.Y1, b.Y2, height)
	return n
}

// back turns numbers of the convention into corners.
func (v VOC) back(n vocBox) Box {
	b := Box{float64(n.XMin), float64(n.YMin), float64(n.XMax), float64(n.YMax)}
	switch v {
	case OneBased:
		return Box{b.X1 - 1, b.Y1 - 1, b.X2, b.Y2}
	case Shifted:
		return Box{b.X1 - 1, b.Y1 - 1, b.X2 - 1, b.Y2 - 1}
	}
	return b
}
