package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/serve/annotate"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/guard"
	"github.com/glipvk/glipvk/serve/queue"
	"github.com/glipvk/glipvk/serve/remote"
	"github.com/glipvk/glipvk/text"
)

// warming is the question for which programs are made ahead of time.
var warming = text.Query{Caption: "a cat with whiskers and a dog"}

// version is that of the one model that a server has.
const version = "1"

// closes is how long the end waits for a detector that computes.
const closes = 2 * time.Second

// Options of a server.
type Options struct {
	// Open readies the detector. It is called again after the device was lost.
	Open func(context.Context) (*glipvk.Detector, error)

	Name    string // of the model, by which protocols ask for it
	Version string // of the program
	Weights string // by which predictions of other weights differ, "glip-t@3f2a91c0"

	Listen, Metrics, GRPC string // addresses; the last two "" for the first
	Hosts, Origins        []string
	TokenFile, Token      string
	NoAuth                bool
	CertFile, KeyFile     string

	Classes        []string // that are looked for where a protocol names nothing
	Threshold, IoU float64  // the detector's, for who asks
	Max            int
	Size           picture.DetectorSize // that pictures are resized to; the zero value is the model's
	MadeUp         bool                 // whether the weights are by a formula

	Fetch                 []string // hosts that pictures may be fetched from
	FetchPrivate          bool
	LabelStudio, LabelKey string
	Page                  bool
	Queue                 int
	QueueBytes            int64
	Batch                 int // 0 finds it
	Delay                 time.Duration
	Limits                api.Limits
	Keep                  int   // pictures that clients may have kept
	KeepBytes             int64 // of them
	Warm                  []picture.Extent
	Drain                 time.Duration // longest wait for what was admitted
	DrainDelay            time.Duration // from not being ready to taking nothing
	Log                   *slog.Logger
	Notify                string // socket of systemd, NOTIFY_SOCKET

	Listening func(address string)              // is told where the server listens
	Ready     func(after time.Duration, i Info) // is told that it answers

	open func(context.Context) (detector, glipvk.Info, glipvk.DeviceInfo, error) // of tests
}

// Info is what there is to say of a server that is ready.
type Info struct {
	Model, Device, Precision string
}

// state is where in its life a server is.
type state int

const (
	starting state = iota
	ready
	draining
	lost
)

func (s state) String() string { return [...]string{"starting", "ready", "draining", "device_lost"}[s] }

// Server answers questions about pictures over the network.
type Server struct {
	options  Options
	queue    *queue.Queue[job, picture.Input, result]
	images   images
	notes    notes
	metrics  *metrics
	decoding *semaphore.Weighted
	log      *slog.Logger

	tokens      *guard.Tokens // nil asks for none
	certificate *certificate  // nil is HTTP without TLS
	annotation  annotate.Options
	leaving     chan struct{} // closed when nothing is admitted any more

	current atomic.Pointer[opened] // nil while there is no detector

	mu       sync.Mutex
	state    state
	failures int // times that the device could not be had again, one after the other
	ended    context.Context
	end      context.CancelFunc
	group    sync.WaitGroup
}

// opened is a detector with what it says of itself.
type opened struct {
	detector detector
	info     glipvk.Info
	device   glipvk.DeviceInfo
}

// New is a server that listens to nobody yet. Errors are sentences about options.
func New(ctx context.Context, o Options) (*Server, error) {
	o.Limits = o.Limits.Or()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{options: o, log: o.Log, leaving: make(chan struct{}), decoding: semaphore.NewWeighted(o.Limits.Decoding)}
	s.images = images{most: o.Keep, mostBytes: o.KeepBytes}
	s.ended, s.end = context.WithCancel(context.Background())
	if o.open == nil {
		s.options.open = func(ctx context.Context) (detector, glipvk.Info, glipvk.DeviceInfo, error) {
			d, err := o.Open(ctx)
			if err != nil {
				return nil, glipvk.Info{}, glipvk.DeviceInfo{}, err
			}
			return real{d}, d.Info(), d.Device(), nil
		}
	}
	var err error
	s.queue, err = queue.New(queue.Options[job, picture.Input, result]{
		Queue: o.Queue, Bytes: o.QueueBytes, Batch: max(o.Batch, 1), Delay: o.Delay,
		Prepare: s.prepare, Compute: s.compute,
		Known: func(k queue.Key) bool {
			d := s.detector()
			return d != nil && d.Knows(fileKey(k))
		},
	})
	if err != nil {
		return nil, err
	}
	if err := s.trust(ctx); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	return s, nil
}

// trust readies what is asked of clients, and where pictures may be fetched from.
func (s *Server) trust(ctx context.Context) error {
	o := s.options
	if o.TokenFile != "" || o.Token != "" {
		tokens, warnings, err := guard.OpenTokens(ctx, o.TokenFile, o.Token)
		if err != nil {
			return err
		}
		for _, w := range warnings {
			s.log.Warn(w)
		}
		s.tokens = tokens
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("--tls-cert and --tls-key: give both or neither")
	}
	if o.CertFile != "" {
		s.certificate = &certificate{certFile: o.CertFile, keyFile: o.KeyFile}
		if err := s.certificate.reload(); err != nil {
			return err
		}
	}
	if len(o.Fetch) > 0 || o.LabelStudio != "" {
		f, err := remote.New(remote.Options{Hosts: o.Fetch, Private: o.FetchPrivate, LabelStudio: o.LabelStudio, Key: o.LabelKey, Limit: o.Limits.Body})
		if err != nil {
			return err
		}
		s.annotation.Fetch = f
	}
	s.annotation.Unread = func(ctx context.Context, task string, reason *api.Refusal) {
		s.log.WarnContext(ctx, "a task of Label Studio has no result", "task", guard.Quote(task), "reason", reason.Text)
	}
	return nil
}

// detector is the one that answers; nil while there is none.
func (s *Server) detector() detector {
	if o := s.current.Load(); o != nil {
		return o.detector
	}
	return nil
}

// unready is why no question is answered now; nil where they are.
func (s *Server) unready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	code, text := api.Code(""), ""
	switch s.state {
	case ready:
		return nil
	case starting:
		code, text = api.Loading, "the model is being loaded: ask again in a moment"
	case draining:
		code, text = api.Draining, "the server is ending: ask another, or again once it is back"
	case lost:
		code, text = api.DeviceLost, "the device was lost and is being opened again: ask again in a moment"
	}
	r := api.Refuse(code, "%s", text)
	r.Retry = time.Second
	return r
}

// live is nil but where the process should be started anew.
func (s *Server) live() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures < 5 {
		return nil
	}
	return api.Refuse(api.DeviceLost, "the device was lost, and %d attempts to open it again failed", s.failures)
}

// become changes the state, unless the server is ending already.
func (s *Server) become(next state) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == draining {
		return false
	}
	s.state = next
	return true
}

// load opens the detector and makes it answer: a detection of each size to warm is done before.
func (s *Server) load(ctx context.Context) error {
	d, info, device, err := s.options.open(ctx)
	if err != nil {
		return err
	}
	err = s.warm(ctx, d)
	together := 1
	if err == nil {
		together, err = s.batch(ctx, d, device)
	}
	if err != nil {
		return errors.Join(err, s.give(d))
	}
	s.queue.Together(together)
	s.current.Store(&opened{detector: d, info: info, device: device})
	if !s.become(ready) {
		return nil // whoever ended it closes the detector
	}
	s.queue.Ready()
	return nil
}

// give closes a detector.
func (s *Server) give(d detector) error {
	return d.CloseWithin(context.WithoutCancel(s.ended))
}

// warm makes the programs for the sizes that are asked for.
func (s *Server) warm(ctx context.Context, d detector) error {
	for _, e := range s.options.Warm {
		size, err := d.SizeFor(e)
		if err != nil {
			return fmt.Errorf("--warm %dx%d: %w", e.Height, e.Width, err)
		}
		if err := d.Warm(ctx, size, warming); err != nil {
			return err
		}
	}
	return nil
}

// lose gives a lost device up and opens it again, after a second and then after longer and longer.
func (s *Server) lose(d detector, cause error) {
	o := s.current.Load()
	if o == nil || o.detector != d || !s.current.CompareAndSwap(o, nil) {
		return // it is known
	}
	s.metrics.lost.Inc()
	s.log.Error("device lost", "err", cause)
	s.become(lost)
	s.queue.Lost()
	s.group.Go(func() {
		if err := s.give(d); err != nil {
			s.log.Warn("closing the lost device", "err", err)
		}
		for wait := time.Second; ; wait = min(2*wait, time.Minute) {
			select {
			case <-time.After(wait):
			case <-s.ended.Done():
				return
			}
			err := s.load(s.ended)
			s.mu.Lock()
			if err == nil {
				s.failures = 0
			} else {
				s.failures++
			}
			s.mu.Unlock()
			if err == nil {
				if o := s.current.Load(); o != nil {
					s.log.Info("there is a device again", "device", o.device.Name)
				}
				return
			}
			if s.ended.Err() != nil {
				return
			}
			s.log.Error("the device cannot be opened again", "err", err, "again in", min(2*wait, time.Minute))
		}
	})
}
