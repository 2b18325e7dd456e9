package loader

import (
	"bufio"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// Nodes that stand for Python objects while a pickle is read.
type (
	// storageNode is what a persistent id refers to.
	storageNode struct {
		key        string
		dtype      DType // "" for an untyped storage
		numel      int64 // elements; bytes for an untyped storage
		viewOffset int64 // first element of a storage view (legacy files)
		viewNumel  int64 // elements a tensor may reach: numel, or the view's
	}

	// tensorNode is a tensor before its numbers are checked.
	tensorNode struct {
		storage storageNode
		dtype   DType
		offset  int64
		shape   []int
		strides []int
	}

	// opaqueNode is an instance of an inert class. It keeps its class and
	// drops whatever it is given.
	opaqueNode struct{ class class }

	// classNode is an allowed class or function. Calling it makes a node.
	classNode struct{ class class }
)

// The interfaces through which gopickle fills and makes objects.
var (
	_ types.DictSetter      = (*opaqueNode)(nil)
	_ types.ListAppender    = (*opaqueNode)(nil)
	_ types.PyStateSettable = (*opaqueNode)(nil)
	_ types.Callable        = (*classNode)(nil)
	_ types.PyNewable       = (*classNode)(nil)
)

func (*opaqueNode) Set(_, _ any)               {}
func (*opaqueNode) Append(any)                 {}
func (*opaqueNode) PySetState(any) error       { return nil }
func (c *classNode) PyNew(...any) (any, error) { return &opaqueNode{c.class}, nil }

// unpickled is the result of reading one pickle.
type unpickled struct {
	object   any
	classes  []string               // inert classes met, sorted
	storages map[string]storageNode // every storage named, by key
}

// unpickle reads the n bytes of a pickle that scanPickle has accepted.
func unpickle(r io.Reader) (result unpickled, err error) {
	defer func() {
		if p := recover(); p != nil { // gopickle panics on some streams; the scan should have refused them
			result, err = unpickled{}, formatErr("the pickle cannot be read: %v", p)
		}
	}()
	inertSeen := map[string]bool{}
	result.storages = map[string]storageNode{}
	u := pickle.NewUnpickler(bufio.NewReaderSize(r, 64<<10))
	u.FindClass = func(module, name string) (any, error) {
		c, ok := allowed(module, name)
		if !ok {
			return nil, refusedClass(module, name)
		}
		if c.newable() || c.role == roleGetattr {
			inertSeen[c.String()] = true
		}
		return &classNode{c}, nil
	}
	u.PersistentLoad = func(id any) (any, error) {
		s, err := persistentLoad(id)
		if err != nil {
			return nil, err
		}
		if before, ok := result.storages[s.key]; ok && (before.dtype != s.dtype || before.numel != s.numel) {
			return nil, formatErr("storage %q is declared twice, differently", shorten(printable(s.key)))
		}
		result.storages[s.key] = *s
		return s, nil
	}
	u.GetExtension = func(code int) (any, error) {
		return nil, unsafeErr("extension code %d; nothing was run", code)
	}
	if result.object, err = u.Load(); err != nil {
		return unpickled{}, err
	}
	for name := range inertSeen {
		result.classes = append(result.classes, name)
	}
	slices.Sort(result.classes)
	return result, nil
}

// Call stands for REDUCE: it makes a node, whatever the class would have done.
func (c *classNode) Call(args ...any) (any, error) {
	switch c.class.role {
	case roleRebuildV2, roleRebuildV3:
		return rebuildTensor(c.class, args)
	case roleParameter:
		if len(args) > 0 {
			if t, ok := args[0].(*tensorNode); ok {
				return t, nil
			}
		}
		return nil, formatErr("%s without a tensor", c.class)
	case rolePlain:
		if len(args) == 1 {
			return args[0], nil
		}
		return nil, nil
	case roleGetattr:
		return getattr(args)
	case roleInert, roleHistoryBuffer:
		return &opaqueNode{c.class}, nil
	}
	return nil, unsafeErr("it calls %s; nothing was run", c.class)
}

// getattr accepts the one use honest files make of it: protocol 2 writes the
// statistics methods of a history buffer as getattr(HistoryBuffer, "name").
// The result is inert.
func getattr(args []any) (any, error) {
	if len(args) == 2 {
		target, isClass := args[0].(*classNode)
		_, isName := args[1].(string)
		if isClass && isName && target.class.role == roleHistoryBuffer {
			return &opaqueNode{target.class}, nil
		}
	}
	return nil, unsafeErr("it applies getattr to something other than a history buffer; nothing was run: export a plain state dict or safetensors from a source you trust")
}

// rebuildTensor reads (storage, offset, size, stride, requires_grad, hooks)
// and, for version 3, the dtype behind them.
func rebuildTensor(c class, args []any) (any, error) {
	need := 4
	if c.role == roleRebuildV3 {
		need = 7
	}
	if len(args) < need {
		return nil, formatErr("%s with %d arguments, %d expected", c, len(args), need)
	}
	storage, ok := args[0].(*storageNode)
	if !ok {
		return nil, formatErr("%s without a storage", c)
	}
	t := &tensorNode{storage: *storage, dtype: storage.dtype}
	if c.role == roleRebuildV3 {
		dtype, ok := args[6].(*classNode)
		if !ok || dtype.class.role != roleDType {
			return nil, formatErr("%s without a dtype", c)
		}
		t.dtype = dtype.class.dtype
	}
	if t.dtype == "" {
		return nil, formatErr("%s of an untyped storage", c)
	}
	if storage.dtype != "" && storage.dtype != t.dtype {
		return nil, formatErr("a %s tensor on a %s storage", t.dtype, storage.dtype)
	}
	var okOffset, okShape, okStrides bool
	t.offset, okOffset = integer(args[1])
	t.shape, okShape = integers(args[2])
	t.strides, okStrides = integers(args[3])
	if !okOffset || !okShape || !okStrides {
		return nil, formatErr("%s with an offset, size or stride that is no sequence of 64-bit integers", c)
	}
	return t, nil
}

// persistentLoad reads ("storage", class, key, location, numel[, view]).
func persistentLoad(id any) (*storageNode, error) {
	tuple, ok := id.(*types.Tuple)
	if !ok || tuple.Len() < 1 {
		return nil, formatErr("a persistent id is not a tuple")
	}
	switch tag, _ := tuple.Get(0).(string); {
	case tag == "module":
		return nil, unsafeErr("the file holds a whole module with its source code, not a state dict; save model.state_dict() instead")
	case tag != "storage" || tuple.Len() < 5 || tuple.Len() > 6:
		return nil, formatErr("a persistent id is not that of a storage")
	}
	classOf, okClass := tuple.Get(1).(*classNode)
	key, okKey := tuple.Get(2).(string)
	numel, okNumel := integer(tuple.Get(4))
	if !okClass || !okKey || !okNumel || numel < 0 {
		return nil, formatErr("a persistent id lacks the class, key or length of its storage")
	}
	if r := classOf.class.role; r != roleStorage && r != roleUntypedStorage {
		return nil, formatErr("%s is no storage class", classOf.class)
	}
	s := &storageNode{key: key, dtype: classOf.class.dtype, numel: numel, viewNumel: numel}
	if tuple.Len() == 6 && tuple.Get(5) != nil {
		if err := s.setView(tuple.Get(5)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// setView narrows a storage to (view key, offset, size), all in elements.
func (s *storageNode) setView(view any) error {
	tuple, ok := view.(*types.Tuple)
	if !ok || tuple.Len() != 3 {
		return formatErr("a storage view is not (key, offset, size)")
	}
	offset, okOffset := integer(tuple.Get(1))
	size, okSize := integer(tuple.Get(2))
	if !okOffset || !okSize || offset < 0 || size < 0 || offset > s.numel || size > s.numel-offset {
		return formatErr("a storage view leaves its storage of %d elements", s.numel)
	}
	s.viewOffset, s.viewNumel = offset, size
	return nil
}

// integer accepts the forms in which a pickle may hold a 64-bit integer.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case *big.Int:
		return v.Int64(), v.IsInt64()
	}
	return 0, false
}

func integers(v any) ([]int, bool) {
	tuple, ok := v.(*types.Tuple)
	if !ok || tuple.Len() > 4*maxRank {
		return nil, false
	}
	out := make([]int, tuple.Len())
	for i := range out {
		n, ok := integer(tuple.Get(i))
		if !ok {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}

// entry is a key and value of a dictionary, in file order.
type entry struct {
	key   any
	value any
}

// entries lists a dictionary; ok is false for anything else.
func entries(v any) (list []entry, ok bool) {
	switch d := v.(type) {
	case *types.Dict:
		for _, e := range *d {
			list = append(list, entry{e.Key, e.Value})
		}
		return list, true
	case *types.OrderedDict:
		for e := d.List.Front(); e != nil; e = e.Next() {
			item := e.Value.(*types.OrderedDictEntry)
			list = append(list, entry{item.Key, item.Value})
		}
		return list, true
	}
	return nil, false
}

// describe names the type of a value for a list of skipped entries.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *opaqueNode:
		return v.class.String()
	case *classNode:
		return v.class.String()
	case *types.Dict, *types.OrderedDict:
		return "dictionary"
	case *types.List:
		return "list"
	case *types.Tuple:
		return "tuple"
	case *tensorNode:
		return "tensor"
	case *big.Int:
		return "int"
	}
	return fmt.Sprintf("%T", v)
}
