package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

func TestSampleHasEveryFunctionAndResult(t *testing.T) {
	c := counts{"vkCreateBuffer": 9, "vkQueueSubmit": 2, "vkCreateDevice": 1}
	all := planned(c)
	want := 3*len(pose.Results("vkCreateBuffer")) + 2*len(pose.Results("vkQueueSubmit")) + len(pose.Results("vkCreateDevice"))
	if len(all) != want {
		t.Errorf("%d faults, want %d", len(all), want)
	}
	some := sampled(all, "detect", 1)
	for _, f := range all {
		if !slices.ContainsFunc(some, func(s fault) bool { return s.Function == f.Function }) || !slices.ContainsFunc(some, func(s fault) bool { return s.Result == f.Result }) {
			t.Errorf("%s is not in the sample %v", f, some)
		}
	}
	if len(some) >= len(all) || !slices.Equal(some, sampled(all, "detect", 1)) || slices.Equal(some, sampled(all, "detect", 2)) {
		t.Errorf("the sample of %d among %d does not go by its seed", len(some), len(all))
	}
}

// What is wrong must be seen.
func TestJudges(t *testing.T) {
	f := fault{Function: "vkCreateBuffer", Nth: 1, Result: "VK_ERROR_UNKNOWN"}
	for said, sound := range map[string]bool{
		"glip: vkCreateBuffer: VK_ERROR_UNKNOWN; update it":                   true,
		"glip: vkCreateBuffer: VK_ERROR_UNKNOWN":                              false,
		"glip: VK_ERROR_UNKNOWN; update it":                                   false,
		"vkCreateBuffer; update it\npanic: runtime error":                     false,
		"vkCreateBuffer; update it\nSIGSEGV: segmentation violation":          false,
		"vkCreateBuffer; update it: a defect of ours, please report it: nil ": false,
	} {
		if why := judgeSentence(f, said); (why == "") != sound {
			t.Errorf("%q: %q", said, why)
		}
	}
	header := "{'descr': '<f4', 'shape': (1, 2), }\n"
	array := fmt.Sprintf("\x93NUMPY\x01\x00%c\x00%s", len(header), header)
	tensors := `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	tensors = string(binary.LittleEndian.AppendUint64(nil, uint64(len(tensors)))) + tensors
	for _, x := range []struct{ name, data string }{
		{"a.json", `{"a": 1}`}, {"a.jsonl", "{}\n{}\n"}, {"a.npy", array + "12345678"}, {"a.safetensors", tensors + "1234"}, {"last.state", tensors + "1234"},
	} {
		if err := whole(x.name, []byte(x.data)); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if whole(x.name, []byte(x.data[:len(x.data)-1])) == nil {
			t.Errorf("%s is taken for whole without its last byte", x.name)
		}
	}
	if whole("a.npy.part-1", []byte(array)) == nil {
		t.Error("a file on its way is taken for one that is there")
	}
	one := map[string][]byte{"metrics.jsonl": []byte(`{"step":1}` + "\n" + `{"step":2}` + "\n")}
	for lines, sound := range map[string]bool{"1 2": true, "1 1 2": false, "1": false, "2 1": false} {
		text := ""
		for step := range strings.FieldsSeq(lines) {
			text += fmt.Sprintf("{\"step\":%s}\n", step)
		}
		if why := alike(one, map[string][]byte{"metrics.jsonl": []byte(text)}); (why == "") != sound {
			t.Errorf("steps %s: %q", lines, why)
		}
	}
}
