package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"text/tabwriter"
	"time"
)

// module says where in GLIP a graph path lies: in a module of the detector and, in the
// tower, in a part that every layer has.
type module struct{ name, part string }

// places are patterns of paths, without counters of repeats, and the names of what lies there; the first that fits counts.
type places []struct {
	pattern *regexp.Regexp
	name    string
}

// placesOf takes patterns and names in turn.
func placesOf(list ...string) places {
	p := make(places, len(list)/2)
	for i := range p {
		p[i].pattern, p[i].name = regexp.MustCompile(list[2*i]), list[2*i+1]
	}
	return p
}

// at is the name of a path's place.
func (p places) at(path string) string {
	for _, x := range p {
		if found := x.pattern.FindStringSubmatchIndex(path); found != nil {
			return string(x.pattern.ExpandString(nil, x.name, path, found))
		}
	}
	return ""
}

// modulePlaces are those outside the backbone's stages and the tower's layers.
var modulePlaces = placesOf(
	`^backbone\.fpn\.fpn_inner`, "fpn inner",
	`^backbone\.fpn\.fpn_layer`, "fpn layers",
	`^backbone\.fpn\.`, "fpn P6, P7",
	`^backbone\.\w+\.(\w+)`, "backbone $1",
	`^language_backbone\.\w+\.\w+\.encoder\.\w+\.(\w+)`, "bert layer $1",
	`^language_backbone\.\w+\.\w+\.(\w+)`, "bert $1",
	`^rpn\.head\.dyhead_tower\b`, "tower",
	`^rpn\.head\.(scores\.p|candidates\b)`, "selection",
	``, "head",
)

// partPlaces are what every layer of the tower has, by the kind of its module.
var partPlaces = []struct {
	kind  string
	parts places
}{
	// The steps of BiMultiHeadAttention. The absorbed form has the paths of the direct one for its two results:
	// out_v_proj is a context there, context_l a product of text.
	{"VLFuse", placesOf(
		`\b(visual|layer_norm_[vl])$`, "concatenation, norms",
		`\b(scores|scores_l|clamped|heads|joined)$`, "scores",
		`\b(softmax_[vl])$`, "$1",
		`\b(context_v|out_v_proj)$`, "context of the picture",
		`\babsorbed\b.*\bcontext_l$`, "context of the text",
		`\bcontext_l$`, "context of the text, out",
		`\b(v_proj|values_v_proj)$`, "projections of the picture",
		`\b(residual_v|lang|p[3-7])$`, "residuals, maps",
		``, "projections of the text",
	)},
	{"text layer", placesOf(`^attention\b`, "attention", ``, "MLP")},
	// dcn mid, down and up are the deformable convolutions of a level's own map, of the finer and of the coarser one.
	{"DyConv", placesOf(
		`^offset\b`, "offset conv",
		`^DyConv\.0\.conv\b`, "dcn up",
		`^DyConv\.1\.conv\b`, "dcn mid",
		`^DyConv\.2\.conv\b`, "dcn down",
		`^DyConv\.\w+\.bn\b`, "norm",
		`^DyConv\.\w+\.`, "resize",
		`^DyConv\b`, "dcn",
		`^(AttnConv|h_sigmoid|mean)\b`, "gates, mean",
		``, "DyReLU", // relu.*, and p3 to p7, its result
	)},
}

var (
	repeats = regexp.MustCompile(`#[^.]*`)
	stage   = regexp.MustCompile(`^backbone\.\w+\.(?:stages\.|norm)(\d+)`) // or the norm of the map that it puts out
	layer   = regexp.MustCompile(`^rpn\.head\.dyhead_tower\.(\d+)\.(.*)`)
)

// moduleOf finds the module of a path. Without fusion a tower's layers are DyConvs alone.
func moduleOf(path string, fusion bool) module {
	path = repeats.ReplaceAllString(path, "")
	if found := stage.FindStringSubmatch(path); found != nil {
		n, _ := strconv.Atoi(found[1])
		return module{name: fmt.Sprint("backbone stage", n+1)}
	}
	found := layer.FindStringSubmatch(path)
	if found == nil {
		return module{name: modulePlaces.at(path)}
	}
	n, _ := strconv.Atoi(found[1])
	of := partPlaces[2]
	if fusion {
		n, of = n/3, partPlaces[n%3]
	}
	return module{fmt.Sprintf("tower %d %s", n, of.kind), of.kind + " " + of.parts.at(found[2])}
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
		speed, ofPeak, moved = rates(seconds, peak, m.FLOPs, m.Bytes)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t %s\n",
		times[0], share, percent(float64(m.FLOPs), float64(total.FLOPs)), speed, ofPeak, moved, times[1], times[2], m.Name)
}
