package difftest_test

import (
	"os"
	"slices"
	"testing"
)

// goldenSetting names the variable that asks for the full-size cases, which take twenty minutes: "full" for all of
// them, "sample" for those of sampled.
const goldenSetting = "GLIPVK_GOLDEN"

// sampled are the full-size cases that continuous integration runs: the smallest backbone and detector of the tiny
// model, and those of the large one.
var sampled = []string{"glip-t-224", "glip-l-384", "t.phrases", "l.caption"}

func full() bool { return os.Getenv(goldenSetting) == "full" }

// skipFullSize skips a full-size case that is not asked for. A sample is for the oracle and the programs that users get.
func skipFullSize(t *testing.T, id string, usual bool) {
	t.Helper()
	switch asked := os.Getenv(goldenSetting); {
	case asked == "full":
	case asked != "sample":
		t.Skipf("full-size case: set %s=full to run it", goldenSetting)
	case !usual || !slices.Contains(sampled, id):
		t.Skipf("full-size case that is not of the sample: set %s=full to run it", goldenSetting)
	}
}
