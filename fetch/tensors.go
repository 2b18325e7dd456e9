package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/loader"
)

// tensors writes those of the model, which a part has all of, as a file of the safetensors format. Their names are
// those in the archive; 16 bits stay 16, everything else becomes float32. The checksum of each member is compared.
func (c *connection) tensors(ctx context.Context, r remote, p *plan, have io.ReaderAt, final string) error {
	ckpt, err := loader.Read(p.over(have), r.Size, c.item.File)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	names := ckpt.Names()
	total, done := int64(0), int64(0)
	for _, name := range names {
		info, _ := ckpt.Info(name)
		total += info.Bytes
	}
	var room []float32
	var list []loader.Saved
	for _, name := range names {
		info, _ := ckpt.Info(name)
		elements := int(info.Bytes / max(info.DType.Size(), 1))
		kept := loader.Float32
		if info.DType == loader.Float16 || info.DType == loader.BFloat16 {
			kept = info.DType
		}
		list = append(list, loader.Saved{Name: name, Shape: info.Shape, DType: kept, Data: func() ([]float32, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if cap(room) < elements {
				room = make([]float32, elements)
			}
			err := ckpt.Read(name, room[:elements])
			done += info.Bytes
			c.options.progress(Writing, done, total)
			return room[:elements], err
		}})
	}
	said := map[string]string{"source": r.Address, "source_bytes": strconv.FormatInt(r.Size, 10)}
	if r.Linked != "" {
		said["source_sha256"] = r.Linked
	}
	if ckpt.Wrapper() != "" {
		said["source_entry"] = ckpt.Wrapper()
	}
	err = file.Save(final, 0o644, func(w io.Writer) error { return loader.SaveSafetensors(w, said, list) })
	var broken *loader.Error
	if errors.As(err, &broken) {
		return &spoilt{fmt.Errorf("fetch: %w", err)}
	}
	if err != nil {
		return fmt.Errorf("fetch: writing %s: %w", final, err)
	}
	return nil
}

// spoilt is an error of bytes that arrived and are not right.
type spoilt struct{ error }

// Unwrap implements the interface of package errors.
func (s *spoilt) Unwrap() error { return s.error }
