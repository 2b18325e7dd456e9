#!/usr/bin/env bash
# The Windows program with Vulkan, built here by mingw, and run in Wine beside the Linux program on the same driver, in the folder of
# tools/newmesa.sh.
#
#   tools/windows.sh         tests of the engine, of files, clock and cache, a sample of those of kernels, and the two programs compared: what they say
#                            of devices, feature maps byte by byte, detections
#
# KERNELS=PATTERN names the tests of package kernels that run, KERNELS=all all of them (a quarter of an hour). Where there is no root, or no
# mounting, nothing can run: that is said, and fails where REQUIRE_VULKAN is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

# What Wine cannot do, and Windows can: variables that a process sets do not reach the driver's loader, which is the host's; a link of a relative path.
# It knows no validation layers either (GLIPVK_VALIDATION).
engine_skip='TestCompileOnly|TestNoDriver|TestNoLayer'
file_skip='TestReadAllOddFiles'
sample='TestGELUError|TestTiles|TestCoopTiles|TestCandidatesLarge|TestHalfByHand'
[ "${KERNELS:-}" != all ] || sample=.

repo=$PWD
work=out/windows

if [ "${1:-}" = -inside ]; then # in the folder
	export HOME=/tmp WINEPREFIX=$repo/$work/wine WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
	export XDG_RUNTIME_DIR=/tmp REQUIRE_VULKAN=1 GLIPVK_VALIDATION=0
	failed=
	part() { # NAME COMMAND...
		local name=$1 start=$SECONDS
		shift
		if "$@"; then echo "windows: $name: $((SECONDS - start)) s"; else
			failed=1
			echo "windows: FAILED: $name"
		fi
	}
	# test_of PACKAGE SKIP RUN
	test_of() { (cd "$repo/$1" && wine "$repo/$work/${1##*/}.test.exe" -test.timeout 20m -test.skip "$2" -test.run "$3"); }
	# both NAME ARGUMENT...: the two programs print the same, but for memory that is free at the moment.
	both() {
		local name=$1
		shift
		"$repo/$work/glip" "$@" >"$repo/$work/$name.linux" &&
			wine "$repo/$work/glip.exe" "$@" >"$repo/$work/$name.windows" &&
			sed -i '/^ *"Left": /d' "$repo/$work/$name.linux" "$repo/$work/$name.windows" &&
			[ -s "$repo/$work/$name.linux" ] && cmp "$repo/$work/$name.linux" "$repo/$work/$name.windows"
	}
	features() {
		local model=$1 precision=$2 picture=$repo/testdata/world/scene1.png folder="$repo/$work/maps of $1 $2"
		"$repo/$work/glip" features --model "$model" --size original --precision "$precision" --device vulkan --no-tune --out "$folder/linux" "$picture" >/dev/null &&
			wine "$repo/$work/glip.exe" features --model "$model" --size original --precision "$precision" --device vulkan --no-tune --out "$folder/windows" "$picture" >/dev/null &&
			[ "$(find "$folder/linux" -name '*.npy' | wc -l)" -ge 3 ] && diff -r "$folder/linux" "$folder/windows"
	}
	detections() {
		both "detect.$1" detect --model glip-world --device "$1" --no-tune --text "a red apple and two dogs" --format coco "$repo/testdata/world/scene1.png" &&
			grep -q '"score"' "$repo/$work/detect.$1.windows"
	}
	cached() { # what was measured for tiles; Wine's driver gives no pipelines to keep
		wine "$repo/$work/glip.exe" features --model swin-world --size 32x32 --device vulkan --out "$repo/$work/tuned" "$repo/testdata/world/scene1.png" >/dev/null &&
			find "$WINEPREFIX/drive_c/users" -path '*AppData/Local/glipvk/*' -name 'tuning-*.json' | grep -q .
	}
	part "a prefix of $(wine --version)" wineboot -i 2>/dev/null
	part "devices" both devices devices --json
	part "features of swin-world" features swin-world f32
	part "features of swin-world, f16" features swin-world f16
	part "detect on Vulkan" detections vulkan
	part "detect on the CPU" detections cpu
	part "the cache is in %LocalAppData%" cached
	part "tests of internal/clock" test_of internal/clock '^$' .
	part "tests of internal/file" test_of internal/file "$file_skip" .
	part "tests of engine" test_of engine "$engine_skip" .
	part "tests of kernels" test_of kernels '^$' "$sample"
	wineboot -k || true # nothing of it goes on
	[ -z "$failed" ]
	exit
fi

tools/deps.sh windows
if ! tools/newmesa.sh make || ! tools/newmesa.sh run true; then
	echo "windows: NOT RUN: there is no folder with Wine in it (see above)"
	[ "${REQUIRE_VULKAN:-1}" = 0 ]
	exit
fi
rm -rf "$work"
mkdir -p "$work"
go build -o "$work/glip" ./cmd/glip
(
	export GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc
	go build -o "$work/glip.exe" ./cmd/glip
	for package in internal/clock internal/file engine kernels; do
		go test -c -o "$work/${package##*/}.test.exe" "./$package"
	done
)
tools/newmesa.sh run -w "$repo/$work" bash "$repo/tools/windows.sh" -inside
