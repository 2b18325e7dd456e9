package web

import (
	"cmp"
	"encoding/json"
	"image"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// scene is what an example shows.
type scene struct {
	caption string
	boxes   map[string][][4]float64 // by phrase
}

type detection struct {
	Box    [4]float64 `json:"box"`
	Score  float64    `json:"score"`
	Label  int        `json:"label"`
	Phrase string     `json:"phrase"`
	Span   [2]int     `json:"span"`
}

type token struct {
	Text  string  `json:"text"`
	Begin int     `json:"begin"`
	End   int     `json:"end"`
	Peak  float64 `json:"peak"`
}

func byScore(list []detection) {
	slices.SortStableFunc(list, func(a, b detection) int { return cmp.Compare(b.Score, a.Score) })
}

// readScenes reads what the scenes show of which the examples are pictures.
func readScenes() (map[string]scene, error) {
	data, err := os.ReadFile("../testdata/world/sentences.json")
	if err != nil {
		return nil, err
	}
	var set struct {
		Images []struct {
			ID      int    `json:"id"`
			Caption string `json:"caption"`
		} `json:"images"`
		Annotations []struct {
			Image int        `json:"image_id"`
			Box   [4]float64 `json:"bbox"`
			Spans [][2]int   `json:"tokens_positive"`
		} `json:"annotations"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	scenes := map[string]scene{}
	for _, e := range Examples {
		picture, err := page.ReadFile("page" + e.Path)
		if err != nil {
			return nil, err
		}
		s := scene{e.Text, map[string][][4]float64{}}
		for _, i := range set.Images {
			if !strings.HasSuffix(i.Caption, e.Text) {
				continue
			}
			for _, a := range set.Annotations {
				if a.Image == i.ID {
					phrase := i.Caption[a.Spans[0][0]:a.Spans[0][1]]
					s.boxes[phrase] = append(s.boxes[phrase], [4]float64{a.Box[0], a.Box[1], a.Box[0] + a.Box[2] - 1, a.Box[1] + a.Box[3] - 1})
				}
			}
		}
		scenes[string(picture)] = s
	}
	return scenes, nil
}

// found makes up where a picture shows a phrase: what is known of a scene, else by the phrase's letters.
func (f *fake) found(data []byte, size image.Config, caption, phrase string, span [2]int, label int, m mood) (list []detection) {
	most := m.Most
	if most == 0 {
		most = 1
	}
	boxes, known := f.scenes[string(data)].boxes[phrase]
	if !known {
		for i := range 1 + int(3*dice(phrase, "n")) {
			w, h := (0.12+0.3*dice(phrase, i, "w"))*float64(size.Width), (0.12+0.3*dice(phrase, i, "h"))*float64(size.Height)
			x, y := dice(phrase, i, "x")*(float64(size.Width)-w), dice(phrase, i, "y")*(float64(size.Height)-h)
			boxes = append(boxes, [4]float64{x, y, x + w, y + h})
		}
	}
	for i, b := range boxes {
		list = append(list, detection{b, most * (0.62 + 0.35*dice(phrase, i, "s")), label, phrase, span})
		weak := [4]float64{b[0] * 0.9, b[1] * 0.9, b[0]*0.9 + (b[2]-b[0])*0.7, b[1]*0.9 + (b[3]-b[1])*0.8}
		list = append(list, detection{weak, most * (0.06 + 0.2*dice(phrase, i, "weak")), label, phrase, span})
	}
	return list
}

var (
	word = regexp.MustCompile(`[\p{L}\p{N}]+|[^\s\p{L}\p{N}]`)
	glue = regexp.MustCompile(`(?i)\s+(and|with|above|below|beside|near|on)\s+|[.,;]\s*|\n`)
)

// nounPhrases are the parts between conjunctions, prepositions and commas.
func nounPhrases(text string) (spans [][2]int) {
	spans = [][2]int{}
	begin := 0
	add := func(end int) {
		part := text[begin:end]
		trimmed := strings.TrimSpace(part)
		if trimmed == "" {
			return
		}
		b := begin + strings.Index(part, trimmed)
		spans = append(spans, [2]int{utf8.RuneCountInString(text[:b]), utf8.RuneCountInString(text[:b+len(trimmed)])})
	}
	for _, g := range glue.FindAllStringIndex(text, -1) {
		add(g[0])
		begin = g[1]
	}
	add(len(text))
	return spans
}

// longest is how many letters a token has.
const longest = 7

// words are the tokens of a text: long words are given whole and in two pieces.
func words(text string) (list []token) {
	list = []token{}
	for _, at := range word.FindAllStringIndex(text, -1) {
		w := text[at[0]:at[1]]
		begin := utf8.RuneCountInString(text[:at[0]])
		n := utf8.RuneCountInString(w)
		list = append(list, token{Text: w, Begin: begin, End: begin + n})
		if n > longest {
			runes := []rune(w)
			list = append(list, token{Text: string(runes[:4]), Begin: begin, End: begin + 4}, token{Text: string(runes[4:]), Begin: begin + 4, End: begin + n})
		}
	}
	return list
}

// blobs is a map that is warm where the boxes are; short words are colder.
func blobs(boxes []detection, height, width int, pitch float64, letters int) ([]byte, float64) {
	out := make([]byte, height*width)
	warm := min(1, 0.12*float64(letters))
	var peak float64
	for y := range height {
		for x := range width {
			v := 0.015
			for _, d := range boxes {
				if d.Score < 0.4 {
					continue
				}
				px, py := (float64(x)+0.5)*pitch, (float64(y)+0.5)*pitch
				dx := (px - (d.Box[0]+d.Box[2])/2) / (d.Box[2] - d.Box[0] + 1) * 2.2
				dy := (py - (d.Box[1]+d.Box[3])/2) / (d.Box[3] - d.Box[1] + 1) * 2.2
				v += warm * d.Score * math.Exp(-dx*dx-dy*dy)
			}
			v = min(v, 0.99)
			peak = max(peak, v)
			out[y*width+x] = byte(255 * v)
		}
	}
	return out, math.Round(100*peak) / 100
}
