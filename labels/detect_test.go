package labels

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// What each format writes is known for what it is: the folder, and where one file has all, that.
func TestDetect(t *testing.T) {
	for format, want := range map[string]string{
		"coco": "annotations.json", "yolo": "data.yaml", "yolo-predictions": "classes.txt", "voc": "", "cvat": "annotations.xml", "labelstudio": "tasks.json", "labelme": "",
		"jsonl": "detections.jsonl", "parquet": "detections.parquet", "coco-results": "results.json", "lvis-results": "results.json",
	} {
		folder, _ := written(t, format, Options{}, twoPictures())
		is := map[string]string{"yolo-predictions": "yolo", "lvis-results": "coco-results"}[format]
		if is == "" {
			is = format
		}
		if got, err := Detect(t.Context(), folder); got != is || err != nil {
			t.Errorf("%s: the folder is %q, %v", format, got, err)
		}
		if want == "" {
			continue
		}
		at := filepath.Join(folder, want)
		if got, err := Detect(t.Context(), at); got != is || err != nil {
			t.Errorf("%s: the file is %q, %v", format, got, err)
		}
		if strings.HasSuffix(want, ".json") { // what is in it decides, not its name
			other := filepath.Join(t.TempDir(), "truth")
			if err := os.Rename(at, other); err != nil {
				t.Fatal(err)
			}
			if got, err := Detect(t.Context(), other); got != is || err != nil {
				t.Errorf("%s: a file without an ending is %q, %v", format, got, err)
			}
		}
	}
}

// A split leaves files of other names.
func TestDetectParts(t *testing.T) {
	for _, f := range Formats() {
		if !f.Split || !f.Reads {
			continue
		}
		folder, _ := written(t, f.Name, Options{Split: Split{Train: 1, Val: 1}}, numbered(9))
		if got, err := Detect(t.Context(), folder); got != f.Name || err != nil {
			t.Errorf("%s: %q, %v", f.Name, got, err)
		}
	}
}

func TestDetectWrong(t *testing.T) {
	for _, tc := range []struct {
		files []string
		path  string
		says  string
	}{
		{[]string{"annotations.json={}", "data.yaml=x"}, "", "it could be coco (annotations.json) or yolo (data.yaml); say which"},
		{[]string{"a.json={\"shapes\": []}", "a.xml=<annotation/>"}, "", "it could be labelme (a.json) or voc (a.xml)"},
		{[]string{"annotations.xml=<annotations/>", "detections.parquet=x"}, "", "cvat (annotations.xml) or parquet"},
		{[]string{"a.jpg=x", "x.json=[1]", "y.xml=<View/>"}, "", "a folder without labels that are known; want annotations as COCO's JSON"},
		{[]string{"metadata.jsonl={}", "classes.txt=cat"}, "", "it is imagefolder, which is only written"},
		{[]string{"odvg.jsonl={}", "label_map.json={}"}, "", "it is odvg, which is only written"},
		{[]string{"odvg.jsonl={\"filename\": \"a\", \"detection\": {}}"}, "odvg.jsonl", "it is odvg, which is only written"},
		{[]string{"a.xml=<annotation/>"}, "a.xml", "give the folder of all"},
		{[]string{"a.json={\"version\": 1, \"shapes\": []}"}, "a.json", "give the folder of all"},
		{[]string{"list.txt=a.jpg"}, "list.txt", "a text file"},
	} {
		folder := t.TempDir()
		for _, f := range tc.files {
			name, text, _ := strings.Cut(f, "=")
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		at := filepath.Join(folder, tc.path)
		got, err := Detect(t.Context(), at)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), at) {
			t.Errorf("%q: %q, %v\nwant it to say %q", tc.files, got, err, tc.says)
		}
	}
	if _, err := Detect(t.Context(), filepath.Join(t.TempDir(), "gone")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}

// Numbers are those that the writer gives.
func TestNumber(t *testing.T) {
	s := &Set{Classes: []string{"cat", "dog"}, CategoryIDs: nil, Pictures: []Picture{{Name: "b"}, {Name: "a"}, {Name: "a/c"}}}
	s.Number()
	var ids []int64
	for _, p := range s.Pictures {
		ids = append(ids, p.ID)
	}
	if !reflect.DeepEqual(ids, []int64{3, 1, 2}) || !reflect.DeepEqual(s.CategoryIDs, []int64{1, 2}) {
		t.Errorf("%v, %v", ids, s.CategoryIDs)
	}
	own := &Set{Classes: []string{"cat"}, CategoryIDs: []int64{7}, Pictures: []Picture{{Name: "b", ID: 5}, {Name: "a"}}}
	if own.Number(); own.Pictures[0].ID != 5 || own.Pictures[1].ID != 0 || own.CategoryIDs[0] != 7 {
		t.Errorf("numbers of its own became others: %+v", own)
	}
}

// Tables of other programs have other types of numbers, columns in another order, and more of them.
func TestParquetOfOthers(t *testing.T) {
	type other struct {
		Score  *float32 `parquet:"score,optional"`
		Extra  []string `parquet:"extra,list"`
		X1     float32  `parquet:"x1"`
		Y1     float32  `parquet:"y1"`
		X2     float32  `parquet:"x2"`
		Y2     float32  `parquet:"y2"`
		Class  string   `parquet:"class"`
		Label  int32    `parquet:"label"`
		Image  *string  `parquet:"image,optional"`
		Width  int32    `parquet:"width"`
		Height int32    `parquet:"height"`
	}
	name, score := "a.jpg", float32(0.5)
	write := func(rows []other, o ...parquet.WriterOption) string {
		at := filepath.Join(t.TempDir(), "detections.parquet")
		var b bytes.Buffer
		w := parquet.NewGenericWriter[other](&b, o...)
		_, err := w.Write(rows)
		if err := errors.Join(err, w.Close(), os.WriteFile(at, b.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
		return at
	}
	row := other{&score, []string{"x", "y"}, 1, 2, 3, 4, "cat", 1, &name, 100, 80}
	for about, o := range map[string][]parquet.WriterOption{
		"plain": nil, "snappy": {parquet.Compression(&parquet.Snappy)}, "first version of pages": {parquet.DataPageVersion(1), parquet.Compression(&parquet.Snappy)}, "small pages": {parquet.PageBufferSize(64)}, "groups": {parquet.MaxRowsPerRowGroup(2)},
	} {
		rows := make([]other, 100)
		for i := range rows {
			rows[i] = row
			rows[i].X2 += float32(i)
		}
		rows[99].Score = nil
		set, err := Read(t.Context(), "parquet", write(rows, o...), ReadOptions{})
		if err != nil || len(set.Pictures) != 1 || len(set.Pictures[0].Objects) != 100 || set.Pictures[0].Objects[99] != (Object{Box: Box{1, 2, 102, 4}}) || set.Pictures[0].Objects[0].Score != 0.5 {
			t.Errorf("%s: %v, %+v", about, err, set)
		}
	}
	for about, tc := range map[string]struct {
		change func(*other)
		option parquet.WriterOption
		says   string
	}{
		"no image": {func(o *other) { o.Image = nil }, nil, "row 2: image is <null>, want a text"},
		"zstd":     {func(*other) {}, parquet.Compression(&parquet.Zstd), "it is compressed with ZSTD; want Snappy"},
		"gzip":     {func(*other) {}, parquet.Compression(&parquet.Gzip), "GZIP"},
		"a label":  {func(o *other) { o.Label = -1 }, nil, "row 2: the label is -1"},
	} {
		two := []other{row, row}
		tc.change(&two[1])
		var o []parquet.WriterOption
		if tc.option != nil {
			o = append(o, tc.option)
		}
		if _, err := Read(t.Context(), "parquet", write(two, o...), ReadOptions{}); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", about, err, tc.says)
		}
	}
	type narrow struct {
		Image string `parquet:"image"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[narrow](&b)
	_, err := w.Write([]narrow{{"a.jpg"}})
	at := filepath.Join(t.TempDir(), "x.parquet")
	if err := errors.Join(err, w.Close(), os.WriteFile(at, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), "parquet", at, ReadOptions{}); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), "no column width; want the columns image, width") {
		t.Error(err)
	}
}

// Wherever a file is changed, or cut, it is read or refused, in bounds.
func TestParquetDamaged(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(parquetSeed(t), "detections.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	try := func(data []byte) {
		err := parquetOf(t.Context(), bytes.NewReader(data), int64(len(data)), rowColumns, rowCells, func(row, string) error { return nil })
		if err != nil && !errors.Is(err, ErrLabels) {
			t.Fatal(err)
		}
	}
	for i := range data {
		for _, with := range []byte{0, 1, 0x7f, 0x80, 0xff, data[i] + 1, data[i] ^ 0x10} {
			changed := bytes.Clone(data)
			changed[i] = with
			try(changed)
		}
	}
	for n := range len(data) {
		try(data[:n])
	}
}

// A file of some bytes that says it has a billion rows.
func TestParquetBomb(t *testing.T) {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[pictureRow](&b)
	if _, err := w.Write(make([]pictureRow, 3<<20)); err != nil { // all the same, in next to no room
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 2<<20 {
		t.Skipf("the rows take %d bytes: no bomb", b.Len())
	}
	err := parquetOf(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), pictureColumns, pictureCells, func(pictureRow, string) error { return nil })
	if !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), "more than a file of") {
		t.Error(err)
	}
}
