package serve

import (
	"context"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/text"
)

// most is the largest batch that is tried where nobody says how many.
const most = 8

// batch finds how many pictures are computed together: what --batch says, else 1 on the CPU and on software drivers, which gain
// nothing, and on a GPU the smallest number whose rate is within 5 % of the best. Where the device does not give a picture in company
// the bits that it has alone it is 1 whatever is said: an answer must not depend on who else asks.
func (s *Server) batch(ctx context.Context, d detector, device glipvk.DeviceInfo) (int, error) {
	gpu := device.Vulkan != nil && device.Vulkan.Kind != "cpu"
	if s.options.Batch == 1 || s.options.Batch == 0 && !gpu || len(s.options.Warm) == 0 {
		return 1, nil
	}
	size, err := d.SizeFor(s.options.Warm[0])
	if err != nil {
		return 0, err
	}
	if n := s.options.Batch; n > 1 {
		size.Batch = n
		exact, _, err := d.Batch(ctx, size, warming)
		if err == nil && !exact {
			s.log.Warn("pictures are computed one at a time: on this device a batch changes the last bits", "batch", n)
			n = 1
		}
		return n, err
	}
	rates, err := rates(ctx, d, size, warming)
	return smallest(rates), err
}

// rates are pictures a second, by the size of a batch, as far as batches are exact.
func rates(ctx context.Context, d detector, size glipvk.InputSize, q text.Query) (list map[int]float64, err error) {
	list = map[int]float64{}
	for n := 1; n <= most; n *= 2 {
		size.Batch = n
		exact, took, err := d.Batch(ctx, size, q)
		if err != nil {
			return nil, err
		}
		if !exact {
			break
		}
		list[n] = float64(n) / max(took, time.Microsecond).Seconds()
	}
	return list, nil
}

// smallest is the smallest batch whose rate is within 5 % of the best.
func smallest(rates map[int]float64) int {
	best := 0.0
	for _, r := range rates {
		best = max(best, r)
	}
	for n := 1; n <= most; n *= 2 {
		if r, ok := rates[n]; ok && r >= 0.95*best {
			return n
		}
	}
	return 1
}
