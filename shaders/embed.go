package shaders

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
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
	code := make([]uint32, len(data)/4)
	for i := range code {
		code[i] = binary.LittleEndian.Uint32(data[4*i:])
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
