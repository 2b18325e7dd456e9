package shaders

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
)

//go:generate go run ../tools/shaderc

// modules holds spv/<name>.spv for every row of variants.json, and spv/manifest.json.
//
//go:embed spv
var modules embed.FS

// Names lists the compiled variants in alphabetical order: the stems that [Code] takes.
func Names() []string {
	entries, err := modules.ReadDir("spv")
	if err != nil {
		return nil // cannot happen: the folder is embedded
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".spv"); ok {
			names = append(names, name)
		}
	}
	return names
}

// Code returns the SPIR-V words of the variant called name in variants.json, ready for vkCreateShaderModule. The slice is the caller's.
func Code(name string) ([]uint32, error) {
	data, err := modules.ReadFile(path.Join("spv", name+".spv"))
	if err != nil {
		return nil, fmt.Errorf("shaders: no variant %q: add its row to shaders/variants.json and run go generate ./shaders", name)
	}
	code, err := Words(data)
	if err != nil {
		return nil, fmt.Errorf("shaders: %s.spv: %w", name, err)
	}
	return code, nil
}

// Hash is the SHA-256 of the variant's module, "" where there is none: it changes with the shader.
func Hash(name string) string {
	data, err := modules.ReadFile(path.Join("spv", name+".spv"))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

const (
	magic        = 0x07230203 // first word of a module
	magicSwapped = 0x03022307 // the same, written by a machine of the other byte order
	headerWords  = 5          // magic, version, generator, id bound, schema
)

// Words turns the bytes of a .spv file, in either byte order, into words.
func Words(data []byte) ([]uint32, error) {
	if len(data)%4 != 0 || len(data) < 4*headerWords {
		return nil, fmt.Errorf("%w: %d bytes are not a whole number of words past the header", ErrSPIRV, len(data))
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(data) == magicSwapped {
		order = binary.BigEndian
	}
	code := make([]uint32, len(data)/4)
	for i := range code {
		code[i] = order.Uint32(data[4*i:])
	}
	if code[0] != magic {
		return nil, fmt.Errorf("%w: it begins with %#08x, not %#08x", ErrSPIRV, code[0], magic)
	}
	return code, nil
}

// ErrSPIRV means that a module is damaged or is not SPIR-V at all. The remedy is go generate ./shaders.
var ErrSPIRV = errors.New("not a well-formed SPIR-V module")
