package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Source is one GLSL file that a variant is made from.
type Source struct {
	Path   string `json:"path"`   // inside the shaders folder, with slashes
	SHA256 string `json:"sha256"` // of its bytes, lower-case hexadecimal
}

// includeLine matches an include directive in either form. Directives inside an inactive #if are matched as well: a file that may be
// included is part of the recipe.
var includeLine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)`)

// Sources returns the source of v and every file it includes, directly or not, sorted by path and hashed. As the compiler does, a quoted
// include is looked for beside the including file first, then in the include folder.
func (v Variant) Sources(fsys fs.FS) ([]Source, error) {
	found := map[string]string{}
	if err := collect(fsys, v.Source, found); err != nil {
		return nil, fmt.Errorf("sources of shader %q: %w", v.Name, err)
	}
	sources := make([]Source, 0, len(found))
	for file, hash := range found {
		sources = append(sources, Source{Path: file, SHA256: hash})
	}
	slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(a.Path, b.Path) })
	return sources, nil
}

func collect(fsys fs.FS, file string, found map[string]string) error {
	if _, done := found[file]; done {
		return nil
	}
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	found[file] = Hash(data)
	for _, match := range includeLine.FindAllSubmatch(withoutBlockComments(data), -1) {
		next, err := resolve(fsys, file, string(match[1]), string(match[2]))
		if err != nil {
			return err
		}
		if err := collect(fsys, next, found); err != nil {
			return err
		}
	}
	return nil
}

// resolve finds the file that an include directive of file names: quoted or in angle brackets, the other being empty.
func resolve(fsys fs.FS, file, quoted, bracketed string) (string, error) {
	candidates := []string{path.Join(IncludeDir, bracketed)}
	if quoted != "" {
		candidates = []string{path.Join(path.Dir(file), quoted), path.Join(IncludeDir, quoted)}
	}
	for _, candidate := range candidates {
		if !fs.ValidPath(candidate) {
			continue // outside the folder
		}
		if info, err := fs.Stat(fsys, candidate); err == nil && !info.IsDir() {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%s includes %q, which is not among %s", file, quoted+bracketed, strings.Join(candidates, ", "))
}

var blockComment = regexp.MustCompile(`(?s)/\*.*?\*/`)

func withoutBlockComments(data []byte) []byte {
	return blockComment.ReplaceAll(data, nil)
}

// Hash is the SHA-256 of data in lower-case hexadecimal.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
