package kernels

import (
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// No device says how many registers an invocation has. What follows tells it from what devices do say, and was chosen by what compilers make of
// the shaders (docs/shaderstats.md); RATIONALE.md has the reasons, and what they cost.

const (
	fewKeys   = 4
	someKeys  = 6
	shortRow  = 8 // keys, that are taken at once everywhere
	wideLanes = 128

	fewSums  = 4 * 8
	someSums = 4 * 12
	manySums = 8 * 8
)

// keysOf is how many keys of a row of 12 an invocation has registers for, 0 for all.
func keysOf(info engine.Info) int {
	c := info.Caps
	switch {
	case c.SubgroupSize >= wideLanes:
		if manyWide(info) {
			return 0
		}
		return someKeys
	case choosesWidth(c):
		return someKeys
	case c.SubgroupSize <= narrowSubgroup || oldRADV(info):
		return fewKeys
	}
	return 0
}

// oldRADV reports Mesa 22 on AMD's GCN (its other chips choose between two widths), whose compiler leaves room for one subgroup less beside a whole row.
func oldRADV(info engine.Info) bool {
	year := mesaYear(info.DriverVersion)
	return strings.Contains(info.Driver, "radv") && year > 0 && year <= 22 && info.Caps.SubgroupSize == 64 && info.Caps.SubgroupMin == 64
}

// choosesWidth reports whether the compiler chooses between narrow and wide subgroups, which share the same registers (Intel).
func choosesWidth(c engine.Caps) bool {
	return c.SubgroupMin > 0 && c.SubgroupMin <= narrowSubgroup && c.SubgroupMin < c.SubgroupSize
}

// manyWide tells those with wide subgroups (Adreno) that have more registers: the first of them, without 16-bit values in storage buffers, and those
// new enough for Vulkan 1.4. Those between have two thirds.
func manyWide(info engine.Info) bool { return !info.Caps.Storage16 || atLeast(info.APIVersion, 1, 4) }

// sumsOf is how many sums of a product an invocation has registers for, while enough others run beside it, and how many of a plain one, that keeps
// nothing else; 0 for fewSums.
func sumsOf(info engine.Info) (sums, plain int) {
	c := info.Caps
	switch {
	case choosesWidth(c):
		return someSums, manySums
	case c.SubgroupSize >= wideLanes, c.SubgroupSize == 64 && c.SubgroupMin == 32, c.SubgroupSize == 32 && info.Kind == "discrete": // Adreno, RDNA, Nvidia
		return manySums, manySums
	case c.SubgroupSize == 32 && c.MaxInvocations >= 1024: // Apple
		return someSums, someSums
	}
	return 0, 0
}

// sums is how many an invocation has registers for in this product.
func (s Style) sums(p shape) int {
	most := s.Sums
	switch {
	case p.mode == merged: // it keeps where four rows lie
		most = min(most, someSums)
	case !p.norm && (p.mode == identity || p.mode == reverse):
		most = s.PlainSums
	}
	return max(most, fewSums)
}

// bears reports whether a product leaves registers for a tile, as far as that is known.
func (s Style) bears(p shape, t Tile) bool { return s.Sums == 0 || t.sums() <= s.sums(p) }

// atLeast compares a version of Vulkan, as "1.3.230".
func atLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, _ := strconv.Atoi(first) // 0 where the device does not say: not new
	b, _ := strconv.Atoi(second)
	return a > major || a == major && b >= minor
}
