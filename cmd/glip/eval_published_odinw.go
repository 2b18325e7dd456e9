package main

import (
	"fmt"
	"strings"
)

// fromOfficial is the column "Official" of MMDetection's table for ODinW: the released weights in the original program, asked for the plain
// names of the categories.
const fromOfficial = "MMDetection, official weights, names alone"

// odinwModels are those whose AP is published for each data set.
var odinwModels = []string{"GLIP-T (A)", "GLIP-T (B)", "GLIP-T (C)"}

// odinwSets are the paper's 13 data sets, with the published AP of each model in per cent.
var odinwSets = []struct {
	name   string
	values [3]float64
}{
	{"AerialMaritimeDrone", [3]float64{12.2, 11.0, 13.0}},
	{"Aquarium", [3]float64{17.4, 16.9, 19.0}},
	{"CottontailRabbits", [3]float64{68.6, 68.8, 74.4}},
	{"EgoHands", [3]float64{1.3, 0.4, 31.5}},
	{"NorthAmericaMushrooms", [3]float64{50.2, 36.7, 29.6}},
	{"Packages", [3]float64{58.9, 8.3, 69.9}},
	{"PascalVOC", [3]float64{51.2, 54.0, 56.5}},
	{"pistols", [3]float64{33.9, 50.1, 50.4}},
	{"pothole", [3]float64{0.7, 3.0, 5.8}},
	{"Raccoon", [3]float64{7.4, 28.8, 24.4}},
	{"ShellfishOpenImages", [3]float64{25.3, 33.8, 30.2}},
	{"thermalDogsAndPeople", [3]float64{37.2, 47.5, 51.0}},
	{"VehiclesOpenImages", [3]float64{56.6, 54.7, 53.4}},
}

// publishedSet are the figures for a data set of the 13, which is known by its name, alone or before what a task file says of its variant.
func publishedSet(name string) []publishedFigure {
	for _, s := range odinwSets {
		rest, ok := strings.CutPrefix(strings.ToLower(name), strings.ToLower(s.name))
		if !ok || rest != "" && !strings.ContainsAny(rest[:1], "_-./") || strings.Contains(rest, "tiled") || strings.Contains(rest, "specific") {
			continue // of the last two other data sets have the name
		}
		var rows []publishedRow
		for i, model := range odinwModels {
			rows = append(rows, publishedRow{model, s.values[i : i+1], fromOfficial})
		}
		return figures("ODinW, "+s.name+", zero shot", []string{"AP"}, rows)
	}
	return nil
}

// publishedODinW are the means of the paper's 13 data sets or of all 35, if as many are measured.
func publishedODinW(list []evalSet) []publishedFigure {
	var rows []publishedRow
	switch len(list) {
	case 13:
		rows = []publishedRow{
			{"GLIP-T (A)", []float64{28.7}, fromREADME}, {"GLIP-T (A)", []float64{32.4}, fromOfficial}, {"GLIP-T (B)", []float64{33.2}, fromREADME}, {"GLIP-T (B)", []float64{31.8}, fromOfficial},
			{"GLIP-T (C)", []float64{44.4}, fromREADME}, {"GLIP-T (C)", []float64{39.2}, fromOfficial},
			{"GLIP-T", []float64{42.7}, fromREADME}, {"GLIP-T", []float64{46.5}, fromPaper}, {"GLIP-L", []float64{51.2}, fromREADME}, {"GLIP-L", []float64{52.1}, fromPaper},
		}
	case 35:
		rows = []publishedRow{{"GLIP-T (A)", []float64{13.4}, fromOfficial}, {"GLIP-T (B)", []float64{13.8}, fromOfficial}, {"GLIP-T (C)", []float64{17.8}, fromOfficial}}
	}
	return figures(fmt.Sprintf("ODinW, mean of %d, zero shot", len(list)), []string{"AP"}, rows)
}
