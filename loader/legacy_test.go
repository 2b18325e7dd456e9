package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// legacyFile builds a legacy stream of one storage "7" with six floats; little
// is the machine's byte order, declared what the pickle says of the storage.
func legacyFile(object []byte, little bool, count int64, keys ...string) []byte {
	var b bytes.Buffer
	b.WriteString(legacyMagic)
	b.Write(newPickle().num(legacyProtocol).stop())
	order := byte(opNewFalse)
	if little {
		order = opNewTrue
	}
	b.Write(newPickle().op(opEmptyDict).str("little_endian").op(order, opSetItem).stop())
	b.Write(object)
	list := newPickle().op(opEmptyList, opMark)
	for _, key := range keys {
		list.str(key)
	}
	b.Write(list.op(opAppends).stop())
	b.Write(binary.LittleEndian.AppendUint64(nil, uint64(count)))
	b.Write(floats(6))
	return b.Bytes()
}

// legacyTensor is {"x": tensor} over a view of storage "7": two rows of two that
// begin at element offset of the view.
func legacyTensor(viewOffset, viewSize, offset int64) []byte {
	p := newPickle().op(opEmptyDict).str("x").global("torch._utils", "_rebuild_tensor_v2").op(opMark)
	p.op(opMark).str("storage").global("torch", "FloatStorage").str("7").str("cuda:0").num(6)
	p.op(opMark).str("8").num(viewOffset).num(viewSize).op(opTuple, opTuple, opBinPersID)
	p.num(offset).nums(2, 2).nums(2, 1).op(opNewFalse).global("collections", "OrderedDict").op(opEmptyTuple, opReduce)
	return p.op(opTuple, opReduce, opSetItem).stop()
}

// TestLegacyView: a storage may be a view of another, and tensors must stay
// within it.
func TestLegacyView(t *testing.T) {
	for _, tc := range []struct {
		name string
		file []byte
		want error
	}{
		{"sound", legacyFile(legacyTensor(1, 5, 1), true, 6, "7"), nil},
		{"past the view", legacyFile(legacyTensor(1, 4, 1), true, 6, "7"), ErrFormat},
		{"view past the storage", legacyFile(legacyTensor(2, 5, 0), true, 6, "7"), ErrFormat},
		{"negative view", legacyFile(legacyTensor(-1, 5, 1), true, 6, "7"), ErrFormat},
		{"big-endian", legacyFile(legacyTensor(1, 5, 1), false, 6, "7"), ErrFormat},
		{"other count", legacyFile(legacyTensor(1, 5, 1), true, 5, "7"), ErrFormat},
		{"key not listed", legacyFile(legacyTensor(1, 5, 1), true, 6), ErrFormat},
		{"key unknown", legacyFile(legacyTensor(1, 5, 1), true, 6, "9"), ErrFormat},
		{"key listed twice", legacyFile(legacyTensor(1, 5, 1), true, 6, "7", "7"), ErrFormat},
		{"cut", legacyFile(legacyTensor(1, 5, 1), true, 6, "7")[:len(legacyFile(legacyTensor(1, 5, 1), true, 6, "7"))-1], ErrTruncated},
	} {
		c, err := readBytes(tc.file, "legacy.pth")
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		if err != nil {
			continue
		}
		if _, data, err := c.Tensor("x"); err != nil || !slices.Equal(data, []float32{2, 3, 4, 5}) {
			t.Errorf("%s: %v, %v", tc.name, data, err)
		}
	}
}

// TestTrainingExtras: what training tools put beside the weights is skipped
// unread and stays inert, the weights load.
func TestTrainingExtras(t *testing.T) {
	p := newPickle().op(opEmptyDict, opMark)
	p.str("config").global("yacs.config", "CfgNode").op(opEmptyTuple, opNewObj, opMark).str("LR").op(opNone, opSetItems)
	p.op(opEmptyDict).str("__frozen__").op(opNewFalse, opSetItem, opBuild)
	p.str("sums").global("collections", "defaultdict").global("__builtin__", "dict").op(opTuple1, opReduce, opNone, opNone, opSetItem)
	p.str("scalar").global("numpy.core.multiarray", "scalar").global("numpy", "dtype").str("f8").op(opTuple1, opReduce)
	p.global("_codecs", "encode").str("x").str("latin1").op(opTuple2, opReduce, opTuple2, opReduce)
	p.str("seen").global("__builtin__", "set").op(opEmptyList, opTuple1, opReduce)
	p.str("args").global("argparse", "Namespace").op(opEmptyTuple, opNewObj, opEmptyDict, opBuild)
	p.str("mean").global("__builtin__", "getattr").global("mmengine.logging.history_buffer", "HistoryBuffer").str("mean").op(opTuple2, opReduce)
	p.str("optimizer").op(opEmptyDict).str("momentum") // of a storage that the file does not even have
	p.tensor(view{class: "FloatStorage", key: "99", numel: 1 << 40, shape: []int64{1 << 40}, strides: []int64{1}}).op(opSetItem)
	p.str("model").op(opEmptyDict).str("x").tensor(view{class: "FloatStorage", key: "0", numel: 6, shape: []int64{6}, strides: []int64{1}}).op(opSetItem)
	c, err := readBytes(makeZip(t, member{"data.pkl", p.op(opSetItems).stop()}, member{"data/0", floats(6)}), "training.pth")
	if err != nil {
		t.Fatal(err)
	}
	if _, data, err := c.Tensor("x"); err != nil || len(data) != 6 || c.Wrapper() != "model" || len(c.Names()) != 1 {
		t.Errorf("%v of %s: %v, %v", c.Names(), c.Wrapper(), data, err)
	}
	skipped := strings.Join(c.Skipped(), " ")
	for _, want := range []string{"config", "optimizer", "class yacs.config.CfgNode", "class __builtin__.getattr"} {
		if !strings.Contains(skipped, want) {
			t.Errorf("skipped %s lacks %s", skipped, want)
		}
	}
}
