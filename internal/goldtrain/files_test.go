package goldtrain

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestFilesGolden compares the sums of all files, and of what formulas make, with the manifest's: a difference later is one of ours.
func TestFilesGolden(t *testing.T) {
	for group, cases := range Groups(t) {
		for _, c := range cases {
			if c.File.Path != "" {
				data, err := os.ReadFile(filepath.Join(c.folder, filepath.FromSlash(c.File.Path)))
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != c.File.SHA256 {
					t.Errorf("%s has the sum %s, the manifest says %s", c.File.Path, got, c.File.SHA256)
				}
			}
			for _, x := range c.Tensors {
				if x.Formula.Name == "" {
					continue
				}
				var raw []byte
				for _, v := range x.Content() {
					raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
				}
				if got := fmt.Sprintf("%x", sha256.Sum256(raw)); got != x.SHA256 {
					t.Errorf("%s, %s: the formula of %s %s makes numbers with the sum %s, the manifest says %s", group, c.ID, x.Role, x.Name, got, x.SHA256)
				}
			}
		}
	}
}
