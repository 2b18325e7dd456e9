package serve

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/glipvk/glipvk/serve/oip"
	"github.com/glipvk/glipvk/serve/queue"
)

// queueCollector shows what the queue counts.
type queueCollector struct{ s *Server }

var (
	rejected  = prometheus.NewDesc("glip_rejected_total", "Requests that were refused before any work.", []string{"reason"}, nil)
	cancelled = prometheus.NewDesc("glip_cancelled_total", "Requests whose client left, by where they were.", []string{"state"}, nil)
	expired   = prometheus.NewDesc("glip_expired_total", "Requests whose time ended, by where they were.", []string{"state"}, nil)
	batches   = prometheus.NewDesc("glip_batch_size", "Pictures that were computed together.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c queueCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{rejected, cancelled, expired, batches} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c queueCollector) Collect(to chan<- prometheus.Metric) {
	stats := c.s.queue.Stats()
	counter := func(d *prometheus.Desc, n uint64, label string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), label)
	}
	for r := range queue.Reasons {
		counter(rejected, stats.Rejected[r], r.String())
	}
	for s := range queue.States {
		counter(cancelled, stats.Cancelled[s], s.String())
		counter(expired, stats.Expired[s], s.String())
	}
	buckets, count := map[float64]uint64{}, uint64(0)
	for i, n := range stats.Batches {
		count += n
		if i < len(queue.Sizes) {
			buckets[float64(queue.Sizes[i])] = count
		}
	}
	to <- prometheus.MustNewConstHistogram(batches, count, float64(stats.Computed), buckets)
}

// buildCollector shows what runs. The device is known once it is ready.
type buildCollector struct{ s *Server }

var build = prometheus.NewDesc("glip_build_info", "What runs; always 1.", []string{"version", "goversion", "device", "model"}, nil)

// Describe implements prometheus.Collector.
func (c buildCollector) Describe(to chan<- *prometheus.Desc) { to <- build }

// Collect implements prometheus.Collector.
func (c buildCollector) Collect(to chan<- prometheus.Metric) {
	i := c.s.Info()
	to <- prometheus.MustNewConstMetric(build, prometheus.GaugeValue, 1, i.Server, runtime.Version(), i.Device, i.Model)
}

// memory is what the detector holds.
func (s *Server) memory() memory {
	if d := s.detector(); d != nil {
		return d.Memory()
	}
	return memory{}
}

// statistics are what the Open Inference Protocol shows.
func (s *Server) statistics() oip.Statistics {
	s.notes.Lock()
	defer s.notes.Unlock()
	out := s.notes.Statistics
	stats := s.queue.Stats()
	out.Inferences, out.Executions = stats.Computed, 0
	for i, n := range stats.Batches {
		out.Executions += n
		if n > 0 && i < len(queue.Sizes) {
			out.Batches = append(out.Batches, oip.Batch{Size: uint64(queue.Sizes[i]), Infer: oip.Spent{Count: n}})
		}
	}
	return out
}
