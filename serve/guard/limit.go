package guard

import "github.com/glipvk/glipvk/serve/api"

// tooLong says how long a body may be.
func tooLong(limit int64, format string, arguments ...any) *api.Refusal {
	return api.Refuse(api.TooLarge, "the body "+format+": at most %d are taken (--max-body)", append(arguments, limit)...)
}
