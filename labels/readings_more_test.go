package labels

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

func readingsOfStudio() []reading {
	of := func(task string) map[string]string { return map[string]string{"tasks.json": "[" + task + "]"} }
	answer := func(kind, result string) string {
		return fmt.Sprintf(`{"id": 7, "data": {"image": "/data/local-files/?d=b/a%%20b.jpg", "text": "x", "n": [1]}, %q: [{"result": [%s], "was_cancelled": false}]}`, kind, result)
	}
	region := func(kind, value string) string {
		return fmt.Sprintf(`{"type": %q, "original_width": 200, "original_height": 100, "image_rotation": 0, "score": 0.5, "value": {%s, %q: ["cat"]}}`, kind, value, kind)
	}
	const box = `"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0`
	rectangle := region("rectanglelabels", box)
	return []reading{
		{about: "as it is exported", format: "labelstudio", files: of(answer("annotations", rectangle)), want: "b/a b.jpg 200x100 [cat 20 20 80 60 0.5]"},
		{about: "people before models", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), `"id": 7`, `"predictions": [{"result": []}, {"result": []}]`, 1)), want: "b/a b.jpg 200x100 [cat 20 20 80 60 0.5]"},
		{about: "skipped by people", format: "labelstudio", files: of(strings.Replace(answer("predictions", rectangle), `"id": 7`, `"annotations": [{"result": [], "was_cancelled": true}]`, 1)), want: "b/a b.jpg 200x100 [cat 20 20 80 60 0.5]"},
		{about: "turned", format: "labelstudio", files: of(answer("annotations", strings.Replace(rectangle, `"rotation": 0`, `"rotation": 90`, 1))), want: "b/a b.jpg 200x100 [cat -20 20 20 80 0.5]", report: Report{Outside: 1}},
		{about: "other shapes", format: "labelstudio", files: of(answer("annotations", region("polygonlabels", `"points": [[10, 10], [20, 40], [5, 30]]`)+", "+region("ellipselabels", `"x": 50, "y": 50, "radiusX": 10, "radiusY": 20`)+", "+region("brushlabels", `"rle": [1]`)+`, {"type": "choices", "value": {"choices": ["y"]}}`)),
			want: "b/a b.jpg 200x100 [cat 10 10 40 40 0.5] [cat 80 30 120 70 0.5]", report: Report{Other: 2}},
		{about: "an uploaded picture", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), "/data/local-files/?d=b/a%20b.jpg", "/data/upload/3/0123abcd-c.png", 1)), want: "c.png 200x100 [cat 20 20 80 60 0.5]"},
		{about: "a bucket", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), "/data/local-files/?d=b/a%20b.jpg", "s3://bucket/deep/c.png", 1)), want: "c.png 200x100 [cat 20 20 80 60 0.5]"},
		{about: "another key", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), `"image": "`, `"photo": "x/`, 1)), options: ReadOptions{Studio: Studio{Value: "photo", URL: "x//data/local-files/?d=b/"}}, want: "a b.jpg 200x100 [cat 20 20 80 60 0.5]"},
		{about: "classes of the interface", format: "labelstudio", files: map[string]string{"tasks.json": "[" + answer("annotations", rectangle) + "]", "config.xml": `<View><RectangleLabels><Label value="dog"/></RectangleLabels></View>`}, want: "b/a b.jpg 200x100", report: Report{Unknown: 1}},
		{about: "nothing, and no size", format: "labelstudio", files: of(answer("annotations", "")), says: "how large it is"},
		{about: "a picture that is gone", format: "labelstudio", files: of(answer("annotations", rectangle) + `, {"data": {"image": "gone.jpg"}}`), options: ReadOptions{Size: func(context.Context, string) (int, int, error) { return 0, 0, errors.Join(ErrPicture) }},
			want: "b/a b.jpg 200x100 [cat 20 20 80 60 0.5]", report: Report{Unread: 1}},
		{about: "two answers", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), `"annotations": [`, `"annotations": [{"result": []}, `, 1)), says: "element 0: it has 2 answers"},
		{about: "one of two marked", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), `"annotations": [`, `"annotations": [{"ground_truth": true, "result": [`+strings.Replace(rectangle, `"x": 10`, `"x": 0`, 1)+`]}, `, 1)), want: "b/a b.jpg 200x100 [cat 0 20 60 60 0.5]"},
		{about: "exported as JSON-MIN", format: "labelstudio", files: of(`{"image": "a.jpg", "label": []}`), says: "export format JSON"},
		{about: "two labels", format: "labelstudio", files: of(answer("annotations", strings.Replace(rectangle, `["cat"]`, `["cat", "dog"]`, 1))), says: "region 0 has 2 labels"},
		{about: "two sizes", format: "labelstudio", files: of(answer("annotations", rectangle+", "+strings.Replace(rectangle, "200", "300", 1))), says: "200 x 100 and 300 x 100"},
		{about: "no file named", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), "?d=", "?e=", 1)), says: "does not say in d"},
		{about: "words", format: "labelstudio", files: of(answer("annotations", strings.Replace(rectangle, `"x": 10`, `"x": "left"`, 1))), says: "x: want a number"},
		{about: "NaN", format: "labelstudio", files: of(answer("annotations", strings.Replace(rectangle, `"x": 10`, `"x": NaN`, 1))), says: "NaN or Infinity"},
		{about: "cut", format: "labelstudio", files: map[string]string{"tasks.json": "[" + answer("annotations", rectangle)[:90]}, says: "it ends in the middle"},
		{about: "an object", format: "labelstudio", files: map[string]string{"tasks.json": "{}"}, says: "want Label Studio's JSON"},
		{about: "twice", format: "labelstudio", files: of(answer("annotations", rectangle) + ", " + answer("annotations", rectangle)), says: "element 1: no usable labels: b/a b.jpg is there twice"},
		{about: "up and away", format: "labelstudio", files: of(strings.Replace(answer("annotations", rectangle), "d=b/", "d=../", 1)), says: "no plain path"},
		{about: "a part", format: "labelstudio", files: of(answer("annotations", rectangle)), options: ReadOptions{Part: "val"}, says: "has no parts"},
	}
}

func readingsOfTables() []reading {
	const row = `{"image": "a.jpg", "width": 100, "height": 80, "label": 3, "class": "cat", "score": 0.5, "x1": 1, "y1": 2, "x2": 3, "y2": 4}`
	of := func(rows ...string) map[string]string {
		return map[string]string{"detections.jsonl": strings.Join(rows, "\n") + "\n"}
	}
	both := func(pictures string, rows ...string) map[string]string {
		files := of(rows...)
		files["pictures.jsonl"] = pictures
		return files
	}
	const shown = `{"image": "a.jpg", "width": 100, "height": 80, "detections": 1}`
	changed := func(from, to string) string { return strings.Replace(row, from, to, 1) }
	return []reading{
		{about: "plain", format: "jsonl", files: of(row, "", changed(`"label": 3, "class": "cat"`, `"label": 1, "class": "dog"`)), want: "a.jpg 100x80 [cat 1 2 3 4 0.5] [dog 1 2 3 4 0.5]"},
		{about: "without a score", format: "jsonl", files: of(changed(`0.5`, "null")), want: "a.jpg 100x80 [cat 1 2 3 4]"},
		{about: "pictures too", format: "jsonl", files: both(shown+"\n"+strings.Replace(strings.Replace(shown, "a.jpg", "b/none.png", 1), ": 1}", ": 0}", 1), row), want: "a.jpg 100x80 [cat 1 2 3 4 0.5]; b/none.png 100x80"},
		{about: "an unknown picture", format: "jsonl", files: both(shown, row, changed("a.jpg", "b.jpg")), want: "a.jpg 100x80 [cat 1 2 3 4 0.5]", report: Report{Unknown: 1}},
		{about: "a part", format: "jsonl", files: of(changed("}", `, "split": "val"}`), strings.Replace(changed("}", `, "split": "train"}`), "a.jpg", "b.jpg", 1)), options: ReadOptions{Part: "val"}, want: "a.jpg 100x80 [cat 1 2 3 4 0.5]"},
		{about: "a part of what has none", format: "jsonl", files: of(row), options: ReadOptions{Part: "val"}, says: "which part it is of"},
		{about: "a part if there is any", format: "jsonl", files: of(row), options: ReadOptions{Part: "val", PartIfAny: true}, want: "a.jpg 100x80 [cat 1 2 3 4 0.5]"},
		{about: "lines are missing", format: "jsonl", files: both(strings.Replace(shown, ": 1}", ": 2}", 1), row), says: "a.jpg has 1 rows, and the table of pictures says 2"},
		{about: "another size", format: "jsonl", files: of(row, changed("80", "90")), says: "line 2: a.jpg is 100 x 90 pixels here"},
		{about: "another class", format: "jsonl", files: of(row, changed("cat", "dog")), says: `line 2: the label 3 is the class "dog" here`},
		{about: "another label", format: "jsonl", files: of(row, changed(`"label": 3`, `"label": 2`)), says: `line 2: the class "cat" has the label 2 here`},
		{about: "label 0", format: "jsonl", files: of(changed(`"label": 3`, `"label": 0`)), says: "line 1: the label is 0, want 1 to"},
		{about: "no corner", format: "jsonl", files: of(changed(`"x1": 1, `, "")), says: "no finite number"},
		{about: "NaN", format: "jsonl", files: of(changed(`"x1": 1`, `"x1": NaN`)), says: "line 1: invalid character 'N'"},
		{about: "cut", format: "jsonl", files: of(row, row[:40]), says: "line 2: unexpected end"},
		{about: "words", format: "jsonl", files: of(changed(`"x1": 1`, `"x1": "left"`)), says: "want a row of the table"},
		{about: "a long line", format: "jsonl", files: of(changed("a.jpg", strings.Repeat("a", mostRow))), says: "line 1 is longer than"},
		{about: "up and away", format: "jsonl", files: of(changed("a.jpg", "../a.jpg")), says: "no plain path"},
		{about: "a picture twice", format: "jsonl", files: both(shown+"\n"+shown, row), says: `line 2: "a.jpg" is there twice`},
		{about: "nothing", format: "jsonl", files: of(""), says: "there are no pictures"},
		{about: "no table", format: "jsonl", files: map[string]string{"x": ""}, says: "a folder without any of"},
		{about: "text", format: "parquet", files: map[string]string{"detections.parquet": "PAR1 and some more text"}, says: "it does not end with PAR1"},
		{about: "a short one", format: "parquet", files: map[string]string{"detections.parquet": "PAR1PAR1"}, says: "it is too short"},
		{about: "a long footer", format: "parquet", files: map[string]string{"detections.parquet": "PAR1....\xff\xff\xff\xffPAR1"}, says: "its footer has 4294967295 bytes"},
	}
}

func readingsOfResults() []reading {
	of := &Set{Classes: []string{"cat"}, CategoryIDs: []int64{9}, Pictures: []Picture{{Name: "a.jpg", ID: 4, Width: 100, Height: 80}, {Name: "b.jpg", ID: 5, Width: 100, Height: 80}}}
	const one = `{"image_id": 4, "category_id": 9, "bbox": [1, 2, 3, 4], "score": 0.5}`
	list := func(elements string) map[string]string {
		return map[string]string{"results.json": "[" + elements + "]"}
	}
	return []reading{
		{about: "plain", format: "coco-results", files: list(one), options: ReadOptions{Of: of}, want: "a.jpg 100x80 [cat 1 2 4 6 0.5]; b.jpg 100x80"},
		{about: "of others", format: "coco-results", files: list(one + ", " + strings.Replace(one, "4", "6", 1) + ", " + strings.Replace(one, "9", "1", 1)), options: ReadOptions{Of: of}, want: "a.jpg 100x80 [cat 1 2 4 6 0.5]; b.jpg 100x80", report: Report{Unknown: 2}},
		{about: "of nothing", format: "coco-results", files: list(one), says: "numbers instead of names"},
		{about: "no score", format: "lvis-results", files: list(strings.Replace(one, `, "score": 0.5`, "", 1)), options: ReadOptions{Of: of}, says: "element 0: it has no score"},
		{about: "three numbers", format: "coco-results", files: list(strings.Replace(one, "1, 2, 3, 4", "1, 2, 3", 1)), options: ReadOptions{Of: of}, says: "element 0: bbox has 3 numbers"},
		{about: "an object", format: "coco-results", files: map[string]string{"results.json": "{}"}, options: ReadOptions{Of: of}, says: "want COCO's results"},
	}
}
