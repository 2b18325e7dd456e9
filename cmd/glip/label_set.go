package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/labels"
)

// foundFolder is the folder in --out of what was found, whatever becomes of it.
const foundFolder = ".found"

// labelSet is what was found, and the labels that are made of it in each format.
type labelSet struct {
	rule    labelRule
	found   *labels.Writer // boxes by prompt
	formats []labelFormat
	folders []string // that lie in others first

	finished bool
}

// labelFormat is one way that labels are written.
type labelFormat struct {
	name string
	*labels.Writer
}

// writing turns the flags into the options of package labels; what is found out later is left open.
func (f labelFlags) writing() (o labels.Options, err error) {
	if len(f.formats) == 0 {
		return o, cli.Usage("--format is not given: want one or several of %s", strings.Join(labelFormats(), ", "))
	}
	for i, name := range f.formats {
		if !slices.Contains(labelFormats(), name) || slices.Contains(f.formats[:i], name) {
			return o, cli.Usage("--format %s: want one or several of %s, each once", name, strings.Join(labelFormats(), ", "))
		}
	}
	ok := false
	if o.Place, ok = map[string]labels.Place{"link": labels.Link, "copy": labels.Copy, "leave": labels.Leave}[f.place]; !ok {
		return o, cli.Usage("--pictures %q: want link, copy or leave", f.place)
	}
	if o.VOC, err = parseVOC(f.voc); err != nil {
		return o, err
	}
	if f.review < 0 {
		return o, cli.Usage("--review %d: want 0 for none, or a number of pictures", f.review)
	}
	if o.Split, err = parseSplit(f.split, f.seed); err != nil {
		return o, err
	}
	o.Studio, err = parseStudio(f.studio)
	o.Stored = f.stored
	return o, err
}

// parseSplit reads PART=SHARE, with commas between.
func parseSplit(s string, seed uint64) (split labels.Split, err error) {
	if s == "" {
		return split, nil
	}
	split.Seed = seed
	shares := map[string]*float64{"train": &split.Train, "val": &split.Val, "test": &split.Test}
	for part := range strings.SplitSeq(s, ",") {
		name, number, _ := strings.Cut(part, "=")
		share, ok := shares[strings.TrimSpace(name)]
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if !ok || err != nil || !(v > 0 && v < 1e6) || *share != 0 {
			return split, cli.Usage("--split %q: want shares above 0 of train, val and test, each once at most, as in train=80,val=20", s)
		}
		*share = v
	}
	return split, nil
}

// parseStudio reads KEY=TEXT, each.
func parseStudio(list []string) (s labels.Studio, err error) {
	fields := map[string]*string{"from": &s.From, "to": &s.To, "value": &s.Value, "url": &s.URL}
	for _, text := range list {
		key, value, ok := strings.Cut(text, "=")
		field := fields[key]
		if !ok || field == nil || value == "" || *field != "" {
			return s, cli.Usage("--studio %q: want from=NAME, to=NAME, value=KEY or url=TEXT, each once at most", text)
		}
		*field = value
	}
	return s, nil
}

// openSet opens what an earlier run found and labelled, or begins. Nothing of another question is gone on with; sure is called before what
// was found is thrown away for one.
func (f labelFlags) openSet(list pictureList, rule labelRule, a asked, o labels.Options, sure func() error) (*labelSet, error) {
	s := &labelSet{rule: rule, folders: []string{filepath.Join(f.out, foundFolder), f.out}}
	o.Pictures = list.root
	o.Classes, o.Asked = promptsOf(rule.Classes), fmt.Sprintf("%s, %s, numbered %v", a.hash(), list.root, list.numbered)
	o.Model, o.Weights, o.Prompt = modelName(a), a.Weights, strings.Join(o.Classes, ". ")
	if a.Query.Caption != "" {
		o.Prompt = a.Query.Caption
	}
	found := labels.Options{Classes: o.Classes, Asked: o.Asked, Stored: o.Stored}
	if exists(s.folders[0]) { // it is ours
		if err := file.Sweep(f.out); err != nil {
			return nil, cli.Usage("--out: %w", err)
		}
	}
	var err error
	if s.found, err = f.writer(filepath.Join(f.out, foundFolder), "jsonl", found, sure); err != nil {
		return nil, err
	}
	made, err := json.Marshal([]any{o.Asked, rule, o.Split, o.Place, o.Studio})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	o.Classes, o.CategoryIDs = classNames(rule.Classes), list.categoryIDs(classNames(rule.Classes))
	o.Asked = fmt.Sprintf("%.6x", sha256.Sum256(made))
	for _, name := range f.formats {
		folder := f.out
		if len(f.formats) > 1 {
			folder = filepath.Join(f.out, name)
			s.folders = slices.Insert(s.folders, 0, folder)
		}
		o := o
		if format, err := labels.Find(name); err == nil && !format.Split && len(f.formats) > 1 {
			o.Split = labels.Split{} // the others have parts
		}
		w, err := f.writer(folder, name, o, nil)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.formats = append(s.formats, labelFormat{name, w})
	}
	if err := s.plan(list.pictures); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// modelName names what finds: the model, or where the file of the weights says which one, that file.
func modelName(a asked) string { return cmp.Or(a.Model, filepath.Base(a.Weights)) }

// writer goes on with labels in a folder or begins them, anew where they are others and that is asked for; sure, if any, may prevent that.
func (f labelFlags) writer(folder, format string, o labels.Options, sure func() error) (*labels.Writer, error) {
	o.Existing = labels.Continue
	w, err := labels.Create(folder, format, o)
	other := errors.Is(err, labels.ErrOther) || errors.Is(err, labels.ErrExists)
	if other && f.overwrite {
		if sure != nil {
			if err := sure(); err != nil {
				return nil, err
			}
		}
		o.Existing = labels.Overwrite
		w, err = labels.Create(folder, format, o)
	}
	switch {
	case err == nil:
		return w, nil
	case other && !f.overwrite:
		return nil, cli.Usage("--out %s: %w (--overwrite makes them anew)", f.out, err)
	}
	return nil, cli.Usage("--format %s, --out %s: %w", format, f.out, err)
}

// plan refuses pictures whose labels would share a file.
func (s *labelSet) plan(pictures []listed) error {
	var names []string
	for i := range pictures {
		if p := &pictures[i]; s.nameable(p) {
			names = append(names, p.name)
		}
	}
	for _, f := range s.formats {
		if err := f.Plan(names); err != nil {
			return cli.Usage("--format %s: %w", f.name, err)
		}
	}
	return nil
}

// nameable makes a picture fail like one that cannot be read where no label could have its name.
func (s *labelSet) nameable(p *listed) bool {
	err := s.found.Plan([]string{p.name})
	if err != nil {
		p.stream = refused(err)
	}
	return err == nil
}

// add takes what was found in a picture.
func (s *labelSet) add(ctx context.Context, p labels.Picture) error {
	if err := s.found.Add(ctx, p); err != nil {
		return err
	}
	return s.label(ctx, p)
}

// label writes a picture's labels in the formats that lack it.
func (s *labelSet) label(ctx context.Context, p labels.Picture) error {
	l := s.rule.labels(p)
	for _, f := range s.formats {
		if f.Has(p.Name) {
			continue
		}
		if err := f.Add(ctx, l); err != nil {
			return fmt.Errorf("--format %s: %w", f.name, err)
		}
	}
	return nil
}

// catchUp labels what was found before. Pictures that a format cannot have are told to refuse.
func (s *labelSet) catchUp(ctx context.Context, refuse func(name string, err error)) error {
	return s.found.Walk(ctx, func(p labels.Picture) error {
		err := s.label(ctx, p)
		if errors.Is(err, labels.ErrPicture) {
			refuse(p.Name, err)
			return nil
		}
		return err
	})
}

// finish writes the files of the whole set, and says what is in it in each format.
func (s *labelSet) finish(ctx context.Context) ([]labels.Summary, error) {
	var list []labels.Summary
	for _, f := range s.formats {
		summary, err := f.Finish(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, summary)
	}
	s.finished = true
	return list, nil
}

// any says whether something was found that can be gone on with.
func (s *labelSet) any() bool {
	some := false
	err := s.found.Walk(context.Background(), func(labels.Picture) error { some = true; return errEnough })
	return some && errors.Is(err, errEnough)
}

// errEnough ends a walk.
var errEnough = errors.New("enough is known")

// writers are all that are open.
func (s *labelSet) writers() (list []*labels.Writer) {
	for _, f := range s.formats {
		list = append(list, f.Writer)
	}
	if s.found != nil {
		list = append(list, s.found)
	}
	return list
}

// close lets go of the folders. Those in which nothing was put down are as if nobody had begun, for another question may come next.
func (s *labelSet) close() error {
	var errs []error
	for _, w := range s.writers() {
		if s.finished {
			errs = append(errs, w.Close())
		} else {
			errs = append(errs, w.Abandon())
		}
	}
	for _, folder := range s.folders {
		_ = file.Remove(folder) // unless it is empty it stays
	}
	return errors.Join(errs...)
}
