package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk/eval"
)

// publishedFigure is what others report for a data set of the paper's.
type publishedFigure struct {
	Model  string    `json:"model"`
	Data   string    `json:"data"`
	Names  []string  `json:"names"`
	Values []float64 `json:"values"` // in per cent, as they are published
	Source string    `json:"source"`
}

// Where figures are from.
const (
	fromREADME = "README of microsoft/GLIP"
	fromMM     = "MMDetection, converted weights"
	fromPaper  = "the paper"
)

// printPublished prints figures.
func printPublished(w io.Writer, list []publishedFigure) error {
	if len(list) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "\npublished for %s\t%s\tfrom\n", list[0].Data, strings.Join(list[0].Names, "\t"))
	for _, p := range list {
		fmt.Fprint(tw, p.Model)
		for _, v := range p.Values {
			fmt.Fprintf(tw, "\t%.1f", v)
		}
		fmt.Fprintf(tw, "\t%s\n", p.Source)
	}
	return tw.Flush()
}

// publishedRow is a row of a table of figures.
type publishedRow struct {
	model  string
	values []float64
	source string
}

func figures(data string, names []string, rows []publishedRow) (list []publishedFigure) {
	for _, r := range rows {
		list = append(list, publishedFigure{r.model, data, names, r.values, r.source})
	}
	return list
}

// publishedCOCO are the figures without fine-tuning for COCO's val2017, if these are its annotations.
func publishedCOCO(t *eval.Truths) []publishedFigure {
	var names []string
	for _, c := range t.Categories {
		names = append(names, c.Name)
	}
	if len(t.Pictures) != 5000 || !slices.Equal(names, cocoNames()) {
		return nil
	}
	return figures("COCO val2017, zero shot", []string{"AP"}, []publishedRow{
		{"GLIP-T (A)", []float64{42.9}, fromREADME}, {"GLIP-T (A)", []float64{43.0}, fromMM},
		{"GLIP-T (B)", []float64{44.9}, fromREADME}, {"GLIP-T (B)", []float64{44.9}, fromMM},
		{"GLIP-T (C)", []float64{46.7}, fromREADME}, {"GLIP-T (C)", []float64{46.7}, fromMM},
		{"GLIP-T", []float64{46.6}, fromREADME}, {"GLIP-T", []float64{46.6}, fromMM},
		{"GLIP-L", []float64{51.4}, fromREADME}, {"GLIP-L", []float64{51.3}, fromMM}, {"GLIP-L", []float64{49.8}, fromPaper},
	})
}

// lvisCategories and lvisPictures are those of LVIS v1 and of its validation set.
const lvisCategories, lvisPictures = 1203, 19809

// publishedLVIS are the fixed AP for LVIS' val and minival, if these are their annotations.
func publishedLVIS(t *eval.Truths, fixed bool) []publishedFigure {
	names := []string{"APr", "APc", "APf", "AP"}
	switch {
	case !fixed || len(t.Categories) != lvisCategories:
		return nil
	case len(t.Pictures) == lvisPictures:
		return figures("LVIS val, fixed AP, zero shot", names, []publishedRow{
			{"GLIP-T (A)", []float64{6.2, 10.9, 22.8, 14.7}, fromMM}, {"GLIP-T (A)", []float64{6.0, 8.0, 19.4, 12.3}, fromPaper},
			{"GLIP-T (B)", []float64{4.6, 9.8, 22.6, 13.9}, fromMM}, {"GLIP-T (B)", []float64{4.2, 7.6, 18.6, 11.3}, fromPaper},
			{"GLIP-T (C)", []float64{8.3, 13.2, 28.1, 18.2}, fromMM}, {"GLIP-T (C)", []float64{7.5, 11.6, 26.1, 16.5}, fromPaper},
			{"GLIP-T", []float64{10.8, 14.7, 29.0, 19.6}, fromMM}, {"GLIP-T", []float64{10.1, 12.5, 25.5, 17.2}, fromPaper},
			{"GLIP-L", []float64{20.2, 25.8, 35.3, 28.5}, fromMM}, {"GLIP-L", []float64{17.1, 23.3, 35.4, 26.9}, fromPaper},
		})
	case len(t.Pictures) > 4000 && len(t.Pictures) <= 5000:
		return figures("LVIS minival, fixed AP, zero shot", names, []publishedRow{
			{"GLIP-T (A)", []float64{12.1, 15.5, 25.8, 20.2}, fromMM}, {"GLIP-T (A)", []float64{14.2, 13.9, 23.4, 18.5}, fromPaper},
			{"GLIP-T (B)", []float64{8.6, 13.9, 26.0, 19.3}, fromMM}, {"GLIP-T (B)", []float64{13.5, 12.8, 22.2, 17.8}, fromPaper},
			{"GLIP-T (C)", []float64{14.3, 19.4, 31.1, 24.6}, "MMDetection, official weights"}, {"GLIP-T (C)", []float64{14.4, 19.8, 31.9, 25.2}, fromMM}, {"GLIP-T (C)", []float64{17.7, 19.5, 31.0, 24.9}, fromPaper},
			{"GLIP-T", []float64{18.1, 21.2, 33.1, 26.7}, fromMM}, {"GLIP-T", []float64{20.8, 21.4, 31.0, 26.0}, fromPaper},
			{"GLIP-L", []float64{29.2, 34.9, 42.1, 37.9}, "MMDetection, official weights"}, {"GLIP-L", []float64{27.9, 33.7, 39.7, 36.1}, fromMM}, {"GLIP-L", []float64{28.2, 34.3, 41.5, 37.3}, fromPaper},
		})
	}
	return nil
}

// publishedFlickr are the recalls for val and test.
func publishedFlickr(split string, merged bool) []publishedFigure {
	names := []string{"R@1", "R@5", "R@10"}
	data := "Flickr30k Entities " + split
	switch {
	case split == "val" && merged:
		return figures(data+", merged boxes", names, []publishedRow{{"MDETR-R101", []float64{82.3, 91.8, 93.7}, "MDETR"}})
	case split == "test" && merged:
		return figures(data+", merged boxes", names, []publishedRow{{"MDETR-R101", []float64{83.8, 92.7, 94.4}, "MDETR"}})
	case split == "val":
		return figures(data+", any box", names, []publishedRow{
			{"GLIP-T (C)", []float64{84.8, 94.9, 96.3}, "MMDetection, official weights"}, {"GLIP-T (C)", []float64{84.9, 94.9, 96.3}, fromMM},
			{"GLIP-T", []float64{85.3, 95.5, 96.9}, fromMM}, {"GLIP-T", []float64{85.7, 95.4, 96.9}, fromPaper}, {"GLIP-L", []float64{86.7, 96.4, 97.9}, fromPaper},
			{"MDETR-R101", []float64{82.5, 92.9, 94.9}, "MDETR"},
		})
	case split == "test":
		return figures(data+", any box", names, []publishedRow{
			{"GLIP-T (C)", []float64{85.5, 95.4, 96.6}, "MMDetection, official weights"}, {"GLIP-T (C)", []float64{85.6, 95.4, 96.7}, fromMM},
			{"GLIP-T", []float64{86.0, 95.9, 97.2}, fromMM}, {"GLIP-T", []float64{85.7, 95.8, 97.2}, fromPaper}, {"GLIP-L", []float64{87.1, 96.9, 98.1}, fromPaper},
			{"MDETR-R101", []float64{83.4, 93.5, 95.3}, "MDETR"},
		})
	}
	return nil
}
