package viz

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"
)

// madeFont is a font of 1000 units whose characters are bars: of so many units wide, and
// high, on the baseline. Each is 1000 units wide.
func madeFont(bars map[rune][2]int16) []byte {
	var characters []rune
	for r := range bars {
		characters = append(characters, r)
	}
	slices.Sort(characters)
	u16 := func(values ...int) (b []byte) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint16(b, uint16(v))
		}
		return b
	}
	u32 := func(values ...int) (b []byte) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint32(b, uint32(v))
		}
		return b
	}
	var glyf, loca, groups, hmtx []byte
	loca, hmtx = u32(0, 0), u16(1000, 0) // the first one is empty
	for i, r := range characters {
		w, h := int(bars[r][0]), int(bars[r][1])
		glyf = append(glyf, u16(1, 0, 0, w, h, 3, 0)...)
		glyf = append(glyf, 1, 1, 1, 1) // points of the line, with 16-bit steps
		glyf = append(glyf, u16(0, 0, w, 0, 0, h, 0, -h)...)
		loca = append(loca, u32(len(glyf))...)
		hmtx = append(hmtx, u16(1000, 0)...)
		groups = append(groups, u32(int(r), int(r), i+1)...)
	}
	n := len(characters)
	tables := []struct {
		name string
		data []byte
	}{
		{"cmap", slices.Concat(u16(0, 1, 3, 10), u32(12), u16(12, 0), u32(16+12*n, 0, n), groups)},
		{"glyf", glyf},
		{"head", slices.Concat(u32(1<<16, 1<<16, 0, 0x5F0F3CF5), u16(0, 1000), make([]byte, 16), u16(0, 0, 1000, 1000, 0, 8, 2, 1, 0))},
		{"hhea", slices.Concat(u32(1<<16), u16(800, -200, 0, 1000), make([]byte, 22), u16(n+1))},
		{"hmtx", hmtx},
		{"loca", loca},
		{"maxp", slices.Concat(u32(1<<16), u16(n+1, 4, 1), make([]byte, 22))},
	}
	file := slices.Concat(u32(1<<16), u16(len(tables), 64, 2, len(tables)*16-64))
	at := len(file) + 16*len(tables)
	var content []byte
	for _, t := range tables {
		file = append(file, t.name...)
		file = append(file, u32(0, at+len(content), len(t.data))...)
		content = append(content, t.data...)
		content = append(content, make([]byte, -len(content)&3)...)
	}
	return append(file, content...)
}

// labelled is a picture with one box of a text.
func labelled(t *testing.T, fonts *Fonts, text, short string) *image.RGBA {
	t.Helper()
	img, err := Boxes(plain(300, 120, color.RGBA{200, 200, 200, 255}), []Box{{X1: 20, Y1: 60, X2: 200, Y2: 100, Label: 1, Text: text, Short: short}}, fonts)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// fonts are the program's and a made one.
func fonts(t *testing.T, files ...[]byte) *Fonts {
	t.Helper()
	f, err := NewFonts(false, files...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A text is written in the first font that has its letters, and where none has one, its
// short form is written.
func TestFallback(t *testing.T) {
	alone, more := fonts(t), fonts(t, madeFont(map[rune][2]int16{'狗': {900, 700}, '猫': {300, 700}, '🐕': {800, 800}}))
	for _, row := range []struct {
		text        string
		alone, more bool // lacking
	}{
		{"", false, false}, {"a dog 0.87", false, false}, {"Жук\nΩμέγα\té", false, false}, {"狗 0.87", true, false}, {"dog 🐕", true, false}, {"狗 ሰ", true, true},
	} {
		if a, m := alone.Lacks(row.text), more.Lacks(row.text); a != row.alone || m != row.more {
			t.Errorf("%q lacks: %t with the Go fonts, %t with another, want %t and %t", row.text, a, m, row.alone, row.more)
		}
	}
	short := labelled(t, alone, "#3 0.87", "")
	if got := labelled(t, alone, "狗 0.87", "#3 0.87"); !bytes.Equal(got.Pix, short.Pix) {
		t.Error("the short form is not written where letters are lacking")
	}
	if got := labelled(t, more, "狗 0.87", "#3 0.87"); bytes.Equal(got.Pix, short.Pix) {
		t.Error("the short form is written though a font has all letters")
	}
	if bytes.Equal(labelled(t, more, "狗", "").Pix, labelled(t, more, "猫", "").Pix) {
		t.Error("two characters look alike")
	}
}

// inkColumns counts the pixels of ink in each column of a label; its edge has two at most.
func inkColumns(img *image.RGBA) (columns []int) {
	for x := 21; x < 120; x++ {
		n := 0
		for y := 40; y < 60; y++ {
			if img.RGBAAt(x, y) == inkOn(labelColour(1)) {
				n++
			}
		}
		columns = append(columns, n)
	}
	return columns
}

// Hebrew runs from right to left, and stays together with a number behind it.
func TestRightToLeft(t *testing.T) {
	f := fonts(t, madeFont(map[rune][2]int16{'א': {900, 700}, 'ב': {200, 700}, '狗': {900, 700}, '猫': {200, 700}}))
	first := func(text string) int { // width of the first letter from the left
		columns := inkColumns(labelled(t, f, text, ""))
		from := slices.IndexFunc(columns, func(n int) bool { return n > 5 })
		if from < 0 {
			t.Fatalf("%q: no ink", text)
		}
		return slices.IndexFunc(columns[from:], func(n int) bool { return n <= 5 })
	}
	for _, row := range []struct {
		text string
		wide bool
	}{{"狗猫", true}, {"猫狗", false}, {"אב", false}, {"בא", true}} {
		if w := first(row.text); (w > 7) != row.wide {
			t.Errorf("%q: the letter at the left is %d pixels wide", row.text, w)
		}
	}
	if w := first("אב 1"); w > 7 { // in a text that begins from the right, what follows stands at the left
		t.Errorf("a number behind Hebrew does not stand at its left: %d pixels", w)
	}
}

// Long texts are cut, in any font, and soon.
func TestLongText(t *testing.T) {
	f := fonts(t, madeFont(map[rune][2]int16{'狗': {900, 700}}))
	for _, text := range []string{strings.Repeat("狗", 1<<16), strings.Repeat("a dog ", 1<<14)} {
		img := labelled(t, f, text, "")
		if img.RGBAAt(299, 50) != dark {
			t.Errorf("%.10q is not cut at the right: %v", text, img.RGBAAt(299, 50))
		}
	}
}

// A file that is no font is refused.
func TestNewFontsRefused(t *testing.T) {
	good := madeFont(map[rune][2]int16{'a': {1, 1}})
	for _, bad := range [][]byte{nil, []byte("this is no font"), good[:40], good[:len(good)/2]} {
		if _, err := NewFonts(false, good, bad); err == nil || !strings.Contains(err.Error(), "font 2") {
			t.Errorf("%d bytes: error %v", len(bad), err)
		}
	}
}
