package labels

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// Each format of two pictures, as the formats' descriptions say that it is: written out by hand.
func TestForms(t *testing.T) {
	for _, tc := range []struct {
		about, format string
		options       Options
		files         map[string]string
	}{
		{"coco", "coco", Options{}, map[string]string{"annotations.json": `{
"info": {"description":"Boxes and sizes are of pictures turned upright by their EXIF orientation.","orientation":"upright"},
"licenses": [],
"images": [
{"id":1,"file_name":"a & b.jpg","width":100,"height":50},
{"id":2,"file_name":"b/dog.png","width":20,"height":10}
],
"annotations": [
{"id":1,"image_id":1,"category_id":2,"bbox":[10.25,5,49.75,35.5],"area":1766.125,"iscrowd":0,"segmentation":[],"score":0.75},
{"id":2,"image_id":1,"category_id":1,"bbox":[-3,0,53,50],"area":2650,"iscrowd":0,"segmentation":[],"score":0.5}
],
"categories": [
{"id":1,"name":"cat","supercategory":""},
{"id":2,"name":"hot dog","supercategory":""}
]
}
`}},
		{"coco's parts", "coco", Options{Split: Split{Train: 1, Val: 1, Seed: 3}, Stored: true, Model: "m", Weights: "w", Prompt: "p", CategoryIDs: []int64{17, 58}}, map[string]string{"train.json": `{
"info": {"description":"Boxes and sizes are of pictures as they are stored, whatever their EXIF orientation.","orientation":"stored","model":"m","weights":"w","prompt":"p"},
"licenses": [],
"images": [
{"id":2,"file_name":"b/dog.png","width":20,"height":10}
],
"annotations": [],
"categories": [
{"id":17,"name":"cat","supercategory":""},
{"id":58,"name":"hot dog","supercategory":""}
]
}
`}},
		{"coco's results", "coco-results", Options{CategoryIDs: []int64{17, 58}}, map[string]string{"results.json": `[
{"image_id":1,"category_id":58,"bbox":[10.25,5,49.75,35.5],"score":0.75},
{"image_id":1,"category_id":17,"bbox":[-3,0,53,50],"score":0.5}
]
`}},
		{"yolo", "yolo", Options{}, map[string]string{
			"labels/a & b.txt": "1 0.35125000 0.45500000 0.49750000 0.71000000\n0 0.25000000 0.50000000 0.50000000 1.00000000\n",
			"labels/b/dog.txt": "",
			"train.txt":        "./images/a & b.jpg\n./images/b/dog.png\n",
			"data.yaml": `# Pictures belong into images/, by the names in the lists; labels lie in labels/.
path: "FOLDER" # where this file is: change it when the folder moves
train: train.txt
val: train.txt # there is no part of this name
nc: 2
names:
  0: "cat"
  1: "hot dog"
`}},
		{"yolo's parts", "yolo", Options{Classes: []string{"no", "1\"\\:"}, Split: Split{Train: 1, Val: 1, Seed: 3}}, map[string]string{
			"train.txt": "./images/b/dog.png\n",
			"val.txt":   "./images/a & b.jpg\n",
			"data.yaml": `# Pictures belong into images/, by the names in the lists; labels lie in labels/.
path: "FOLDER" # where this file is: change it when the folder moves
train: train.txt
val: val.txt
nc: 2
names:
  0: "no"
  1: "1\"\\:"
`}},
		{"yolo's predictions", "yolo-predictions", Options{}, map[string]string{
			"labels/a & b.txt": "1 0.35125000 0.45500000 0.49750000 0.71000000 0.75\n0 0.25000000 0.50000000 0.50000000 1.00000000 0.5\n",
			"classes.txt":      "cat\nhot dog\n",
		}},
		{"voc", "voc", Options{}, map[string]string{
			"Annotations/a & b.xml": vocOf("", "a &amp; b.jpg", 100, 50, vocThing("hot dog", 11, 6, 60, 41)+vocThing("cat", 1, 1, 50, 50)),
			"Annotations/b/dog.xml": vocOf("b", "dog.png", 20, 10, ""),
		}},
		{"voc from 0", "voc", Options{VOC: ZeroBased, Split: Split{Train: 1, Val: 1, Seed: 3}}, map[string]string{
			"Annotations/a & b.xml":    vocOf("", "a &amp; b.jpg", 100, 50, vocThing("hot dog", 10, 5, 60, 41)+vocThing("cat", 0, 0, 50, 50)),
			"ImageSets/Main/train.txt": "b/dog\n",
			"ImageSets/Main/val.txt":   "a & b\n",
		}},
		{"voc of supervision", "voc", Options{VOC: Shifted}, map[string]string{
			"Annotations/a & b.xml": vocOf("", "a &amp; b.jpg", 100, 50, vocThing("hot dog", 11, 6, 61, 41)+vocThing("cat", 1, 1, 51, 51)),
		}},
		{"label studio", "labelstudio", Options{Model: "glip-t"}, map[string]string{
			"tasks.json": `[
{"data":{"image":"/data/local-files/?d=a%20%26%20b.jpg"},"predictions":[{"model_version":"glip-t","score":0.625,"result":[` +
				`{"id":"r1","type":"rectanglelabels","from_name":"label","to_name":"image","original_width":100,"original_height":50,"image_rotation":0,"score":0.75,` +
				`"value":{"x":10.25,"y":10,"width":49.75,"height":71,"rotation":0,"rectanglelabels":["hot dog"]}},` +
				`{"id":"r2","type":"rectanglelabels","from_name":"label","to_name":"image","original_width":100,"original_height":50,"image_rotation":0,"score":0.5,` +
				`"value":{"x":0,"y":0,"width":50,"height":100,"rotation":0,"rectanglelabels":["cat"]}}]}]},
{"data":{"image":"/data/local-files/?d=b/dog.png"},"predictions":[{"model_version":"glip-t","result":[]}]}
]
`,
			"config.xml": `<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="label" toName="image">
    <Label value="cat"/>
    <Label value="hot dog"/>
  </RectangleLabels>
</View>
`}},
		{"label studio's names", "labelstudio", Options{Classes: []string{"a<b", "c&d"}, Studio: Studio{From: "boxes", To: "photo", Value: "url", URL: "https://x/"}}, map[string]string{
			"config.xml": `<View>
  <Image name="photo" value="$url"/>
  <RectangleLabels name="boxes" toName="photo">
    <Label value="a&lt;b"/>
    <Label value="c&amp;d"/>
  </RectangleLabels>
</View>
`}},
		{"cvat", "cvat", Options{}, map[string]string{
			"annotations.xml": `<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <labels>
        <label>
          <name>cat</name>
          <attributes>
          </attributes>
        </label>
        <label>
          <name>hot dog</name>
          <attributes>
          </attributes>
        </label>
      </labels>
    </task>
  </meta>
  <image id="0" name="a &amp; b.jpg" width="100" height="50">
    <box label="hot dog" source="auto" occluded="0" xtl="10.25" ytl="5.00" xbr="60.00" ybr="40.50" z_order="0">
    </box>
    <box label="cat" source="auto" occluded="0" xtl="0.00" ytl="0.00" xbr="50.00" ybr="50.00" z_order="0">
    </box>
  </image>
  <image id="1" name="b/dog.png" width="20" height="10">
  </image>
</annotations>
`,
			"labels.json": `[
{"name":"cat","attributes":[]},
{"name":"hot dog","attributes":[]}
]
`}},
		{"odvg", "odvg", Options{}, map[string]string{
			"odvg.jsonl": `{"filename":"a & b.jpg","height":50,"width":100,"detection":{"instances":[{"bbox":[10.25,5,60,40.5],"label":1,"category":"hot dog"},{"bbox":[0,0,50,50],"label":0,"category":"cat"}]}}
{"filename":"b/dog.png","height":10,"width":20,"detection":{"instances":[]}}
`,
			"label_map.json": `{"0":"cat","1":"hot dog"}` + "\n",
		}},
		{"image folder", "imagefolder", Options{}, map[string]string{
			"metadata.jsonl": `{"file_name":"a & b.jpg","objects":{"bbox":[[10.25,5,49.75,35.5],[0,0,50,50]],"categories":[1,0]}}
{"file_name":"b/dog.png","objects":{"bbox":[],"categories":[]}}
`,
			"classes.txt": "cat\nhot dog\n",
		}},
		{"tables", "jsonl", Options{Model: "glip-t", Weights: "abc", Prompt: "cat. hot dog"}, map[string]string{
			"detections.jsonl": `{"image":"a & b.jpg","width":100,"height":50,"label":2,"class":"hot dog","score":0.75,"x1":10.25,"y1":5,"x2":60,"y2":40.5,"model":"glip-t","weights":"abc","prompt":"cat. hot dog"}
{"image":"a & b.jpg","width":100,"height":50,"label":1,"class":"cat","score":0.5,"x1":-3,"y1":0,"x2":50,"y2":50,"model":"glip-t","weights":"abc","prompt":"cat. hot dog"}
`,
			"pictures.jsonl": `{"image":"a & b.jpg","width":100,"height":50,"detections":2}
{"image":"b/dog.png","width":20,"height":10,"detections":0}
`}},
	} {
		t.Run(tc.about, func(t *testing.T) {
			folder, s := written(t, tc.format, tc.options, twoPictures())
			for name, want := range tc.files {
				holds(t, folder, name, strings.ReplaceAll(want, "FOLDER", filepath.ToSlash(folder)))
			}
			if s.Pictures != 2 || s.Empty != 1 || s.Objects != 2 || s.Dropped != 0 || !reflect.DeepEqual(s.PerClass, []int{1, 1}) {
				t.Errorf("summary %+v", s)
			}
			for _, file := range s.Files {
				if _, err := os.Stat(file); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// vocOf is a file of Pascal VOC, vocThing an object of it.
func vocOf(folder, name string, width, height int, things string) string {
	return "<annotation>\n\t<folder>" + folder + "</folder>\n\t<filename>" + name + "</filename>\n\t<source>\n\t\t<database>Unknown</database>\n\t</source>\n\t<size>\n\t\t<width>" +
		strconv.Itoa(width) + "</width>\n\t\t<height>" + strconv.Itoa(height) + "</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n" + things + "</annotation>\n"
}

func vocThing(class string, xmin, ymin, xmax, ymax int) string {
	text := "\t<object>\n\t\t<name>" + class + "</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
	for _, n := range []struct {
		name  string
		value int
	}{{"xmin", xmin}, {"ymin", ymin}, {"xmax", xmax}, {"ymax", ymax}} {
		text += "\t\t\t<" + n.name + ">" + strconv.Itoa(n.value) + "</" + n.name + ">\n"
	}
	return text + "\t\t</bndbox>\n\t</object>\n"
}

// LabelMe's file, whatever its indentation.
func TestLabelMeForm(t *testing.T) {
	folder, _ := written(t, "labelme", Options{}, twoPictures())
	for name, want := range map[string]string{
		"a & b.json": `{"version": "5.5.0", "flags": {}, "shapes": [
			{"label": "hot dog", "points": [[10.25, 5], [60, 40.5]], "group_id": null, "description": "", "shape_type": "rectangle", "flags": {}, "score": 0.75},
			{"label": "cat", "points": [[0, 0], [50, 50]], "group_id": null, "description": "", "shape_type": "rectangle", "flags": {}, "score": 0.5}
		], "imagePath": "a & b.jpg", "imageData": null, "imageHeight": 50, "imageWidth": 100}`,
		"b/dog.json": `{"version": "5.5.0", "flags": {}, "shapes": [], "imagePath": "dog.png", "imageData": null, "imageHeight": 10, "imageWidth": 20}`,
	} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s is\n%s\nwant\n%s", name, data, want)
		}
	}
}

// Where the pictures are elsewhere LabelMe is told where; where they are brought along, they are beside the file.
func TestLabelMePath(t *testing.T) {
	root := t.TempDir()
	o := Options{Pictures: filepath.Join(root, "photos")}
	for place, want := range map[Place]string{Leave: `"imagePath": "../../photos/b/dog.png"`, Link: `"imagePath": "dog.png"`} {
		o.Place = place
		folder := filepath.Join(root, "out"+strconv.Itoa(int(place)))
		writtenTo(t, folder, "labelme", o, twoPictures())
		data, err := os.ReadFile(filepath.Join(folder, "b", "dog.json"))
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%v, %s\nwant %s", err, data, want)
		}
	}
}

// Scores stand in CVAT where the task is said to have a place for them.
func TestCVATScore(t *testing.T) {
	folder, _ := written(t, "cvat", Options{ScoreAttribute: "sure"}, twoPictures())
	data, err := os.ReadFile(filepath.Join(folder, "annotations.xml"))
	if err != nil || strings.Count(string(data), "<name>sure</name>") != 2 || !strings.Contains(string(data), `<attribute name="sure">0.75</attribute>`) {
		t.Errorf("%v, %s", err, data)
	}
	holds(t, folder, "labels.json", `[
{"name":"cat","attributes":[{"name":"sure","input_type":"text","mutable":false,"values":[""]}]},
{"name":"hot dog","attributes":[{"name":"sure","input_type":"text","mutable":false,"values":[""]}]}
]
`)
}

// A picture's number is its own, in all formats that have numbers.
func TestNumbers(t *testing.T) {
	list := twoPictures()
	list[0].ID, list[1].ID = 785, 139
	folder, _ := written(t, "coco-results", Options{}, list)
	holds(t, folder, "results.json", `[
{"image_id":139,"category_id":2,"bbox":[10.25,5,49.75,35.5],"score":0.75},
{"image_id":139,"category_id":1,"bbox":[-3,0,53,50],"score":0.5}
]
`)
	folder, _ = written(t, "coco-results", Options{}, list[:1])
	holds(t, folder, "results.json", "[]\n")
}

// LVIS takes the best 300 of a picture; of equal scores, the first ones.
func TestLVIS(t *testing.T) {
	p := Picture{Name: "a.jpg", Width: 1000, Height: 1000}
	for i := range 400 {
		score := 0.5
		if i == 399 {
			score = 0.9
		}
		p.Objects = append(p.Objects, Object{Box: Box{float64(i), 0, float64(i) + 1, 1}, Score: score, Scored: true})
	}
	folder, s := written(t, "lvis-results", Options{}, []Picture{p})
	data, err := os.ReadFile(filepath.Join(folder, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []cocoResult
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 300 || s.Dropped != 100 || list[0].Box[0] != 399 || list[1].Box[0] != 0 || list[299].Box[0] != 298 {
		t.Errorf("%d results, %+v; the first %v, the last %v", len(list), s, list[0], list[len(list)-1])
	}
	if p.Objects[0].Score != 0.5 {
		t.Error("the caller's objects were moved")
	}
}

// What trainers of YOLO drop a picture for is not written: shares outside 0 to 1, boxes without area, lines that say the same twice.
func TestYOLOEdges(t *testing.T) {
	third := Object{Box: Box{100.0 / 3, 0, 200.0 / 3, 1e-12}}
	p := Picture{Name: "x/images/y/a.b.jpg", Width: 100, Height: 7, Objects: []Object{
		{Box: Box{-5, -5, 105, 12}}, {Box: Box{-9, 0, 0, 7}}, {Box: Box{3, 3, 3, 4}}, third, third, {Box: Box{99.9999999999, 6, 200, 6.5}},
	}}
	folder, s := written(t, "yolo", Options{}, []Picture{p})
	holds(t, folder, "images/x/labels/y/a.b.txt", `0 0.50000000 0.50000000 1.00000000 1.00000000
0 0.50000000 0.00000001 0.33333332 0.00000002
0 0.99999999 0.89285714 0.00000002 0.07142856
`)
	if s.Dropped != 2 || s.Objects != 4 {
		t.Errorf("summary %+v", s)
	}
}
