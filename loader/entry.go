package loader

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// Bounds on where dictionaries of tensors are looked for.
const (
	maxEntryDepth = 6
	maxEntryBytes = 256 // of a key on the way
)

// dictionary is one of a pickled object, reached by string keys and places in lists.
type dictionary struct {
	key     string // in its parent, "" for the object itself
	parent  *dictionary
	depth   int
	list    []entry
	tensors int
	modules bool // some name has a dot, as those of a module's parameters do
}

// dictionaries lists those of an object, the outer before the inner. What is met again,
// under another key or within itself, counts where it is met first.
func dictionaries(object any) []*dictionary {
	type place struct {
		value any
		at    *dictionary
	}
	var all []*dictionary
	seen := map[any]bool{}
	for queue := []place{{object, &dictionary{}}}; len(queue) > 0; queue = queue[1:] {
		value, d := queue[0].value, queue[0].at
		if !container(value) || seen[value] {
			continue
		}
		seen[value] = true
		list, keyed := entries(value)
		if !keyed {
			list = elements(value)
		}
		d.list = list
		for _, e := range list {
			key, named := e.key.(string)
			if _, tensor := e.value.(*tensorNode); tensor && named {
				d.tensors++
				d.modules = d.modules || strings.Contains(key, ".")
			} else if container(e.value) && named && key != "" && len(key) <= maxEntryBytes && d.depth < maxEntryDepth {
				queue = append(queue, place{e.value, &dictionary{key: key, parent: d, depth: d.depth + 1}})
			}
		}
		if keyed {
			all = append(all, d)
		}
	}
	return all
}

// elements are the containers in a list or a tuple, with their places for keys.
func elements(v any) (list []entry) {
	var items []any
	switch v := v.(type) {
	case *types.List:
		items = *v
	case *types.Tuple:
		items = *v
	}
	for i, x := range items {
		if container(x) {
			list = append(list, entry{strconv.Itoa(i), x})
		}
	}
	return list
}

// container says whether there may be a dictionary in v, which then is comparable.
func container(v any) bool {
	switch v.(type) {
	case *types.Dict, *types.OrderedDict, *types.List, *types.Tuple:
		return true
	}
	return false
}

// path is the way to a dictionary, its keys joined by dots.
func (d *dictionary) path() string {
	if d.depth < 2 {
		return d.key
	}
	return d.parent.path() + "." + d.key
}

// String names a dictionary and says how many tensors it holds.
func (d *dictionary) String() string {
	name := printable(d.path())
	if name == "" {
		name = "the object itself"
	}
	return fmt.Sprintf("%s (%s)", name, tensorsText(d.tensors))
}

func tensorsText(n int) string {
	if n == 1 {
		return "1 tensor"
	}
	return fmt.Sprintf("%d tensors", n)
}

// within is what of a wanted path lies behind the way to the dictionary; false where
// that leads elsewhere.
func (d *dictionary) within(want string) (rest string, ok bool) {
	if d.parent == nil {
		return want, true
	}
	if rest, ok = d.parent.within(want); !ok {
		return "", false
	}
	if rest, ok = strings.CutPrefix(rest, d.key); ok && rest != "" {
		rest, ok = strings.CutPrefix(rest, ".")
	}
	return rest, ok
}

// choose finds the dictionary that holds the weights, and the others that could. A wanted
// path leads to it, and what of the path leads on is the beginning of names in it; such a
// beginning may stand alone. Otherwise it is state_dict, then model, then the object itself, then
// the only one whose names are those of parameters.
func choose(all []*dictionary, want string) (chosen *dictionary, rest string, others []*dictionary, err error) {
	var named []*dictionary
	for _, d := range all {
		left, ok := d.within(want)
		if want != "" && ok && d.parent != nil && (chosen == nil || len(left) < len(rest)) {
			chosen, rest = d, left
		}
		if d.tensors > 0 && !strings.Contains(strings.ToLower(d.path()), "optim") {
			named = append(named, d)
		}
	}
	if modules := slices.DeleteFunc(slices.Clone(named), func(d *dictionary) bool { return !d.modules }); len(modules) > 0 {
		named = modules
	}
	if len(named) == 0 {
		named = slices.DeleteFunc(slices.Clone(all), func(d *dictionary) bool { return d.depth != 1 || d.key != "state_dict" && d.key != "model" })
	}
	for _, usual := range []string{"state_dict", "model", ""} {
		if at := slices.IndexFunc(named, func(d *dictionary) bool { return d.depth < 2 && d.key == usual }); chosen == nil && at >= 0 {
			chosen, rest = named[at], want
		}
	}
	switch {
	case chosen == nil && len(named) == 1:
		chosen, rest = named[0], want
	case chosen == nil && want != "":
		return nil, "", nil, missingErr("there is no entry called %q; those with tensors are %s", shorten(want), some(named))
	case chosen == nil && len(named) > 1:
		return nil, "", nil, &Error{Kind: ErrChoice, Detail: fmt.Sprintf("%d entries hold tensors: %s; name the one that is meant", len(named), some(named))}
	case chosen == nil:
		return nil, "", nil, missingErr("no dictionary of tensors is among the entries: %s", keyList(all[0].list))
	}
	return chosen, rest, slices.DeleteFunc(named, func(d *dictionary) bool { return d == chosen }), nil
}

// some prints the first of a list.
func some[T fmt.Stringer](list []T) string {
	const most = 8
	var texts []string
	for _, x := range list[:min(len(list), most)] {
		texts = append(texts, x.String())
	}
	if len(list) > most {
		texts = append(texts, fmt.Sprintf("%d more", len(list)-most))
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}

// Narrow leaves of the checkpoint the tensors whose names begin with prefix, such as
// "teacher.", under what follows it; the others are listed as skipped. It is called before the
// checkpoint is used. [ErrMissing]: no name begins so.
func (c *Checkpoint) Narrow(prefix string) error {
	names, tensors := c.names[:0:0], map[string]*tensor{}
	outside := map[string]int{}
	for _, name := range c.names {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			names = append(names, rest)
			tensors[rest] = c.tensors[name]
			continue
		}
		first, more, _ := strings.Cut(name, ".")
		if more != "" {
			first += ".*"
		}
		outside[first]++
	}
	if len(names) == 0 {
		return inFile(missingErr("there is no entry called %q, and no tensor's name begins so; list them with glip inspect", shorten(strings.TrimSuffix(prefix, "."))), c.file, "")
	}
	c.names, c.tensors, c.prefix = names, tensors, c.prefix+prefix
	for _, first := range slices.Sorted(maps.Keys(outside)) {
		c.skipped = append(c.skipped, fmt.Sprintf("%s (%s)", shorten(printable(first)), tensorsText(outside[first])))
	}
	return nil
}
