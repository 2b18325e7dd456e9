package pipeline

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// The ways to use a model.
const (
	Detect   = "detect"
	Features = "features"
)

// Formats are those that a mode writes, the default first.
func Formats(mode string) []string {
	if mode == Features {
		return []string{"tar"}
	}
	return []string{"jsonl", "parquet"}
}

// Config says what is computed and where results go. It travels to the workers as JSON.
type Config struct {
	Mode string // Detect or Features

	// As glipvk's options of the same names; Arch is the JSON of an architecture, "" for that of the model.
	Model, Arch, Weights, WeightsEntry string
	Device, Precision                  string
	NoTune, NoFusion                   bool
	AllowNonFinite, IgnoreOrientation  bool
	Limits                             picture.Limits
	Size                               string // as picture.ParseDetectorSize, or for features glipvk.ParseSize, reads it

	// Of Detect alone.
	Query      glipvk.Query
	Vocabulary string
	Threshold  float64
	Max        int // detections for each caption; glipvk.All
	Overrides  map[string]float32

	// Of Features alone.
	OutIndices  []int
	PadSmallMap bool

	Batch   int    // pictures that are computed together, at most
	Workers int    // shards that a process works on at a time, at most
	Shards  int    // files that the results are spread over, at most
	Format  string // of Formats
	Output  string // folder, of the local system or of one that Beam knows: gs://...

	// Names are what dead letters call the options of package picture, such as MaxPixels; nil for their own names.
	Names map[string]string
}

// MostShards bounds Config.Shards: more files than that no folder likes.
const MostShards = 1 << 20

// Check refuses what makes no sense, before anything is opened. The error wraps glipvk.ErrInput.
func (c Config) Check() error {
	switch {
	case c.Mode != Detect && c.Mode != Features:
		return wrong("mode %q: want %s or %s", c.Mode, Detect, Features)
	case !slices.Contains(Formats(c.Mode), c.Format):
		return wrong("format %q: of %s there is %s", c.Format, c.Mode, strings.Join(Formats(c.Mode), " and "))
	case c.Output == "":
		return wrong("no output: want a folder for the results")
	case c.Batch < 1 || c.Workers < 1:
		return wrong("batch %d and workers %d: want at least 1", c.Batch, c.Workers)
	case c.Shards < 1 || c.Shards > MostShards:
		return wrong("shards %d: want 1 to %d", c.Shards, MostShards)
	}
	if err := c.Limits.Check(); err != nil {
		return wrong("%w", err)
	}
	var err error
	if c.Mode == Detect {
		_, err = c.detector()
	} else {
		_, err = c.backbone()
	}
	return err
}

// wrong is an error of the caller's, which wraps glipvk.ErrInput.
func wrong(format string, args ...any) error {
	return executor.Blame(fmt.Errorf(format, args...))
}

// options are those that a detector and a backbone have in common.
func (c Config) options() (o glipvk.Options, err error) {
	o = glipvk.Options{
		Weights: c.Weights, WeightsEntry: c.WeightsEntry, Device: c.Device, NoFusion: c.NoFusion,
		AllowNonFinite: c.AllowNonFinite, IgnoreOrientation: c.IgnoreOrientation, Limits: c.Limits,
	}
	o.Tuning.Off = c.NoTune
	o.Precision, err = glipvk.ParsePrecision(c.Precision)
	return o, err
}

// detector are the options of Detect.
func (c Config) detector() (o glipvk.DetectorOptions, err error) {
	o = glipvk.DetectorOptions{Vocabulary: c.Vocabulary, Threshold: c.Threshold, Max: c.Max, Overrides: c.Overrides}
	if !(c.Threshold >= 0 && c.Threshold < 1) {
		return o, wrong("threshold %g: want a number from 0 on and below 1", c.Threshold)
	}
	if o.Options, err = c.options(); err != nil {
		return o, err
	}
	if o.Size, err = picture.ParseDetectorSize(c.Size); err != nil {
		return o, wrong("%w", err)
	}
	if c.Arch != "" {
		cfg, err := glip.ParseConfig([]byte(c.Arch))
		if err != nil {
			return o, wrong("arch: %w", err)
		}
		o.Arch = &cfg
	}
	return o, nil
}

// backbone are the options of Features.
func (c Config) backbone() (o glipvk.BackboneOptions, err error) {
	o = glipvk.BackboneOptions{OutIndices: c.OutIndices, PadSmallMap: c.PadSmallMap}
	if o.Options, err = c.options(); err != nil {
		return o, err
	}
	if o.Size, err = glipvk.ParseSize(c.Size); err != nil {
		return o, err
	}
	if c.Arch != "" {
		cfg, err := swin.ParseConfig([]byte(c.Arch))
		if err != nil {
			return o, wrong("arch: %w", err)
		}
		o.Arch = &cfg
	}
	return o, nil
}

// CheckQuery refuses a query that the model cannot be asked, as far as that is known without its weights.
func (c Config) CheckQuery() error {
	if c.Mode != Detect {
		return nil
	}
	o, err := c.detector()
	if err != nil {
		return err
	}
	_, t, err := glipvk.FindDetector(c.Model, o)
	if err != nil {
		return err
	}
	_, err = c.Query.Prompts(t)
	return err
}

// Question tells apart what decides the content of the output: not where it is computed, nor by how many workers.
func (c Config) Question() string {
	c.Device, c.NoTune, c.NoFusion, c.Batch, c.Workers, c.Output, c.Names = "", false, false, 0, 0, "", nil
	return hash(c)
}

// hash is the SHA-256 of v as JSON, in hexadecimal digits.
func hash(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values, of which all can be written
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// part is the name of a file of a shard; before is what it begins with.
func (c Config) part(before string, shard int, ext string) string {
	return c.file(fmt.Sprintf("%s-%05d-of-%05d.%s", before, shard, c.Shards, ext))
}

// file is a file of the output.
func (c Config) file(name string) string {
	if remote(c.Output) {
		scheme, rest, _ := strings.Cut(c.Output, "://")
		return scheme + "://" + path.Join(rest, name)
	}
	return filepath.Join(c.Output, filepath.FromSlash(name))
}
