package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// module says where in GLIP a graph path lies: in a module of the detector and, in the
// tower, in a part that every layer has.
type module struct{ name, part string }

// moduleOf finds the module of a path. Without fusion a tower's layers are DyConvs alone.
func moduleOf(path string, fusion bool) module {
	parts := strings.Split(path, ".")
	for i, p := range parts { // without the counter of repeats
		parts[i], _, _ = strings.Cut(p, "#")
	}
	at := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	switch {
	case at(0) == "backbone" && at(1) == "fpn":
		return module{name: pyramidModule(at(2))}
	case at(0) == "backbone" && at(2) == "stages":
		return module{name: "backbone stage" + number(at(3), 1)}
	case at(0) == "backbone" && strings.HasPrefix(at(2), "norm"): // of the map that a stage puts out
		return module{name: "backbone stage" + number(strings.TrimPrefix(at(2), "norm"), 1)}
	case at(0) == "backbone":
		return module{name: "backbone " + at(2)}
	case at(0) == "language_backbone" && at(3) == "encoder":
		return module{name: "bert layer " + at(5)}
	case at(0) == "language_backbone":
		return module{name: "bert " + at(3)}
	case at(2) == "dyhead_tower":
		return towerModule(at(3), parts[min(4, len(parts)):], fusion)
	case at(2) == "scores" && len(parts) > 3 && strings.HasPrefix(at(3), "p"), at(2) == "candidates":
		return module{name: "selection"}
	}
	return module{name: "head"}
}

func pyramidModule(name string) string {
	switch {
	case strings.HasPrefix(name, "fpn_inner"):
		return "fpn inner"
	case strings.HasPrefix(name, "fpn_layer"):
		return "fpn layers"
	}
	return "fpn P6, P7"
}

// number adds to a number that is written out.
func number(text string, add int) string {
	n, err := strconv.Atoi(text)
	if err != nil {
		return text
	}
	return strconv.Itoa(n + add)
}

// towerModule is the module of what lies below a numbered module of the tower.
func towerModule(index string, rest []string, fusion bool) module {
	n, err := strconv.Atoi(index)
	if err != nil {
		return module{name: "tower"}
	}
	layer, kind := n, 2
	if fusion {
		layer, kind = n/3, n%3
	}
	name := "tower " + strconv.Itoa(layer)
	switch kind {
	case 0:
		return module{name + " VLFuse", "VLFuse " + fusePart(rest)}
	case 1:
		return module{name + " text layer", "text layer " + textPart(rest)}
	}
	return module{name + " DyConv", "DyConv " + convPart(rest)}
}

// fusePart names the steps of BiMultiHeadAttention. The absorbed form has the paths of
// the direct one for its two results: out_v_proj is a context there, context_l a product
// of text.
func fusePart(rest []string) string {
	leaf := rest[len(rest)-1]
	absorbed := slices.Contains(rest, "absorbed")
	switch leaf {
	case "visual", "layer_norm_v", "layer_norm_l":
		return "concatenation, norms"
	case "scores", "scores_l", "clamped", "heads", "joined":
		return "scores"
	case "softmax_v", "softmax_l":
		return leaf
	case "context_v", "out_v_proj":
		return "context of the picture"
	case "context_l":
		if absorbed {
			return "context of the text"
		}
		return "context of the text, out"
	case "v_proj", "values_v_proj":
		return "projections of the picture"
	case "residual_v", "lang", "p3", "p4", "p5", "p6", "p7":
		return "residuals, maps"
	}
	return "projections of the text"
}

// textPart names the steps of BertEncoderLayer.
func textPart(rest []string) string {
	if rest[0] == "attention" {
		return "attention"
	}
	return "MLP"
}

// convPart names the steps of DyConv: dcn mid, down and up are the deformable
// convolutions of a level's own map, of the finer and of the coarser one.
func convPart(rest []string) string {
	switch rest[0] {
	case "offset":
		return "offset conv"
	case "DyConv":
		if len(rest) < 3 {
			return "dcn"
		}
		switch rest[2] {
		case "conv":
			return "dcn " + map[string]string{"0": "up", "1": "mid", "2": "down"}[rest[1]]
		case "bn":
			return "norm"
		}
		return "resize"
	case "AttnConv", "h_sigmoid", "mean":
		return "gates, mean"
	}
	return "DyReLU" // relu.*, and p3 to p7, its result
}

// moduleRow is a row of the table: times of a module with nothing known, with the caption
// known, with the picture known.
type moduleRow struct {
	Name  string                        `json:"name"`
	Times [detectorCases]*time.Duration `json:"ns"` // nil where the module took no part
	FLOPs int64                         `json:"flops"`
	Bytes int64                         `json:"bytes"`
}

// add counts an operation in.
func (m *moduleRow) add(which int, o operation) {
	if m.Times[which] == nil {
		m.Times[which] = new(time.Duration)
	}
	*m.Times[which] += o.Duration
	if which == 0 {
		m.FLOPs, m.Bytes = m.FLOPs+o.FLOPs, m.Bytes+o.Bytes
	}
}

// moduleRows adds up the operations of each case by a name; "" leaves one out. Rows are
// in the order of execution, as far as the first case goes.
func moduleRows(ops [detectorCases][]operation, name func(path string) string) []moduleRow {
	var rows []moduleRow
	at := map[string]int{}
	for which := range ops {
		for _, o := range ops[which] {
			n := name(o.Path)
			if n == "" {
				continue
			}
			i, known := at[n]
			if !known {
				i = len(rows)
				at[n] = i
				rows = append(rows, moduleRow{Name: n})
			}
			rows[i].add(which, o)
		}
	}
	return rows
}

// printModules writes the two tables: by module, and by part over all layers of the tower.
func (r *report) printModules(w io.Writer) error {
	if len(r.Modules) == 0 {
		return nil
	}
	total := r.Modules[len(r.Modules)-1]
	fmt.Fprintln(w, "device time by module; - takes no part; GFLOP/s, peak and GB/s are those with nothing known")
	for i, rows := range [][]moduleRow{r.Modules, r.Parts} {
		title := "module"
		if i == 1 {
			title = "part, all layers of the tower"
		}
		if len(rows) == 0 {
			continue
		}
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(tw, "nothing known\tof time\tof work\tGFLOP/s\tof peak\tGB/s\tcaption known\tpicture known\t %s\n", title)
		for _, m := range rows {
			m.print(tw, r.PeakGFLOPS, total)
		}
		fmt.Fprintln(tw)
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// print writes a row, times in milliseconds.
func (m moduleRow) print(w io.Writer, peak float64, total moduleRow) {
	times := [detectorCases]string{}
	for i, t := range m.Times {
		times[i] = "-"
		if t != nil {
			times[i] = fmt.Sprintf("%.2f", 1000*t.Seconds())
		}
	}
	share, speed, ofPeak, moved := "-", "-", "-", "-"
	if m.Times[0] != nil && total.Times[0] != nil {
		seconds := max(m.Times[0].Seconds(), 1e-12)
		share = percent(seconds, total.Times[0].Seconds())
		moved = fmt.Sprintf("%.2f", float64(m.Bytes)/1e9/seconds)
		if m.FLOPs > 0 {
			speed = fmt.Sprintf("%.1f", float64(m.FLOPs)/1e9/seconds)
			ofPeak = percent(float64(m.FLOPs)/1e9/seconds, peak)
		}
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t %s\n",
		times[0], share, percent(float64(m.FLOPs), float64(total.FLOPs)), speed, ofPeak, moved, times[1], times[2], m.Name)
}
