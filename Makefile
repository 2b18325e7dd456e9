# make help lists the targets. Each needs Go and gcc; the rest is installed where missing (tools/deps.sh).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

GO ?= go
FUZZTIME ?= 10s
BENCHFLAGS ?= --model swin-t_glip-pre_3rdparty --per-op
PEERSFLAGS ?=

# 1: a test that finds no Vulkan device fails. 0: it is skipped, and make test installs nothing.
REQUIRE_VULKAN ?= 1
export REQUIRE_VULKAN

# The validation layer since 2025 leaves out what shaders access, unless told; before, it always looked, and ignores this.
export VK_LAYER_SYNCVAL_SHADER_ACCESSES_HEURISTIC := 1

# Where the project builds without cgo.
PLATFORMS := linux/amd64 linux/arm64 windows/amd64 darwin/arm64

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

.PHONY: demo
demo: ## boxes of a sentence in a scene by the model that is in the program, and its features, checked and drawn into out/demo
	@tools/deps.sh run
	$(GO) run ./cmd/glip detect --model glip-world --text "a red apple and two dogs" --verify --draw --out out/demo testdata/world/scene1.png
	$(GO) run ./cmd/glip features --model swin-world --size original --verify --viz --out out/demo testdata/world/scene1.png

# What starts no goroutine of its own, which a line of make test makes sure of, and takes the race detector minutes for nothing: packages that
# compute, and record what others compute. What they call is tested with it.
SINGLE := ./cmd/bench ./convert ./glip ./graph ./grad ./internal/difftest ./internal/goldtrain ./kernels ./labels ./onnx ./rewrite \
	./tools/licences ./tools/op ./tools/pages

# What computes for long, by goroutines that quicker tests of the same packages start too, runs without the race detector.
LONG := '^Test(Adapters|Bits|Cards|Decay|Halves|Lessons|MemoryBound|NoGradientIsKept|Recompute|Remember|SampleDrawnAgain|SteadyFiles|StepsGolden|Train|TrainFormats|TrainTries|World.*)$$'

.PHONY: test
test: ## everything that must hold: format, vet, staticcheck, shaders, builds, race tests
	@tools/deps.sh test
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted, run gofmt -w:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@if command -v glslc >/dev/null; then echo "$(GO) run ./tools/shaderc -check"; $(GO) run ./tools/shaderc -check; \
	else echo "no glslc: shaders are not compiled again; a test still compares their hashes"; fi
	@if command -v spirv-val >/dev/null; then echo "$(GO) run ./tools/shaderc -validate"; $(GO) run ./tools/shaderc -validate; \
	else echo "no spirv-val: shaders are not validated"; fi
	@for platform in $(PLATFORMS); do \
		echo "CGO_ENABLED=0 $(GO) build ./... for $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build ./... || exit 1; done
	CGO_ENABLED=0 $(GO) vet ./...
	@if grep -nE '^\s*go |\.Go\(' $(addsuffix /*.go,$(SINGLE)) | grep -v '_test\.go:'; then echo "these start goroutines: take the package out of SINGLE in the Makefile"; exit 1; fi
	$(GO) test -race -timeout 20m -skip $(LONG) $$($(GO) list ./... | grep -vxFf <($(GO) list $(SINGLE)))
	$(GO) test -timeout 20m . ./tools/world $(SINGLE)
	$(GO) test -timeout 20m -run $(LONG) $$($(GO) list ./... | grep -vxFf <($(GO) list . ./tools/world $(SINGLE))) | grep -v '\[no test' # nowhere are they left out
	$(GO) test -run 'Allocates|Steady' ./engine ./executor ./vulkan ./cpu # what the race detector would falsify

# How glip-world is trained: from nothing, on scenes that tools/world draws. On one kind of processor the bits are the same every time.
WORLD := out/world
WORLDSTEPS := 22000
WORLDRECIPE := --arch world/arch.json --weights random:1 --mode full --frozen -1 --batch 8 --rate 1.5e-3 --language-rate 1.5e-3 \
	--dropout 0 --drop-path 0 --drop-block 0 --short 192 --long 192 --schedule cosine --stop 0 --device cpu

.PHONY: world
world: ## glip-world anew, in hours, and the table of what it does, into out/world; goes on where it was interrupted
	@tools/deps.sh world
	@if [ -e $(WORLD)/run/config.json ]; then set -x; $(GO) run ./cmd/glip train --resume $(WORLD)/run; else set -x; \
	$(GO) run ./tools/world --out $(WORLD); \
	$(GO) run ./cmd/glip train $(WORLDRECIPE) --vocab $(WORLD)/vocab.txt --data $(WORLD)/train.json --val $(WORLD)/val.json \
	--average 0.999 --steps $(WORLDSTEPS) --warmup 300 --validate 4000 --save 500 --half --out $(WORLD)/run; fi
	$(GO) run ./tools/world measure --data $(WORLD) --weights $(WORLD)/run/last.ema.safetensors --figures $(WORLD)/figures
	$(GO) run ./cmd/glip convert --force --precision f16 $$(sed 's/^/--about /' $(WORLD)/figures) $(WORLD)/run/last.ema.safetensors $(WORLD)/glip-world.safetensors

.PHONY: world-smoke
world-smoke: ## 300 steps of that training in two minutes; fails unless they learn
	@tools/deps.sh world
	@rm -rf out/world-smoke
	$(GO) run ./tools/world --out out/world-smoke --count 1200 --only train,vocab
	$(GO) run ./cmd/glip train $(WORLDRECIPE) --vocab out/world-smoke/vocab.txt --data out/world-smoke/train.json --steps 300 --warmup 50 --out out/world-smoke/run
	$(GO) run ./tools/world smoke --run out/world-smoke/run

.PHONY: generate
generate: ## compile the shaders that changed, write the CPU kernels and the table of docs/operations.md
	@tools/deps.sh generate
	$(GO) generate ./shaders ./cpu ./onnx/schema ./serve/oip/schema
	$(GO) run ./tools/op -table

.PHONY: bench
bench: ## throughput per operation; BENCHFLAGS="..." for other models, sizes and devices
	@tools/deps.sh run
	$(GO) build -buildvcs=auto -o bin/bench ./cmd/bench && bin/bench $(BENCHFLAGS)

.PHONY: peers
peers: ## beside ONNX Runtime and ggml, half an hour, into docs/; PEERSFLAGS="--rounds 1" for a quick look
	@tools/deps.sh peers
	$(GO) run ./tools/peers $(PEERSFLAGS)

.PHONY: serve-check
serve-check: ## a server, and every client of ../shared/clients against it; CLIENTS="grpc hf" runs these alone
	tools/clients.sh $(CLIENTS)

# How long make soak lasts.
SOAK ?= 1h

# Side by side; with one arena of the C library, whose pieces would otherwise look like a leak.
.PHONY: soak
soak: ## library (CPU and two devices) and server under mixed load for SOAK (1h): right bits; memory, goroutines and device objects stay flat
	@tools/deps.sh run
	@export GLIPVK_SOAK=$(SOAK) MALLOC_ARENA_MAX=1; ended=0; jobs=(); \
	for package in . ./serve; do \
		echo "$(GO) test -count=1 -timeout 0 -v -run Soak $$package"; \
		$(GO) test -count=1 -timeout 0 -v -run Soak $$package & jobs+=($$!); done; \
	for job in "$${jobs[@]}"; do wait $$job || ended=1; done; exit $$ended

.PHONY: witnesses
witnesses: ## what labels are written as, read by DuckDB, xmllint and ajv, which are installed
	@tools/deps.sh witnesses
	npm install --silent --prefix out/witnesses --ignore-scripts --no-audit --no-fund @duckdb/node-api@1.5.6-r.1 ajv@8
	GLIPVK_WITNESSES=$(CURDIR)/out/witnesses $(GO) test -count=1 -v -run 'DuckDB|Schemas|TablesGolden' ./labels

KILLS ?= 300

.PHONY: kills
kills: ## every command that writes killed at KILLS (300) random moments each
	GLIPVK_KILLS=$(KILLS) $(GO) test -count=1 -timeout 60m -v -run KilledAtRandom ./cmd/glip

.PHONY: test-writes
test-writes: ## each kind of call that changes the disk failed at its first, a middle and its last time, in each way, for every command that writes
	GLIPVK_WRITES=all $(GO) test -count=1 -timeout 60m -run 'WritesFail|NoRoom|Memory' ./cmd/glip

# FUZZ="./loader ./text": the targets of these packages alone.
FUZZ ?=

.PHONY: fuzz
fuzz: ## each fuzz target, or those of the packages FUZZ="./loader ./text", for FUZZTIME (10s)
	tools/fuzz.sh $(FUZZTIME) $(FUZZ)

.PHONY: fuzz-coverage
fuzz-coverage: ## the statements of each package that the inputs of its fuzz targets reach, which are in its testdata/fuzz
	@$(GO) run ./tools/corpus coverage

.PHONY: fuzz-keep
fuzz-keep: ## of what make fuzz found since, the inputs that reach more, into testdata/fuzz
	@$(GO) run ./tools/corpus keep

# What drives chromium, and what judges how accessible the page is.
BROWSER := playwright-core@1.65.1 axe-core@4.14.1

.PHONY: browser
browser: ## the server's page in Debian's chromium, in every state, with axe; GLIPVK_SHOTS=FOLDER keeps pictures
	@tools/deps.sh browser
	npm install --prefix out/npm --ignore-scripts --no-audit --no-fund --silent $(BROWSER)
	REQUIRE_CHROMIUM=1 $(GO) test -count=1 -timeout 20m -run 'Browser|Modules' ./web

.PHONY: fuzz-beam
fuzz-beam: ## the fuzz target of beam for FUZZTIME (10s), after minutes in which all of Beam is built for it
	cd beam && $(GO) test -run='^$$' -fuzz=Archive -fuzztime=$(or $(FUZZTIME),10s) ./pipeline

# sample: make golden runs of the full-size cases the few that CI does.
GOLDEN ?= full

.PHONY: golden
golden: ## the full-size cases of ../shared/golden, where present, in half an hour; GOLDEN=sample for a part of them
	@if [ ! -d ../shared/golden ]; then echo "no ../shared/golden beside this checkout: only the cases in testdata run"; fi
	GLIPVK_GOLDEN=$(GOLDEN) $(GO) test -json -run Golden -count=1 -timeout 60m ./... | $(GO) run ./tools/goldens

# What make test-newmesa and make test-swiftshader test; by default every package whose tests reach a device.
PACKAGES ?=

.PHONY: test-newmesa
test-newmesa: ## tests that reach a device, on the newest Mesa, in a Debian folder made once (root or sudo)
	tools/newmesa.sh test $(PACKAGES)

.PHONY: test-windows
test-windows: ## the Windows program with Vulkan in Wine, beside the Linux one, in the folder of test-newmesa; KERNELS=all for all tests of kernels
	tools/windows.sh

.PHONY: check-darwin
check-darwin: ## bench for macOS with Vulkan, vetted, built and linked by zig's C compiler, which npm brings; it cannot run here
	@tools/deps.sh darwin
	tools/darwin.sh

# What is timed, an emulator falsifies, and takes minutes for.
.PHONY: test-arm
test-arm: ## tests of package cpu on an emulated arm64, by qemu-user, but those of waiting
	@tools/deps.sh arm
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec qemu-aarch64 -skip 'Panic|Bytes|Waiter|Close|Cancel' -timeout 20m ./cpu

# ARM64=all: also those of engine's tests that take long or look at clocks, and glip-world.
.PHONY: test-arm64
test-arm64: ## Vulkan on an emulated arm64, with Debian unstable's Mesa: devices, features and boxes as on amd64, engine's tests; ARM64=all for more
	tools/arm64.sh test $(ARM64)

.PHONY: test-beam
test-beam: ## tests of the module beam, and the licences of what it needs; the first time it compiles Beam
	cd beam && test -z "$$(gofmt -l .)" && $(GO) vet ./... && $(GO) test -timeout 20m ./...
	$(GO) run ./tools/licences -dir beam

# The packages of which cgo chooses the files, and those that then find no Vulkan device where they look for one.
.PHONY: test-nocgo
test-nocgo: ## tests of what differs without cgo: the engine, the front door, the commands
	@files='{{.ImportPath}} {{.GoFiles}} {{.CgoFiles}} {{.TestGoFiles}} {{.XTestGoFiles}}'; \
	differ=$$(comm -13 <(CGO_ENABLED=1 $(GO) list -f "$$files" ./... | sort) <(CGO_ENABLED=0 $(GO) list -f "$$files" ./... | sort) | cut -d' ' -f1); \
	echo "CGO_ENABLED=0 $(GO) test $$(echo $$differ) . ./cmd/..."; \
	CGO_ENABLED=0 REQUIRE_VULKAN=0 $(GO) test -timeout 20m $$differ . ./cmd/...

.PHONY: test-swiftshader
test-swiftshader: ## tests that reach a device, on SwiftShader
	tools/swiftshader.sh test $(PACKAGES)

# all: make test-faults tries every call that it would choose from.
FAULTS ?=

.PHONY: test-faults
test-faults: ## every kind of Vulkan call fails, a sample of the places and results, in glip and the library; FAULTS=all for everything
	@tools/deps.sh run
	$(GO) build -o bin/ ./cmd/glip ./tools/faults
	bin/faults $(if $(filter all,$(FAULTS)),-all)

.PHONY: test-floor
test-floor: ## engine, kernels and program on devices at the floor, as which a driver in front of lavapipe poses
	@tools/deps.sh floor
	GLIPVK_FLOOR=1 $(GO) test -count=1 -timeout 40m -run Floor ./tools/poser

# 0: make shaderstats leaves the newest Mesa out, and with it all but two chips; making its folder needs root.
NEWMESA ?= 1

.PHONY: shaderstats
shaderstats: ## registers, spills, occupancy of every pipeline on AMD, Adreno, Nvidia and Apple chips, which need not be there; STATSFLAGS=-update for a new baseline
	@tools/deps.sh shaderstats
	@rm -rf out/shaderstats && mkdir -p out/shaderstats
	$(GO) build -o bin/shaderstats ./tools/shaderstats
	bin/shaderstats -measure out/shaderstats/1-system.csv
	@if [ "$(NEWMESA)" = 0 ]; then echo "NEWMESA=0: the newest Mesa is left out"; else tools/newmesa.sh make && \
		tools/newmesa.sh run -w out/shaderstats bin/shaderstats -measure out/shaderstats/2-newest.csv; fi
	bin/shaderstats $(STATSFLAGS) out/shaderstats/*.csv

.PHONY: shaderstats-slow
shaderstats-slow: ## the same on Intel's chips, with Debian 12's Mesa, of which a library is compiled first
	@rm -rf out/shaderstats-slow && mkdir -p out/shaderstats-slow
	$(GO) build -o bin/shaderstats ./tools/shaderstats
	bin/shaderstats -shims "$$(tools/intelshim.sh)" -measure out/shaderstats-slow/intel.csv
	bin/shaderstats $(STATSFLAGS) out/shaderstats-slow/intel.csv

.PHONY: shaderstats-arm
shaderstats-arm: ## the same on Mali, V3D and PowerVR, whose drivers run on an emulated arm64: takes long
	tools/arm64.sh make
	@tools/deps.sh arm64
	@rm -rf out/shaderstats-arm && mkdir -p out/shaderstats-arm
	$(GO) build -o bin/shaderstats ./tools/shaderstats
	GOOS=linux GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc $(GO) build -o bin/shaderstats.arm64 ./tools/shaderstats
	bin/shaderstats -arm64 "$$(tools/arm64.sh dir)" -program bin/shaderstats.arm64 -measure out/shaderstats-arm/arm.csv
	bin/shaderstats $(STATSFLAGS) out/shaderstats-arm/arm.csv

.PHONY: commands
commands: ## the commands of README and docs, those too that take long
	@tools/deps.sh run
	GLIPVK_COMMANDS=all $(GO) test -count=1 -timeout 20m -v -run Commands ./tools/pages

.PHONY: licences
licences: ## the licence of every module; fails on one that is unknown or not allowed
	@$(GO) run ./tools/licences

.PHONY: release
release: ## programs for four platforms, with completions, man pages and checksums, into dist/; VERSION=... names them
	@tools/deps.sh release
	tools/release.sh $(VERSION)

# The database is asked for over the network; GOVULNDB names another place of it.
.PHONY: vulncheck
vulncheck: ## known vulnerabilities in what the code calls, by govulncheck; says so where its database cannot be reached
	tools/vulncheck.sh

.PHONY: reproducible
reproducible: ## glip built twice, in different folders and from empty caches, gives the same bits
	tools/reproducible.sh

.PHONY: sizes
sizes: ## lines per folder, long files, long functions
	@$(GO) run ./tools/sizes

.PHONY: clean
clean: ## remove what was built and written here
	rm -rf out bin dist
	find . -name .git -prune -o \( -name '*.test' -o -name '*.prof' \) -type f -exec rm -f {} +
