package fetch

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

// environment gives the value of a variable, "" where it is not set.
type environment func(name string) string

// environment is what the caller gave.
func (o Options) environment() environment {
	if o.Getenv == nil {
		return func(string) string { return "" }
	}
	return o.Getenv
}

// hubEndpoint is the hub where the environment names no other.
const hubEndpoint = "https://huggingface.co"

// endpoint is the address of the hub.
func (env environment) endpoint() string { return cmp.Or(env("HF_ENDPOINT"), hubEndpoint) }

// offline says why no request may be made; "" where one may.
func (o Options) offline() string {
	if o.Offline {
		return "offline mode was asked for"
	}
	for _, name := range []string{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		switch value := o.environment()(name); strings.ToLower(value) {
		case "1", "on", "yes", "true":
			return name + "=" + value
		}
	}
	return ""
}

// mostToken bounds a file that holds a token, in bytes.
const mostToken = 4096

// token is what the hub knows its user by; "" for nobody.
func (env environment) token(ctx context.Context) string {
	if t := cmp.Or(env("HF_TOKEN"), env("HUGGING_FACE_HUB_TOKEN")); t != "" {
		return strings.TrimSpace(t)
	}
	path := cmp.Or(env.folder("HF_TOKEN_PATH"), inside(env.hubHome(), "token"))
	data, err := file.ReadAll(ctx, path, mostToken)
	if err != nil {
		return "" // public files need none
	}
	return strings.TrimSpace(string(data))
}

// userCache is the folder in which Python's tools keep theirs, on every system.
func (env environment) userCache() string {
	if cache := env.folder("XDG_CACHE_HOME"); cache != "" {
		return cache
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache")
}

// hubHome is the folder of the hub's client, hubCache that of its files.
func (env environment) hubHome() string {
	return cmp.Or(env.folder("HF_HOME"), inside(env.userCache(), "huggingface"))
}

func (env environment) hubCache() string {
	return cmp.Or(env.folder("HF_HUB_CACHE"), env.folder("HUGGINGFACE_HUB_CACHE"), inside(env.hubHome(), "hub"))
}

// torchHome is the folder of torch.hub, mmengineHome that of mmengine.
func (env environment) torchHome() string {
	return cmp.Or(env.folder("TORCH_HOME"), inside(env.userCache(), "torch"))
}

func (env environment) mmengineHome() string {
	return cmp.Or(env.folder("MMENGINE_HOME"), inside(env.userCache(), "mmengine"))
}

// inside is a file or folder within a folder, "" where that is not known.
func inside(folder, name string) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, name)
}

// folder is the path that a variable holds, with the user's folder for a leading "~", as Python's tools read it.
func (env environment) folder(name string) string {
	path := env(name)
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
