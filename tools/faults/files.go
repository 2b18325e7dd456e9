package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// folder is what a run wrote, by path in it.
func folder(dir string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			all[name], err = os.ReadFile(path)
		}
		return err
	})
	return all, err
}

// fill writes what [folder] read.
func fill(dir string, all map[string][]byte) error {
	for name, data := range all {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// half names a file that is not whole, with the reason, if one is.
func half(files map[string][]byte) string {
	for name, data := range files {
		if err := whole(name, data); err != nil {
			return fmt.Sprintf("%s is not whole: %v", name, err)
		}
	}
	return ""
}

// whole reads a file to its end.
func whole(name string, data []byte) error {
	switch filepath.Ext(name) {
	case ".json":
		return json.Unmarshal(data, new(any))
	case ".jsonl":
		for line := range bytes.Lines(data) {
			if err := json.Unmarshal(line, new(any)); err != nil || line[len(line)-1] != '\n' {
				return fmt.Errorf("line %q", line)
			}
		}
		return nil
	case ".png":
		_, err := png.Decode(bytes.NewReader(data))
		return err
	case ".npy":
		_, err := numbers(data)
		return err
	case ".safetensors", ".state":
		return wholeTensors(data)
	case ".csv": // whose last line has no end where GLIP's own has none
		if !bytes.Contains(data, []byte("\n")) {
			return fmt.Errorf("its first line does not end")
		}
		return nil
	case ".txt", ".md":
		if len(data) > 0 && data[len(data)-1] != '\n' {
			return fmt.Errorf("the last line does not end")
		}
		return nil
	}
	return fmt.Errorf("no run writes a file of that name")
}

// numbers are the bytes of the numbers of a .npy file of version 1 that is whole: float32 of its shape.
func numbers(data []byte) ([]byte, error) {
	if len(data) < 10 || !strings.HasPrefix(string(data), "\x93NUMPY\x01\x00") {
		return nil, fmt.Errorf("no .npy file of version 1")
	}
	at := 10 + int(binary.LittleEndian.Uint16(data[8:]))
	if at > len(data) {
		return nil, fmt.Errorf("the header is cut short")
	}
	_, shape, _ := strings.Cut(string(data[10:at]), "'shape': (")
	shape, _, _ = strings.Cut(shape, ")")
	n := 4
	for size := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(shape), ","), ",") {
		var side int
		if _, err := fmt.Sscan(size, &side); err != nil {
			return nil, fmt.Errorf("the shape %q", shape)
		}
		n *= side
	}
	if len(data)-at != n {
		return nil, fmt.Errorf("%d bytes of data, want %d", len(data)-at, n)
	}
	return data[at:], nil
}

// wholeTensors checks the length of a safetensors file.
func wholeTensors(data []byte) error {
	if len(data) < 8 {
		return fmt.Errorf("%d bytes", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > uint64(len(data)-8) {
		return fmt.Errorf("the header is cut short")
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(data[8:8+n], &header); err != nil {
		return err
	}
	end := uint64(0)
	for name, raw := range header {
		var tensor struct {
			Offsets [2]uint64 `json:"data_offsets"`
		}
		if name != "__metadata__" {
			if err := json.Unmarshal(raw, &tensor); err != nil {
				return err
			}
			end = max(end, tensor.Offsets[1])
		}
	}
	if got := uint64(len(data)) - 8 - n; got != end {
		return fmt.Errorf("%d bytes of tensors, want %d", got, end)
	}
	return nil
}
