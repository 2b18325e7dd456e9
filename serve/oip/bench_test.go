package oip

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"testing"

	"connectrpc.com/connect"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
	"github.com/glipvk/glipvk/serve/oip/schema"
	"google.golang.org/protobuf/proto"
)

// noise is a picture as a decoder that is not there would take it: bytes that base64 and compression cannot shorten.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data) // never fails
	return data
}

// forms are one question by REST, of a picture of so many bytes.
func forms(n int) map[string]func() *http.Request {
	text := inJSON(noise(n), phrases+"}")
	bin, header := inBinary([][]byte{noise(n)}, []string{"cat", "whiskers"}, "")
	ask := func(body []byte) *http.Request {
		return httptest.NewRequest(http.MethodPost, "/v2/models/glip/infer", bytes.NewReader(body))
	}
	return map[string]func() *http.Request{
		"json": func() *http.Request { return ask([]byte(text)) },
		"binary": func() *http.Request {
			r := ask(bin)
			r.Header.Set(headerLength, strconv.Itoa(header))
			return r
		},
	}
}

// BenchmarkInfer is the way of a question through the handler to an answerer that answers at once, and back.
func BenchmarkInfer(b *testing.B) {
	h := fake.Front(Routes(&fake.Answerer{Blind: true}, Options{}))
	for name, ask := range forms(100 << 10) {
		b.Run("rest/"+name, func(b *testing.B) {
			r := ask()
			b.SetBytes(r.ContentLength)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				r := ask()
				b.StartTimer()
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
	b.Run("grpc", func(b *testing.B) {
		s := httptest.NewUnstartedServer(nil)
		s.Config = fake.Server(Routes(&fake.Answerer{Blind: true}, Options{}))
		s.Start()
		defer s.Close()
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		defer transport.CloseIdleConnections()
		c := connect.NewClient[schema.ModelInferRequest, schema.ModelInferResponse](&http.Client{Transport: transport}, s.URL+"/"+Service+"/ModelInfer", connect.WithGRPC())
		m := inRaw(message(noise(100<<10), "cat", "whiskers"))
		b.SetBytes(100 << 10)
		b.ReportAllocs() // the client's too
		for b.Loop() {
			if _, err := c.CallUnary(b.Context(), connect.NewRequest(m)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestMemory holds what a large body takes to a fifth beside it; by gRPC, where clients do not say its length before, to what growing costs.
func TestMemory(t *testing.T) {
	front := fake.Front(Routes(&fake.Answerer{Blind: true, Means: api.Info{Limits: api.Limits{Body: 64 << 20}}}, Options{}))
	all := forms(20 << 20)
	data, err := proto.Marshal(inRaw(message(noise(20<<20), "cat")))
	if err != nil {
		t.Fatal(err)
	}
	data = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(data))), data...)
	for name, length := range map[string]int64{"grpc": int64(len(data)), "grpc of unknown length": -1} {
		all[name] = func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/"+Service+"/ModelInfer", bytes.NewReader(data))
			r.Header.Set("Content-Type", "application/grpc")
			r.ContentLength = length
			return r
		}
	}
	for name, ask := range all {
		r := ask()
		size, most := float64(r.ContentLength), 1.2
		if r.ContentLength < 0 { // 1/4, 1, 4, 16 and 20 MiB
			size, most = float64(len(data)), 2.1
		}
		w := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		front.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if status := w.Header().Get(http.TrailerPrefix + "Grpc-Status"); w.Code != http.StatusOK || status != "" && status != "0" {
			t.Fatal(name, w.Code, w.Header(), w.Body)
		}
		if took := float64(after.TotalAlloc-before.TotalAlloc) / size; took > most {
			t.Errorf("%s: %.2f times the body were allocated, want at most %v", name, took, most)
		} else {
			t.Logf("%s: %.3f times the body of %.0f bytes", name, took, size)
		}
	}
}
