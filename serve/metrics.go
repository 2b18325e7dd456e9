package serve

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/serve/api"
)

// metrics count what the server does, for Prometheus. Labels are from small fixed sets, and every series is there from the
// start.
type metrics struct {
	registry *prometheus.Registry

	http         *prometheus.HistogramVec // method, route, status
	requests     *prometheus.CounterVec   // protocol, code
	pictures     prometheus.Counter
	stages       *prometheus.HistogramVec // stage
	known        *prometheus.CounterVec   // what, hit
	lost, panics prometheus.Counter
}

// sixth are the steps of histograms of seconds, from 5 ms to 2 minutes.
var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

// Words that label series, besides codes and protocols.
var (
	stageWords = []string{"queue", "decode", "picture", "caption", "grounding", "encode"}
	knownWords = []string{"picture", "caption", "whole"}
)

func newMetrics(s *Server) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	model := prometheus.Labels{"model": s.options.Name}
	counter := func(name, help string, labels prometheus.Labels) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels})
		m.registry.MustRegister(c)
		return c
	}
	counters := func(name, help string, fixed prometheus.Labels, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: fixed}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histograms := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds}, labels)
		m.registry.MustRegister(h)
		return h
	}
	gauge := func(name, help string, labels prometheus.Labels, f func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, f))
	}
	m.http = histograms("http_server_request_duration_seconds", "Duration of HTTP requests.", "http_request_method", "http_route", "http_response_status_code")
	m.requests = counters("glip_requests_total", "Questions by protocol and by how they ended.", model, "protocol", "code")
	m.pictures = counter("glip_pictures_total", "Pictures with a prompt that were computed.", model)
	m.stages = histograms("glip_stage_seconds", "Time of a question in each stage.", "stage")
	m.known = counters("glip_known_total", "What was remembered (hit) or had to be computed.", nil, "what", "hit")
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "glip_program_compilations_total", Help: "Programs that were made for a size, on the device that there is."},
		func() float64 { return float64(s.memory().programs) }))
	m.lost = counter("glip_device_lost_total", "Times that the device was lost.", nil)
	m.panics = counter("glip_panics_total", "Panics that were caught.", nil)

	stats := s.queue.Stats
	for i, priority := range []string{"high", "low"} {
		labels := prometheus.Labels{"priority": priority}
		gauge("glip_queue_depth", "Pictures that wait.", labels, func() float64 { return float64(stats().Waiting[i]) })
		gauge("glip_queue_bytes", "Bytes of the pictures that wait.", labels, func() float64 { return float64(stats().Bytes[i]) })
		gauge("glip_computing", "Pictures that are computed now.", labels, func() float64 { return float64(stats().Computing[i]) })
	}
	gauge("glip_images_kept", "Pictures that clients asked to be kept.", nil, func() float64 { n, _ := s.images.size(); return float64(n) })
	gauge("glip_images_kept_bytes", "Bytes of the pictures that clients asked to be kept.", nil, func() float64 { _, n := s.images.size(); return float64(n) })
	gauge("glip_device_memory_bytes", "Memory on the device.", prometheus.Labels{"kind": "weights"}, func() float64 { return float64(s.memory().weights) })
	gauge("glip_device_memory_bytes", "Memory on the device.", prometheus.Labels{"kind": "pictures"}, func() float64 { return float64(s.memory().pictures) })
	m.registry.MustRegister(queueCollector{s}, buildCollector{s})

	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.begin()
	return m
}

// begin makes every series.
func (m *metrics) begin() {
	for _, protocol := range api.Protocols {
		m.requests.WithLabelValues(protocol, "ok")
		for _, code := range api.Codes() {
			m.requests.WithLabelValues(protocol, string(code))
		}
	}
	for _, w := range stageWords {
		m.stages.WithLabelValues(w)
	}
	for _, w := range knownWords {
		m.known.WithLabelValues(w, "true")
		m.known.WithLabelValues(w, "false")
	}
}

// handler answers with the metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second})
}

// ended counts a request by how it ended; "" is with an answer.
func (m *metrics) ended(protocol string, code api.Code) {
	if code == "" {
		code = "ok"
	}
	m.requests.WithLabelValues(protocol, string(code)).Inc()
}

// took counts where the time of a question went.
func (m *metrics) took(t api.Timing) {
	for i, d := range []time.Duration{t.Queue, t.Decode, t.Picture, t.Caption, t.Grounding} {
		m.stages.WithLabelValues(stageWords[i]).Observe(d.Seconds())
	}
	m.known.WithLabelValues("whole", strconv.FormatBool(slices.Contains(t.Known, "whole"))).Inc()
}

// saw counts what a computation remembered.
func (m *metrics) saw(r glipvk.Report) {
	m.known.WithLabelValues("picture", strconv.FormatBool(r.PictureKnown)).Inc()
	m.known.WithLabelValues("caption", strconv.FormatBool(r.CaptionKnown)).Inc()
}
