package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
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

// BenchmarkClients is how many pictures a second glip-world finds things in: by itself, for 64 clients with a picture each, and for 64
// clients that ask one picture different sentences.
func BenchmarkClients(b *testing.B) {
	const clients = 64
	d, err := world(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	var pictures [][]byte
	for i := range clients {
		pictures = append(pictures, read(b, fmt.Sprintf("../testdata/world/novel%d.png", 1+i%12)))
		pictures[i] = append(pictures[i], byte(i)) // which makes it another file
	}
	b.Run("alone", func(b *testing.B) {
		n := 0
		loads := func(yield func(glipvk.Load) bool) {
			for b.Loop() {
				data := pictures[n%clients]
				n++
				if !yield(func(ctx context.Context) (picture.Input, error) {
					p, err := picture.Decode(ctx, bytes.NewReader(data), "picture", picture.Limits{})
					if err != nil {
						return picture.Input{}, err
					}
					return d.Preprocess(p)
				}) {
					return
				}
			}
		}
		for _, err := range d.Stream(b.Context(), text.Query{Caption: "a red apple and two dogs"}, loads, glipvk.StreamOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "pictures/s")
	})
	r := start(b, func(o *Options) { o.Queue, o.Log = 2*clients, nil })
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	together := func(b *testing.B, ask func(i int) (kind string, body []byte)) {
		var n atomic.Int64
		var group sync.WaitGroup
		for range clients {
			group.Go(func() {
				for {
					i := int(n.Add(1))
					if i > b.N {
						return
					}
					kind, body := ask(i)
					if status, err := post(client, r.url+"/v1/detect", kind, body); err != nil || status != 200 {
						b.Error(status, err)
						return
					}
				}
			})
		}
		group.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "questions/s")
	}
	b.Run("pictures", func(b *testing.B) {
		together(b, func(i int) (string, []byte) { return form(b, pictures[i%clients], "text", "a red apple and two dogs") })
	})
	b.Run("sentences", func(b *testing.B) {
		_, _, kept := r.call(b, "POST", "/v1/images", "image/png", pictures[0])
		together(b, func(i int) (string, []byte) {
			body, err := json.Marshal(map[string]any{"image_id": kept["id"], "text": fmt.Sprintf("%d red apples and a dog", i)})
			if err != nil {
				b.Error(err)
			}
			return "application/json", body
		})
	})
}
