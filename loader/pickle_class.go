package loader

// role says what a pickled class or function means to us. Nothing is ever
// imported or called; a role picks one of the actions in pickle_nodes.go.
type role uint8

const (
	roleOrderedDict    role = iota // handled by gopickle itself
	roleRebuildV2                  // torch._utils._rebuild_tensor_v2
	roleRebuildV3                  // torch._utils._rebuild_tensor_v3
	roleParameter                  // torch._utils._rebuild_parameter and ..._with_state
	roleStorage                    // torch.FloatStorage and its kin: an element type
	roleUntypedStorage             // torch.storage.UntypedStorage: bytes, typed by the tensor
	roleDType                      // torch.float32: a plain value
	rolePlain                      // torch.Size, torch.device: the value is what it is given
	roleGetattr                    // getattr, applied to the class of a history buffer only
	roleHistoryBuffer              // mmengine's HistoryBuffer, inert
	roleInert                      // harmless classes of training files, inert
)

// class is an entry of the allow-list.
type class struct {
	module, name string
	role         role
	dtype        DType // of storages and dtype names
}

func (c class) String() string { return c.module + "." + c.name }

// callable says whether REDUCE may stand behind the class.
func (c class) callable() bool {
	switch c.role {
	case roleStorage, roleUntypedStorage, roleDType:
		return false
	}
	return true
}

// newable says whether NEWOBJ may stand behind the class.
func (c class) newable() bool { return c.role == roleInert || c.role == roleHistoryBuffer }

// allowed is the allow-list: whole names are compared, and
// what is not here is refused.
func allowed(module, name string) (class, bool) {
	c := class{module: module, name: name}
	switch module {
	case "collections":
		switch name {
		case "OrderedDict":
			c.role = roleOrderedDict
			return c, true
		case "defaultdict", "Counter":
			c.role = roleInert
			return c, true
		}
	case "torch", "torch.storage", "torch._utils":
		return allowedTorch(c)
	case "__builtin__", "builtins":
		switch name {
		case "getattr":
			c.role = roleGetattr
			return c, true
		case "set", "frozenset", "long", "int", "float", "complex", "str", "bytes", "bytearray",
			"dict", "list", "tuple", "slice", "range", "xrange": // values, and factories of a defaultdict
			c.role = roleInert
			return c, true
		}
	case "mmengine.logging.history_buffer":
		c.role = roleHistoryBuffer
		return c, name == "HistoryBuffer"
	default:
		c.role = roleInert
		return c, inert(module, name)
	}
	return c, false
}

// inert lists the harmless classes that ordinary training files carry beside
// their weights. They are kept as nodes without content.
func inert(module, name string) bool {
	switch module {
	case "numpy":
		return name == "ndarray" || name == "dtype"
	case "numpy.core.multiarray", "numpy._core.multiarray":
		return name == "_reconstruct" || name == "scalar"
	case "_codecs":
		return name == "encode"
	case "yacs.config":
		return name == "CfgNode"
	case "argparse":
		return name == "Namespace"
	case "datetime":
		return name == "datetime" || name == "date" || name == "time" || name == "timedelta" || name == "timezone"
	}
	return false
}

func allowedTorch(c class) (class, bool) {
	switch c.module + "." + c.name {
	case "torch._utils._rebuild_tensor_v2":
		c.role = roleRebuildV2
		return c, true
	case "torch._utils._rebuild_tensor_v3":
		c.role = roleRebuildV3
		return c, true
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		c.role = roleParameter
		return c, true
	case "torch.storage.UntypedStorage", "torch.UntypedStorage":
		c.role = roleUntypedStorage
		return c, true
	case "torch.Size", "torch.device":
		c.role = rolePlain
		return c, true
	}
	if c.module != "torch" {
		return c, false
	}
	if d := storageDType(c.name); d != "" {
		c.role, c.dtype = roleStorage, d
		return c, true
	}
	if d := torchDType(c.name); d != "" {
		c.role, c.dtype = roleDType, d
		return c, true
	}
	return c, false
}
