package engine

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func cacheSample() (cacheKey, []byte) {
	k := cacheKey{Vendor: 0x10005, Device: 7, Driver: 3, UUID: [16]byte{1, 2, 3}}
	data := binary.LittleEndian.AppendUint32(nil, 32)
	data = binary.LittleEndian.AppendUint32(data, 1)
	data = binary.LittleEndian.AppendUint32(data, k.Vendor)
	data = binary.LittleEndian.AppendUint32(data, k.Device)
	data = append(data, k.UUID[:]...)
	return k, append(data, "pipelines"...)
}

func TestCacheFile(t *testing.T) {
	k, data := cacheSample()
	good := encodeCache(k, data)
	other := k
	other.Driver++
	head := slices.Clone(data)
	head[8]++
	for _, c := range []struct {
		name string
		file []byte
		err  string
	}{
		{"good", good, ""},
		{"empty", nil, "not a pipeline cache"},
		{"foreign", []byte("hello, this is some other file"), "not a pipeline cache"},
		{"other version", append([]byte("glipvk-pipelines0"), good[len(cacheMagic):]...), "not a pipeline cache"},
		{"other driver", encodeCache(other, data), "another device"},
		{"cut in the key", good[:len(cacheMagic)+10], "another device"},
		{"cut in the sum", good[:len(cacheMagic)+28+10], "truncated"},
		{"cut in the data", good[:len(good)-1], "damaged"},
		{"one bit wrong", append(slices.Clone(good[:len(good)-1]), good[len(good)-1]^1), "damaged"},
		{"bytes added", append(slices.Clone(good), 0), "damaged"},
		{"driver header of another device", encodeCache(k, head), "another device"},
		{"driver header cut", encodeCache(k, data[:31]), "truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decodeCache(k, c.file)
			if c.err == "" {
				if err != nil || !bytes.Equal(got, data) {
					t.Fatalf("got %d bytes, %v", len(got), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func TestCacheFileOnDisk(t *testing.T) {
	k, data := cacheSample()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	path := filepath.Join(dir, k.fileName())
	if got := readCache(path, k); got != nil {
		t.Errorf("%d bytes from a file that is not there", len(got))
	}
	for range 2 { // the second replaces the first
		if err := writeCache(path, k, data); err != nil {
			t.Fatal(err)
		}
	}
	if got := readCache(path, k); !bytes.Equal(got, data) {
		t.Errorf("read %d bytes back, wrote %d", len(got), len(data))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v), want the cache file alone", entries, err)
	}
	if err := writeCache(filepath.Join(path, "below-a-file"), k, data); err == nil {
		t.Error("no error where the folder is a file")
	}
}
