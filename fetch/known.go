package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk/internal/file"
)

// known is a sum that was computed, of a file as it was then.
type known struct {
	Bytes int64  `json:"bytes"`
	Time  int64  `json:"time"` // of its last change, in nanoseconds since 1970
	Sum   string `json:"sha256"`
}

// Bounds of the file of sums.
const (
	sumsFile  = "sums.json"
	mostSums  = 1 << 20 // bytes
	mostKnown = 1000    // files
)

// sumOf is the SHA-256 of an open file in hexadecimal digits: the one remembered for its size and time, else computed.
func (o Options) sumOf(ctx context.Context, f *os.File, info fs.FileInfo) (string, error) {
	path := f.Name()
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	sums := o.sums(ctx)
	if k, ok := sums[path]; ok && k.Bytes == info.Size() && k.Time == info.ModTime().UnixNano() && len(k.Sum) == 64 {
		return k.Sum, nil
	}
	hash := sha256.New()
	for done := int64(0); done < info.Size(); {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		o.progress(Checking, done, info.Size())
		n, err := io.CopyN(hash, f, min(16<<20, info.Size()-done))
		if done += n; err != nil {
			return "", fmt.Errorf("reading it: %w", err)
		}
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	o.remember(ctx, path, info, sum)
	return sum, nil
}

// sums are those remembered, by path; nil where there are none that can be read.
func (o Options) sums(ctx context.Context) map[string]known {
	root, err := o.root()
	if err != nil {
		return nil
	}
	data, err := file.ReadAll(ctx, filepath.Join(root, sumsFile), mostSums)
	if err != nil {
		return nil
	}
	var sums map[string]known
	if json.Unmarshal(data, &sums) != nil {
		return nil // computed again
	}
	return sums
}

// remember keeps the sum of a file. What cannot be kept is computed again another time.
func (o Options) remember(ctx context.Context, path string, info fs.FileInfo, sum string) {
	root, err := o.root()
	if err != nil {
		return
	}
	sums := o.sums(ctx)
	if sums == nil || len(sums) >= mostKnown {
		sums = map[string]known{}
	}
	sums[path] = known{info.Size(), info.ModTime().UnixNano(), sum}
	if data, err := json.MarshalIndent(sums, "", "\t"); err == nil {
		_ = file.Sweep(root)
		_ = file.Replace(filepath.Join(root, sumsFile), data, 0o644)
	}
}
