// Package glip records GLIP's detector (Li et al. 2021, Grounded Language-Image
// Pre-training; microsoft/GLIP) as graphs, and turns what their executors return into
// boxes. It knows no device and no weights.
//
// The detector is three graphs that hand values on, so that what does not change is not
// computed again:
//
//	vision     image [B, 3, H, W] -> P3..P7 [B, h, w, C]                   Swin and the feature pyramid
//	language   ids, mask [B, T] -> hidden [B, T, D]                        BERT
//	grounding  P3..P7, hidden, mask, owned [B, L, T] -> candidates         tower, head, scores, selection
//
// A fourth, [RecordAlignment], ends the grounding at the logits of tokens ([Responses]).
//
// A second picture with the same caption needs no language, a second caption on the
// same picture no vision. [Record] is the three of them in one. B pictures are padded to
// one size, B captions to one length ([RoundTokens], [Masked]) and number of labels
// ([RoundLabels]), and each pair is computed as if it were alone. Behind their results the
// graphs have outputs that are finite only if what stays inside is ([Health]).
//
//	cfg, err := glip.Preset("glip-t")
//	g, err := glip.RecordGrounding(cfg, glip.Grounding{Height: 800, Width: 1344, Tokens: 32, Labels: 4})
//	boxes := glip.Detections(cfg, rows, glip.Frame{...}, glip.Limits{})
//
// Names of parameters, and with them the paths of the graphs, are those of the official
// checkpoints, but for the backbone, which has the names and the merge order of package
// swin below "backbone.body". [Bind] reads both official files and MMDetection's.
//
// The package imports graph, bind and swin only.
package glip
