package main

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/text"
)

// photo is the photograph, from here.
const photo = "../../testdata/pictures/chelsea.png"

var opened = sync.OnceValues(func() (*world, error) {
	return newWorld(context.Background(), fontPath, namesPath, photo)
})

// open is the world, where the font is installed.
func open(t *testing.T) *world {
	t.Helper()
	w, err := opened()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no drawings here: %v; install both: apt-get install %s %s", err, fontPackage, namesPackage)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// few are all parts with some scenes of each.
func few(w *world, count int) []part {
	parts := w.parts(count)
	for i := range parts {
		parts[i].count = count
	}
	return parts
}

// The same seed writes the same bytes, another one others.
func TestSeed(t *testing.T) {
	open(t)
	folders := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	for i, seed := range []string{"1", "1", "2"} {
		args := []string{"-out", folders[i], "-seed", seed, "-count", "12", "-only", "vocab,train", "-photo", photo}
		if err := run(context.Background(), args, io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	read := func(folder int, name string) []byte {
		data, err := os.ReadFile(filepath.Join(folders[folder], name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, name := range []string{"train.json", "train/000001.png", "train/000012.png"} {
		if !bytes.Equal(read(0, name), read(1, name)) || bytes.Equal(read(0, name), read(2, name)) {
			t.Errorf("%s does not depend on the seed alone", name)
		}
	}
	if want, err := vocabulary(); err != nil || !bytes.Equal(read(0, "vocab.txt"), want) {
		t.Errorf("vocab.txt is not the vocabulary: %v", err)
	}
	dice := map[uint64]string{}
	for _, p := range few(open(t), 100) {
		for i := range p.count {
			first := p.dice(1, i).Uint64()
			if dice[first] != "" {
				t.Errorf("scene %d of %s has the dice of one of %s", i+1, p.name, dice[first])
			}
			dice[first] = p.name
		}
	}
}

// Every file is read with nothing left out, and only what is its own occurs in it.
func TestFiles(t *testing.T) {
	w := open(t)
	folder := t.TempDir()
	for _, p := range few(w, 16) {
		examples, err := p.draw(t.Context(), w, folder, 3, png.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, p.name+".json")
		if err := annotate(p.categories, examples).save(path, io.Discard); err != nil {
			t.Fatal(err)
		}
		set, err := dataset.Open(t.Context(), path, dataset.Options{Strict: true})
		if err != nil || len(set.Pictures) != p.count || set.Report.String() != "" {
			t.Fatalf("%s: %v, %d pictures, %s", p.name, err, len(set.Pictures), set.Report)
		}
		novel := p.name == "novel" || p.name == "novel-val"
		for i, e := range examples {
			for _, thing := range e.things {
				if is := contains(w.novel, kind{thing.word, natural}); is != novel {
					t.Errorf("scene %d of %s shows a %s", i+1, p.name, thing.phrase())
				}
				if is := contains(w.unseen, thing.kind); is != (p.name == "zeroshot") && !novel {
					t.Errorf("scene %d of %s shows a %s", i+1, p.name, thing.phrase())
				}
			}
			asked := len(e.negatives) + len(present(e.things, true))
			if pairs := p.name == "pairs" || p.name == "zeroshot"; pairs && (asked < leastAsked || asked > mostAsked) || !pairs && e.negatives != nil {
				t.Errorf("%d kinds are asked of scene %d of %s", asked, i+1, p.name)
			}
			for _, k := range e.negatives {
				if !contains(p.categories, k) || contains(present(e.things, true), k) {
					t.Errorf("scene %d of %s is asked for a %s", i+1, p.name, k.phrase())
				}
			}
		}
	}
}

func contains(list []kind, k kind) bool {
	for _, other := range list {
		if other == k {
			return true
		}
	}
	return false
}

// Captions to learn from say nothing of what is held out; their spans are whole phrases that name what they are of, and all of it;
// lists have the form that lists of classes have, and fit the model's text.
func TestLessons(t *testing.T) {
	w := open(t)
	lists, mixed, told := 0, 0, 0
	p := w.parts(1)[0]
	for i := range 150 {
		e, err := p.make(w, p.dice(5, i))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range append(w.novel, w.unseen...) {
			if says(e.text, k.phrase()) || says(e.text, colourName(k)+words[k.word].plural) {
				t.Errorf("%q speaks of %s", e.text, k.phrase())
			}
		}
		if encoding, err := text.BERT().Encode(e.text); err != nil || len(encoding.IDs()) > 64 {
			t.Errorf("%q: %v, %d tokens", e.text, err, len(encoding.IDs()))
		}
		if !strings.Contains(e.text, text.Separator) {
			told++
			checkSentence(t, e)
			continue
		}
		lists++
		names := strings.Split(e.text, text.Separator)
		if fixed, err := dataset.Fixed(names, nil); err != nil || fixed.Text != e.text || len(names) < leastList || len(names) > mostNames {
			t.Errorf("%q is not the list %q: %v", e.text, names, err)
		}
		for j, thing := range e.things {
			var want []string
			for _, name := range names {
				if name == thing.phrase() || name == words[thing.word].name {
					want = append(want, name)
				}
			}
			mixed += len(want) / 2
			if got := spanned(e.text, e.spans[j]); len(want) == 0 || strings.Join(got, ";") != strings.Join(want, ";") {
				t.Errorf("%q: a %s is named by %q, want %q", e.text, thing.phrase(), got, want)
			}
		}
	}
	if lists < 100 || told < 10 || mixed == 0 {
		t.Errorf("%d lists, %d sentences, %d things named twice", lists, told, mixed)
	}
}

func colourName(k kind) string {
	if k.colour == natural {
		return ""
	}
	return colours[k.colour].name + " "
}

// says tells whether a text has a phrase, as whole words.
func says(caption, phrase string) bool {
	plain := strings.NewReplacer(".", " ", ",", " ").Replace(caption)
	return strings.Contains(" "+strings.Join(strings.Fields(plain), " ")+" ", " "+phrase+" ")
}

func spanned(caption string, spans []text.Span) (parts []string) {
	for _, s := range spans {
		parts = append(parts, caption[s.Begin:s.End])
	}
	return parts
}

// checkSentence looks whether each phrase has the number of its things and stands for all of its kind.
func checkSentence(t *testing.T, e example) {
	t.Helper()
	of := map[text.Span][]thing{}
	for i, spans := range e.spans {
		if len(spans) > 1 {
			t.Errorf("%q names a thing twice", e.text)
		}
		for _, s := range spans {
			of[s] = append(of[s], e.things[i])
		}
	}
	if len(of) == 0 {
		t.Errorf("%q names nothing", e.text)
	}
	for span, named := range of {
		phrase := e.text[span.Begin:span.End]
		number, rest, _ := strings.Cut(phrase, " ")
		name := words[named[0].word].name
		if len(named) > 1 {
			name = words[named[0].word].plural
		} else if number == "a" || number == "an" {
			number = "one"
		}
		one := kind{named[0].word, natural}
		if rest != name {
			one, name = named[0].kind, colourName(named[0].kind)+name
		}
		count := 0
		for _, thing := range e.things {
			if one.names(thing.kind) {
				count++
			}
		}
		if count != len(named) || number != counts[len(named)] || rest != name {
			t.Errorf("%q: %q names %d things of %d", e.text, phrase, len(named), count)
		}
	}
}

// The finder of noun phrases finds in sentences what they name, numbers aside, which it never takes into a phrase.
func TestNounPhrases(t *testing.T) {
	w := open(t)
	found, all := 0, 0
	for i := range 60 {
		e, err := w.told(part{name: "test"}.dice(1, i))
		if err != nil {
			t.Fatal(err)
		}
		phrases, err := text.NounPhrases(e.text)
		if err != nil && !errors.Is(err, text.ErrNoPhrase) {
			t.Fatal(err)
		}
		is := map[text.Span]bool{}
		for _, p := range phrases {
			is[*p.Span] = true
		}
		for _, spans := range e.spans {
			for _, s := range spans {
				number, _, _ := strings.Cut(e.text[s.Begin:s.End], " ")
				all++
				if is[s] || is[text.Span{Begin: s.Begin + len(number) + 1, End: s.End}] {
					found++
				}
			}
		}
	}
	if all < 60 || found*10 < all*9 {
		t.Errorf("%d of %d phrases are found", found, all)
	}
}

// Boxes are the extent of what has at least half its alpha and is not covered: drawn in pure channels on black, a picture tells.
func TestBoxes(t *testing.T) {
	w := open(t)
	flat := func(c color.RGBA) *world {
		white := &world{drawings: [][]*image.RGBA{}}
		for _, d := range w.drawings {
			plain := image.NewRGBA(d[0].Rect)
			draw.DrawMask(plain, plain.Rect, image.NewUniform(c), image.Point{}, d[0], image.Point{}, draw.Src)
			white.drawings = append(white.drawings, []*image.RGBA{plain})
		}
		return white
	}
	back, front := flat(color.RGBA{255, 0, 0, 255}), flat(color.RGBA{0, 255, 0, 255})
	placed, covered := 0, 0
	for i := range 60 {
		dice := part{name: "boxes"}.dice(1, i)
		s := scene{picture: image.NewRGBA(image.Rect(0, 0, side, side))}
		draw.Draw(s.picture, s.picture.Rect, image.Black, image.Point{}, draw.Src)
		var owners owner
		a, b := kind{dice.IntN(len(words)), 0}, kind{dice.IntN(len(words)), 1}
		pixels, ok := s.place(dice, &owners, nil, back.layer(dice, kind{a.word, natural}), a)
		if !ok {
			continue
		}
		s.things = append(s.things, thing{kind: a})
		if _, ok = s.place(dice, &owners, []int{pixels}, front.layer(dice, kind{b.word, natural}), b); !ok {
			continue
		}
		s.things = append(s.things, thing{kind: b})
		s.measure(&owners)
		var want [2]image.Rectangle
		visible := 0
		for y := range side {
			for x := range side {
				p, at := s.picture.RGBAAt(x, y), image.Rect(x, y, x+1, y+1)
				if p.G >= half {
					want[1] = want[1].Union(at)
				} else if rest := 255 - int(p.G); int(p.R)*255 >= half*rest { // what the one in front lets through
					want[0] = want[0].Union(at)
					visible++
				}
			}
		}
		placed++
		if visible < pixels {
			covered++
		}
		if float64(visible) < shown*float64(pixels)-side/4 {
			t.Errorf("scene %d: %d of %d pixels are visible", i, visible, pixels)
		}
		if s.things[1].box != want[1] || !near(s.things[0].box, want[0]) {
			t.Errorf("scene %d: boxes %v and %v, want %v and %v", i, s.things[0].box, s.things[1].box, want[0], want[1])
		}
	}
	if placed < 30 || covered < 3 {
		t.Errorf("%d scenes, in %d of which one thing covers another", placed, covered)
	}
}

// near allows what rounding in the picture hides: a pixel.
func near(a, b image.Rectangle) bool { return a.In(b.Inset(-1)) && b.In(a.Inset(-1)) }

// Things have the colour that they are said to have.
func TestColours(t *testing.T) {
	w := open(t)
	for i, drawings := range w.drawings {
		for c, colour := range colours {
			var sum [3]float64
			eachPixel(drawings[c+1], func(_, _ int, p []uint8) {
				for j := range sum {
					sum[j] += float64(p[j]) / float64(p[3])
				}
			})
			closest, least := "", 0.0
			for _, other := range colours {
				distance, norm := 0.0, sum[0]+sum[1]+sum[2]
				m := [3]float64{float64(other.middle.R), float64(other.middle.G), float64(other.middle.B)}
				for j := range sum {
					d := sum[j]/norm - m[j]/(m[0]+m[1]+m[2])
					distance += d * d
				}
				if closest == "" || distance < least {
					closest, least = other.name, distance
				}
			}
			if closest != colour.name {
				t.Errorf("a %s %s looks %s", colour.name, words[i].name, closest)
			}
		}
	}
}

func TestArguments(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-count", "0"}, "1 to a million"},
		{[]string{"more"}, "no other arguments"},
		{[]string{"-sample", missing, "-only", "train"}, "leave out --only"},
		{[]string{"-names", missing}, namesPackage},
		{[]string{"-names", "main.go", "-font", missing}, fontPackage},
	} {
		err := run(context.Background(), c.args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
	open(t)
	for args, want := range map[string]string{"-only nothing -photo " + photo: "novel-val", "-photo main.go": "main.go", "-font main.go": "no font"} {
		err := run(context.Background(), append(strings.Fields(args), "-out", missing), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
