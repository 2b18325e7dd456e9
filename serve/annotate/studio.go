package annotate

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/glipvk/glipvk/serve/api"
	"golang.org/x/sync/errgroup"
)

const (
	studioAtOnce   = 4                // tasks that are asked for at a time
	studioPatience = 95 * time.Second // Label Studio waits 100 s
)

// What is answered to a prediction.
type (
	studioAnswer struct {
		Results []studioPrediction `json:"results"`
	}
	studioPrediction struct {
		Model  string         `json:"model_version"`
		Score  float64        `json:"score"` // the mean of the regions'
		Result []studioRegion `json:"result"`
	}
	studioRegion struct {
		ID       string      `json:"id"`
		From     string      `json:"from_name"`
		To       string      `json:"to_name"`
		Type     string      `json:"type"`
		Width    int         `json:"original_width"`
		Height   int         `json:"original_height"`
		Rotation int         `json:"image_rotation"`
		Score    float64     `json:"score"`
		Value    studioValue `json:"value"`
	}
	studioValue struct {
		X        float64  `json:"x"` // per cent of the picture's width or height, as are the next three
		Y        float64  `json:"y"`
		Width    float64  `json:"width"`
		Height   float64  `json:"height"`
		Rotation int      `json:"rotation"`
		Labels   []string `json:"rectanglelabels"`
	}
)

// studioSetup answers with the version of predictions. What is sent (addresses, a token) is not even read: any caller could send it.
func (s *server) studioSetup(*http.Request) (any, error) {
	return map[string]string{"model_version": s.Info().Weights}, nil
}

// studioWebhook takes note of an annotation; nothing is trained.
func studioWebhook(w http.ResponseWriter, r *http.Request) {
	if err := api.WriteJSON(w, http.StatusCreated, map[string]string{"status": "ok"}); err != nil {
		api.Fail(r.Context(), err).Write(w)
	}
}

func (s *server) studioPredict(r *http.Request) (any, error) {
	l := s.Info().Limits.Or()
	body, err := api.Body(r, l.Body)
	if err != nil {
		return nil, err
	}
	asked, err := readStudio(body, l)
	if err != nil {
		return nil, err
	}
	return s.predict(r.Context(), asked)
}

// predict answers task by task. What cannot be answered for one is an empty result; what concerns the server is an error.
func (s *server) predict(ctx context.Context, asked studioRequest) (studioAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, studioPatience)
	defer cancel()
	answer := studioAnswer{make([]studioPrediction, len(asked.tasks))}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(studioAtOnce)
	for i, task := range asked.tasks {
		group.Go(func() (err error) {
			defer func() {
				if p := recover(); p != nil { // beyond the reach of the handler's caller
					err = fmt.Errorf("annotate: a panic: %v\n%s", p, debug.Stack())
				}
			}()
			if err := ctx.Err(); err != nil {
				return err
			}
			made, err := s.task(ctx, asked, task)
			if err != nil {
				reason := api.Refused(err, api.CallOf(ctx).ID)
				if !ofTask(reason.Code) {
					return err
				}
				if s.Unread != nil {
					s.Unread(ctx, task.id, reason)
				}
				made = []studioRegion{}
			}
			answer.Results[i] = studioPrediction{s.Info().Weights, mean(made), made}
			return nil
		})
	}
	return answer, group.Wait()
}

// ofTask says whether a refusal is of one task, and not of the server's state.
func ofTask(c api.Code) bool {
	return slices.Contains([]api.Code{
		api.BadRequest, api.BadPicture, api.BadQuery, api.BadType, api.NotFetched, api.NotFound, api.NoImage, api.Slow, api.TooLarge,
	}, c)
}

// mean is the mean score of regions; 0 of none.
func mean(regions []studioRegion) float64 {
	sum := 0.0
	for _, r := range regions {
		sum += r.Score
	}
	return sum / float64(max(len(regions), 1))
}

// task answers one.
func (s *server) task(ctx context.Context, asked studioRequest, t studioTask) ([]studioRegion, error) {
	q, err := asked.question()
	if err != nil {
		return nil, err
	}
	data, err := s.studioPicture(ctx, t, asked.config.key)
	if err != nil {
		return nil, err
	}
	q.Pictures = []api.Picture{{Data: data}}
	a, err := s.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return studioRegions(a.Pictures[0], &asked.config, t.id), nil
}

// studioPicture is the picture of a task.
func (s *server) studioPicture(ctx context.Context, t studioTask, key string) (data []byte, err error) {
	if t.data == nil {
		return nil, api.Refuse(api.BadRequest, "the task has no data")
	}
	found := false
	j := api.ReadJSON(t.data, studioDepth)
	err = j.Object(func(name string) error {
		if name != key || found {
			return nil
		}
		if found = true; !j.Is('"') {
			return api.Refuse(api.BadRequest, "the task's %q is no string", api.Cut(key))
		}
		raw, err := j.Raw()
		if err != nil {
			return err
		}
		if bytes.HasPrefix(raw, []byte(`"data:`)) {
			if data, err = api.QuotedBase64(raw); err != nil {
				return api.Refuse(api.BadPicture, "%v", err)
			}
			return nil
		}
		address, err := api.ReadJSON(raw, 1).Text(4096)
		if err == nil {
			data, err = s.fetch(ctx, address)
		}
		return err
	})
	if err == nil && !found {
		err = api.Refuse(api.BadRequest, "the task's data have no %q, by which the configuration shows its picture", api.Cut(key))
	}
	return data, err
}

// studioRegions are what was found, as regions of the configuration's control.
func studioRegions(f api.Found, c *studioConfig, task string) []studioRegion {
	list := []studioRegion{}
	for i, d := range f.Detections {
		r := studioRegion{
			ID: id(task, " ", i, " ", d.Box, d.Phrase), From: c.from, To: c.to, Type: "rectanglelabels",
			Width: f.Width, Height: f.Height, Score: d.Score,
		}
		r.Value.Labels = []string{c.label(d.Phrase)}
		r.Value.X, r.Value.Width = perCent(d.Box[0], d.Box[2], f.Width)
		r.Value.Y, r.Value.Height = perCent(d.Box[1], d.Box[3], f.Height)
		list = append(list, r)
	}
	return list
}

// perCent is where a side begins and how long it is, in per cent of all, which it does not leave.
func perCent(low, high float64, size int) (begin, length float64) {
	scale := 100 / float64(max(size, 1))
	begin = min(max(low*scale, 0), 100)
	return begin, min(max(high*scale-begin, 0), 100-begin)
}
