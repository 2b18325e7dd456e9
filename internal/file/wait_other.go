//go:build !unix

package file

// neverWait adds nothing: what could wait has been refused by its kind.
const neverWait = 0
