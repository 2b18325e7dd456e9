package oip

import (
	"context"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// What a server says of itself and its model: in JSON by REST, and of the same values by gRPC.
type (
	serverMetadata struct {
		Name       string   `json:"name"`
		Version    string   `json:"version"`
		Extensions []string `json:"extensions"`
	}
	modelMetadata struct {
		Name     string   `json:"name"`
		Versions []string `json:"versions"`
		Platform string   `json:"platform"`
		Inputs   []Port   `json:"inputs"`
		Outputs  []Port   `json:"outputs"`
	}
	modelConfig struct {
		Name     string         `json:"name"`
		Platform string         `json:"platform"`
		Backend  string         `json:"backend"`
		MaxBatch int            `json:"max_batch_size"` // 0: tensors have no dimension of a batch
		Input    []configInput  `json:"input"`
		Output   []configOutput `json:"output"`
		Batching configBatching `json:"dynamic_batching"`
	}
	configInput struct {
		configOutput
		Optional bool `json:"optional"`
	}
	configOutput struct {
		Name string  `json:"name"`
		Type string  `json:"data_type"`
		Dims []int64 `json:"dims"`
	}
	configBatching struct {
		Delay    uint64 `json:"max_queue_delay_microseconds"`
		Levels   uint64 `json:"priority_levels"`
		Priority uint64 `json:"default_priority_level"`
	}
	modelIndex struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		State   string `json:"state"`
		Reason  string `json:"reason"`
	}
)

// Statistics are what was done since the server began.
type Statistics struct {
	Last                   time.Time // of the last inference; the zero time before one
	Inferences, Executions uint64    // pictures, and batches of them that were computed

	Success, Fail, Queue, Input, Infer, Output Spent // of requests
	Hit, Miss                                  Spent // of requests whose answer was remembered, and of the others

	Batches []Batch
}

// Spent is how often something was done, and how long it took in all.
type Spent struct {
	Count uint64
	Total time.Duration
}

// Batch is what was spent on batches of one size.
type Batch struct {
	Size                 uint64
	Input, Infer, Output Spent
}

// Statistics in JSON.
type (
	modelStatistics struct {
		Name       string            `json:"name"`
		Version    string            `json:"version"`
		Last       uint64            `json:"last_inference"` // milliseconds since 1970
		Inferences uint64            `json:"inference_count"`
		Executions uint64            `json:"execution_count"`
		Infer      inferStatistics   `json:"inference_stats"`
		Batches    []batchStatistics `json:"batch_stats"`
	}
	inferStatistics struct {
		Success duration `json:"success"`
		Fail    duration `json:"fail"`
		Queue   duration `json:"queue"`
		Input   duration `json:"compute_input"`
		Infer   duration `json:"compute_infer"`
		Output  duration `json:"compute_output"`
		Hit     duration `json:"cache_hit"`
		Miss    duration `json:"cache_miss"`
	}
	batchStatistics struct {
		Size   uint64   `json:"batch_size"`
		Input  duration `json:"compute_input"`
		Infer  duration `json:"compute_infer"`
		Output duration `json:"compute_output"`
	}
	duration struct {
		Count uint64 `json:"count"`
		Nanos uint64 `json:"ns"`
	}
)

func (s Spent) duration() duration { return duration{s.Count, uint64(max(s.Total, 0))} }

// Options are what the server says beside its answers. The zero value is of one that is ready.
type Options struct {
	Ready      func() error      // a refusal while no question is answered; nil is ready
	Live       func() error      // a refusal once the process should be started anew; nil is live
	Statistics func() Statistics // nil has none to show
	Delay      time.Duration     // for which a batch waits to be filled
	Draining   <-chan struct{}   // closed when the server ends: streams that would go on are ended
}

// model knows what there is to say of the server.
type model struct {
	api.Answerer
	Options
}

func (m model) server() serverMetadata {
	return serverMetadata{"glipvk", m.Info().Server, []string{
		"binary_tensor_data", "parameters", "statistics", "model_configuration", "schedule_policy", "model_repository_index",
	}}
}

// named refuses a model or a version that is not the server's.
func (m model) named(name, version string) error {
	info := m.Info()
	if name != info.Model {
		return api.Refuse(api.NoModel, "there is no model %q, there is %s", api.Cut(name), info.Model)
	}
	if version != "" && version != info.Version {
		return api.Refuse(api.NoModel, "model %s has no version %q, it has %s", info.Model, api.Cut(version), info.Version)
	}
	return nil
}

func (m model) ready() error {
	if m.Ready == nil {
		return nil
	}
	return m.Ready()
}

func (m model) live() error {
	if m.Live == nil {
		return nil
	}
	return m.Live()
}

func (m model) metadata() modelMetadata {
	info := m.Info()
	return modelMetadata{info.Model, []string{info.Version}, info.Platform, Inputs(), Outputs()}
}

func (m model) config() modelConfig {
	info := m.Info()
	c := modelConfig{Name: info.Model, Platform: info.Platform, Backend: "glipvk"}
	of := func(p Port) configOutput {
		return configOutput{p.Name, map[string]string{"BYTES": "TYPE_STRING", "INT32": "TYPE_INT32", "FP32": "TYPE_FP32"}[p.Datatype], p.Shape}
	}
	for _, p := range Inputs() {
		c.Input = append(c.Input, configInput{of(p), p.optional})
	}
	for _, p := range Outputs() {
		c.Output = append(c.Output, of(p))
	}
	c.Batching = configBatching{uint64(max(m.Delay.Microseconds(), 0)), 2, 1}
	return c
}

func (m model) statistics() modelStatistics {
	var s Statistics
	if m.Statistics != nil {
		s = m.Statistics()
	}
	info := m.Info()
	made := modelStatistics{Name: info.Model, Version: info.Version, Inferences: s.Inferences, Executions: s.Executions, Batches: []batchStatistics{}}
	if !s.Last.IsZero() {
		made.Last = uint64(max(s.Last.UnixMilli(), 0))
	}
	made.Infer = inferStatistics{
		s.Success.duration(), s.Fail.duration(), s.Queue.duration(), s.Input.duration(), s.Infer.duration(), s.Output.duration(),
		s.Hit.duration(), s.Miss.duration(),
	}
	for _, b := range s.Batches {
		made.Batches = append(made.Batches, batchStatistics{b.Size, b.Input.duration(), b.Infer.duration(), b.Output.duration()})
	}
	return made
}

// index is the list of models, of which there is one.
func (m model) index() []modelIndex {
	info := m.Info()
	if err := m.ready(); err != nil {
		return []modelIndex{{info.Model, info.Version, "UNAVAILABLE", api.Refused(err, "").Text}}
	}
	return []modelIndex{{info.Model, info.Version, "READY", ""}}
}

// ask has a request answered.
func (m model) ask(ctx context.Context, asked *request) (map[string]*result, error) {
	q, err := asked.question()
	if err != nil {
		return nil, err
	}
	a, err := m.Answer(ctx, q)
	if err != nil {
		return nil, err
	}
	return results(a, len(q.Pictures))
}
