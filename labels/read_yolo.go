package labels

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"go.yaml.in/yaml/v3"
)

// mostYAML bounds a data.yaml and a classes.txt, in bytes.
const mostYAML = 4 << 20

// yoloData is what of a data.yaml is read.
type yoloData struct {
	Path             string
	Train, Val, Test yaml.Node
	Count            *int `yaml:"nc"`
	Names            yaml.Node
}

// yoloNames are the files that name classes, in the order in which they count.
var yoloNames = []string{"data.yaml", "dataset.yaml", "data.yml", "classes.txt", "images/classes.txt", "labels/classes.txt"}

func readYOLO(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	at, err := oneOf(at, yoloNames...)
	if err != nil {
		return nil, fmt.Errorf("%w; YOLO's labels have one of these for the names of classes", err)
	}
	data, err := file.ReadAll(ctx, at, mostYAML)
	if err != nil {
		return nil, err
	}
	var listed, pictures []string
	if strings.HasSuffix(at, ".txt") {
		if o.Part != "" && !o.PartIfAny {
			return nil, fmt.Errorf("%w: %s lists classes and no parts; want a data.yaml for those", ErrLabels, at)
		}
		listed = nonEmpty(string(data))
		root := filepath.Dir(at)
		if base := filepath.Base(root); base == "images" || base == "labels" {
			root = filepath.Dir(root)
		}
		pictures, err = yoloPictures(ctx, root, root)
	} else {
		listed, pictures, err = yoloFile(ctx, data, filepath.Dir(at), o)
	}
	if err != nil {
		return nil, err
	}
	b, err := build(o, listed)
	if err != nil {
		return nil, err
	}
	for _, picture := range pictures {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := b.yolo(ctx, picture, listed); err != nil {
			return nil, err
		}
	}
	return b.done()
}

func nonEmpty(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// yoloFile reads a data.yaml in a folder: its classes, and the pictures of a part, or of all.
func yoloFile(ctx context.Context, data []byte, folder string, o ReadOptions) (listed, pictures []string, err error) {
	y, listed, err := parseYOLO(data)
	if err != nil {
		return nil, nil, err
	}
	root := folder
	if y.Path != "" {
		if root = filepath.FromSlash(y.Path); !filepath.IsAbs(root) {
			root = filepath.Join(folder, root)
		}
		if !isFolder(root) {
			root = folder // the trainer looks in a folder of its own; whoever moved the set left the path as it was
		}
	}
	part, err := y.part(o)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for i, node := range y.parts() {
		if part != "" && part != Parts[i] {
			continue
		}
		entries, err := yoloEntries(node)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %s: %w; want a folder, a list file, or a list of these", ErrLabels, Parts[i], err)
		}
		for _, e := range entries {
			list, err := yoloPictures(ctx, root, yoloPlace(root, e))
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", Parts[i], err)
			}
			for _, p := range list {
				if !seen[p] {
					seen[p] = true
					pictures = append(pictures, p)
				}
			}
		}
	}
	return listed, pictures, nil
}

// parts are the entries of [Parts].
func (y *yoloData) parts() [3]*yaml.Node { return [3]*yaml.Node{&y.Train, &y.Val, &y.Test} }

// part is the part to read: "" for all, also where one is only wanted if there are several, and there are none.
func (y *yoloData) part(o ReadOptions) (string, error) {
	var there []string
	for i, node := range y.parts() {
		if entries, err := yoloEntries(node); len(entries) > 0 || err != nil {
			there = append(there, Parts[i])
		}
	}
	switch {
	case o.Part == "" || slices.Contains(there, o.Part):
		return o.Part, nil
	case o.PartIfAny && len(there) <= 1:
		return "", nil
	}
	return "", fmt.Errorf("%w: there is no part %s, only %q", ErrLabels, o.Part, there)
}

// parseYOLO reads a data.yaml and its classes.
func parseYOLO(data []byte) (y yoloData, listed []string, err error) {
	if err := yaml.Unmarshal(data, &y); err != nil {
		return y, nil, fmt.Errorf("%w: %w", ErrLabels, err)
	}
	listed, err = y.names()
	return y, listed, err
}

// yoloEntries are the places that a part names.
func yoloEntries(node *yaml.Node) (list []string, err error) {
	if node.Kind == yaml.ScalarNode {
		list = []string{node.Value}
		if node.Tag == "!!null" {
			return nil, nil
		}
	} else if node.Kind != 0 {
		err = node.Decode(&list)
	}
	return slices.DeleteFunc(list, func(e string) bool { return strings.TrimSpace(e) == "" }), err
}

// names are those of the classes: a list, or a map from the number to the name. They are taken as they are written, so that no and 1
// are names too.
func (y *yoloData) names() ([]string, error) {
	bad := func(why string) ([]string, error) {
		return nil, fmt.Errorf("%w: names: %s; want a list of names, or a map 0: name, 1: name, …", ErrLabels, why)
	}
	var list []string
	switch y.Names.Kind {
	case yaml.SequenceNode:
		for _, n := range y.Names.Content {
			list = append(list, n.Value)
		}
	case yaml.MappingNode:
		list = make([]string, len(y.Names.Content)/2)
		for i := 0; i < len(y.Names.Content); i += 2 {
			at, err := strconv.Atoi(y.Names.Content[i].Value)
			if err != nil || at < 0 || at >= len(list) || list[at] != "" {
				return bad(fmt.Sprintf("the number %.40q is none from 0 to %d, or there twice", y.Names.Content[i].Value, len(list)-1))
			}
			list[at] = y.Names.Content[i+1].Value
		}
	}
	switch {
	case len(list) == 0:
		return bad("there are none")
	case len(list) > mostClasses:
		return bad(fmt.Sprintf("more than %d", mostClasses))
	case slices.ContainsFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" }):
		return bad("one is empty, or no text")
	case y.Count != nil && *y.Count != len(list):
		return bad(fmt.Sprintf("there are %d, and nc is %d", len(list), *y.Count))
	}
	return list, nil
}

// yoloPlace is where an entry of a data.yaml is. Older files of Roboflow say ../train/images and mean train/images.
func yoloPlace(root, entry string) string {
	at := filepath.FromSlash(entry)
	if filepath.IsAbs(at) {
		return at
	}
	place := filepath.Join(root, at)
	if _, err := os.Stat(place); err != nil && strings.HasPrefix(entry, "../") {
		if inside := filepath.Join(root, filepath.FromSlash(strings.TrimPrefix(entry, "../"))); isFolder(inside) {
			return inside
		}
	}
	return place
}

// yoloKey is the name of a picture from the folder images of the set, or from the set's own.
func yoloKey(root, picture string) string {
	inside, err := filepath.Rel(root, picture)
	if err != nil || !filepath.IsLocal(inside) {
		return filepath.Base(picture)
	}
	return strings.TrimPrefix(filepath.ToSlash(inside), "images/")
}

// yoloPictures are the paths of the pictures of a folder or of a list file, each behind its key and a NUL.
func yoloPictures(ctx context.Context, root, place string) ([]string, error) {
	var list []string
	add := func(picture string) { list = append(list, yoloKey(root, picture)+"\x00"+picture) }
	if isFolder(place) {
		found, err := files(ctx, place, isPicture)
		for _, name := range found {
			add(filepath.Join(place, filepath.FromSlash(name)))
		}
		return list, err
	}
	data, err := file.ReadAll(ctx, place, mostText)
	if err != nil {
		return nil, err
	}
	for _, line := range nonEmpty(string(data)) {
		at := filepath.FromSlash(line)
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(place), at)
		}
		if add(filepath.Clean(at)); len(list) > mostPictures {
			return nil, fmt.Errorf("%w: %s: more than %d pictures", ErrLabels, place, mostPictures)
		}
	}
	return list, nil
}

// yolo adds a picture with the objects of its label file, if it has one.
func (b *builder) yolo(ctx context.Context, entry string, listed []string) error {
	key, picture, _ := strings.Cut(entry, "\x00")
	p, err := b.picture(ctx, key, 0, 0, picture)
	if err != nil {
		return unless(err)
	}
	at := filepath.FromSlash(yoloLabel(filepath.ToSlash(picture)))
	data, err := file.ReadAll(ctx, at, mostText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := b.yoloLines(&p, data, at, listed); err != nil {
		return err
	}
	b.add(p)
	return nil
}

// yoloLines adds the objects of a label file.
func (b *builder) yoloLines(p *Picture, data []byte, at string, listed []string) error {
	seen := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<24)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		where := fmt.Sprintf("%s: line %d", at, number)
		class, box, score, err := yoloFields(fields, listed)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrLabels, where, err)
		}
		if line := strings.Join(fields, " "); seen[line] {
			b.set.Report.note(&b.set.Report.Duplicate, "%s says the same as an earlier one", where)
			continue
		} else {
			seen[line] = true
		}
		w, h := float64(p.Width), float64(p.Height)
		o := Object{Box: Box{box.X1 * w, box.Y1 * h, box.X2 * w, box.Y2 * h}}
		if o.Class, err = b.class(class, where); err != nil {
			return err
		}
		if score != nil {
			o.Score, o.Scored = *score, true
		}
		if err := b.object(p, o, where); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrLabels, at, err)
	}
	return nil
}

// yoloFields reads a line: a box, a box with a score, or a polygon, which stands for its hull. Corners are shares.
func yoloFields(fields []string, listed []string) (class string, box Box, score *float64, err error) {
	n, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || n != math.Trunc(n) || n < 0 || n >= float64(len(listed)) {
		return "", box, nil, fmt.Errorf("the class is %.40q, want 0 to %d", fields[0], len(listed)-1)
	}
	values := make([]float64, len(fields)-1)
	for i, f := range fields[1:] {
		if values[i], err = strconv.ParseFloat(f, 64); err != nil || math.IsNaN(values[i]) {
			return "", box, nil, fmt.Errorf("%.40q is no number", f)
		}
		if shares := len(values) != 5 || i < 4; shares && (values[i] < -0.01 || values[i] > 1.01) {
			return "", box, nil, fmt.Errorf("%v is no share of the picture's width or height; want 0 to 1", values[i])
		}
	}
	switch {
	case len(values) == 4 || len(values) == 5:
		x, y, w, h := values[0], values[1], values[2]/2, values[3]/2
		box = Box{x - w, y - h, x + w, y + h}
		if len(values) == 5 {
			score = &values[4]
		}
	case len(values) >= 6 && len(values)%2 == 0:
		var points [][2]float64
		for i := 0; i < len(values); i += 2 {
			points = append(points, [2]float64{values[i], values[i+1]})
		}
		box, _ = hull(points)
	default:
		return "", box, nil, fmt.Errorf("%d columns; want 5 for a box, 6 with its score, or an odd number from 7 for a polygon", len(fields))
	}
	return listed[int(n)], box, score, nil
}
