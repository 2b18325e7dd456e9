package labels

import (
	"context"
	"fmt"
	"strings"
)

// reading is a file, or several, in a folder, and what reading them gives.
type reading struct {
	about, format string
	files         map[string]string
	options       ReadOptions
	says          string // in the error; "" for none
	want          string // the pictures otherwise
	report        Report // but for its sentences
}

func readingsOfCOCO() []reading {
	const image = `{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}`
	of := func(images, annotations, categories string) map[string]string {
		return map[string]string{"annotations.json": fmt.Sprintf(`{"info": {"a": [1, {}]}, "annotations": [%s], "images": [%s], "categories": [%s]}`, annotations, images, categories)}
	}
	const cat = `{"id": 1, "name": "cat"}`
	const box = `{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}`
	return []reading{
		{about: "plain", format: "coco", files: of(image, box, cat), want: "a.jpg 100x80 [cat 1 2 4 6]"},
		{about: "numbers with a point", format: "coco", files: of(strings.ReplaceAll(image, "1,", "1.0,"), box, cat), want: "a.jpg 100x80 [cat 1 2 4 6]"},
		{about: "a group", format: "coco", files: of(image, box, `{"id": 0, "name": "things"}, {"id": 1, "name": "cat", "supercategory": "things"}`), want: "a.jpg 100x80 [cat 1 2 4 6]"},
		{about: "category 0", format: "coco", files: of(image, strings.Replace(box, `"category_id": 1`, `"category_id": 0`, 1), `{"id": 0, "name": "cat"}`), want: "a.jpg 100x80 [cat 1 2 4 6]"},
		{about: "of LVIS", format: "coco", files: of(`{"id": 1, "coco_url": "http://x/val2017/a.jpg", "width": 100, "height": 80}`, box, cat), want: "val2017/a.jpg 100x80 [cat 1 2 4 6]"},
		{about: "of Windows", format: "coco", files: of(strings.Replace(image, "a.jpg", `.\\b\\a.jpg`, 1), box, cat), want: "b/a.jpg 100x80 [cat 1 2 4 6]"},
		{about: "outside, flat, unknown", format: "coco", files: of(image, box+`, {"image_id": 1, "category_id": 1, "bbox": [90, 0, 20, 5]}, {"image_id": 1, "category_id": 1, "bbox": [9, 0, 0, 5]}, {"image_id": 2, "category_id": 1, "bbox": [9, 0, 1, 5]}`, cat),
			want: "a.jpg 100x80 [cat 1 2 4 6] [cat 90 0 110 5]", report: Report{Outside: 1, Flat: 1, Unknown: 1}},
		{about: "classes of one's own", format: "coco", files: of(image, box, cat), options: ReadOptions{Classes: []string{"dog", "cat"}}, want: "a.jpg 100x80 [cat 1 2 4 6]"},
		{about: "another class", format: "coco", files: of(image, box, cat), options: ReadOptions{Classes: []string{"dog"}}, says: `the class "cat" is none of the 1`},
		{about: "NaN", format: "coco", files: of(image, strings.Replace(box, "[1,", "[NaN,", 1), cat), says: "NaN or Infinity"},
		{about: "too large a number", format: "coco", files: of(image, strings.Replace(box, "[1,", "[1e999,", 1), cat), says: "annotations: element 0"},
		{about: "cut", format: "coco", files: map[string]string{"annotations.json": `{"images": [` + image}, says: "it ends in the middle"},
		{about: "a list", format: "coco", files: map[string]string{"annotations.json": `[]`}, says: "[ instead of {"},
		{about: "deep", format: "coco", files: map[string]string{"annotations.json": `{"x": ` + strings.Repeat("[", 20000)}, says: "no usable labels"},
		{about: "three numbers", format: "coco", files: of(image, `{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}`, cat), says: "element 0: bbox has 3 numbers"},
		{about: "no image_id", format: "coco", files: of(image, `{"category_id": 1, "bbox": [1, 2, 3, 4]}`, cat), says: "image_id is missing"},
		{about: "half an id", format: "coco", files: of(image, `{"image_id": 1.5, "category_id": 1, "bbox": [1, 2, 3, 4]}`, cat), says: "image_id is 1.5"},
		{about: "iscrowd of words", format: "coco", files: of(image, `{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": "no"}`, cat), says: `iscrowd is "no"`},
		{about: "an id twice", format: "coco", files: of(image+", "+strings.Replace(image, "a.jpg", "b.jpg", 1), box, cat), says: "image 1 has the id 1 of image 0"},
		{about: "a name twice", format: "coco", files: of(image+", "+strings.Replace(image, "1,", "2,", 1), box, cat), says: "a.jpg is there twice"},
		{about: "no name", format: "coco", files: of(`{"id": 1, "width": 1, "height": 1}`, "", cat), says: "image 0: "},
		{about: "up and away", format: "coco", files: of(strings.Replace(image, "a.jpg", "../../a.jpg", 1), box, cat), says: "no plain path"},
		{about: "no size", format: "coco", files: of(`{"id": 1, "file_name": "a.jpg"}`, "", cat), says: "how large it is"},
		{about: "half a pixel", format: "coco", files: of(strings.Replace(image, "80", "80.5", 1), "", cat), says: "100 x 80.5 pixels"},
		{about: "a category twice", format: "coco", files: of(image, box, cat+", "+cat), says: "have the id 1"},
		{about: "a class twice", format: "coco", files: of(image, box, cat+`, {"id": 2, "name": "cat"}`), says: `two categories are called "cat"`},
		{about: "no pictures", format: "coco", files: of("", "", cat), says: "there are no pictures"},
		{about: "no file", format: "coco", files: map[string]string{"x.json": ""}, says: "a folder without any of"},
	}
}

func readingsOfYOLO() []reading {
	one := func(line string) map[string]string {
		return map[string]string{"data.yaml": "train: images\nnames: [cat, dog]\n", "images/a.jpg": "", "labels/a.txt": line}
	}
	return []reading{
		{about: "plain", format: "yolo", files: one("1 0.5 0.5 0.1 0.2\n\n"), want: "a.jpg 100x80 [dog 45 32 55 48]"},
		{about: "nothing", format: "yolo", files: map[string]string{"data.yaml": "train: images\nnames: {0: cat}\n", "images/a.jpg": ""}, want: "a.jpg 100x80"},
		{about: "score, polygon, twice", format: "yolo", files: one("0 0.5 0.5 0.1 0.2 0.75\n1 0 0 0.5 0 0.25 1\n1 0 0 0.5 0 0.25 1\n"), want: "a.jpg 100x80 [cat 45 32 55 48 0.75] [dog 0 0 50 80]", report: Report{Duplicate: 1}},
		{about: "names that YAML takes for others", format: "yolo", files: map[string]string{"data.yaml": "val: images\nnames:\n  1: no\n  0: 1\nnc: 2", "images/a.jpg": "", "labels/a.txt": "1 .5 .5 1 1"}, want: "a.jpg 100x80 [no 0 0 100 80]"},
		{about: "classes.txt", format: "yolo", files: map[string]string{"classes.txt": "cat\ndog\n", "images/a.jpg": "", "labels/a.txt": "1 .5 .5 1 1"}, want: "a.jpg 100x80 [dog 0 0 100 80]"},
		{about: "of Roboflow", format: "yolo", files: map[string]string{"data.yaml": "train: ../train/images\nval: ../valid/images\nnames: [cat]", "train/images/a.jpg": "", "train/labels/a.txt": "0 .5 .5 1 1", "valid/images/b.jpg": ""},
			want: "train/images/a.jpg 100x80 [cat 0 0 100 80]; valid/images/b.jpg 100x80"},
		{about: "a path of the trainer's own", format: "yolo", files: map[string]string{"data.yaml": "path: ../datasets/x\ntrain: [l.txt]\nnames: [cat]", "l.txt": "./images/a.jpg\n", "images/a.jpg": "", "labels/a.txt": "0 .5 .5 1 1"}, want: "a.jpg 100x80 [cat 0 0 100 80]"},
		{about: "a part", format: "yolo", files: map[string]string{"data.yaml": "train: images\nval: more\nnames: [cat]", "images/a.jpg": "", "more/b.jpg": ""}, options: ReadOptions{Part: "val"}, want: "more/b.jpg 100x80"},
		{about: "a class too many", format: "yolo", files: one("0 .1 .1 .1 .1\n2 0.5 0.5 0.1 0.2\n"), says: `a.txt: line 2: the class is "2", want 0 to 1`},
		{about: "pixels", format: "yolo", files: one("1 50 50 10 20"), says: "50 is no share"},
		{about: "NaN", format: "yolo", files: one("1 nan 0.5 0.1 0.2"), says: `"nan" is no number`},
		{about: "three numbers", format: "yolo", files: one("1 0.5 0.5 0.1"), says: "4 columns"},
		{about: "half a point", format: "yolo", files: one("1 0.5 0.5 0.1 0.1 0.1 0.1 0.1"), says: "8 columns"},
		{about: "no yaml", format: "yolo", files: map[string]string{"data.yaml": "names: [\n"}, says: "yaml"},
		{about: "no names", format: "yolo", files: map[string]string{"data.yaml": "train: images\n"}, says: "names: there are none"},
		{about: "a gap", format: "yolo", files: map[string]string{"data.yaml": "names: {0: cat, 2: dog}\n"}, says: `"2" is none from 0 to 1`},
		{about: "another count", format: "yolo", files: map[string]string{"data.yaml": "names: [cat]\nnc: 3"}, says: "nc is 3"},
		{about: "a list of lists", format: "yolo", files: map[string]string{"data.yaml": "names: [[cat]]"}, says: "no text"},
		{about: "a map of places", format: "yolo", files: map[string]string{"data.yaml": "train: {a: b}\nnames: [cat]"}, says: "train: "},
		{about: "no folder", format: "yolo", files: map[string]string{"data.yaml": "train: gone\nnames: [cat]"}, says: "train: "},
		{about: "nothing to go by", format: "yolo", files: map[string]string{"a.txt": ""}, says: "names of classes"},
	}
}

func readingsOfVOC() []reading {
	xml := func(inside string) map[string]string {
		return map[string]string{"a.xml": "<annotation><filename>lie.png</filename>" + inside + "</annotation>"}
	}
	const size = "<size><width>100</width><height>80</height></size>"
	return []reading{
		{about: "plain", format: "voc", files: xml(size + "<object><name> cat </name><bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>100</xmax><ymax>80</ymax></bndbox></object>"), want: "a.png 100x80 [cat 0 1.5 100 80]"},
		{about: "parts of objects", format: "voc", files: xml(size + "<object><name>dog</name><part><name>head</name><bndbox><xmin>7</xmin></bndbox></part><bndbox><ymin>2</ymin><xmax>9</xmax><xmin>1</xmin><ymax>80</ymax></bndbox></object>"), want: "a.png 100x80 [dog 0 1 9 80]"},
		{about: "no box", format: "voc", files: xml(size + "<object><name>cat</name></object>"), want: "a.png 100x80", report: Report{Other: 1}},
		{about: "no objects", format: "voc", files: xml("<size><width>0</width><height>0</height></size>"), options: ReadOptions{Size: func(context.Context, string) (int, int, error) { return 3, 4, nil }}, want: "a.png 3x4"},
		{about: "no size", format: "voc", files: xml("<object/>"), says: "how large it is"},
		{about: "NaN", format: "voc", files: xml(size + "<object><name>cat</name><bndbox><xmin>NaN</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object>"), says: "no finite number"},
		{about: "words", format: "voc", files: xml(size + "<object><name>cat</name><bndbox><xmin>left</xmin></bndbox></object>"), says: "a.xml: "},
		{about: "no class", format: "voc", files: xml(size + "<object><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object>"), says: "without a class"},
		{about: "cut", format: "voc", files: map[string]string{"a.xml": "<annotation><size>"}, says: "want Pascal VOC"},
		{about: "another element", format: "voc", files: map[string]string{"a.xml": "<annotations/>"}, says: "want Pascal VOC"},
		{about: "nothing", format: "voc", files: map[string]string{"a.txt": ""}, says: "there are no pictures"},
	}
}

func readingsOfCVAT() []reading {
	cvat := func(inside string) map[string]string {
		return map[string]string{"annotations.xml": "<annotations><version>1.1</version><meta><job><labels><label><name>cat</name></label></labels></job></meta>" + inside + "</annotations>"}
	}
	return []reading{
		{about: "plain", format: "cvat", files: cvat(`<image id="0" name="b/a.jpg" width="100" height="80"><box label="cat" xtl="1.50" ytl="2" xbr="30" ybr="40"><attribute name="Score">0.25</attribute></box></image><image name="c.jpg" width="1" height="1"/>`),
			want: "b/a.jpg 100x80 [cat 1.5 2 30 40 0.25]; c.jpg 1x1"},
		{about: "other shapes", format: "cvat", files: cvat(`<image name="a.jpg" width="100" height="80"><polygon label="cat" points="1,2;5.5,9;3,4"/><ellipse label="cat" cx="20" cy="30" rx="2" ry="3"/><box label="cat" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90"/>` +
			`<mask label="cat" left="1" top="2" width="3" height="4" rle="1,2"/><cuboid label="cat"/><box label="dog" xtl="1" ytl="1" xbr="2" ybr="2"/></image>`),
			want: "a.jpg 100x80 [cat 15 5 25 25] [cat 1 2 5.5 9] [cat 18 27 22 33] [cat 1 2 4 6]", report: Report{Unknown: 1, Other: 1}},
		{about: "without labels", format: "cvat", files: map[string]string{"annotations.xml": `<annotations><image name="a.jpg" width="9" height="9"><box label="dog" xbr="2" ybr="2"/><box label="cat" xbr="3" ybr="2"/></image></annotations>`}, want: "a.jpg 9x9 [dog 0 0 2 2] [cat 0 0 3 2]"},
		{about: "a video", format: "cvat", files: cvat(`<track id="0" label="cat"/>`), says: "CVAT for video"},
		{about: "points of words", format: "cvat", files: cvat(`<image name="a.jpg" width="9" height="9"><polygon label="cat" points="1;2"/></image>`), says: "want x,y"},
		{about: "NaN", format: "cvat", files: cvat(`<image name="a.jpg" width="9" height="9"><box label="cat" xtl="NaN" xbr="2" ybr="2"/></image>`), says: "no finite number"},
		{about: "twice", format: "cvat", files: cvat(strings.Repeat(`<image name="a.jpg" width="9" height="9"/>`, 2)), says: "there twice"},
		{about: "cut", format: "cvat", files: map[string]string{"annotations.xml": `<annotations><image name="a.jpg" width="9" height="9">`}, says: "line 1"},
		{about: "another element", format: "cvat", files: map[string]string{"annotations.xml": `<annotation/>`}, says: "annotation instead of annotations"},
		{about: "no pictures", format: "cvat", files: cvat(""), says: "there are no pictures"},
	}
}

func readingsOfLabelMe() []reading {
	shapes := func(inside string) map[string]string {
		return map[string]string{"a.json": `{"imageData": "aGVsbG8=", "imagePath": "..\\x\\lie.png", "imageWidth": 100, "imageHeight": 80, "shapes": [` + inside + `]}`}
	}
	return []reading{
		{about: "any corners", format: "labelme", files: shapes(`{"label": "cat", "points": [[30, 4], [10, 20]], "shape_type": "rectangle"}`), want: "a.png 100x80 [cat 10 4 30 20]"},
		{about: "four corners", format: "labelme", files: shapes(`{"label": "cat", "points": [[30, 4], [30, 20], [10, 20], [10, 4]], "shape_type": "rectangle", "score": 0.5}`), want: "a.png 100x80 [cat 10 4 30 20 0.5]"},
		{about: "other shapes", format: "labelme", files: shapes(`{"label": "cat", "points": [[30, 40], [33, 44]], "shape_type": "circle"}, {"label": "dog", "points": [[1, 2], [3, 4], [0, 9]], "shape_type": "polygon"}, {"label": "dog", "points": [[1, 2]], "shape_type": "point"}`),
			want: "a.png 100x80 [cat 25 35 35 45] [dog 0 2 3 9]", report: Report{Other: 1}},
		{about: "another file", format: "labelme", files: map[string]string{"a.json": `{"imageWidth": 1, "imageHeight": 1, "shapes": []}`, "x.json": `{}`}, want: "a.jpg 1x1", report: Report{Other: 1}},
		{about: "three numbers", format: "labelme", files: shapes(`{"label": "cat", "points": [[30, 4, 1], [10, 20]]}`), says: "a.json: no usable labels: shape 0: a point has 3 numbers"},
		{about: "NaN", format: "labelme", files: shapes(`{"label": "cat", "points": [[NaN, 4], [10, 20]]}`), says: "NaN or Infinity"},
		{about: "a list", format: "labelme", files: map[string]string{"a.json": "[]"}, says: "want LabelMe's JSON"},
		{about: "nothing", format: "labelme", files: map[string]string{"a.txt": ""}, says: "there are no pictures"},
		{about: "written only", format: "odvg", files: map[string]string{}, says: "only written"},
		{about: "unknown", format: "kitti", files: map[string]string{}, says: "no format"},
	}
}
