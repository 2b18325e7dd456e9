package labels

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/jsonlist"
)

// What of a task of Label Studio is read, as it is exported (JSON) and as it is imported.
type (
	studioTaskIn struct {
		Data        map[string]json.RawMessage `json:"data"`
		Annotations []studioAnswerIn           `json:"annotations"` // of people
		Predictions []studioAnswerIn           `json:"predictions"` // of models
	}
	studioAnswerIn struct {
		Result    []studioRegionIn `json:"result"`
		Cancelled bool             `json:"was_cancelled"`
		Truth     bool             `json:"ground_truth"`
	}
	studioRegionIn struct {
		Type     string                     `json:"type"`
		Width    float64                    `json:"original_width"`
		Height   float64                    `json:"original_height"`
		Rotation float64                    `json:"image_rotation"`
		Score    *float64                   `json:"score"`
		Value    map[string]json.RawMessage `json:"value"`
	}
)

func readStudio(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	at, err := oneOf(at, "tasks.json")
	if err != nil {
		return nil, err
	}
	o.Pictures = cmp.Or(o.Pictures, filepath.Dir(at))
	listed, err := studioClasses(ctx, filepath.Join(filepath.Dir(at), "config.xml"))
	if err != nil {
		return nil, err
	}
	f, err := stream(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseStudio(ctx, f, o, listed)
}

// studioClasses are those that the labelling interface beside the tasks lists; none where there is none, or it is another's.
func studioClasses(ctx context.Context, path string) (listed []string, err error) {
	data, err := file.ReadAll(ctx, path, mostYAML)
	if err != nil {
		return nil, ctx.Err()
	}
	seen := map[string]bool{}
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		t, err := d.Token()
		if err != nil {
			return listed, nil // what of it can be read counts: it is not the labels
		}
		start, ok := t.(xml.StartElement)
		if !ok || start.Name.Local != "Label" || len(listed) >= mostClasses {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Local == "value" && strings.TrimSpace(a.Value) != "" && !seen[a.Value] {
				seen[a.Value] = true
				listed = append(listed, a.Value)
			}
		}
	}
}

func parseStudio(ctx context.Context, in io.Reader, o ReadOptions, listed []string) (*Set, error) {
	b, err := build(o, listed)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	err = jsonlist.Elements(ctx, d, mostPictures, func(i int, t studioTaskIn, odd error) error {
		if odd != nil {
			return odd
		}
		return b.studio(ctx, &t, fmt.Sprintf("task %d", i))
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: at byte %d: %w; want Label Studio's JSON, a list of tasks with data, and annotations or predictions", ErrLabels, d.InputOffset(), jsonlist.Explained(err))
	}
	return b.done()
}

// studio adds the picture of a task.
func (b *builder) studio(ctx context.Context, t *studioTaskIn, where string) error {
	name, err := t.name(b.options.Studio)
	if err != nil {
		return err
	}
	regions, err := t.answer()
	if err != nil {
		return err
	}
	width, height := 0.0, 0.0
	for _, r := range regions {
		if r.Width == 0 && r.Height == 0 {
			continue // of no place in the picture
		}
		if width == 0 && height == 0 {
			width, height = r.Width, r.Height
		}
		if r.Width != width || r.Height != height {
			return fmt.Errorf("%s: its regions are of pictures of %v x %v and %v x %v pixels", name, width, height, r.Width, r.Height)
		}
	}
	p, err := b.picture(ctx, name, width, height, filepath.Join(b.options.Pictures, filepath.FromSlash(name)))
	if err != nil {
		return unless(err)
	}
	for i, r := range regions {
		if err := b.region(&p, r, fmt.Sprintf("%s: region %d", where, i)); err != nil {
			return err
		}
	}
	b.add(p)
	return nil
}

// answer are the regions that count: people's before models'. Which of several answers counts nobody can know, unless one is marked.
func (t *studioTaskIn) answer() ([]studioRegionIn, error) {
	for _, answers := range [][]studioAnswerIn{t.Annotations, t.Predictions} {
		var given, marked []studioAnswerIn
		for _, a := range answers {
			if a.Cancelled {
				continue
			}
			if given = append(given, a); a.Truth {
				marked = append(marked, a)
			}
		}
		switch {
		case len(given) == 1:
			return given[0].Result, nil
		case len(marked) == 1:
			return marked[0].Result, nil
		case len(given) > 1:
			return nil, fmt.Errorf("it has %d answers, and which one counts is not said: mark one as ground truth, or export one", len(given))
		}
	}
	return nil, nil
}

// uploaded is what Label Studio puts in front of the name of a file that was uploaded.
var uploaded = regexp.MustCompile(`^[0-9a-f]{8}-`)

// name is that of the picture of a task: what an address says behind /data/local-files/?d=, the name of an uploaded file, or the last part of
// another address.
func (t *studioTaskIn) name(s Studio) (string, error) {
	address, err := t.address(s.Value)
	if err != nil {
		return "", err
	}
	if s.URL != "" {
		rest, ok := strings.CutPrefix(address, s.URL)
		if !ok {
			return "", fmt.Errorf("the address %.80q does not begin with %.80q", address, s.URL)
		}
		return url.PathUnescape(rest)
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("the address %.80q is none: %w", address, err)
	}
	if strings.HasSuffix(u.Path, "/local-files/") || strings.HasSuffix(u.Path, "/local-files") {
		if d := u.Query().Get("d"); d != "" {
			return d, nil
		}
		return "", fmt.Errorf("the address %.80q does not say in d which file it is of", address)
	}
	base := path.Base(u.Path)
	if strings.Contains(u.Path, "/upload/") {
		base = uploaded.ReplaceAllString(base, "")
	}
	return base, nil
}

// address is that of the picture: the entry of the data that is named, or called image, or the only text that names a picture.
func (t *studioTaskIn) address(key string) (string, error) {
	var found []string
	for _, k := range []string{key, "image"} {
		var text string
		if raw, there := t.Data[k]; there && k != "" && json.Unmarshal(raw, &text) == nil {
			return text, nil
		}
		if k != "" && k == key {
			return "", fmt.Errorf("its data have no text %q", key)
		}
	}
	for _, raw := range t.Data {
		var text string
		if json.Unmarshal(raw, &text) == nil && isPicture(strings.TrimSuffix(text, "/")) {
			found = append(found, text)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("its data name %d pictures, want one, or one that is called image: is it a task with pictures, in the export format JSON?", len(found))
	}
	return found[0], nil
}

// region adds one.
func (b *builder) region(p *Picture, r studioRegionIn, where string) error {
	points, ok, err := r.points(float64(p.Width), float64(p.Height))
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if !ok {
		b.set.Report.note(&b.set.Report.Other, "%s is %.40q, or its picture was turned in Label Studio", where, r.Type)
		return nil
	}
	var names []string
	if raw, there := r.Value[r.Type]; there {
		if err := json.Unmarshal(raw, &names); err != nil {
			return fmt.Errorf("%s: %s: %w", where, r.Type, err)
		}
	}
	if len(names) != 1 {
		return fmt.Errorf("%s has %d labels in %s, want one", where, len(names), r.Type)
	}
	o := Object{}
	o.Box, _ = hull(points)
	if r.Score != nil {
		o.Score, o.Scored = *r.Score, true
	}
	if o.Class, err = b.class(names[0], where); err != nil || o.Class < 0 {
		return err
	}
	return b.object(p, o, where)
}

// points are such whose hull is the box of a region, in pixels; false where it has none. Numbers are per cent of the picture's width or
// height; a rectangle is turned about its corner at the top left, an ellipse about its centre.
func (r studioRegionIn) points(width, height float64) (points [][2]float64, ok bool, err error) {
	if r.Rotation != 0 {
		return nil, false, nil
	}
	number := func(name string) (v float64) {
		raw, there := r.Value[name]
		if !there && name == "rotation" {
			return 0
		}
		if wrong := json.Unmarshal(raw, &v); wrong != nil && err == nil {
			err = fmt.Errorf("%s: want a number", name)
		}
		return v
	}
	switch r.Type {
	case "rectanglelabels":
		x, y, w, h := number("x")*width/100, number("y")*height/100, number("width")*width/100, number("height")*height/100
		sin, cos := 0.0, 1.0
		if turn := number("rotation"); turn != 0 {
			sin, cos = math.Sincos(turn * math.Pi / 180)
		}
		for _, c := range [][2]float64{{0, 0}, {w, 0}, {w, h}, {0, h}} {
			points = append(points, [2]float64{x + c[0]*cos - c[1]*sin, y + c[0]*sin + c[1]*cos})
		}
	case "ellipselabels":
		s := cvatShape{CX: number("x") * width / 100, CY: number("y") * height / 100, RX: number("radiusX") * width / 100, RY: number("radiusY") * height / 100, Rotation: number("rotation")}
		points = s.ellipse()
	case "polygonlabels":
		var list [][]float64
		if err := json.Unmarshal(r.Value["points"], &list); err != nil {
			return nil, false, fmt.Errorf("points: %w", err)
		}
		for _, p := range list {
			if len(p) != 2 {
				return nil, false, errors.New("a point has not two numbers")
			}
			points = append(points, [2]float64{p[0] * width / 100, p[1] * height / 100})
		}
		if len(points) == 0 {
			return nil, false, errors.New("it has no points")
		}
	default:
		return nil, false, nil
	}
	return points, err == nil, err
}
