package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// kindRank orders devices for "auto", best first.
func kindRank(kind string) int {
	kinds := []string{"discrete", "integrated", "virtual", "cpu"}
	if i := slices.Index(kinds, kind); i >= 0 {
		return i
	}
	return len(kinds)
}

// Ranked returns the usable ones of the devices, those of the best kind (see [Options].Device) first, equals as they were.
func Ranked(infos []Info) (list []Info) {
	for _, i := range ranked(infos) {
		list = append(list, infos[i])
	}
	return list
}

// ranked are the places of [Ranked]'s devices in infos.
func ranked(infos []Info) (at []int) {
	for i, info := range infos {
		if info.Unusable == "" {
			at = append(at, i)
		}
	}
	slices.SortStableFunc(at, func(i, k int) int { return cmp.Compare(kindRank(infos[i].Kind), kindRank(infos[k].Kind)) })
	return at
}

// best returns the index in infos of the usable device of the best kind, the
// first among equals, -1 when there is none.
func best(infos []Info) int {
	if at := ranked(infos); len(at) > 0 {
		return at[0]
	}
	return -1
}

// choose finds the device that want (see [Options].Device) names.
func choose(infos []Info, want string) (int, error) {
	want = strings.TrimSpace(want)
	if want == "" || strings.EqualFold(want, "auto") {
		if i := best(infos); i >= 0 {
			return i, nil
		}
		return -1, fmt.Errorf("engine: none of the %d Vulkan devices can be used%s: %w", len(infos), listing(infos), ErrNoDevice)
	}
	if n, err := strconv.Atoi(want); err == nil {
		if n < 0 || n >= len(infos) {
			return -1, fmt.Errorf("engine: there is no Vulkan device %d%s: %w", n, listing(infos), ErrNoDevice)
		}
		return usable(infos, n)
	}
	var matches []Info
	var at []int
	for i, info := range infos {
		if strings.Contains(strings.ToLower(info.Name), strings.ToLower(want)) {
			matches = append(matches, info)
			at = append(at, i)
		}
	}
	if len(matches) == 0 {
		return -1, fmt.Errorf("engine: no Vulkan device has %q in its name%s: %w", want, listing(infos), ErrNoDevice)
	}
	if i := best(matches); i >= 0 {
		return at[i], nil
	}
	return usable(infos, at[0])
}

func usable(infos []Info, i int) (int, error) {
	if infos[i].Unusable != "" {
		return -1, fmt.Errorf("engine: device %d (%s) cannot be used: %s: %w", i, infos[i].Name, infos[i].Unusable, ErrNoDevice)
	}
	return i, nil
}

// listing names the devices there are, for the end of an error.
func listing(infos []Info) string {
	if len(infos) == 0 {
		return " (there are none; a driver is missing)"
	}
	var b strings.Builder
	b.WriteString(" (there are")
	for i, info := range infos {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %d: %s", i, info.Name)
		if info.Unusable != "" {
			fmt.Fprintf(&b, " [%s]", info.Unusable)
		}
	}
	return b.String() + ")"
}
