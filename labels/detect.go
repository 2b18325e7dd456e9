package labels

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/jsonlist"
)

// mostPeek is how many bytes of a file are looked at to tell what it is: what comes first in COCO's files can be long.
const mostPeek = 256 << 20

// Detect says which format the labels of a path have: a file, by what is in it, or a folder, by the files that are in it. Where that could
// be several formats, or none that is read, the error wraps [ErrFormat] and says what was found.
func Detect(ctx context.Context, at string) (string, error) {
	info, err := os.Stat(at)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		name, err := peek(ctx, at)
		if err == nil && name == "voc" {
			err = fmt.Errorf("%w: it is of one picture, in Pascal VOC's format; give the folder of all", ErrFormat)
		} else if err == nil && name == "labelme" {
			err = fmt.Errorf("%w: it is of one picture, in LabelMe's format; give the folder of all", ErrFormat)
		}
		return readable(at, name, err)
	}
	found, err := marks(ctx, at)
	if err != nil {
		return "", err
	}
	var names, why []string
	for _, m := range found {
		if !slices.Contains(names, m.format) {
			names, why = append(names, m.format), append(why, fmt.Sprintf("%s (%s)", m.format, m.file))
		}
	}
	switch len(names) {
	case 0:
		return "", fmt.Errorf("%s: %w: a folder without labels that are known; %s", at, ErrFormat, wanted())
	case 1:
		return readable(at, names[0], nil)
	}
	return "", fmt.Errorf("%s: %w: it could be %s; say which", at, ErrFormat, strings.Join(why, " or "))
}

// wanted says what labels are found by.
func wanted() string {
	return "want annotations as COCO's JSON, YOLO's data.yaml, Pascal VOC's Annotations, CVAT's annotations.xml, Label Studio's tasks.json, LabelMe's JSON, detections.jsonl or detections.parquet"
}

// readable is a format that was found, if it is one that is read.
func readable(at, name string, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("%s: %w", at, err)
	}
	if f, err := Find(name); err != nil || f.read == nil {
		return "", fmt.Errorf("%s: %w: it is %s, which is only written", at, ErrFormat, name)
	}
	return name, nil
}

// mark is a file that shows what labels a folder has.
type mark struct{ format, file string }

// marks are those of a folder.
func marks(ctx context.Context, at string) (list []mark, err error) {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(at, filepath.FromSlash(name)))
		return err == nil
	}
	for _, names := range []struct {
		format string
		files  []string
	}{
		{"coco", slices.Concat(cocoNames, cocoPart("train"), cocoPart("val"), cocoPart("test"))},
		{"yolo", yoloNames},
		{"cvat", []string{"annotations.xml"}},
		{"labelstudio", []string{"tasks.json"}},
		{"jsonl", []string{"detections.jsonl"}},
		{"parquet", []string{"detections.parquet"}},
	} {
		if i := slices.IndexFunc(names.files, there); i >= 0 {
			list = append(list, mark{names.format, names.files[i]})
		}
	}
	each, err := eachPicture(ctx, at, list)
	list = append(list, each...)
	if there("metadata.jsonl") { // an image folder has a classes.txt too
		list = slices.DeleteFunc(list, func(m mark) bool { return m == mark{"yolo", "classes.txt"} })
	}
	for _, m := range []mark{{"coco-results", "results.json"}, {"imagefolder", "metadata.jsonl"}, {"odvg", "label_map.json"}} {
		if len(list) == 0 && there(m.file) {
			list = append(list, m)
		}
	}
	return list, err
}

// eachPicture are marks of formats with a file for each picture: the first such files decide.
func eachPicture(ctx context.Context, at string, known []mark) (list []mark, err error) {
	skip := map[string]bool{journalName: true, "config.xml": true, "labels.json": true}
	for _, m := range known {
		skip[m.file] = true
	}
	left := map[string]int{".xml": mostLooks, ".json": mostLooks}
	err = filepath.WalkDir(at, func(place string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		ending := strings.ToLower(path.Ext(e.Name()))
		if err != nil || e.IsDir() || left[ending] == 0 || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		inside, err := filepath.Rel(at, place)
		if err != nil || skip[filepath.ToSlash(inside)] {
			return err
		}
		name, err := peek(ctx, place)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if left[ending]--; err == nil && (name == "voc" || name == "labelme") {
			list = append(list, mark{name, filepath.ToSlash(inside)})
			left[ending] = 0
		}
		if left[".xml"] == 0 && left[".json"] == 0 {
			return filepath.SkipAll
		}
		return nil
	})
	return list, err
}

// mostLooks is how many files of an ending are looked into for labels of pictures of their own.
const mostLooks = 16

// peek tells the format of a file: of text files by the name, of others by what is in them. What is nothing that is known is taken for
// COCO's annotations, whose reader says what is wrong with it.
func peek(ctx context.Context, at string) (string, error) {
	switch ending := strings.ToLower(filepath.Ext(at)); {
	case ending == ".yaml", ending == ".yml", filepath.Base(at) == "classes.txt":
		return "yolo", nil
	case ending == ".txt":
		return "", fmt.Errorf("%w: a text file; %s", ErrFormat, wanted())
	}
	f, _, err := file.Open(at)
	if err != nil {
		return "", err
	}
	defer f.Close()
	in := bufio.NewReaderSize(io.LimitReader(f, mostPeek), 1<<16)
	head, err := in.Peek(512)
	if err != nil && err != io.EOF {
		return "", err
	}
	name := ""
	switch head := bytes.TrimLeft(head, " \t\r\n\ufeff"); {
	case bytes.HasPrefix(head, []byte("PAR1")):
		name = "parquet"
	case bytes.HasPrefix(head, []byte("<")):
		name = peekXML(in)
	default:
		if name = peekJSON(ctx, in); name != "" || ctx.Err() != nil {
			break
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		name = peekLine(f)
	}
	return cmp.Or(name, "coco"), ctx.Err()
}

// peekXML tells by the first element.
func peekXML(in io.Reader) string {
	for d := xml.NewDecoder(in); ; {
		t, err := d.Token()
		if err != nil {
			return ""
		}
		if start, ok := t.(xml.StartElement); ok {
			return map[string]string{"annotations": "cvat", "annotation": "voc"}[start.Name.Local]
		}
	}
}

// peekJSON tells by the names of an object, or of the first of a list.
func peekJSON(ctx context.Context, in io.Reader) string {
	d := json.NewDecoder(in)
	first, err := d.Token()
	if err != nil {
		return ""
	}
	names := map[string]string{
		"images": "coco", "annotations": "coco", "categories": "coco",
		"shapes": "labelme", "imagePath": "labelme", "imageData": "labelme", "imageHeight": "labelme", "imageWidth": "labelme",
	}
	if first == json.Delim('[') {
		if jsonlist.Delim(d, '{') != nil {
			return ""
		}
		names = map[string]string{
			"image_id": "coco-results", "category_id": "coco-results", "bbox": "coco-results",
			"data": "labelstudio", "annotations": "labelstudio", "predictions": "labelstudio",
		}
	} else if first != json.Delim('{') {
		return ""
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return ""
		}
		if name, ok := key.(string); ok && names[name] != "" {
			return names[name]
		}
		if jsonlist.Skip(ctx, d) != nil {
			return ""
		}
	}
	return ""
}

// peekLine tells by the names of the object in the first line.
func peekLine(in io.Reader) string {
	var line map[string]json.RawMessage
	if json.NewDecoder(io.LimitReader(in, mostRow)).Decode(&line) != nil {
		return ""
	}
	for _, is := range [][2]string{{"x1", "jsonl"}, {"detection", "odvg"}, {"grounding", "odvg"}, {"file_name", "imagefolder"}} {
		if _, there := line[is[0]]; there {
			return is[1]
		}
	}
	return ""
}
