package pages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/file/filetest"
)

// row says how a command of the pages is run here.
type row struct {
	command string // as it stands on the page
	less    string // left out of it
	more    string // put behind it, where a later flag counts
	root    bool   // run in the module's root, not on the desk
	status  int    // that it ends with
	want    string // in what it prints
	long    string // why it is run by "make commands" alone
	never   string // why it is not run at all; targets of make must exist
	served  bool   // it asks a server, which is there while it runs
}

// What makes small models of those that the pages name.
const (
	smallDetector = " --device cpu --arch detector.json --vocab vocab.txt --size 96"
	smallBackbone = " --device cpu --arch backbone.json"
	smallTraining = " --device cpu --arch detector.json --vocab vocab.txt --short 64 --batch 1"
)

// endSoon ends a server that has begun.
const endSoon = " --device cpu --listen 127.0.0.1:0 & sleep 2; kill -TERM $!; wait $!"

// served runs a command beside a server, which knows drawn scenes and finds something anywhere.
const served = `port=$((20000 + RANDOM %% 20000)); glip serve --model glip-world --device cpu --name glip-t --threshold 0.05 --listen 127.0.0.1:$port >serve.log 2>&1 & server=$!
until curl -sf -o /dev/null localhost:$port/v2/health/ready; do kill -0 $server || { cat serve.log; exit 1; }; sleep 0.1; done
%s; status=$?; kill $server; wait $server; exit $status`

func rows() []row {
	return []row{
		// README.md
		{command: `go run ./cmd/glip detect --model glip-world --text "a red apple and two dogs" --draw --out out testdata/world/scene1.png`, more: " --device cpu", want: `"a red apple"`},
		{command: `go run ./cmd/glip detect --weights glip_tiny_model_o365_goldg_cc_sbu.pth --text "a cat with whiskers" --draw cat.png`, more: smallDetector, want: "cat.boxes.png"},
		// docs/install.md
		{command: `go build -o bin/ ./cmd/glip ./cmd/bench`, never: "it is how these tests get the commands"},
		{command: `CGO_ENABLED=0 go build -o bin/ ./cmd/glip ./cmd/bench`, never: "make test builds everything so, for each platform"},
		{command: `glip devices`, want: "auto takes: "},
		{command: `glip version`, want: "shaders   "},
		{command: `glip man --out man`, more: " && cat man/glip-detect.1", want: "SYNOPSIS"},
		{command: `glip completion bash > glip.bash`, more: " && bash -n glip.bash"},
		// docs/detect.md
		{command: `glip detect --weights glip_tiny_model_o365_goldg_cc_sbu.pth --text "a cat and its whiskers" --draw --out found cat.png`, more: smallDetector, want: "cat.boxes.png"},
		{command: `glip tokens --text "a cat and its whiskers" --phrase whiskers`, want: `"whiskers"`},
		{command: `glip detect --weights glip_a_tiny_o365.pth --model glip-t-a --class cat --class dog --batch 4 --format jsonl photos/ > all.jsonl`, less: " --model glip-t-a", more: smallDetector + " && cat all.jsonl", want: `{"input":"photos/a.jpg","width":451,`},
		{command: `glip detect --model glip-l --weights glip_large_model.pth --classes coco.txt --threshold 0 --format coco val2017/ > results.json`, less: " --model glip-l", more: smallDetector + " && cat results.json", want: `"image_id": 139,`},
		{command: `cat cat.png | glip detect --weights glip_tiny_model_o365_goldg_cc_sbu.pth --class cat --format json -`, more: smallDetector, want: `"input": "-"`},
		{command: `glip detect --weights glip_a_tiny_o365.pth --model glip-t-a --class cat --class dog --batch 4 --format jsonl --resume all.jsonl photos/ >> all.jsonl`, less: " --model glip-t-a", more: smallDetector, want: "2 inputs are in all.jsonl already"},
		// docs/label.md
		{command: `glip label --weights glip_tiny_model_o365_goldg_cc_sbu.pth --class "cat = cat, kitten" --class dog --threshold 0.4 --format yolo --split train=80,val=20 --out pets photos/`, more: smallDetector, want: "pets/data.yaml"},
		{command: `glip label --weights glip_tiny_model_o365_goldg_cc_sbu.pth --class "cat = cat, kitten" --class dog --threshold 0.4 --threshold cat=0.3 --overwrite --format yolo --split train=80,val=20 --out pets photos/`, more: smallDetector, want: "2 pictures are in pets already"},
		{command: `glip label --model glip-world --class cat --class dog --threshold 0.3 --format coco,labelstudio --out out/labels testdata/world`, more: " --device cpu", want: "out/labels/coco/annotations.json"},
		// docs/fetch.md
		{command: `glip fetch --list`, want: "glip_tiny_model_o365_goldg_cc_sbu.pth"},
		{command: `glip fetch glip-t`, more: " --offline --folder none", status: 1, want: "offline mode was asked for"},
		{command: `glip detect --weights glip-t --text "a cat and its whiskers" --draw --out found cat.png`, more: smallDetector, want: "cat.boxes.png"},
		{command: `glip fetch --whole --mirror https://example.org/weights glip_large_model.pth`, more: " --offline --folder none", status: 1, want: "offline mode was asked for"},
		// docs/features.md
		{command: `glip features --weights swin-t_glip-pre_3rdparty_20230413-d85813b5.pth --out maps cat.png`, more: smallBackbone, want: "cat.stage1.npy"},
		{command: `glip features --weights synthetic:7 --verify --viz --out out cat.png`, more: smallBackbone, want: "cat.viz.png"},
		{command: `glip features --size 800x1333 --device cpu --format safetensors cat.png dog.jpg`, more: smallBackbone + " --size 128x160", want: "dog.safetensors"},
		{command: `glip features --precision f16 --batch 8 --out maps photos/`, more: smallBackbone, want: "a.stage3.npy"},
		// docs/models.md
		{command: `glip models`, want: "27,520,506"},
		{command: `glip inspect swin-t_glip-pre_3rdparty_20230413-d85813b5.pth`, status: 2, want: "d85813b5"}, // the stand-in has another sum
		{command: `glip inspect --model GLIP-L --quick glip_large_model.pth`, status: 2, want: "problem"},     // the stand-in is small
		{command: `glip detect --model glip-world --text "a cat and two dogs" --threshold 0.3 testdata/pictures/chelsea.png`, more: " --device cpu", want: "glip-world, weights embedded"},
		{command: `glip inspect --quick embedded`, want: "size of pictures"},
		{command: `glip features --arch tiny.json --weights tiny.safetensors --size original input.npy`, want: "input.stage1.npy"},
		// docs/convert.md
		{command: `go run ./cmd/glip convert testdata/glip/tiny/model.pth out/tiny.safetensors`, want: "out/tiny.safetensors: 298 tensors"},
		{command: `glip convert glip_tiny_model_o365_goldg_cc_sbu.pth glip-t.safetensors`, want: "float32, names of microsoft/GLIP detector"},
		{command: `glip convert --names mmdetection --precision f16 glip_large_model.pth glip-l.pth`, want: "float16, names of MMDetection GLIP detector"},
		{command: `glip convert --backbone --names huggingface glip_tiny_model_o365_goldg_cc_sbu.pth swin/model.safetensors`, want: "names of Hugging Face"},
		{command: `glip convert --names timm --out-indices 3 swin-t_glip-pre_3rdparty_20230413-d85813b5.pth swin-t.safetensors`, want: "names of timm"},
		{command: `go run ./cmd/glip convert --precision f16 --arch testdata/glip/tiny/arch.json --vocab testdata/glip/tiny/vocab.txt --size 192,192 --about commit=1f2e3d testdata/glip/tiny/model.pth out/new.safetensors`, more: " && glip inspect --quick out/new.safetensors", want: "192,192"},
		// docs/onnx.md
		{command: `go run ./cmd/glip export --onnx --arch testdata/glip/tiny/arch.json --weights testdata/glip/tiny/model.pth --size 64 --out out/tiny.onnx`, want: "out/tiny.onnx.json"},
		{command: `glip export --onnx --weights glip_tiny_model_o365_goldg_cc_sbu.pth --size 800x1344 --labels 80 --out glip.onnx`, more: " --arch detector.json --size 64", want: "boxes"},
		{command: `glip export --onnx --part backbone --weights swin-t_glip-pre_3rdparty_20230413-d85813b5.pth --batch 0 --out swin.onnx`, more: " --arch backbone.json --size 128", want: "[batch 3 128 128]"},
		{command: `glip export --onnx --model glip-world --size 192 --out glip-world.onnx`, want: "glip-world"},
		// docs/world.md
		{command: `go run ./cmd/glip detect --model glip-world --text "a red apple and two dogs" --draw --out out/w testdata/world/scene1.png`, more: " --device cpu", want: "out/w/scene1.boxes.png"},
		// docs/performance.md
		{command: `bench --detector --model glip-t --size 800x1333 --per-op`, more: " --device cpu --iterations 1 --check none", want: "GFLOP/s", long: "the whole detector at its full size"},
		{command: `bench --model GLIP-T --per-op`, less: " --model GLIP-T", more: smallBackbone + " --duration 10ms", want: "roofline"},
		{command: `bench --model GLIP-T --trace trace.json`, less: " --model GLIP-T", more: smallBackbone + " --duration 10ms && head -c 100 trace.json", want: `{`},
		{command: `bench --model GLIP-T --tune`, more: " --device vulkan --iterations 1", long: "every candidate of every product is timed"},
		{command: `bench --gemm 768x768x768,4096x512x14336`, more: " --device cpu --gemm 64x64x64 --duration 1ms", want: "64"},
		{command: `bench --train --model glip-t --size 320x512 --mode full --device cpu`, less: " --model glip-t", more: " --arch detector.json --vocab vocab.txt --size 64x96 --iterations 1", want: "backward 1"},
		{command: `bench --train --model glip-t --size 320x512 --mode prompt --device cpu`, less: " --model glip-t", more: " --arch detector.json --vocab vocab.txt --size 64x96 --iterations 1", want: "second epoch"},
		// docs/checked.md
		{command: `glip features --weights synthetic:7 --verify --out out cat.png`, more: smallBackbone, want: "against the CPU reference"},
		// README.md, docs/train.md
		{command: `go run ./tools/scenes --out out/toy --seed 1 --count 40`, want: "out/toy/train.json: 32 pictures"},
		{command: `glip train --arch testdata/glip/tiny/arch.json --weights synthetic:1 --data out/toy/train.json --images out/toy --val out/toy/val.json --mode full --steps 30 --batch 2 --short 160 --out out/run`, more: " --device cpu", want: "out/run/last.safetensors: the last, after step 30"},
		{command: `glip train --resume out/run --steps 40`, want: "out/run/last.safetensors: the last, after step 40"},
		{command: `glip detect --weights out/run/last.safetensors --class "red square" --draw --out out/d out/toy/000033.png`, more: " --device cpu", want: "000033.boxes.png"},
		{command: `glip train --data shapes.json --images photos --weights glip_tiny_model_o365_goldg_cc_sbu.pth --dry-run`, more: smallTraining, want: "2 pictures looked at, 0 of no use"},
		{command: `glip train --data shapes.json --images photos --weights glip_tiny_model_o365_goldg_cc_sbu.pth --mode prompt --epochs 10 --val val.json --out runs/a`, more: smallTraining, want: "best.safetensors --classes runs/a/classes.txt --draw"},
		{command: `glip train --arch testdata/glip/tiny/arch.json --weights synthetic:1 --data out/toy/train.json --short 160 --overfit 2 --batch 2 --steps 40 --out out/fit`, more: " --device cpu", want: "it learns"},
		// docs/eval.md
		{command: `glip eval coco --truth testdata/eval/coco/mixed.gt.json --results testdata/eval/coco/mixed.dt.json`, want: "maxDets=100 ] = 0.271"},
		{command: `glip eval coco --truth yolo/data.yaml --results found/detections.jsonl`, want: "maxDets=100 ] = 1.000"},
		{command: `glip eval coco --truth val.json --images photos --weights glip_tiny_model_o365_goldg_cc_sbu.pth --out runs/val`, more: smallDetector, want: "maxDets=100 ] = "},
		{command: `glip eval lvis --truth testdata/eval/lvis/edges.gt.json --results testdata/eval/lvis/edges.dt.json --fixed`, want: "maxDets= -1 catIds=all]"},
		{command: `glip eval flickr --truth testdata/eval/flickr/hard --results testdata/eval/flickr/hard/predictions.json --merged`, want: "|   Recall@1  |"},
		{command: `glip eval odinw --truth a=testdata/eval/coco/basic.gt.json --results a=testdata/eval/coco/basic.dt.json`, want: "mean of 1"},
		// README.md, docs/serve.md
		{command: `go run ./cmd/glip serve --model glip-world`, more: endSoon, want: "loading glip-world"},
		{command: `glip serve --model glip-world`, more: endSoon, want: "loading glip-world"},
		{command: `curl -F image=@cat.png -F text='a cat with whiskers' localhost:8000/v1/detect`, served: true, want: `"phrase":"a cat"`},
		{command: `printf '{"image":"%s","classes":["cat","dog"],"threshold":0.4}' $(base64 -w0 cat.png) > question.json`},
		{command: `curl -H 'Content-Type: application/json' --data @question.json localhost:8000/v1/detect`, served: true, want: `"phrase":"dog"`},
		{command: `curl -H 'Content-Type: image/png' --data-binary @cat.png localhost:8000/v1/images`, served: true, want: `"expires_in":900`},
		{command: `curl -H 'Content-Type: application/json' -d '{"image_id":"ID","text":"whiskers"}' localhost:8000/v1/detect`, served: true, want: `no picture \"ID\" is kept`},
		{command: `curl -F image=@cat.png -F text='a cat with whiskers' localhost:8000/v1/align`, served: true, want: `"word_maps"`},
		{command: `curl -H 'Content-Type: application/json' -d '{"text":"a cat with whiskers"}' localhost:8000/v1/tokens`, served: true, want: `"truncated_at":null`},
		{command: `printf '{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["%s"]},{"name":"text","shape":[1],"datatype":"BYTES","data":["a cat with whiskers"]}]}' $(base64 -w0 cat.png) > ask.json`},
		{command: `curl -H 'Content-Type: application/json' --data @ask.json localhost:8000/v2/models/glip-t/infer`, served: true, want: `"name":"boxes"`},
		{command: `grpcurl -plaintext localhost:8000 list`, never: "grpcurl is not here; make serve-check runs it"},
		{command: `grpcurl -plaintext -d '{"name":"glip-t"}' localhost:8000 inference.GRPCInferenceService/ModelMetadata`, never: "grpcurl is not here; make serve-check runs it"},
		{command: `printf '{"inputs":"%s","parameters":{"candidate_labels":["cat","whiskers"],"threshold":0.3}}' $(base64 -w0 cat.png) > labels.json`},
		{command: `curl -H 'Content-Type: application/json' --data @labels.json localhost:8000/hf/glip-t`, served: true, want: `"label":"whiskers"`},
		{command: `curl --data-binary @cat.png "localhost:8000/hf/glip-t?candidate_labels=cat&candidate_labels=whiskers"`, served: true, want: `"xmin"`},
		{command: `printf '{"image":{"type":"base64","value":"%s"},"text":["cat","whiskers"]}' $(base64 -w0 cat.png) > infer.json`},
		{command: `curl -H 'Content-Type: application/json' --data @infer.json localhost:8000/grounding_dino/infer`, served: true, want: `"predictions"`},
		// docs/operations.md, CONTRIBUTING.md
		{command: `go run ./tools/op crosscontext`, root: true, want: "kernels/cross.go"},
		{command: `make test`, never: "it is what runs this test"},
		{command: `REQUIRE_VULKAN=0 make test`, never: "it is what runs this test"},
		{command: `make test-arm64`, never: "it takes minutes, and makes a folder as root"},
		{command: `go test ./graph ./cpuref`, root: true, long: "make test runs all tests"},
		{command: `go test -run World -v ./...`, root: true, long: "make test runs all tests"},
		{command: `bench --count 10 > old.txt`, more: smallBackbone + " --duration 10ms --count 2", want: ""},
		{command: `bench --count 10 > new.txt`, more: smallBackbone + " --duration 10ms --count 2", want: ""},
		{command: `benchstat old.txt new.txt`, never: "benchstat is not here"},
	}
}

// beamPage is of the module beam, whose test looks at its commands and flags.
const beamPage = "docs/beam.md"

// TestCommands runs every command of the pages, those that take long where GLIPVK_COMMANDS is "all". A command without a row fails, and
// so does a row without a command.
func TestCommands(t *testing.T) {
	_, err := exec.LookPath("bash")
	filetest.Need(t, "bash, whose the pages' commands are", err)
	d := newDesk(t)
	used := map[string]bool{}
	for _, p := range all(t) {
		if p.Name == beamPage {
			continue
		}
		for _, command := range p.Commands() {
			i := slices.IndexFunc(rows(), func(r row) bool { return r.command == command })
			if i < 0 {
				t.Errorf("%s: no row of this test says how to run\n\t%s", p.Name, command)
				continue
			}
			if !used[command] {
				used[command] = true
				t.Run(p.Name+"/"+command, func(t *testing.T) { d.check(t, rows()[i]) })
			}
		}
	}
	for _, r := range rows() {
		if !used[r.command] {
			t.Errorf("a row of this test runs what no page says:\n\t%s", r.command)
		}
	}
}

// check runs a row.
func (d desk) check(t *testing.T, r row) {
	switch {
	case r.never != "":
		d.targets(t, r.command)
		t.Skipf("not run: %s", r.never)
	case r.long != "" && os.Getenv("GLIPVK_COMMANDS") != "all":
		t.Skipf("run by make commands: %s", r.long)
	case r.less != "" && !strings.Contains(r.command, r.less):
		t.Fatalf("%q is not in the command", r.less)
	}
	folder := d.dir
	if r.root {
		folder = d.root
	}
	line := strings.Replace(r.command, r.less, "", 1) + r.more
	if r.served {
		_, err := exec.LookPath("curl")
		filetest.Need(t, "curl, by which a server is asked", err)
		line = fmt.Sprintf(served, strings.ReplaceAll(line, "localhost:8000", "localhost:$port"))
	}
	status, said, err := d.run(t.Context(), folder, line)
	if err != nil || status != r.status || !strings.Contains(said, r.want) {
		t.Errorf("%s\n%v, status %d, want %d and %q in:\n%s", line, err, status, r.status, r.want, said)
	}
}

var target = regexp.MustCompile(`(?:^|\s)make ([a-z-]+)`)

// targets requires what follows "make" in a text to be targets of the Makefile.
func (d desk) targets(t *testing.T, text string) {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(moduleRoot, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range target.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(makefile), "\n"+match[1]+":") {
			t.Errorf("%q: the Makefile has no target %s", text, match[1])
		}
	}
}

// TestNames looks at the inline code of the pages: targets of make and flags of the commands must exist.
func TestNames(t *testing.T) {
	d := newDesk(t)
	help := map[string]string{}
	for _, line := range []string{
		"glip", "glip detect", "glip label", "glip features", "glip train", "glip eval", "glip eval coco", "glip eval lvis", "glip eval flickr", "glip eval odinw", "glip fetch",
		"glip convert", "glip export", "glip serve", "glip tokens", "glip inspect", "glip models", "glip devices", "glip version", "glip man", "bench",
	} {
		status, said, err := d.run(t.Context(), d.dir, line+" --help")
		if err != nil || status != 0 {
			t.Fatalf("%s --help: %v, status %d\n%s", line, err, status, said)
		}
		help[line] = said
		help[""] += said
	}
	flag := regexp.MustCompile(`--[a-z][a-z-]*`)
	for _, p := range all(t) {
		for _, code := range p.Spans {
			d.targets(t, code)
			if p.Name == beamPage {
				continue
			}
			of := "" // any command
			for line := range help {
				if strings.HasPrefix(code+" ", line+" ") && len(line) > len(of) {
					of = line
				}
			}
			for _, name := range flag.FindAllString(code, -1) {
				if !regexp.MustCompile(`[ ,]` + name + `\b`).MatchString(help[of]) {
					t.Errorf("%s: `%s`: no flag %s of %q", p.Name, code, name, of)
				}
			}
		}
	}
}
