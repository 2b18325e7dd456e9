package guard

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// DataURL is the bytes of a data: URL (RFC 2397) in base64, and the media type that it says, in lower case and without
// parameters; nobody should believe it. Errors are refusals.
func DataURL(text string, limit int64) (kind string, data []byte, err error) {
	head, rest, ok := strings.Cut(text, ",")
	if !ok || !isData(head) {
		return "", nil, api.Refuse(api.BadRequest, "a data: URL is data:TYPE;base64,DATA")
	}
	kind, parameters, _ := strings.Cut(head[len("data:"):], ";")
	if i := strings.LastIndexByte(parameters, ';'); !strings.EqualFold(parameters[i+1:], "base64") {
		return "", nil, api.Refuse(api.BadRequest, "a data: URL must be in base64, as data:TYPE;base64,DATA")
	}
	if strings.IndexByte(rest, '%') >= 0 { // as "=", "+" and "/" may be written in a URL
		if int64(len(rest))/4 > limit {
			return "", nil, tooLong(limit, "has a data: URL of %d characters", len(rest))
		}
		if rest, err = url.PathUnescape(rest); err != nil {
			return "", nil, api.Refuse(api.BadRequest, "a data: URL has a %% that is no escape")
		}
	}
	data, err = decode64(rest, limit)
	return strings.ToLower(kind), data, err
}

// Base64 is the bytes of base64 (RFC 4648, with or without padding, line breaks passed over), or of a data: URL. Errors
// are refusals.
func Base64(text string, limit int64) ([]byte, error) {
	if isData(text) {
		_, data, err := DataURL(text, limit)
		return data, err
	}
	return decode64(text, limit)
}

func isData(text string) bool {
	return len(text) >= len("data:") && strings.EqualFold(text[:len("data:")], "data:")
}

// decode64 decodes base64 of at most limit bytes.
func decode64(text string, limit int64) ([]byte, error) {
	text = strings.TrimRight(text, "=\r\n") // the padding must not be there, so it says nothing
	if int64(base64.RawStdEncoding.DecodedLen(len(text))) > limit && int64(base64.RawStdEncoding.DecodedLen(len(text)-breaks(text))) > limit {
		return nil, tooLong(limit, "has base64 of %d characters", len(text))
	}
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		refusal := api.Refuse(api.BadRequest, "this is no base64 (A-Z, a-z, 0-9, '+', '/')")
		refusal.Cause = err
		return nil, refusal
	}
	return data, nil
}

// breaks counts the line breaks, which the decoder passes over.
func breaks(text string) int { return strings.Count(text, "\n") + strings.Count(text, "\r") }
