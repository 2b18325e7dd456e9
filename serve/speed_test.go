package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// noise is a PNG that no compression makes smaller.
func noise(b testing.TB, width, height int, seed uint64) []byte {
	b.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// post sends a request and reads the answer.
func post(client *http.Client, url, kind string, body []byte) (status int, err error) {
	a, err := client.Post(url, kind, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, a.Body)
	return a.StatusCode, errors.Join(err, a.Body.Close())
}

// BenchmarkFront is what a request with a picture of 100 KB takes beside decoding it, by a detector that answers at once: seconds at the
// client's, and bytes of memory.
func BenchmarkFront(b *testing.B) {
	f := newFake()
	r := start(b, func(o *Options) { o.open, o.Log = f.opening, nil })
	data := noise(b, 190, 180, 7)
	began := time.Now()
	const decodings = 20
	for range decodings {
		if _, err := picture.Decode(b.Context(), bytes.NewReader(data), "noise", picture.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
	decoding := time.Since(began) / decodings
	kind, inForm := form(b, data, "text", "a dog")
	asJSON := fmt.Appendf(nil, `{"image":"%s","text":"a dog"}`, base64Of(data))
	infer := fmt.Appendf(nil, `{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["%s"]},{"name":"text","shape":[1],"datatype":"BYTES","data":["a dog"]}]}`, base64Of(data))
	for _, c := range []struct {
		name, path, kind string
		body             []byte
	}{{"form", "/v1/detect", kind, inForm}, {"json", "/v1/detect", "application/json", asJSON}, {"infer", "/v2/models/glip/infer", "application/json", infer}} {
		b.Run(c.name, func(b *testing.B) {
			var times []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				began := time.Now()
				if status, err := post(http.DefaultClient, r.url+c.path, c.kind, c.body); err != nil || status != 200 {
					b.Fatal(status, err)
				}
				times = append(times, time.Since(began)-decoding)
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2])/1e6, "p50-ms")
			b.ReportMetric(float64(times[len(times)*99/100])/1e6, "p99-ms")
			b.ReportMetric(float64(len(c.body)), "body-B")
		})
	}
}

// BenchmarkClients is how many questions a second a detector answers: by itself with a picture each, by itself about a picture that it
// knows, for 64 clients with a picture each, and for 64 clients that ask one picture different sentences. On a machine that does other things too,
// the processor's time of a question (cpu-ms) says more than the rate.
func BenchmarkClients(b *testing.B) {
	const clients = 64
	open, file := benched(b)
	d, err := open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	r := start(b, func(o *Options) { o.Open, o.Queue, o.Log = open, 2*clients, nil })
	load := func(data []byte) glipvk.Load {
		return func(ctx context.Context) (picture.Input, error) {
			p, err := picture.Decode(ctx, bytes.NewReader(data), "picture", picture.Limits{})
			if err != nil {
				return picture.Input{}, err
			}
			return d.Preprocess(p)
		}
	}
	b.Run("alone", func(b *testing.B) {
		defer measured(b, r)()
		loads := func(yield func(glipvk.Load) bool) {
			for i := range b.N {
				if !yield(load(file(i))) {
					return
				}
			}
		}
		for _, err := range d.Stream(b.Context(), text.Query{Caption: "a red apple and two dogs"}, loads, glipvk.StreamOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	sentence := func(i int) string { return fmt.Sprintf("%d red apples and a dog", i) }
	b.Run("known", func(b *testing.B) {
		s, _, err := d.Recall(b.Context(), "one", load(file(0)))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		defer measured(b, r)()
		for i := range b.N {
			if _, err := s.Detect(b.Context(), text.Query{Caption: sentence(i)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	together := func(b *testing.B, ask func(i int) (kind string, body []byte)) {
		defer measured(b, r)()
		var n atomic.Int64
		var group sync.WaitGroup
		for range clients {
			group.Go(func() {
				for i := int(n.Add(1)) - 1; i < b.N; i = int(n.Add(1)) - 1 {
					kind, body := ask(i)
					if status, err := post(client, r.url+"/v1/detect", kind, body); err != nil || status != 200 {
						b.Error(status, err)
						return
					}
				}
			})
		}
		group.Wait()
	}
	b.Run("pictures", func(b *testing.B) {
		together(b, func(i int) (string, []byte) {
			return form(b, file(i), "text", "a red apple and two dogs")
		})
	})
	b.Run("sentences", func(b *testing.B) {
		_, _, kept := r.call(b, "POST", "/v1/images", "image/png", file(0))
		together(b, func(i int) (string, []byte) {
			return "application/json", fmt.Appendf(nil, `{"image_id":%q,"text":%q}`, kept["id"], sentence(i))
		})
	})
}

// BenchmarkOverload has as many clients as fit in the queue four times over ask with pictures of their own: how long those that are served and
// those that are refused wait, beside one client that is alone. within is the time of the served beside what is allowed: twice that of one alone, and the
// queue's bound, which is all its places at the pace of the device.
func BenchmarkOverload(b *testing.B) {
	const queue, clients = 16, 64
	open, file := benched(b)
	r := start(b, func(o *Options) { o.Open, o.Queue, o.Log = open, queue, nil })
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	ask := func(i int) (status int, took time.Duration) {
		kind, body := form(b, file(i), "text", "a red apple and two dogs")
		began := time.Now()
		status, err := post(client, r.url+"/v1/detect", kind, body)
		if err != nil {
			b.Error(err)
		}
		return status, time.Since(began)
	}
	var alone []time.Duration
	for i := range 2 * clients {
		_, took := ask(i)
		alone = append(alone, took)
	}
	var mu sync.Mutex
	times := map[int][]time.Duration{}
	var n atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range clients {
		group.Go(func() {
			for i := int(n.Add(1)) - 1; i < b.N; i = int(n.Add(1)) - 1 {
				status, took := ask(i)
				mu.Lock()
				times[status] = append(times[status], took)
				mu.Unlock()
				if status != 200 {
					time.Sleep(20 * time.Millisecond) // a client that is told to come back waits a little at least
				}
			}
		})
	}
	group.Wait()
	pace := b.Elapsed() / time.Duration(max(1, len(times[200])))
	allowed := 2*ninetyNinth(alone) + (queue+1)*pace
	b.ReportMetric(float64(len(times[200]))/b.Elapsed().Seconds(), "served/s")
	b.ReportMetric(ms(ninetyNinth(alone)), "alone-p99-ms")
	b.ReportMetric(ms(ninetyNinth(times[200])), "served-p99-ms")
	b.ReportMetric(ms(ninetyNinth(times[429])), "refused-p99-ms")
	b.ReportMetric(float64(ninetyNinth(times[200]))/float64(allowed), "within")
}

// benched is the detector that is measured, glip-world, or GLIP-T with weights by formula at 320x512 where GLIPVK_BENCH_MODEL=glip-t says so,
// and pictures for it: each number has a file of its own, or it would be remembered, or asked once for two.
func benched(b *testing.B) (open func(context.Context) (*glipvk.Detector, error), file func(int) []byte) {
	b.Helper()
	var list [][]byte
	for i := range 12 {
		list = append(list, read(b, fmt.Sprintf("../testdata/world/novel%d.png", 1+i)))
	}
	file = func(i int) []byte { return fmt.Append(slices.Clip(list[i%len(list)]), i) }
	switch model := os.Getenv("GLIPVK_BENCH_MODEL"); model {
	case "":
		return world, file
	case "glip-t":
		return func(ctx context.Context) (*glipvk.Detector, error) {
			return glipvk.OpenDetector(ctx, model, glipvk.DetectorOptions{
				Options: glipvk.Options{Device: "cpu", Weights: "synthetic:8"}, Size: picture.DetectorSize{Short: 320, Long: 512}, Pictures: 4,
			})
		}, file
	default:
		b.Fatalf("GLIPVK_BENCH_MODEL is %s, want glip-t or nothing", model)
		return nil, nil
	}
}

// measured begins to measure; its result reports questions a second, and the processor's time of each.
func measured(b *testing.B, r *running) (end func()) {
	const seconds = "process_cpu_seconds_total"
	before := metric(b, r, seconds)
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "questions/s")
		b.ReportMetric(1000*(metric(b, r, seconds)-before)/float64(b.N), "cpu-ms")
	}
}

// ninetyNinth is the time within which 99 of 100 are.
func ninetyNinth(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)*99/100]
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
