package main

import (
	"archive/zip"
	"bytes"
	"slices"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/loader"
	"github.com/sbinet/npyio/npy"
)

// someMaps have every rank that is written.
func someMaps() []glipvk.Map {
	count := func(n int) []float32 {
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(i) - 0.5
		}
		return data
	}
	return []glipvk.Map{
		{Name: "stage1", Shape: []int{2, 3, 4, 5}, Data: count(120)},
		{Name: "a.b.c", Shape: []int{7}, Data: count(7)},
		{Name: "long", Shape: []int{1, 40_000}, Data: count(40_000)}, // more than one write
	}
}

// TestNpy has another library read what was written.
func TestNpy(t *testing.T) {
	for _, m := range someMaps() {
		var b bytes.Buffer
		if err := writeNpy(&b, m); err != nil {
			t.Fatal(err)
		}
		checkNpy(t, &b, m)
	}
}

func checkNpy(t *testing.T, b *bytes.Buffer, m glipvk.Map) {
	t.Helper()
	if header := b.Len() - 4*len(m.Data); header%64 != 0 {
		t.Errorf("%s: a header of %d bytes, want a multiple of 64", m.Name, header)
	}
	r, err := npy.NewReader(b)
	if err != nil {
		t.Fatal(err)
	}
	var data []float32
	if err := r.Read(&data); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Header.Descr.Shape, m.Shape) || r.Header.Descr.Fortran || r.Header.Descr.Type != "<f4" || !slices.Equal(data, m.Data) {
		t.Errorf("%s: read back as %v", m.Name, r.Header)
	}
}

func TestNpz(t *testing.T) {
	var b bytes.Buffer
	if err := writeNpz(&b, someMaps()); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range someMaps() {
		f, err := z.File[i].Open()
		if err != nil {
			t.Fatal(err)
		}
		var member bytes.Buffer
		if _, err := member.ReadFrom(f); err != nil {
			t.Fatal(err)
		}
		if z.File[i].Name != m.Name+".npy" {
			t.Errorf("member %d is %s, want %s.npy", i, z.File[i].Name, m.Name)
		}
		checkNpy(t, &member, m)
	}
}

// TestSafetensors has our strict reader of checkpoints read what was written.
func TestSafetensors(t *testing.T) {
	var b bytes.Buffer
	if err := writeSafetensors(&b, someMaps(), map[string]string{"weights": "synthetic:1"}); err != nil {
		t.Fatal(err)
	}
	file, err := loader.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), "maps.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range someMaps() {
		shape, data, err := file.Tensor(m.Name)
		if err != nil || !slices.Equal(shape, m.Shape) || !slices.Equal(data, m.Data) {
			t.Errorf("%s: read back as %v, %v", m.Name, shape, err)
		}
	}
}
