package loader

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seeds adds the project's golden checkpoints whose size and suffix suit.
func seeds(f *testing.F, suffix string) {
	f.Helper()
	const folder = "../testdata/checkpoints"
	files, err := os.ReadDir(folder)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 8<<10 && strings.HasSuffix(file.Name(), suffix) {
			f.Add(data)
		}
	}
}

// tryRead opens data and reads every tensor; it must not panic and must not
// allocate out of proportion.
func tryRead(t *testing.T, data []byte, name string) {
	bytes := allocated(func() {
		c, err := readBytes(data, name)
		if err != nil {
			return
		}
		left := 4 * len(data) // tensors may share bytes: what is read in all is the caller's choice
		for _, name := range c.Names() {
			info, _ := c.Info(name)
			if left -= int(info.Bytes); left < 0 {
				break
			}
			c.Tensor(name)
		}
	})
	if limit := allocationBound(int64(len(data))); bytes > limit {
		t.Errorf("%d bytes allocated %d, more than %d", len(data), bytes, limit)
	}
}

// FuzzZip feeds whole files, zip and legacy.
func FuzzZip(f *testing.F) {
	seeds(f, ".pth")
	f.Fuzz(func(t *testing.T, data []byte) { tryRead(t, data, "fuzz.pth") })
}

// FuzzPickle feeds data.pkl, in a sound archive with one storage of 64 floats.
func FuzzPickle(f *testing.F) {
	p := newPickle().op(opEmptyDict).str("state_dict").op(opEmptyDict).str("x")
	p.tensor(view{class: "FloatStorage", key: "0", numel: 64, shape: []int64{8, 8}, strides: []int64{8, 1}})
	f.Add(p.op(opSetItem, opSetItem).stop())
	f.Add(newPickle().global("mmengine.logging.history_buffer", "HistoryBuffer").op(opEmptyTuple, opNewObj, opEmptyDict, opBuild).stop())
	f.Add(newPickle().global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opEmptyDict, opBuild).stop())
	f.Add(newPickle().global("os", "system").str("true").op(opTuple1, opReduce).stop())
	const folder = "../testdata/checkpoints"
	files, err := filepath.Glob(folder + "/*.pth")
	if err != nil || len(files) == 0 {
		f.Fatal(folder, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) > 256<<10 { // the nano models would only repeat the small ones
			continue
		}
		if pkl := pickleOf(data); pkl != nil && len(pkl) < 32<<10 {
			f.Add(pkl)
		}
	}
	f.Fuzz(func(t *testing.T, pickle []byte) {
		tryRead(t, makeZip(t, member{"data.pkl", pickle}, member{"data/0", floats(64)}), "fuzz.pth")
	})
}

// FuzzSafetensors feeds whole files.
func FuzzSafetensors(f *testing.F) {
	seeds(f, ".safetensors")
	f.Fuzz(func(t *testing.T, data []byte) { tryRead(t, data, "fuzz.safetensors") })
}
