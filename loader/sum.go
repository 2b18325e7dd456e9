package loader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

// sumDigits is how much of a file's SHA-256 OpenMMLab puts into its name
// (mmpretrain/tools/model_converters/publish_model.py).
const sumDigits = 8

// PublishedSum returns the first digits of the SHA-256 that a published file has
// in its name, as "d85813b5" in swin-t_glip-pre_3rdparty_20230413-d85813b5.pth.
func PublishedSum(path string) (digits string, ok bool) {
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	dash := strings.LastIndexByte(stem, '-')
	digits = stem[dash+1:]
	if dash < 0 || len(digits) != sumDigits || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", false
	}
	return digits, true
}

// VerifySum reads the whole file and compares its SHA-256 with the digits in its
// name. checked is false when the name has none. Errors: [ErrFormat] when they
// differ, that of ctx when it ends first.
func VerifySum(ctx context.Context, path string) (checked bool, err error) {
	want, ok := PublishedSum(path)
	if !ok {
		return false, nil
	}
	sum, err := Sum(ctx, path)
	if err != nil {
		return false, err
	}
	if got := sum[:sumDigits]; got != want {
		return true, inFile(formatErr("its SHA-256 begins with %s, its name says %s: the file was changed or damaged; download it again", got, want), path, "")
	}
	return true, nil
}

// Sum reads the whole file for its SHA-256, in hexadecimal. Errors are those of reading, and that of ctx when it ends first.
func Sum(ctx context.Context, path string) (string, error) {
	f, _, err := file.Open(path)
	if err != nil {
		return "", fmt.Errorf("loader: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("loader: summing %s: %w", path, err)
		}
		if _, err := io.CopyN(sum, f, 16<<20); err == io.EOF {
			break
		} else if err != nil {
			return "", fmt.Errorf("loader: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
