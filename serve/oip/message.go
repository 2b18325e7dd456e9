package oip

import (
	"slices"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/oip/schema"
)

// readMessage is the request in a message, whose bytes become the request's.
func readMessage(in *schema.ModelInferRequest, l api.Limits) (*request, error) {
	l = l.Or()
	r := &request{limits: l}
	r.asked.ID = in.Id
	for name, p := range in.Parameters {
		if err := r.set(name, parameter(p)); err != nil {
			return nil, err
		}
	}
	if raw := len(in.RawInputContents); raw > 0 && raw != len(in.Inputs) {
		return nil, api.Refuse(api.BadTensor, "%d raw_input_contents for %d inputs: want one for each, or contents in each", raw, len(in.Inputs))
	}
	for i, given := range in.Inputs {
		t := &tensor{name: given.GetName(), datatype: given.GetDatatype(), shape: given.GetShape()}
		count, err := t.check(l)
		if err != nil {
			return nil, err
		}
		for name := range given.Parameters {
			if !ignored(name) {
				return nil, api.Refuse(api.BadRequest, "parameter %q of an input is not known", api.Cut(name))
			}
		}
		switch {
		case len(in.RawInputContents) == 0:
			err = t.typed(given.Contents, count)
		case given.Contents != nil:
			err = t.bad("there are contents beside raw_input_contents")
		default:
			err = t.raw(in.RawInputContents[i], count)
		}
		if err == nil {
			err = r.input(t)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, o := range in.Outputs {
		for name, p := range o.GetParameters() {
			if name != "binary_data" { // all outputs are of one form
				return nil, api.Refuse(api.BadRequest, "parameter %q of an output is not known", api.Cut(name))
			}
			if _, err := truth(name, parameter(p)); err != nil {
				return nil, err
			}
		}
		if err := r.want(output{name: o.GetName()}); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// parameter is the value of a parameter; nil for none.
func parameter(p *schema.InferParameter) any {
	switch v := p.GetParameterChoice().(type) {
	case *schema.InferParameter_BoolParam:
		return v.BoolParam
	case *schema.InferParameter_Int64Param:
		return v.Int64Param
	case *schema.InferParameter_StringParam:
		return v.StringParam
	case *schema.InferParameter_DoubleParam:
		return v.DoubleParam
	case *schema.InferParameter_Uint64Param:
		return v.Uint64Param
	}
	return nil
}

// typed takes elements from the list of their type.
func (t *tensor) typed(c *schema.InferTensorContents, count int) error {
	lists := map[string]int{
		"BYTES": len(c.GetBytesContents()), "INT32": len(c.GetIntContents()), "INT64": len(c.GetInt64Contents()),
		"BOOL": len(c.GetBoolContents()), "UINT32": len(c.GetUintContents()), "UINT64": len(c.GetUint64Contents()),
		"FP32": len(c.GetFp32Contents()), "FP64": len(c.GetFp64Contents()),
	}
	for datatype, n := range lists {
		if n > 0 && datatype != t.datatype {
			return t.bad("the contents are %s, but the datatype is %s", datatype, t.datatype)
		}
	}
	if lists[t.datatype] != count {
		return t.bad("%d elements of contents, want %d for shape %v", lists[t.datatype], count, t.shape)
	}
	t.elements = c.GetBytesContents()
	t.numbers = slices.Clone(c.GetInt64Contents())
	for _, v := range c.GetIntContents() {
		t.numbers = append(t.numbers, int64(v))
	}
	return nil
}

func (d duration) message() *schema.StatisticDuration {
	return &schema.StatisticDuration{Count: d.Count, Ns: d.Nanos}
}

func (s modelStatistics) message() *schema.ModelStatistics {
	made := &schema.ModelStatistics{
		Name: s.Name, Version: s.Version, LastInference: s.Last, InferenceCount: s.Inferences, ExecutionCount: s.Executions,
		InferenceStats: &schema.InferStatistics{
			Success: s.Infer.Success.message(), Fail: s.Infer.Fail.message(), Queue: s.Infer.Queue.message(),
			ComputeInput: s.Infer.Input.message(), ComputeInfer: s.Infer.Infer.message(), ComputeOutput: s.Infer.Output.message(),
			CacheHit: s.Infer.Hit.message(), CacheMiss: s.Infer.Miss.message(),
		},
	}
	for _, b := range s.Batches {
		made.BatchStats = append(made.BatchStats, &schema.InferBatchStatistics{
			BatchSize: b.Size, ComputeInput: b.Input.message(), ComputeInfer: b.Infer.message(), ComputeOutput: b.Output.message(),
		})
	}
	return made
}

func (c modelConfig) message() *schema.ModelConfig {
	made := &schema.ModelConfig{
		Name: c.Name, Platform: c.Platform, Backend: c.Backend, MaxBatchSize: int32(c.MaxBatch),
		DynamicBatching: &schema.ModelDynamicBatching{
			MaxQueueDelayMicroseconds: c.Batching.Delay, PriorityLevels: c.Batching.Levels, DefaultPriorityLevel: c.Batching.Priority,
		},
	}
	for _, in := range c.Input {
		made.Input = append(made.Input, &schema.ModelInput{
			Name: in.Name, DataType: schema.DataType(schema.DataType_value[in.Type]), Dims: in.Dims, Optional: in.Optional,
		})
	}
	for _, out := range c.Output {
		made.Output = append(made.Output, &schema.ModelOutput{Name: out.Name, DataType: schema.DataType(schema.DataType_value[out.Type]), Dims: out.Dims})
	}
	return made
}

func (d modelMetadata) message() *schema.ModelMetadataResponse {
	of := func(list []Port) (made []*schema.ModelMetadataResponse_TensorMetadata) {
		for _, p := range list {
			made = append(made, &schema.ModelMetadataResponse_TensorMetadata{Name: p.Name, Datatype: p.Datatype, Shape: p.Shape})
		}
		return made
	}
	return &schema.ModelMetadataResponse{Name: d.Name, Versions: d.Versions, Platform: d.Platform, Inputs: of(d.Inputs), Outputs: of(d.Outputs)}
}
