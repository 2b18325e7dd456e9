package fetch

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

// place is where a file may lie.
type place struct {
	path, where string
	tensors     bool
}

// places are all where an item may lie, those that are preferred first. Folders of others are read, and never written to.
func (o Options) places(ctx context.Context, i Item) []place {
	var list []place
	env := o.environment()
	if folder, err := o.folder(i); err == nil {
		const own = "fetched before"
		list = append(list, place{filepath.Join(folder, i.tensorsFile()), own, true}, place{filepath.Join(folder, i.File), own, false})
	}
	for _, h := range i.onto {
		for _, path := range h.snapshots(ctx, env.hubCache(), i.File) {
			list = append(list, place{path, "in the cache of the hub's client", false})
		}
	}
	if torch := env.torchHome(); torch != "" {
		const where = "in the cache of torch.hub"
		list = append(list, place{filepath.Join(torch, "hub", "checkpoints", i.File), where, false}, place{filepath.Join(torch, "checkpoints", i.File), where, false})
	}
	if home := env.mmengineHome(); home != "" {
		list = append(list, place{filepath.Join(home, i.File), "in the folder of mmengine", false})
	}
	list = append(list, place{filepath.Join("MODEL", i.File), "in MODEL, as microsoft/GLIP has it", false})
	return slices.DeleteFunc(list, func(p place) bool { return p.tensors && o.Whole })
}

// tensorsFile is the name of a file with the tensors of an item alone. Its stem ends in no digits of a sum, which would be taken for its own.
func (i Item) tensorsFile() string { return i.Name + ".safetensors" }

// mostRef bounds a file that names a commit, in bytes.
const mostRef = 256

// snapshots are where the hub's client has a file in its cache: of the commit that main stood for, then of others.
func (h hubFolder) snapshots(ctx context.Context, cache, name string) []string {
	if cache == "" {
		return nil
	}
	repository := filepath.Join(cache, h.kind+"--"+strings.ReplaceAll(h.repository, "/", "--"))
	paths, err := filepath.Glob(filepath.Join(escape(repository), "snapshots", "*", h.folder, name))
	if err != nil {
		return nil
	}
	ref, _ := file.ReadAll(ctx, filepath.Join(repository, "refs", "main"), mostRef)
	main := filepath.Join(repository, "snapshots", cmp.Or(strings.TrimSpace(string(ref)), "-"), h.folder, name)
	if at := slices.Index(paths, main); at > 0 {
		paths[0], paths[at] = paths[at], paths[0]
	}
	return paths
}

// escape is a path as a pattern that matches it alone.
func escape(path string) string {
	if filepath.Separator == '\\' {
		return path // which escapes nothing there
	}
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(path)
}
