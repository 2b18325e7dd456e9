//go:build !unix

package file

func readOnly(error) bool { return false }

func broken(error) bool { return false }
