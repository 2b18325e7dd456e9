#!/usr/bin/env bash
# Makes the archives of a release in dist/: the commands for each platform, with licences, completions and man pages, the bill of
# materials of each (CycloneDX), and SHA256SUMS.
#
#   tools/release.sh [VERSION]     VERSION is that of the tag, or the commit's hash, unless given
#
# Programs with Vulkan need cgo, so a C compiler for their processor (tools/deps.sh release); those without are static. What cannot be made
# here is left out, and the last lines say so. The same commit, Go and compilers give the same archives: times are the commit's.
set -euo pipefail
cd "$(dirname "$0")/.."

# Git, the one too that the go command calls, refuses to read another owner's checkout unless it is told to.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

go mod verify
version=${1:-$(git describe --tags --always --dirty)}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
dist=$PWD/dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
left_out=() made=()

# build FOLDER: both commands for GOOS and GOARCH, with the stamp that glip version prints.
build() {
	go build -trimpath -buildvcs=true -ldflags "-s -w -X main.release=$version" -o "$1/" ./cmd/glip ./cmd/bench
}

# compiler ARCH: the C compiler for GOOS, Linux or Windows, on that processor.
compiler() {
	if [ "$GOOS" = windows ]; then
		echo x86_64-w64-mingw32-gcc
	elif [ "$1" = "$(go env GOHOSTARCH)" ]; then
		echo "${CC:-gcc}"
	else
		case $1 in
		amd64) echo x86_64-linux-gnu-gcc ;;
		arm64) echo aarch64-linux-gnu-gcc ;;
		esac
	fi
}

# try FOLDER: says whether the program for GOOS and GOARCH runs and has the version, where this machine can run it.
try() {
	local run=()
	case $GOOS/$GOARCH in
	"$(go env GOHOSTOS)/$(go env GOHOSTARCH)") ;;
	linux/arm64)
		command -v qemu-aarch64 >/dev/null || return 0
		run=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
		;;
	*) return 0 ;;
	esac
	"${run[@]}" "$1/glip" version | tee "$work/said" | grep -q "^glip $version\$" || {
		echo "release: $1/glip does not run, or is another version:" >&2
		cat "$work/said" >&2
		exit 1
	}
	sed 's/^/    /' "$work/said"
}

# pack FOLDER: an archive of what lies there, whose owner, order and times are always the same.
pack() {
	find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	if [ "$GOOS" = windows ]; then
		(cd "$work" && find "${1##*/}" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -@ "$dist/${1##*/}.zip")
	else
		tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -c "${1##*/}" | gzip -9n >"$dist/${1##*/}.tar.gz"
	fi
}

# make OS ARCH CGO: one archive.
make() {
	export GOOS=$1 GOARCH=$2 CGO_ENABLED=$3
	local folder=$work/glipvk_${version}_$1_$2
	[ "$CGO_ENABLED" = 0 ] || folder=${folder}_vulkan
	echo "release: ${folder##*/}"
	if [ "$CGO_ENABLED" = 1 ]; then
		CC=$(compiler "$GOARCH")
		export CC
		if ! echo '#include <stdlib.h>' | "$CC" -E - >/dev/null 2>&1; then
			left_out+=("${folder##*/}: there is no C compiler for it here ($CC)")
			return
		fi
	fi
	if [ "$GOOS" = windows ] && ! command -v zip >/dev/null; then
		left_out+=("${folder##*/}: there is no zip here")
		return
	fi
	mkdir -p "$folder"
	cp -r LICENSE NOTICE "$work/common/." "$folder"
	build "$folder"
	try "$folder"
	pack "$folder"
	made+=("$folder")
}

rm -rf "$dist"
mkdir -p "$dist" "$work/common/completions" "$work/common/man" "$work/host"
(
	CGO_ENABLED=0 GOOS="" GOARCH="" build "$work/host"
	"$work/host/glip" man --out "$work/common/man"
	for file in bash:glip.bash zsh:_glip fish:glip.fish powershell:glip.ps1; do
		"$work/host/glip" completion "${file%:*}" >"$work/common/completions/${file#*:}"
	done
)
go run ./tools/licences -texts "$work/common/THIRD_PARTY_LICENSES" >"$work/licences"

for platform in linux/amd64 linux/arm64 windows/amd64 darwin/arm64; do
	make "${platform%/*}" "${platform#*/}" 0
done
for platform in linux/amd64 linux/arm64 windows/amd64; do
	make "${platform%/*}" "${platform#*/}" 1
done

GOOS="" GOARCH="" CGO_ENABLED=0 go run ./tools/licences -boms "$dist" -version "$version" -time "$SOURCE_DATE_EPOCH" "${made[@]}" >"$work/licences"

cd "$dist"
sha256sum -- glipvk_* >SHA256SUMS
echo "=== dist"
cat SHA256SUMS
for line in "${left_out[@]}"; do
	echo "LEFT OUT $line"
done
