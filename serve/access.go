package serve

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/serve/guard"
)

// methods are those by which requests are counted; others are "_OTHER", as OpenTelemetry has it.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodPut}

func methodOf(r *http.Request) string {
	if slices.Contains(methods, r.Method) {
		return r.Method
	}
	return "_OTHER"
}

// routeOf is the pattern of a route, never a path: who asks for paths by the thousand makes no series.
func routeOf(v *guard.Visit) string {
	if v.Route == "" {
		return "none"
	}
	_, path, _ := strings.Cut(v.Route, " ")
	return path
}

func status(v *guard.Visit) string { return strconv.Itoa(v.Status) }

// access writes a request's line. Nothing of a body is in it.
func (s *Server) access(r *http.Request, v *guard.Visit) {
	level := slog.LevelInfo
	if quiet(v) {
		level = slog.LevelDebug
	}
	ctx := context.WithoutCancel(r.Context())
	if !s.log.Enabled(ctx, level) {
		return
	}
	list := []slog.Attr{
		slog.String("id", v.ID), slog.String("method", methodOf(r)), slog.String("route", routeOf(v)), slog.Int("status", v.Status),
		slog.Int64("bytes_in", v.In), slog.Int64("bytes_out", v.Out), slog.Float64("duration", v.Duration.Seconds()),
	}
	if l := lineOf(r.Context()); l != nil && l.asked {
		t := l.timing
		list = append(list,
			slog.Float64("queue", t.Queue.Seconds()), slog.Float64("compute", (t.Picture+t.Caption+t.Grounding).Seconds()),
			slog.Int("pictures", l.pictures), slog.Int("detections", l.detections), slog.String("known", strings.Join(t.Known, " ")),
			slog.String("model", s.options.Name))
	}
	list = append(list, slog.String("client", v.Client), slog.String("ua", guard.Quote(r.UserAgent())))
	if id := trace(r.Header.Get("Traceparent")); id != "" {
		list = append(list, slog.String("trace_id", id))
	}
	if v.Code != "" {
		list = append(list, slog.String("code", string(v.Code)))
	}
	if v.Err != nil {
		list = append(list, slog.String("err", guard.Quote(v.Err.Error())))
	}
	s.log.LogAttrs(ctx, level, "request", list...)
}

// trace is the trace's ID of a traceparent (W3C Trace Context, level 1); "" if it is none.
func trace(header string) string {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || len(parts[1]) != 32 || len(parts[2]) != 16 || len(parts[3]) != 2 || parts[0] == "ff" {
		return ""
	}
	if _, err := hex.DecodeString(parts[1]); err != nil || parts[1] != strings.ToLower(parts[1]) || strings.Count(parts[1], "0") == 32 {
		return ""
	}
	return parts[1]
}
