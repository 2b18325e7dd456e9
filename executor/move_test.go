package executor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// lost is a fake on a device that is lost once fails is set.
type lost struct {
	*fake
	fails atomic.Bool
}

func (l *lost) info() DeviceInfo {
	return DeviceInfo{Name: "fake", Precision: F32, Vulkan: &engine.Info{}}
}

// onLost is an executor whose device can be lost, and what it says of moves.
func onLost(t *testing.T, o Options) (*lost, *Executor, *Part[int], *[]string) {
	t.Helper()
	l := &lost{fake: &fake{}}
	l.run = func(context.Context, int) error {
		if l.fails.Load() {
			return fmt.Errorf("run: %w", engine.ErrDeviceLost)
		}
		return nil
	}
	said := &[]string{}
	o.Moved = func(why error, now DeviceInfo) { *said = append(*said, why.Error()+", now "+now.Name) }
	e, p := onFake(t, l.fake, o)
	g, err := same.Record(1)
	if err != nil {
		t.Fatal(err)
	}
	e.graph = g
	e.at.Store(newPlace(l, nil, o.Precision))
	return l, e, p, said
}

// A lost device ends calls, unless the options say that the CPU goes on: then all callers at once get its numbers, one
// sentence is said, and what was on the device is refused.
func TestMovesOffALostDevice(t *testing.T) {
	t.Run("stop", func(t *testing.T) {
		l, e, p, said := onLost(t, Options{})
		l.fails.Store(true)
		if _, _, err := p.Host(t.Context(), 5, of(5, 1)); !errors.Is(err, engine.ErrDeviceLost) || len(*said) != 0 || e.Device().Name != "fake" {
			t.Errorf("%v, said %q, on %s", err, *said, e.Device().Name)
		}
	})
	t.Run("cpu", func(t *testing.T) {
		l, e, p, said := onLost(t, Options{OnDeviceLost: LostCPU})
		if _, _, err := p.Host(t.Context(), 5, of(5, 1)); err != nil {
			t.Fatal(err)
		}
		before := Value{host: make([]float32, 5), of: e.at.Load().values}
		l.fails.Store(true)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				out, _, err := p.Host(t.Context(), 5, of(5, 1))
				if err != nil || len(out) != 1 || !(math.Abs(float64(out[0][0])-0.673011) < 1e-5) { // GELU(GELU(1))
					t.Errorf("%v, %v", out, err)
				}
			})
		}
		all.Wait()
		if len(*said) != 1 || e.Device().Vulkan != nil || !strings.Contains(e.Device().Lost, "run: ") || e.Live() != 0 || !l.closed {
			t.Errorf("said %q, on %+v, closed %v", *said, e.Device(), l.closed)
		}
		if _, _, err := p.Host(t.Context(), 5, before); !errors.Is(err, engine.ErrDeviceLost) {
			t.Errorf("a value of the lost device: %v", err)
		}
		tries := 0
		_, err := Again(t.Context(), e, func() (int, error) {
			tries++
			_, _, err := p.Host(t.Context(), 5, before)
			return 0, err
		})
		if !errors.Is(err, engine.ErrDeviceLost) || tries != 2 {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
	t.Run("the weights cannot be read again", func(t *testing.T) {
		l, e, p, _ := onLost(t, Options{OnDeviceLost: LostCPU})
		b := graph.NewBuilder()
		b.Output(b.In("product").Linear(b.In("input").Input(1, 4), 4, graph.NoBias))
		var err error
		if e.graph, err = b.Build(); err != nil {
			t.Fatal(err)
		}
		l.fails.Store(true)
		if _, _, err := p.Host(t.Context(), 5, of(5, 1)); !errors.Is(err, engine.ErrDeviceLost) || e.Device().Name != "fake" {
			t.Errorf("%v, on %s", err, e.Device().Name)
		}
	})
}

func TestParseOnLost(t *testing.T) {
	for s, want := range map[string]OnLost{"": LostStop, "stop": LostStop, "CPU": LostCPU} {
		if got, err := ParseOnLost(s); got != want || err != nil {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	if _, err := ParseOnLost("later"); !errors.Is(err, ErrInput) {
		t.Errorf("later: %v", err)
	}
}
