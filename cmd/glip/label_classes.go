package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/text"
)

// classHelp explains how one class has several prompts.
const classHelp = `A class is labelled by its name; --class "cat = cat, kitten" looks for both prompts behind the
sign and labels either as cat, and so does a line of --classes. Where two prompts of a class
find one thing, the better box stays.`

// class is what things are labelled as, and the prompts that find them.
type class struct {
	Name    string   `json:"name"`
	Prompts []string `json:"prompts"`
}

// parseClasses reads NAME, or NAME = PROMPT, PROMPT..., each.
func parseClasses(list []string) ([]class, error) {
	var classes []class
	of := map[string]string{} // classes by prompt, as captions have it
	named := map[string]bool{}
	for _, s := range list {
		name, rest, several := strings.Cut(s, "=")
		c := class{Name: strings.TrimSpace(name)}
		prompts := []string{c.Name}
		if several {
			prompts = strings.Split(rest, ",")
		}
		switch {
		case c.Name == "":
			return nil, cli.Usage("class %q has no name: want NAME, or NAME = PROMPT, PROMPT", s)
		case named[c.Name]:
			return nil, cli.Usage("class %q is given twice: put all its prompts behind one name, as in %q", c.Name, c.Name+" = "+c.Name+", another")
		}
		named[c.Name] = true
		for _, p := range prompts {
			p = strings.TrimSpace(p)
			key := strings.ToLower(strings.TrimSpace(text.CleanName(p)))
			other, taken := of[key]
			switch {
			case p == "":
				return nil, cli.Usage("class %q: a prompt of %q is empty: want NAME = PROMPT, PROMPT", c.Name, s)
			case taken && other == c.Name:
				continue
			case taken:
				return nil, cli.Usage("the prompt %q is one of class %q and of class %q, and what it finds can be labelled as one only", p, other, c.Name)
			}
			of[key] = c.Name
			c.Prompts = append(c.Prompts, p)
		}
		classes = append(classes, c)
	}
	return classes, nil
}

// phraseClasses are those of a query that names no classes: what its prompts look for, each name once.
func phraseClasses(prompts []text.Prompt) (classes []class) {
	for _, p := range prompts {
		for _, l := range p.Labels {
			if !slices.ContainsFunc(classes, func(c class) bool { return c.Name == l.Name }) {
				classes = append(classes, class{l.Name, []string{l.Name}})
			}
		}
	}
	return classes
}

// promptPlaces gives the place in the list of all prompts for each label of a query, label 1 first.
func promptPlaces(classes []class, prompts []text.Prompt) ([]int, error) {
	place := map[string]int{}
	for i, p := range promptsOf(classes) {
		place[p] = i
	}
	var list []int
	for _, p := range prompts {
		for _, l := range p.Labels {
			i, ok := place[l.Name]
			if !ok {
				return nil, fmt.Errorf("a defect of ours, please report it: a phrase %q of no class", l.Name)
			}
			list = append(list, i)
		}
	}
	return list, nil
}

// classNames lists the names.
func classNames(classes []class) []string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = c.Name
	}
	return names
}

// promptsOf lists the prompts of all classes, in order.
func promptsOf(classes []class) (list []string) {
	for _, c := range classes {
		list = append(list, c.Prompts...)
	}
	return list
}

// classesOf gives the place of its class for each prompt of the list of all.
func classesOf(classes []class) (list []int) {
	for i, c := range classes {
		for range c.Prompts {
			list = append(list, i)
		}
	}
	return list
}

// parseThresholds reads NUMBER, which is that of all classes, and CLASS=NUMBER, and gives one for each class.
func parseThresholds(list []string, classes []class) ([]float64, error) {
	overall := defaultThreshold
	of := map[string]float64{}
	general := false
	for _, s := range list {
		name, number, single := "", s, false
		if i := strings.LastIndex(s, "="); i >= 0 {
			name, number, single = strings.TrimSpace(s[:i]), s[i+1:], true
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		_, twice := of[name]
		switch {
		case err != nil || !(v >= 0 && v < 1):
			return nil, cli.Usage("--threshold %q: want NUMBER or CLASS=NUMBER, from 0 on and below 1", s)
		case single && !slices.ContainsFunc(classes, func(c class) bool { return c.Name == name }):
			return nil, cli.Usage("--threshold %q: there is no class %q; there are %s", s, name, few(classNames(classes)))
		case single && twice, !single && general:
			return nil, cli.Usage("--threshold %q: another one is given for the same", s)
		case single:
			of[name] = v
		default:
			overall, general = v, true
		}
	}
	limits := make([]float64, len(classes))
	for i, c := range classes {
		limits[i] = overall
		if v, ok := of[c.Name]; ok {
			limits[i] = v
		}
	}
	return limits, nil
}
