package glipvk

import "cmp"

// Bound are the weights of a model, found and bound to its parameters, on no device: for those who write them elsewhere.
type Bound struct {
	info    Info
	weights *weights
}

// BindBackbone finds a backbone's architecture and weights as [OpenBackbone] does, whose errors it has. The caller closes it.
func BindBackbone(name string, o BackboneOptions) (*Bound, error) {
	o.Weights = o.weightsOf(name)
	if name == "" && o.Arch == nil {
		card, err := o.card()
		if err != nil {
			return nil, err
		}
		if card.Config != nil {
			name, o.Arch = card.name(), &card.Config.Backbone
		}
	}
	info, err := o.backbone(name)
	if err != nil {
		return nil, blame(err)
	}
	w, err := backboneWeights(o, info.Backbone)
	if err != nil {
		return nil, err
	}
	return &Bound{info, w}, nil
}

// BindDetector finds a detector's architecture and weights as [OpenDetector] does, whose errors it has but for those of a
// vocabulary, which it does not look for. The caller closes it.
func BindDetector(name string, o DetectorOptions) (*Bound, error) {
	if err := o.check(); err != nil {
		return nil, blame(err)
	}
	info, _, err := o.architecture(name)
	if err != nil {
		return nil, err
	}
	info.Size = cmp.Or(o.Size, info.Size)
	return bindDetector(name, info, o)
}

// bindDetector binds the weights of a detector that has been found.
func bindDetector(name string, info Info, o DetectorOptions) (*Bound, error) {
	o.Weights = o.weightsOf(name)
	cfg := *info.Detector
	w, err := detectorWeights(o, &cfg)
	if err != nil {
		return nil, err
	}
	info.Detector = &cfg
	return &Bound{info, w}, nil
}

// Info describes the model, with the architecture as options and weights changed it.
func (b *Bound) Info() Info { return b.info }

// Notes are sentences on what a user should know of the weights.
func (b *Bound) Notes() []string { return b.weights.notes }

// Tensor reads a parameter by its path in the recorded graph. The error wraps [ErrInput] where a weight is damaged.
func (b *Bound) Tensor(name string, shape []int) ([]float32, error) {
	data, err := b.weights.Tensor(name, shape)
	if err == nil {
		err = blame(b.weights.Err())
	}
	return data, err
}

// Release gives the memory of a tensor back.
func (b *Bound) Release(data []float32) { b.weights.Release(data) }

// Close gives the file back.
func (b *Bound) Close() error { return b.weights.Close() }
