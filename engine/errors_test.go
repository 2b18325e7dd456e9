package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestResultError(t *testing.T) {
	for _, c := range []struct {
		result int32
		name   string
		kind   error
	}{
		{-1, "VK_ERROR_OUT_OF_HOST_MEMORY", ErrOutOfMemory},
		{-2, "VK_ERROR_OUT_OF_DEVICE_MEMORY", ErrOutOfMemory},
		{-4, "VK_ERROR_DEVICE_LOST", ErrDeviceLost},
		{-5, "VK_ERROR_MEMORY_MAP_FAILED", ErrOutOfMemory},
		{-7, "VK_ERROR_EXTENSION_NOT_PRESENT", ErrUnsupported},
		{-9, "VK_ERROR_INCOMPATIBLE_DRIVER", ErrNoDevice},
		{-1000069000, "VK_ERROR_OUT_OF_POOL_MEMORY", ErrOutOfMemory},
		{-13, "VK_ERROR_UNKNOWN", nil},
		{-77, "VkResult -77", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := fmt.Errorf("around: %w", resultError("vkDoIt", "stage1.block0", c.result))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v holds no *Error", err)
			}
			if e.Result != c.name || e.Call != "vkDoIt" || e.Label != "stage1.block0" {
				t.Errorf("got %+v", e)
			}
			for _, kind := range []error{ErrNoDevice, ErrDeviceLost, ErrOutOfMemory, ErrUnsupported, ErrValidation, ErrClosed} {
				if got, want := errors.Is(err, kind), kind == c.kind; got != want {
					t.Errorf("errors.Is(%v) is %t, want %t", kind, got, want)
				}
			}
			for _, part := range []string{"vkDoIt", "stage1.block0", c.name, "another device"} { // the call, and what helps
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
	if err := resultError("vkDoIt", "", resultSuccess); err != nil {
		t.Errorf("success gives %v", err)
	}
}

func TestTicksToDuration(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to uint64
		bits     int
		period   float64
		want     time.Duration
	}{
		{"nanoseconds", 100, 350, 64, 1, 250},
		{"slower clock", 100, 200, 64, 52.08, 5208},
		{"wrapped at 36 bits", 1<<36 - 10, 5, 36, 1, 15},
		{"garbage above the valid bits", 0xf<<40 | 10, 30, 36, 1, 20},
		{"wrapped at 64 bits", 1<<64 - 1, 1, 64, 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ticksToDuration(c.from, c.to, c.bits, c.period); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
