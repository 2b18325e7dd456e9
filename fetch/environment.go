package fetch

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

// hubEndpoint is the hub where the environment names no other.
const hubEndpoint = "https://huggingface.co"

// endpoint is the address of the hub.
func endpoint() string { return cmp.Or(os.Getenv("HF_ENDPOINT"), hubEndpoint) }

// offline says why no request may be made; "" where one may.
func (o Options) offline() string {
	if o.Offline {
		return "offline mode was asked for"
	}
	for _, name := range []string{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		switch value := os.Getenv(name); strings.ToLower(value) {
		case "1", "on", "yes", "true":
			return name + "=" + value
		}
	}
	return ""
}

// mostToken bounds a file that holds a token, in bytes.
const mostToken = 4096

// token is what the hub knows its user by; "" for nobody.
func token(ctx context.Context) string {
	if t := cmp.Or(os.Getenv("HF_TOKEN"), os.Getenv("HUGGING_FACE_HUB_TOKEN")); t != "" {
		return strings.TrimSpace(t)
	}
	path := expand(os.Getenv("HF_TOKEN_PATH"))
	if path == "" {
		path = filepath.Join(hubHome(), "token")
	}
	data, err := file.ReadAll(ctx, path, mostToken)
	if err != nil {
		return "" // public files need none
	}
	return strings.TrimSpace(string(data))
}

// userCache is the folder in which Python's tools keep theirs, on every system.
func userCache() string {
	if cache := os.Getenv("XDG_CACHE_HOME"); cache != "" {
		return expand(cache)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache")
}

// hubHome is the folder of the hub's client, hubCache that of its files.
func hubHome() string {
	return cmp.Or(expand(os.Getenv("HF_HOME")), inside(userCache(), "huggingface"))
}

func hubCache() string {
	return cmp.Or(expand(os.Getenv("HF_HUB_CACHE")), expand(os.Getenv("HUGGINGFACE_HUB_CACHE")), inside(hubHome(), "hub"))
}

// torchHome is the folder of torch.hub, mmengineHome that of mmengine.
func torchHome() string {
	return cmp.Or(expand(os.Getenv("TORCH_HOME")), inside(userCache(), "torch"))
}

func mmengineHome() string {
	home := expand(os.Getenv("MMENGINE_HOME"))
	return cmp.Or(home, inside(userCache(), "mmengine"))
}

// inside is a folder within another, "" where that is not known.
func inside(folder, name string) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, name)
}

// expand writes a user's folder for a leading "~", as Python's tools do.
func expand(path string) string {
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
