package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/glipvk/glipvk/internal/file"
)

// cacheKey is what a pipeline cache belongs to: data of another device or
// driver must never be handed to this one.
type cacheKey struct {
	Vendor, Device, Driver uint32
	UUID                   [16]byte
}

// cacheMagic begins every cache file; its last character is the format's version.
const cacheMagic = "glipvk-pipelines1"

// maxCacheBytes bounds what is read: a larger file is not ours.
const maxCacheBytes = 256 << 20

// cacheHeader is the size of the header that Vulkan requires of a cache's data.
const cacheHeader = 32

// cacheFileName returns the file's name for a device: one file per device, so that two of
// them do not overwrite each other.
func (k cacheKey) fileName() string {
	return fmt.Sprintf("pipelines-%08x-%08x-%x.bin", k.Vendor, k.Device, k.UUID)
}

// encodeCache frames the driver's data: magic, key, SHA-256 of the data, data.
func encodeCache(k cacheKey, data []byte) []byte {
	sum := sha256.Sum256(data)
	return slices.Concat([]byte(cacheMagic), k.bytes(), sum[:], data)
}

func (k cacheKey) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, k.Vendor)
	b = binary.LittleEndian.AppendUint32(b, k.Device)
	b = binary.LittleEndian.AppendUint32(b, k.Driver)
	return append(b, k.UUID[:]...)
}

// decodeCache returns the driver's data when the file is whole and belongs to k; else
// it says why not. The header that Vulkan itself requires of the data is checked too:
// size, version 1, vendor, device, UUID.
func decodeCache(k cacheKey, file []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(file, []byte(cacheMagic))
	if !ok {
		return nil, fmt.Errorf("not a pipeline cache file of this version")
	}
	if rest, ok = bytes.CutPrefix(rest, k.bytes()); !ok {
		return nil, fmt.Errorf("made for another device or driver")
	}
	if len(rest) < sha256.Size {
		return nil, fmt.Errorf("truncated")
	}
	data := rest[sha256.Size:]
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return nil, fmt.Errorf("damaged")
	}
	if len(data) < cacheHeader {
		return nil, fmt.Errorf("the driver's header is truncated")
	}
	head := binary.LittleEndian
	if size := head.Uint32(data); size < cacheHeader || int64(size) > int64(len(data)) ||
		head.Uint32(data[4:]) != 1 || head.Uint32(data[8:]) != k.Vendor || head.Uint32(data[12:]) != k.Device ||
		!bytes.Equal(data[16:cacheHeader], k.UUID[:]) {
		return nil, fmt.Errorf("the driver's header names another device")
	}
	return data, nil
}

// readCache returns what the file holds for k, nil when there is none or it cannot be
// trusted: a cache saves time, so nothing about it is ever an error.
func readCache(path string, k cacheKey) []byte {
	whole, err := file.ReadAll(context.Background(), path, maxCacheBytes)
	if err != nil {
		return nil
	}
	data, err := decodeCache(k, whole)
	if err != nil {
		return nil
	}
	return data
}

// writeCache replaces the file at path whole: a reader sees the old one or the new one.
func writeCache(path string, k cacheKey, data []byte) error {
	return file.Replace(path, encodeCache(k, data), 0o600)
}

// defaultCacheDir is glipvk in the user's cache folder, "" where there is none.
func defaultCacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "glipvk")
}
