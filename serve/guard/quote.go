package guard

import (
	"strconv"

	"github.com/glipvk/glipvk/serve/api"
)

// longest is what of a stranger's text goes into a log or a sentence, in bytes.
const longest = 200

// Quote makes a stranger's text fit for a log: at most 200 bytes of it, in quotes, without line breaks, control
// characters or bytes that are no text. Sentences, labels and IDs are logged so, at debug alone; bodies and tokens never.
func Quote(s string) string { return strconv.Quote(api.CutTo(s, longest)) }
