package engine

import (
	"strings"
	"testing"
)

func TestKnownBad(t *testing.T) {
	const bookworm, unstable = "Mesa 22.3.6 (LLVM 15.0.6)", "Mesa 26.2.6-1 (LLVM 22.1.8)" // as they were read
	for _, c := range []struct {
		name, arch, driver, version string
		bad                         bool
	}{
		{"Debian 12 on arm64", "arm64", "llvmpipe", bookworm, true},
		{"Debian 12 on amd64", "amd64", "llvmpipe", bookworm, false},
		{"unstable on arm64", "arm64", "llvmpipe", unstable, false},
		{"another LLVM", "arm64", "llvmpipe", "Mesa 22.3.6 (LLVM 16.0.6)", false},
		{"another Mesa", "arm64", "llvmpipe", "Mesa 22.30.1 (LLVM 15.0.6)", false},
		{"another driver of that Mesa", "arm64", "radv", "Mesa 22.3.6", false},
		{"a driver that says nothing", "arm64", "", "0x1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			why := knownBad(c.arch, Info{Driver: c.driver, DriverVersion: c.version})
			if (why != "") != c.bad {
				t.Fatalf("%q, want it known as bad: %v", why, c.bad)
			}
			if c.bad && !(strings.Contains(why, c.driver+" "+c.version) && strings.Contains(why, "ends the process") && strings.Contains(why, "or the CPU")) {
				t.Errorf("%q does not name the driver, its fault and a remedy", why)
			}
		})
	}
}

// TestBadDrivers requires each row to say everything, and to be passed over by every way of choosing.
func TestBadDrivers(t *testing.T) {
	for i, b := range badDrivers {
		if b.arch == "" || b.driver == "" || b.version == nil || b.does == "" || b.remedy == "" {
			t.Errorf("row %d leaves something out: %+v", i, b)
		}
	}
	bad := Info{Name: "llvmpipe (old)", Kind: "cpu", Driver: "llvmpipe", DriverVersion: "Mesa 22.3.6 (LLVM 15.0.6)"}
	bad.Unusable = knownBad("arm64", bad)
	infos := []Info{bad, {Index: 1, Name: "llvmpipe (new)", Kind: "cpu"}}
	for _, want := range []string{"auto", "llvmpipe", "1"} {
		if i, err := choose(infos, want); i != 1 || err != nil {
			t.Errorf("%s takes device %d (%v), want 1", want, i, err)
		}
	}
	for _, want := range []string{"auto", "llvmpipe", "0"} {
		if i, err := choose(infos[:1], want); err == nil || !strings.Contains(err.Error(), "or the CPU") {
			t.Errorf("%s of a broken driver alone takes device %d (%v), want a sentence with a remedy", want, i, err)
		}
	}
}
