package serve

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/v1"
)

// Pictures go a quarter of an hour after they were last asked about, the longest unasked first where room is needed, and their IDs
// cannot be guessed.
func TestImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &images{most: 3, mostBytes: 100}
		keep := func(n int) string {
			t.Helper()
			k, err := s.keep(v1.Kept{Data: make([]byte, n)})
			if err != nil || len(k.ID) != 32 {
				t.Fatal(k, err)
			}
			return k.ID
		}
		has := func(id string) bool {
			_, err := s.get(id)
			if err != nil && api.Refused(err, "").Code != api.NoImage {
				t.Error(err)
			}
			return err == nil
		}
		a, b := keep(10), keep(10)
		if a == b {
			t.Error("two pictures of one content have one ID")
		}
		time.Sleep(10 * time.Minute)
		if !has(a) {
			t.Error("a went too early")
		}
		time.Sleep(6 * time.Minute)
		if has(b) || !has(a) {
			t.Error("b stayed, or a went though it was asked about")
		}
		c, d := keep(10), keep(10)
		has(a)
		e := keep(10) // the fourth
		if has(c) || !has(a) || !has(d) || !has(e) {
			t.Error("the longest unasked did not go")
		}
		keep(90)
		if n, bytes := s.size(); n != 2 || bytes != 100 {
			t.Errorf("%d pictures of %d bytes", n, bytes)
		}
		if _, err := s.keep(v1.Kept{Data: make([]byte, 101)}); api.Refused(err, "").Code != api.TooLarge {
			t.Error(err)
		}
		last := keep(1)
		if _, err := s.forget(last); err != nil || has(last) {
			t.Error(err, "or it stayed")
		}
		if _, err := s.forget(last); err == nil {
			t.Error("it was forgotten twice")
		}
	})
}

func TestSmallest(t *testing.T) {
	for _, c := range []struct {
		rates map[int]float64
		want  int
	}{
		{map[int]float64{1: 10, 2: 18, 4: 30, 8: 31}, 4}, {map[int]float64{1: 10, 2: 10.2, 4: 10.4, 8: 9}, 1}, {map[int]float64{1: 10}, 1}, {nil, 1},
		{map[int]float64{1: 1, 2: 2, 4: 4, 8: 8}, 8},
	} {
		if got := smallest(c.rates); got != c.want {
			t.Errorf("%v: %d, want %d", c.rates, got, c.want)
		}
	}
}
