package bind

import (
	"slices"
	"strconv"
	"strings"
)

// Source is what weights are bound from: the tensors of a checkpoint under the
// names that stand in the file. *loader.Checkpoint satisfies it.
type Source interface {
	Names() []string                          // in file order
	Shape(name string) (shape []int, ok bool) // without reading the tensor
	DType(name string) string                 // "float32", "int64", ...
	Read(name string, into []float32) error   // row-major, widened to float32; into has room for exactly the tensor
}

// Family is a lineage of checkpoint files: who named the tensors, and in which order
// they are stored. The families are those of the models' packages.
type Family string

// FileName is what errors call a source: its path, if it knows one.
func FileName(src Source) string {
	if p, ok := src.(interface{ Path() string }); ok && p.Path() != "" {
		return p.Path()
	}
	return "checkpoint"
}

// wrappers are what torch.compile, sharding and checkpointing put into names, each before
// those of the module that it wraps.
var wrappers = []string{"_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."}

// Trunk strips what wrappers put into names: "module." of data-parallel ones at the front,
// others anywhere.
func Trunk(key string) string {
	for rest, ok := key, true; ok; {
		for _, w := range wrappers {
			rest = strings.ReplaceAll(rest, w, "")
		}
		key = rest
		rest, ok = strings.CutPrefix(key, "module.")
	}
	return key
}

// Number reads a plain decimal number up to most: no sign, no leading zero.
func Number(s string, most int) (n int, ok bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= most && strconv.Itoa(n) == s
}

// Floating says whether weights may be stored in this element type.
func Floating(dtype string) bool {
	return slices.Contains([]string{"float32", "float16", "bfloat16", "float64"}, dtype)
}

// IgnoredKey is a tensor of the file that the model does not need, and why.
type IgnoredKey struct{ Key, Reason string }

// NameMap says what every tensor of a checkpoint is.
type NameMap struct {
	Family Family

	// Keys gives, by canonical name, the tensors of the file that are this parameter:
	// one key, or several that are joined, "" for one that is absent.
	Keys map[string][]string

	Ignored []IgnoredKey // of no use to the model
	Unknown []string     // known by no rule, or a second claimant of a name
}

// Claim enters a key as the given part, of so many, of a canonical name. A name that
// is claimed twice, with and without a prefix for instance, leaves open which one
// counts: the second is unknown.
func (m *NameMap) Claim(name string, part, parts int, key string) {
	if m.Keys[name] == nil {
		m.Keys[name] = make([]string, parts)
	}
	if before := m.Keys[name][part]; before != "" {
		m.Unknown = append(m.Unknown, key+" (beside "+before+")")
		return
	}
	m.Keys[name][part] = key
}
