#!/usr/bin/env bash
# Linux on arm64 with Vulkan, without such a machine: qemu-user, and a folder with Debian unstable's Mesa for arm64, made once and kept.
#
#   tools/arm64.sh dir                    says where the folder is
#   tools/arm64.sh make                   makes it where it is not there yet (two minutes, 0.6 GB)
#   tools/arm64.sh run COMMAND [ARGUMENT]...
#                                         runs a program for arm64, with the folder's lavapipe as the Vulkan driver
#   tools/arm64.sh test [all]             builds for arm64 and for this machine, runs both, compares what they print and write, files bit for bit, and
#                                         runs engine's tests; all: also those that take long, and glip-world
#
# The folder is ARM64_DIR, by default glipvk/arm64 in the user's cache folder. Nothing in it is ever run but by the emulator, and its packages are
# unpacked, not installed. Remove it to get a newer Mesa. DEBIAN_MIRROR is the archive that it is made from. Making it needs root, directly or by sudo.
# What is compared with is the program for this machine in the folder of tools/newmesa.sh, where the same Mesa is.
set -euo pipefail

self=$(readlink -f "$0")
repo=$(dirname "$(dirname "$self")")
dir=${ARM64_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/glipvk/arm64}
packages=mesa-vulkan-drivers,libvulkan1,vulkan-validationlayers,mesa-drm-shim
driver=usr/share/vulkan/icd.d/lvp_icd.json
stamp=.glipvk # in the folder: what was unpacked into it, written last; then the driver's version

say() { echo "arm64: $*" >&2; }
die() {
	say "$*"
	exit 1
}

complete() { [ "$(head -n 1 "$dir/$stamp" 2>/dev/null)" = "$packages" ]; }
mesa() { sed -n 2p "$dir/$stamp"; }

# make_folder makes the folder where it is missing or holds other packages.
make_folder() {
	complete && return
	"$repo/tools/deps.sh" arm64
	mkdir -p "$(dirname "$dir")"
	say "making $dir: Debian unstable's Mesa for arm64"
	local root=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "debootstrap needs root, and there is no sudo: run this as root"
		root=(sudo)
		[ -t 0 ] || root+=(-n) # nobody there to type a password
	fi
	"${root[@]}" "$self" -make "$dir" "${DEBIAN_MIRROR:-}" </dev/null
	say "$dir holds Mesa $(mesa)"
}

# make_as_root FOLDER MIRROR
make_as_root() {
	dir=$1
	PATH=$PATH:/usr/sbin:/sbin
	exec 9>"$dir.lock"
	flock 9 # one of several makers works, the others find the result
	complete && return
	local new=$dir.new log=$dir.log file version
	trap 'say "making $dir stopped at \"$(tail -n 1 "$log" 2>/dev/null)\"; all of it is in $log"' ERR
	rm -rf --one-file-system "$new"
	# The second stage would run what was unpacked. It is not needed: a loader, a driver and what these link are files.
	debootstrap --arch=arm64 --variant=minbase --foreign --include="$packages" sid "$new" ${2:+"$2"} >"$log" 2>&1
	version=$(basename "$new"/var/cache/apt/archives/mesa-vulkan-drivers_*.deb | cut -d_ -f2)
	for file in "$new"/var/cache/apt/archives/*.deb; do
		dpkg-deb -x "$file" "$new" >>"$log" 2>&1
	done
	rm -rf "$new/var/cache/apt/archives" "$new/debootstrap"
	[ -e "$new/$driver" ] || die "Debian's Mesa has no /$driver any more: tools/arm64.sh must learn its new name"
	printf '%s\n%s\n' "$packages" "$version" >"$new/$stamp"
	chmod -R a+rX "$new"
	rm -rf --one-file-system "$dir"
	mv "$new" "$dir"
	rm -f "$log"
}

# run COMMAND... Pipelines that were compiled are kept beside the folder, by the engine and by Mesa.
run() {
	complete || die "there is no complete folder at $dir: tools/arm64.sh make"
	[ $# -gt 0 ] || die "run: no command"
	mkdir -p "$dir.cache"
	QEMU_LD_PREFIX=$dir VK_DRIVER_FILES=$dir/$driver VK_ICD_FILENAMES=$dir/$driver VK_LAYER_PATH=$dir/usr/share/vulkan/explicit_layer.d \
		XDG_CACHE_HOME=$dir.cache qemu-aarch64 "$@"
}

# both NAME ARGUMENT...: runs glip on both processors, with folders NAME of their own for what is written, and compares all of it.
both() {
	local name=$1 start=$SECONDS
	shift
	mkdir -p "$out/arm64/$name" "$out/here/$name"
	run "$out/glip.arm64" "$@" --out "$out/arm64/$name" >"$out/arm64/$name/printed" 2>"$out/said" || {
		cat "$out/said" >&2
		die "glip $1 failed on arm64"
	}
	"$repo/tools/newmesa.sh" run -w "$out" "$out/glip.here" "$@" --out "$out/here/$name" >"$out/here/$name/printed" 2>"$out/said" || {
		cat "$out/said" >&2
		die "glip $1 failed on this machine"
	}
	[ -s "$out/arm64/$name/printed" ] || die "glip $1 printed nothing"
	# But for where files were written, and how long it took.
	# Boxes to nine digits behind the point: Go makes one operation of a multiplication and an addition of float64 on arm64, and two here.
	sed -E -i "s#$out/[a-z0-9]*/##g; s/, [0-9.]+ (s|ms)\$//; s/\"seconds\": [0-9.e-]+//; s/(\.[0-9]{9})[0-9]+/\1/g" "$out"/{arm64,here}/"$name"/printed
	diff -r "$out/here/$name" "$out/arm64/$name" >&2 || die "glip $1: arm64 (>, Mesa $(mesa)) and this machine (<, $machine) differ; where the versions do, remove the older folder"
	echo "arm64: $name: $(find "$out/arm64/$name" -type f | wc -l) files are the same (what was written bit for bit), $(wc -c <"$out/arm64/$name/printed") bytes printed ($((SECONDS - start)) s)"
}

# test_all [all]
test_all() {
	cd "$repo"
	make_folder
	tools/deps.sh arm64
	tools/newmesa.sh make
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	export GOFLAGS="${GOFLAGS:--buildvcs=false} -trimpath"
	go build -o "$out/glip.here" ./cmd/glip
	GOOS=linux GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc go build -o "$out/glip.arm64" ./cmd/glip
	GOOS=linux GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc go test -c -o "$out/engine.test" ./engine

	run "$out/glip.arm64" devices | tee "$out/devices" | sed -n '1p;/^  driver /p'
	grep -qE '^  driver +llvmpipe Mesa ' "$out/devices" && grep -q '^vulkan takes: llvmpipe' "$out/devices" || die "glip devices does not find the folder's driver"
	# Lanes of lavapipe are as many as a register has, and what a subgroup sums is summed in their order: as many here as there.
	export LP_NATIVE_VECTOR_WIDTH=128
	machine=$(tools/newmesa.sh run -r "$out" "$out/glip.here" devices | sed -n 's/^  driver *//p')
	say "compared with $machine"
	# What an emulator falsifies or takes minutes for is left out, unless all is asked for.
	local skip='OutOfMemory|Cancel|CloseDuringWork' tiny=testdata/glip/tiny
	[ "${1:-}" != all ] || skip='^$'
	(cd engine && REQUIRE_VULKAN=1 run "$out/engine.test" -test.v -test.skip "$skip" -test.timeout 30m >"$out/tests" 2>&1) &
	tests=$! # not local: the trap at the end wants it
	trap 'kill $tests 2>/dev/null || true; rm -rf "$out"' EXIT # they may have ended
	cat >"$out/backbone.json" <<-END
		{"embed_dims": 24, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 7, "pad_small_map": true,
		 "out_indices": [0, 1, 2, 3], "patch_size": 4, "mlp_ratio": 4, "norm_eps": 1e-5, "qkv_bias": true}
	END
	both features features --device vulkan --no-tune --arch "$out/backbone.json" --weights synthetic:7 --size original $tiny/tiny.caption.picture_bgr.npy
	both detect detect --device vulkan --no-tune --arch $tiny/arch.json --vocab $tiny/vocab.txt --weights $tiny/model.pth --threshold 0.05 \
		--text "person. bicycle. traffic light. small dog." --format json $tiny/tiny.caption.picture_bgr.npy
	if [ "${1:-}" = all ]; then
		both world detect --device vulkan --no-tune --model glip-world --text "a red apple and two dogs" --format json testdata/world/scene1.png
	fi
	if ! wait $tests; then
		grep -vE '^ *(=== |--- PASS|--- SKIP)' "$out/tests" >&2
		die "engine's tests failed"
	fi
	# grep -c of none is a status of 1, and none is well.
	echo "arm64: engine: $(grep -c '^--- PASS' "$out/tests") tests pass, $(grep -c '^--- SKIP' "$out/tests" || true) skipped by themselves, left out: $skip"
}

command=${1:-}
shift || true
case $command in
dir) echo "$dir" ;;
make) make_folder ;;
run) run "$@" ;;
test) test_all "$@" ;;
-make) make_as_root "$@" ;; # the half that runs as root
*)
	sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
