package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/serve"
)

const serveHelp = `serve answers over the network what a sentence or a list of classes names in pictures, and has
a page on which one sees which word found what: open the address that it prints.

It speaks, all at one address: its own /v1, the Open Inference Protocol by REST (/v2) and gRPC,
Hugging Face's zero-shot-object-detection (/hf/MODEL), Label Studio's machine-learning backend
(/labelstudio) and Roboflow's /grounding_dino/infer. /metrics is for Prometheus.

  curl -F image=@cat.jpg -F text='a cat with whiskers' localhost:8000/v1/detect

Without further flags it answers this machine alone. Another address needs --token-file, or
--no-auth where everybody who reaches it may use it; other names than this machine's own need
--host, scripts of other sites --origin. Nothing is fetched, written or loaded for a client,
but pictures of the hosts that --fetch names.

Pictures are encoded once, also for several who ask; questions that are the same are computed once.
What waits is bounded by --queue and --queue-bytes: beyond them requests are refused at once, with
the time after which to ask again. The first interrupt lets nobody in and answers who is in, for
--drain at most; a second one ends at once. SIGHUP reads certificate and tokens again.`

// serveFlags are the flags of "glip serve".
type serveFlags struct {
	device    cli.Device
	weights   cli.Weights
	size      string
	vocab     string
	overrides []string

	options               serve.Options
	classesFile           string
	pictures, captions    int
	warm                  []string
	queueBytes, keepBytes string
	maxBody, decoding     string
	maxPixels             float64
	batch, format, level  string
	noPage                bool
	threshold, iou        float64
	most                  int
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "answer over the network, with a page to try it on",
		Long:  serveHelp,
		Example: `  glip serve --model glip-world
  glip serve --weights glip_tiny_model_o365_goldg_cc_sbu.pth --device auto --name glip-t
  glip serve --weights glip-t --listen :8000 --token-file tokens.txt --host glip.example.org --tls-cert cert.pem --tls-key key.pem`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usage("serve takes flags alone, not %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd, f) },
	}
	f.define(cmd)
	return cmd
}

func (f *serveFlags) define(cmd *cobra.Command) {
	f.weights.Define(cmd, "glip-t", detectorNames)
	f.device.Define(cmd)
	f.device.DefineLost(cmd)
	fl, o := cmd.Flags(), &f.options
	fl.StringVar(&f.size, "size", "", "SHORT,LONG or SHORT in pixels, or original (default: what the model was trained at if its file says so, else 800,1333)")
	fl.StringVar(&f.vocab, "vocab", "", vocabBeside)
	fl.StringArrayVar(&f.overrides, "override", nil, "TENSOR=VALUE: give all elements of a synthetic tensor this value; may be repeated")

	fl.StringVar(&o.Name, "name", "", "the model's name in requests (default: --model's)")
	fl.StringVar(&o.Listen, "listen", "127.0.0.1:8000", "HOST:PORT, or unix:/path")
	fl.StringVar(&o.GRPC, "grpc-listen", "", "an address of its own for gRPC")
	fl.StringVar(&o.Metrics, "metrics-listen", "", "an address of its own for /metrics")
	fl.StringArrayVar(&o.Hosts, "host", nil, "a further name by which the server is called; may be repeated")
	fl.StringArrayVar(&o.Origins, "origin", nil, "another site whose scripts may call and read, as https://example.org; may be repeated")
	fl.StringVar(&o.TokenFile, "token-file", "", "file with a token on each line, one of which a client must have; GLIP_TOKEN holds one")
	fl.BoolVar(&o.NoAuth, "no-auth", false, "let everybody in, at any address")
	fl.StringVar(&o.CertFile, "tls-cert", "", "certificate in PEM, for HTTPS")
	fl.StringVar(&o.KeyFile, "tls-key", "", "its key")

	fl.StringArrayVar(&o.Classes, "class", nil, "name of a class to look for where a request names nothing; may be repeated")
	fl.StringVar(&f.classesFile, "classes", "", "file with a class name on each line, likewise")
	fl.Float64Var(&f.threshold, "threshold", defaultThreshold, "scores must be above this, where a request says no other")
	fl.Float64Var(&f.iou, "iou", 0.6, "overlap above which the lesser of two boxes of a label is dropped, likewise")
	fl.IntVar(&f.most, "max-detections", 100, "detections for each caption, at most, likewise")

	fl.IntVar(&o.Queue, "queue", 64, "pictures that may wait")
	fl.StringVar(&f.queueBytes, "queue-bytes", "256MiB", "bytes of all requests under way")
	fl.StringVar(&f.batch, "batch", "auto", "pictures of one size that are computed together at most; auto is 1 unless the device is a GPU that gains by more")
	fl.DurationVar(&o.Delay, "batch-delay", 0, "how long a batch that is not full waits for more")
	fl.DurationVar(&o.Limits.Timeout, "request-timeout", 0, "from a request's arrival to its answer (default 2m)")
	fl.StringVar(&f.maxBody, "max-body", "32MiB", "bytes of a request, as sent and unpacked")
	fl.Float64Var(&f.maxPixels, "max-pixels", 40e6, "pixels of a picture")
	fl.IntVar(&o.Limits.Side, "max-side", 16384, "pixels of a picture's longer side")
	fl.StringVar(&f.decoding, "max-decoding", "512MiB", "memory of all pictures that are being decoded")
	fl.IntVar(&o.Limits.Pictures, "max-pictures", 16, "pictures of a request")
	fl.IntVar(&o.Limits.Sentence, "max-sentence", 8<<10, "bytes of a sentence")
	fl.IntVar(&o.Limits.Phrases, "max-phrases", 1203, "phrases or classes of a request")
	fl.IntVar(&o.Limits.Phrase, "max-phrase", 256, "bytes of each")
	fl.IntVar(&o.Limits.Depth, "max-depth", 32, "how deep JSON may be nested")
	fl.IntVar(&o.Limits.ID, "max-id", 256, "bytes of a request's own ID")
	fl.IntVar(&o.Limits.Connections, "max-connections", 512, "connections at a time")

	fl.StringArrayVar(&o.Fetch, "fetch", nil, "HOST that pictures may be fetched from by https; http://HOST without; may be repeated (default none)")
	fl.BoolVar(&o.FetchPrivate, "fetch-private", false, "also from addresses of this machine or a local network")
	fl.StringVar(&o.LabelStudio, "label-studio", "", "URL of the one Label Studio whose own pictures are fetched, with LABEL_STUDIO_API_KEY")
	fl.IntVar(&f.pictures, "pictures", 16, "pictures that are remembered encoded; 0 remembers none")
	fl.IntVar(&f.captions, "captions", 256, "captions that are remembered encoded; 0 remembers none")
	fl.IntVar(&o.Keep, "keep", 64, "pictures that clients may have kept (/v1/images)")
	fl.StringVar(&f.keepBytes, "keep-bytes", "256MiB", "bytes of these")
	fl.StringArrayVar(&f.warm, "warm", nil, "HEIGHTxWIDTH of pictures whose programs are made before the server is ready; may be repeated (default: 480x640)")
	fl.DurationVar(&o.Drain, "drain", 30*time.Second, "longest wait for what was admitted, at the end")
	fl.DurationVar(&o.DrainDelay, "drain-delay", 0, "from not being ready to taking nothing, for load balancers that ask now and then")
	fl.StringVar(&f.format, "log", "", "text or json (default: json where stderr is no terminal)")
	fl.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	fl.BoolVar(&f.noPage, "no-page", false, "serve no page")
	cli.Complete(cmd, "log", func() []string { return []string{"text", "json"} })
	cli.Complete(cmd, "log-level", func() []string { return []string{"debug", "info", "warn", "error"} })
}

// opening is how the detector is opened.
func (f *serveFlags) opening(cmd *cobra.Command) (name string, o glipvk.DetectorOptions, err error) {
	o = glipvk.DetectorOptions{
		Vocabulary: f.vocab, Threshold: f.threshold, IoU: f.iou, Max: f.most, Pictures: f.pictures, Captions: f.captions,
	}
	switch {
	case !(f.threshold >= 0 && f.threshold < 1):
		return "", o, cli.Usage("--threshold %g: want a number from 0 on and below 1", f.threshold)
	case !(f.iou > 0 && f.iou <= 1):
		return "", o, cli.Usage("--iou %g: want a number above 0, up to 1", f.iou)
	case f.most < 1:
		return "", o, cli.Usage("--max-detections %d: want 1 or more", f.most)
	case min(f.pictures, f.captions) < 0:
		return "", o, cli.Usage("--pictures %d, --captions %d: want 0 or more", f.pictures, f.captions)
	}
	if f.pictures == 0 {
		o.Pictures = glipvk.None
	}
	if f.captions == 0 {
		o.Captions = glipvk.None
	}
	if o.Size, err = picture.ParseDetectorSize(f.size); err != nil {
		return "", o, cli.Usage("--size: %w", err)
	}
	if o.Overrides, err = parseOverrides(f.overrides); err != nil {
		return "", o, err
	}
	if err = f.device.Apply(&o.Options); err != nil {
		return "", o, err
	}
	f.weights.Forgotten(cmd)
	name, o.Arch, err = cli.Architecture(cmd, f.weights, &o.Options, arch.ParseConfig)
	return name, o, err
}

// complete turns the other flags into options of the server.
func (f *serveFlags) complete(cmd *cobra.Command) error {
	o := &f.options
	var errs []error
	for _, size := range []struct {
		flag, text string
		to         *int64
	}{
		{"--queue-bytes", f.queueBytes, &o.QueueBytes}, {"--keep-bytes", f.keepBytes, &o.KeepBytes},
		{"--max-body", f.maxBody, &o.Limits.Body}, {"--max-decoding", f.decoding, &o.Limits.Decoding},
	} {
		n, err := parseBytes(size.text)
		if err != nil {
			errs = append(errs, cli.Usage("%s %q: want a number of bytes, as 32MiB, 1GiB or 65536", size.flag, size.text))
		}
		*size.to = n
	}
	for _, n := range []struct {
		flag  string
		value int
	}{
		{"--queue", o.Queue}, {"--max-side", o.Limits.Side}, {"--max-pictures", o.Limits.Pictures}, {"--max-sentence", o.Limits.Sentence},
		{"--max-phrases", o.Limits.Phrases}, {"--max-phrase", o.Limits.Phrase}, {"--max-connections", o.Limits.Connections}, {"--max-depth", o.Limits.Depth}, {"--max-id", o.Limits.ID},
	} {
		if n.value < 1 {
			errs = append(errs, cli.Usage("%s %d: want 1 or more", n.flag, n.value))
		}
	}
	if !(f.maxPixels >= 1 && f.maxPixels <= 1e12) {
		errs = append(errs, cli.Usage("--max-pixels %g: want 1 or more", f.maxPixels))
	}
	o.Limits.Pixels = int64(f.maxPixels)
	for name, d := range map[string]time.Duration{"--batch-delay": o.Delay, "--request-timeout": o.Limits.Timeout, "--drain": o.Drain, "--drain-delay": o.DrainDelay} {
		if d < 0 {
			errs = append(errs, cli.Usage("%s %v: want no time below 0", name, d))
		}
	}
	if f.batch != "auto" {
		n, err := strconv.Atoi(f.batch)
		if err != nil || n < 1 || n > 64 {
			errs = append(errs, cli.Usage("--batch %q: want auto, or a number from 1 to 64", f.batch))
		}
		o.Batch = n
	}
	if len(f.warm) == 0 {
		f.warm = []string{"480x640"}
	}
	for _, s := range f.warm {
		for _, one := range strings.Split(s, ",") {
			var e picture.Extent
			if n, err := fmt.Sscanf(one, "%dx%d", &e.Height, &e.Width); err != nil || n != 2 || min(e.Height, e.Width) < 1 {
				errs = append(errs, cli.Usage("--warm %q: want HEIGHTxWIDTH of a picture, as 480x640", one))
			}
			o.Warm = append(o.Warm, e)
		}
	}
	if f.classesFile != "" {
		names, err := readClasses(cmd.Context(), f.classesFile, cmd.ErrOrStderr())
		errs = append(errs, err)
		o.Classes = append(o.Classes, names...)
	}
	o.Page, o.Threshold, o.IoU, o.Max = !f.noPage, f.threshold, f.iou, f.most
	o.Token, o.LabelKey = os.Getenv("GLIP_TOKEN"), os.Getenv("LABEL_STUDIO_API_KEY")
	o.Notify = os.Getenv("NOTIFY_SOCKET")
	return errors.Join(errs...)
}

// parseBytes reads a number of bytes, "32MiB".
func parseBytes(s string) (int64, error) {
	unit := int64(1)
	for suffix, n := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = rest, n
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err == nil && (n < 1 || n > 1<<40) {
		err = strconv.ErrRange
	}
	return n * unit, err
}

// logger is what --log and --log-level say.
func (f *serveFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil || !slices.Contains([]string{"debug", "info", "warn", "error"}, f.level) {
		return nil, cli.Usage("--log-level %q: want debug, info, warn or error", f.level)
	}
	o := &slog.HandlerOptions{Level: level}
	format := f.format
	if format == "" {
		format = "json"
		if t, ok := w.(*os.File); ok && term.IsTerminal(int(t.Fd())) {
			format = "text"
		}
	}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, cli.Usage("--log %q: want text or json", f.format)
}

func runServe(cmd *cobra.Command, f serveFlags) error {
	ctx := cmd.Context()
	defer cli.Hold(ctx)() // what was admitted is answered first
	if err := f.weights.Settle(cmd); err != nil {
		return err
	}
	name, opening, err := f.opening(cmd)
	if err != nil {
		return err
	}
	if err := f.complete(cmd); err != nil {
		return err
	}
	o := f.options
	if o.Log, err = f.logger(cmd.ErrOrStderr()); err != nil {
		return err
	}
	info, _, err := glipvk.FindDetector(name, opening)
	if err != nil {
		return err
	}
	if o.Name == "" {
		o.Name = info.Name
	}
	build, _ := debug.ReadBuildInfo()
	o.Version = newStamp(build).Version
	if o.Weights, err = weightsID(ctx, o.Name, opening.WeightsName()); err != nil {
		return err
	}
	o.Size, o.MadeUp = opening.Size, cli.IsMadeUp(opening.WeightsName())
	onLost, err := glipvk.ParseOnLost(f.device.Lost)
	if err != nil {
		return fmt.Errorf("--on-device-lost: %w", err)
	}
	opened := false
	o.Open = func(ctx context.Context) (*glipvk.Detector, error) { // one call at a time
		if opened && onLost == glipvk.LostCPU {
			opening.Device = "cpu"
		}
		d, err := glipvk.OpenDetector(ctx, name, opening)
		if opened = opened || err == nil; err == nil {
			cli.Fell(cmd.ErrOrStderr(), "glip", d.Device())
			cli.Notes(cmd.ErrOrStderr(), "glip", d.Notes())
		}
		return d, err
	}
	out := cmd.OutOrStdout()
	at := ""
	o.Listening = func(address string) {
		at = address
		fmt.Fprintf(out, "glip: %s - loading %s\n", address, o.Name)
	}
	o.Ready = func(after time.Duration, i serve.Info) {
		fmt.Fprintf(out, "glip: %s - %s, %s, %s, ready in %.1f s\n", at, i.Model, i.Device, i.Precision, after.Seconds())
	}
	s, err := serve.New(ctx, o)
	if err != nil {
		return cli.Blame(err)
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for {
			select {
			case <-hup:
				if err := s.Reload(ctx); err != nil {
					o.Log.Error("what was read before stays", "err", err)
				} else {
					o.Log.Info("certificate and tokens read again")
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return s.Run(ctx)
}

// weightsID is by which predictions of other weights differ: the name and the first digits of their SHA-256.
func weightsID(ctx context.Context, name, weights string) (string, error) {
	made := sha256.Sum256([]byte(weights)) // of those of the program and of a formula, their label's
	sum := hex.EncodeToString(made[:])
	if weights != glipvk.Embedded && !cli.IsMadeUp(weights) {
		var err error
		if sum, err = loader.Sum(ctx, weights); err != nil {
			return "", fmt.Errorf("--weights: %w", err)
		}
	}
	return name + "@" + sum[:8], nil
}
