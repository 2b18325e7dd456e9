package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readTestdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	glipT = allWorks()[0]
	small = product(2, 3, 4, "m=3,n=2,k=4")
)

func TestParseBenchModel(t *testing.T) {
	const device = `"device": {"name": "llvmpipe", "vulkan": {"Driver": "llvmpipe", "DriverVersion": "Mesa 9 (LLVM 8)"}`
	for _, c := range []struct {
		name, json string
		engine     engine
		want       float64
		word       string // of the error
	}{
		{"good", `{` + device + `}, "multiply_adds": 5, "samples": [{"wall_ns": [3e6, 1e6]}, {"wall_ns": [2e6]}]}`, oursSys32, 2, ""},
		{"good with precision", `{` + device + `, "precision": "f16"}, "samples": [{"wall_ns": [4e6, 2e6]}]}`, oursSys16, 3, ""},
		{"fell back to f32", `{` + device + `, "precision": "f32", "precision_reason": "no 16 bits"}, "samples": [{"wall_ns": [4]}]}`, oursSys16, 0, "no 16 bits"},
		{"fell back to the CPU", `{"device": {"fallback": "no loader"}, "samples": [{"wall_ns": [4]}]}`, oursSys32, 0, "no loader"},
		{"no runs", `{` + device + `}, "samples": []}`, oursSys32, 0, "no runs"},
		{"not JSON", `bench:`, oursSys32, 0, "JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, f, err := parseBenchModel([]byte(c.json), c.engine, glipT)
			if c.word != "" {
				if err == nil || !strings.Contains(err.Error(), c.word) {
					t.Errorf("error %v, want %q in it", err, c.word)
				}
				return
			}
			if err != nil || f.value != c.want || f.work != "GLIP-T 224" || b.Device.driverName() != "Mesa 9 (LLVM 8)" {
				t.Errorf("%v %+v %v, want %v ms", f, b, err, c.want)
			}
		})
	}
}

func TestParseBenchProducts(t *testing.T) {
	const text = `{"device": {"vulkan": {}}, "gemm": [{"m": 2, "n": 3, "k": 4, "precision": "f32", "gflops": 7.5}, {"m": 5, "n": 3, "k": 4, "precision": "f16", "gflops": 9}]}`
	list := []work{small, product(5, 3, 4, ""), product(4, 3, 2, "")}
	_, found, err := parseBenchProducts([]byte(text), oursSys32, list)
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	if found[0].value != 7.5 || found[0].why != "" {
		t.Errorf("the first is %+v, want 7.5", found[0])
	}
	for i, word := range map[int]string{1: "f16", 2: "not hold"} {
		if found[i].value != 0 || !strings.Contains(found[i].why, word) {
			t.Errorf("number %d is %+v, want no value and %q", i, found[i], word)
		}
	}
	if _, _, err := parseBenchProducts([]byte(`{"device": {}}`), oursSys32, list); err == nil {
		t.Error("products on the CPU pass for products on Vulkan")
	}
}

func TestParseONNX(t *testing.T) {
	line := "Warning: something\n" + `{"provider":"cpu","median_ms":12.5,"runs":3}` + "\n"
	if f, err := parseONNX(line, glipT); err != nil || f.value != 12.5 {
		t.Errorf("%v %v, want 12.5 ms", f, err)
	}
	// 2*2*3*4 = 48 operations in 12.5 ms are 3.84e-6 GFLOP/s.
	if f, err := parseONNX(line, small); err != nil || math.Abs(f.value-3.84e-6) > 1e-18 {
		t.Errorf("%v %v, want 3.84e-6 GFLOP/s", f, err)
	}
	for _, text := range []string{"", "Warning: something", `{"median_ms":0}`, `{}`} {
		if f, err := parseONNX(text, glipT); err == nil {
			t.Errorf("%q gave %v", text, f)
		}
	}
}

func TestReasonONNX(t *testing.T) {
	for text, want := range map[string]string{
		readTestdata(t, "ort-webgpu-old-mesa.txt"):             "Failed to get a WebGPU adapter: No supported adapters: Vulkan shaderUniform*ArrayDynamicIndexing required",
		"\x1b[0;93mwarning\x1b[m\n\n\x1b[1mlast words\x1b[m\n": "last words",
		"[Error: Load model from x.onnx failed]":               "Load model from x.onnx failed]",
		"":                                                     "",
	} {
		if got := reasonONNX(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestParseGGML(t *testing.T) {
	text := readTestdata(t, "ggml.txt")
	w := allWorks()[3]
	if f := parseGGML(text, ggmlNew16, w); f.value != 1.58 || f.work != w.name {
		t.Errorf("f16: %+v, want 1.58", f)
	}
	if f := parseGGML(text, ggmlNew32, w); f.value != 0 || !strings.Contains(f.why, "not supported") {
		t.Errorf("f32: %+v, want not supported", f)
	}
	bf16 := ggmlNew16
	bf16.precision = "bf16"
	if f := parseGGML(text, bf16, w); math.Abs(f.value-0.95) > 1e-12 {
		t.Errorf("bf16: %+v, want 0.95 of 950 MFLOPS", f)
	}
	if f := parseGGML(text, ggmlNew16, small); f.value != 0 || !strings.Contains(f.why, "no such case") {
		t.Errorf("another product: %+v", f)
	}
}

// TestProductModel reads the file back, field by field.
func TestProductModel(t *testing.T) {
	for _, c := range []struct {
		precision string
		ops       []string
		value     string
	}{{"f32", []string{"ConstantOfShape", "MatMul"}, "\x00\x00\x00\x3c"}, {"f16", []string{"ConstantOfShape", "Cast", "MatMul", "Cast"}, "\x00\x20"}} {
		graph := fields(t, productModel(small, c.precision))[7][0]
		parts := fields(t, graph)
		for i, op := range c.ops {
			if got := string(fields(t, parts[1][i])[4][0]); got != op {
				t.Errorf("%s: node %d is %s, want %s", c.precision, i, got, op)
			}
		}
		if shape := string(fields(t, parts[5][0])[9][0]); shape != "\x04\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00" {
			t.Errorf("the shape of W is %q, want 4 and 3", shape)
		}
		attribute := fields(t, fields(t, parts[1][0])[5][0])
		if got := string(fields(t, attribute[5][0])[9][0]); got != c.value {
			t.Errorf("W is filled with %q, want %q", got, c.value)
		}
	}
}

// fields splits a message into the fields that hold bytes; numbers are passed over.
func fields(t *testing.T, m []byte) map[int][][]byte {
	t.Helper()
	found := map[int][][]byte{}
	number := func() int {
		v := 0
		for shift := 0; ; shift += 7 {
			if len(m) == 0 {
				t.Fatal("cut short")
			}
			b := m[0]
			m = m[1:]
			v |= int(b&0x7f) << shift
			if b < 0x80 {
				return v
			}
		}
	}
	for len(m) > 0 {
		key := number()
		n := number()
		if key&7 != 2 {
			continue
		}
		found[key>>3] = append(found[key>>3], m[:n])
		m = m[n:]
	}
	return found
}
