package difftest_test

import (
	"os"
	"slices"
	"testing"
)

// goldenSetting names the variable that asks for the full-size cases, which take twenty minutes: "full" for all of
// them, "sample" for those of sampled.
const goldenSetting = "GLIPVK_GOLDEN"

// sampled are the full-size cases that continuous integration runs: the smallest backbone and detector of GLIP-T, and
// those of GLIP-L.
var sampled = []string{"glip-t-224", "glip-l-384", "t.phrases", "l.caption"}

func full() bool { return os.Getenv(goldenSetting) == "full" }

// skipFullSize skips a full-size case that is not asked for, as it takes seconds to minutes; inSample says whether a
// sample has this program of it.
func skipFullSize(t *testing.T, id string, inSample bool) {
	t.Helper()
	switch asked := os.Getenv(goldenSetting); asked {
	case "full":
	case "sample":
		if !inSample || !slices.Contains(sampled, id) {
			t.Skipf("full-size case that is not of the sample: set %s=full to run it", goldenSetting)
		}
	case "":
		t.Skipf("full-size case: set %s=full to run it", goldenSetting)
	default:
		t.Fatalf("%s is %q: it can be full or sample", goldenSetting, asked)
	}
}
