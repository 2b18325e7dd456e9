package loader

import (
	"fmt"
	"sort"
	"strings"
)

// locator finds the bytes of a storage a pickle names.
type locator func(s storageNode) (*segment, error)

// index picks the dictionary of tensors out of a pickled object, checks every
// tensor of it against its storage, and lists what is left unread.
func (c *Checkpoint) index(result unpickled, fileSize int64, o Options, locate locator) error {
	all := dictionaries(result.object)
	if len(all) == 0 {
		return formatErr("the pickled object is a %s, not a dictionary of tensors; save model.state_dict()", describe(result.object))
	}
	if err := uniqueNames(all[0].list); err != nil {
		return err
	}
	chosen, rest, others, err := choose(all, o.Entry)
	if err != nil {
		return err
	}
	c.wrapper, c.wanted, c.others = chosen.path(), rest, others
	for d := chosen; d.parent != nil; d = d.parent {
		if err := uniqueNames(d.list); err != nil {
			return err
		}
		for _, e := range d.parent.list {
			if e.key != d.key {
				c.skipped = append(c.skipped, keyText(e.key))
			}
		}
	}
	for _, e := range chosen.list {
		name, ok := e.key.(string)
		t, isTensor := e.value.(*tensorNode)
		if !ok || !isTensor {
			c.skipped = append(c.skipped, fmt.Sprintf("%s (%s)", keyText(e.key), describe(e.value)))
			continue
		}
		if err := c.addPickled(name, t, fileSize, locate); err != nil {
			return inFile(err, "", name)
		}
	}
	for _, class := range result.classes {
		c.skipped = append(c.skipped, "class "+class)
	}
	return nil
}

// addPickled resolves a tensor of the chosen dictionary.
func (c *Checkpoint) addPickled(name string, t *tensorNode, fileSize int64, locate locator) error {
	seg, err := locate(t.storage)
	if err != nil {
		return err
	}
	item := t.dtype.Size()
	numel := t.storage.viewNumel
	if t.storage.dtype == "" { // an untyped storage counts bytes
		numel /= item
	}
	info := TensorInfo{Name: name, DType: t.dtype, Shape: t.shape, Strides: t.strides, Offset: t.offset, Storage: t.storage.key}
	checked, err := newTensor(info, seg, t.storage.viewOffset, numel, fileSize)
	if err != nil {
		return err
	}
	return c.add(checked)
}

// storageBytes is the size a storage declares.
func (s storageNode) bytes() (int64, error) {
	item := int64(1)
	if s.dtype != "" {
		item = s.dtype.Size()
	}
	n, ok := mul(s.numel, item)
	if !ok {
		return 0, truncatedErr("storage %q declares %d elements, more than any file holds", printable(s.key), s.numel)
	}
	return n, nil
}

// uniqueNames refuses a dictionary that gives one string key twice, of which
// readers would keep different ones.
func uniqueNames(list []entry) error {
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		name, ok := e.key.(string)
		if ok && seen[name] {
			return formatErr("the key %q occurs twice", shorten(name))
		}
		seen[name] = ok
	}
	return nil
}

// keyText prints a dictionary key for a list of skipped entries.
func keyText(key any) string {
	if s, ok := key.(string); ok {
		return shorten(printable(s))
	}
	return describe(key) + " key"
}

func shorten(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// keyList prints a few keys, sorted.
func keyList(list []entry) string {
	const most = 8
	var keys []string
	for _, e := range list[:min(len(list), most)] {
		keys = append(keys, keyText(e.key))
	}
	sort.Strings(keys)
	if len(list) == 0 {
		return "nothing"
	}
	if len(list) > most {
		keys = append(keys, "...")
	}
	return strings.Join(keys, ", ")
}
