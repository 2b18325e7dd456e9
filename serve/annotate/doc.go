// Package annotate speaks, for the server, what annotators and their libraries speak: Label Studio's machine-learning backend,
// Hugging Face's task zero-shot-object-detection, and Roboflow's route for Grounding DINO. Each is a function from a body to a
// question and one from an answer to theirs, with a thin handler around them:
//
//	routes := annotate.Routes(answerer, annotate.Options{Fetch: fetcher})
//
// The package imports serve/api alone of ours: it knows neither the detector nor the queue, and fetches nothing by itself.
package annotate
