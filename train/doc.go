// Package train is the training of GLIP's detector: what a model is to say of annotated
// pictures, the losses, their gradients and the steps that follow them, with the numbers of
// microsoft/GLIP.
package train
