package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/glipvk/glipvk/shaders"
	"github.com/spf13/cobra"
)

// release is the version that a release is given when it is linked: go build -ldflags "-X main.release=v1.2.3".
var release string

func newVersion() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "version",
		Short: "say which program this is",
		Long: `version says what to name in a report: the version, the commit that it was built from, the Go
release, the platform, whether Vulkan is built in, and a hash of all shaders.`,
		Example: `  glip version
  glip version --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			v := newStamp(info)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), v)
			}
			return v.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// stamp says which program this is.
type stamp struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Time     string `json:"commit_time,omitempty"` // of the commit
	Modified bool   `json:"modified,omitempty"`    // it was built from more than the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Vulkan   bool   `json:"vulkan"`
	Shaders  string `json:"shaders"` // SHA-256 over the names and hashes of all modules
}

// unknown is the commit where the go command recorded none.
const unknown = "unknown"

// newStamp reads what the go command wrote into the program; info may be nil.
func newStamp(info *debug.BuildInfo) stamp {
	v := stamp{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Shaders: shadersHash()}
	if info != nil {
		v.Version = cmp.Or(v.Version, info.Main.Version)
		for _, s := range info.Settings {
			switch s.Key {
			case "CGO_ENABLED":
				v.Vulkan = s.Value == "1"
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.time":
				v.Time = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	v.Version = cmp.Or(v.Version, "(devel)")
	v.Commit = cmp.Or(v.Commit, unknown)
	return v
}

// shadersHash changes with every shader.
func shadersHash() string {
	sum := sha256.New()
	for _, name := range shaders.Names() {
		fmt.Fprintln(sum, name, shaders.Hash(name))
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func (v stamp) print(w io.Writer) error {
	commit := v.Commit
	switch {
	case commit == unknown:
		commit += " (go run and go build -buildvcs=false do not record it)"
	case v.Modified:
		commit += " and changes, " + v.Time
	default:
		commit += ", " + v.Time
	}
	vulkan := "built in"
	if !v.Vulkan {
		vulkan = "not built in (it needs Linux and cgo)"
	}
	_, err := fmt.Fprintf(w, "glip %s\ncommit    %s\nGo        %s\nplatform  %s\nVulkan    %s\nshaders   %s\n", v.Version, commit, v.Go, v.Platform, vulkan, v.Shaders)
	return err
}
