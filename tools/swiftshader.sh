#!/usr/bin/env bash
# SwiftShader, the other software driver: taken out of Debian's package chromium-common, kept in a folder, installed nowhere.
#
#   tools/swiftshader.sh dir                prints the folder
#   tools/swiftshader.sh make               fills it where it is not there yet (a download of 30 MB, of which 5 MB are kept)
#   tools/swiftshader.sh test [PACKAGE]...  runs go test on packages that reach a device, on SwiftShader
#
# The folder is SWIFTSHADER_DIR, by default glipvk/swiftshader in the user's cache folder. Remove it to get a newer one. On systems
# without apt-get put vk_swiftshader_icd.json and libvk_swiftshader.so there yourself: every Chromium and Chrome ships them.
set -euo pipefail

# Tests that compile every tile there is, which takes SwiftShader many minutes.
slow='KeepBits|KeepsBits'

self=$(readlink -f "$0")
repo=$(dirname "$(dirname "$self")")
dir=${SWIFTSHADER_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/glipvk/swiftshader}
manifest=$dir/vk_swiftshader_icd.json

say() { echo "swiftshader: $*" >&2; }
die() {
	say "$*"
	exit 1
}

make_folder() {
	if [ -e "$manifest" ]; then
		return
	fi
	if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
		die "there is no apt-get here; put vk_swiftshader_icd.json and libvk_swiftshader.so of a Chromium into $dir"
	fi
	mkdir -p "$(dirname "$dir")"
	new=$(mktemp -d "$dir.XXXXXX") # beside it, so that an interrupted download is never taken for the driver
	trap 'rm -rf "$new"' EXIT
	say "taking SwiftShader out of Debian's chromium-common"
	# As root, apt downloads as another user, who may not write here: it says so and goes on.
	if ! (cd "$new" && apt-get -qq download chromium-common 2>/dev/null); then
		"$repo/tools/deps.sh" lists
		(cd "$new" && apt-get -qq download chromium-common) || die "apt-get could not download chromium-common (Ubuntu has it as a snap only)"
	fi
	mkdir "$new/driver"
	dpkg-deb --fsys-tarfile "$new"/chromium-common_*.deb |
		tar -x -C "$new/driver" --strip-components=4 \
			./usr/lib/chromium/libvk_swiftshader.so ./usr/lib/chromium/vk_swiftshader_icd.json ||
		die "chromium-common holds no SwiftShader any more: tools/swiftshader.sh must learn where it went"
	(cd "$new" && ls chromium-common_*.deb) | cut -d_ -f2 >"$new/driver/version"
	rm -rf "$dir"
	mv "$new/driver" "$dir"
}

test_here() {
	"$repo/tools/deps.sh" swiftshader
	make_folder
	cd "$repo"
	local packages
	# Without the tests of bench, which time what others test and take four minutes here: they run on two Mesas.
	packages=$([ $# -gt 0 ] && printf '%s\n' "$@" || tools/device-packages.sh | grep -v '/cmd/bench$')
	say "go test with the driver of Chromium $(cat "$dir/version" 2>/dev/null || echo "in $dir")"
	# shellcheck disable=SC2086 # one word a package
	env -u VK_DRIVER_FILES VK_ICD_FILENAMES="$manifest" go test -count=1 -timeout 20m -skip "$(tools/device-packages.sh -skip)|$slow" $packages
}

command=${1:-}
shift || true
case $command in
dir) echo "$dir" ;;
make) make_folder ;;
test) test_here "$@" ;;
*)
	sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
