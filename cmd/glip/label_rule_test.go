package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/labels"
)

func TestParseClasses(t *testing.T) {
	for _, tc := range []struct {
		list []string
		want string // the classes, or a part of the error
	}{
		{[]string{"cat", " traffic light "}, "[{cat [cat]} {traffic light [traffic light]}]"},
		{[]string{"cat = cat, kitten", "dog=puppy"}, "[{cat [cat kitten]} {dog [puppy]}]"},
		{[]string{"cat = kitten , Kitten, kitten_"}, "[{cat [kitten]}]"},
		{[]string{"a, b"}, "[{a, b [a, b]}]"},
		{[]string{" = cat"}, "has no name"},
		{[]string{""}, "has no name"},
		{[]string{"cat = "}, `a prompt of "cat = " is empty`},
		{[]string{"cat = cat,, dog"}, "is empty"},
		{[]string{"cat", "cat = kitten"}, `class "cat" is given twice`},
		{[]string{"cat = animal", "dog = Animal"}, `the prompt "Animal" is one of class "cat" and of class "dog"`},
		{[]string{"stop_sign", "sign = stop sign"}, `the prompt "stop sign" is one of`},
	} {
		classes, err := parseClasses(tc.list)
		got := fmt.Sprint(classes)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want && (err == nil || !strings.Contains(got, tc.want)) {
			t.Errorf("%q: %s, want %s", tc.list, got, tc.want)
		}
	}
}

func TestParseThresholds(t *testing.T) {
	classes := []class{{Name: "cat"}, {Name: "a=b"}}
	for _, tc := range []struct {
		list []string
		want string
	}{
		{nil, "[0.5 0.5]"},
		{[]string{"0.25"}, "[0.25 0.25]"},
		{[]string{"cat=0.3"}, "[0.3 0.5]"},
		{[]string{"a=b = 0.1", "0"}, "[0 0.1]"},
		{[]string{"1"}, "from 0 on and below 1"},
		{[]string{"NaN"}, "from 0 on and below 1"},
		{[]string{"-0.1"}, "from 0 on and below 1"},
		{[]string{"cat=high"}, "want NUMBER or CLASS=NUMBER"},
		{[]string{"dog=0.5"}, `there is no class "dog"; there are cat a=b`},
		{[]string{"0.1", "0.2"}, "another one is given"},
		{[]string{"cat=0.1", "cat=0.1"}, "another one is given"},
	} {
		limits, err := parseThresholds(tc.list, classes)
		got := fmt.Sprint(limits)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want && (err == nil || !strings.Contains(got, tc.want)) {
			t.Errorf("%q: %s, want %s", tc.list, got, tc.want)
		}
	}
}

func TestSizeFilter(t *testing.T) {
	box := labels.Box{X1: -10, Y1: 0, X2: 20, Y2: 10} // 20 x 10 of it in a picture of 100 x 50, a share of 0.04
	for _, tc := range []struct {
		filter       sizeFilter
		small, large bool
	}{
		{sizeFilter{}, false, false},
		{sizeFilter{MinSide: 10, MaxSide: 20, MinArea: 0.04, MaxArea: 0.04}, false, false},
		{sizeFilter{MinSide: 10.5}, true, false},
		{sizeFilter{MaxSide: 19.5}, false, true},
		{sizeFilter{MinArea: 0.05}, true, false},
		{sizeFilter{MaxArea: 0.03}, false, true},
	} {
		if small, large := tc.filter.judge(box, 100, 50); small != tc.small || large != tc.large {
			t.Errorf("%+v: small %v, large %v", tc.filter, small, large)
		}
	}
	nan := math.NaN()
	for _, bad := range []sizeFilter{{MinSide: -1}, {MaxSide: nan}, {MinArea: 1.5}, {MaxArea: nan}, {MinSide: 5, MaxSide: 4}, {MinArea: 0.5, MaxArea: 0.4}} {
		if bad.check() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// Of two prompts of a class the better box stays; of two classes both do, unless classes do not matter; boxes of one prompt are
// the model's business.
func TestJudge(t *testing.T) {
	classes := []class{{"cat", []string{"cat", "kitten"}}, {"dog", []string{"dog"}}}
	at := func(x float64) labels.Box { return labels.Box{X1: x, Y1: 0, X2: x + 10, Y2: 10} }
	found := labels.Picture{Width: 100, Height: 100, Objects: []labels.Object{
		{Class: 1, Box: at(0), Score: 0.9}, // kitten
		{Class: 0, Box: at(1), Score: 0.8}, // cat, of the same thing
		{Class: 1, Box: at(2), Score: 0.7}, // kitten again
		{Class: 2, Box: at(0), Score: 0.6}, // dog
		{Class: 0, Box: at(50), Score: 0.5},
		{Class: 2, Box: at(70), Score: 0.2},
	}}
	for _, tc := range []struct {
		name   string
		change func(*labelRule)
		want   []fate
	}{
		{"plain", func(*labelRule) {}, []fate{labelled, merged, labelled, labelled, labelled, below}},
		{"whatever the class", func(r *labelRule) { r.Agnostic = true }, []fate{labelled, merged, labelled, merged, labelled, below}},
		{"overlaps may be", func(r *labelRule) { r.IoU = 0.95 }, []fate{labelled, labelled, labelled, labelled, labelled, below}},
		{"what is at the threshold is below", func(r *labelRule) { r.Thresholds = []float64{0.5, 0.1} }, []fate{labelled, merged, labelled, labelled, below, labelled}},
		{"what is below covers nothing", func(r *labelRule) { r.Sizes.MaxSide = 5 }, []fate{large, large, large, large, large, below}},
	} {
		r := labelRule{Classes: classes, Thresholds: []float64{0.3, 0.3}, IoU: 0.6, classOf: classesOf(classes)}
		tc.change(&r)
		var got []fate
		kept := 0
		for _, j := range r.judge(found) {
			got = append(got, j.fate)
			if j.fate == labelled {
				kept++
			}
		}
		if !slices.Equal(got, tc.want) || len(r.labels(found).Objects) != kept {
			t.Errorf("%s: %v, want %v; %d labels", tc.name, got, tc.want, len(r.labels(found).Objects))
		}
	}
	r := labelRule{Classes: classes, Thresholds: []float64{0.3, 0.3}, IoU: 0.6, classOf: classesOf(classes)}
	if o := r.labels(found).Objects[2]; o.Class != 1 || o.Score != 0.6 {
		t.Errorf("the third label is %+v, want the dog", o)
	}
}

func TestRanking(t *testing.T) {
	r := ranking{most: 3}
	for i, key := range []float64{1, 3, 2, 3, 0, 2} {
		r.add(key, &pick{Picture: labels.Picture{Name: fmt.Sprint(i)}})
	}
	var got []string
	for _, p := range r.list {
		got = append(got, p.Name)
	}
	if strings.Join(got, " ") != "1 3 2" {
		t.Errorf("%v, want the two of 3 in their order, and the first of 2", got)
	}
}
