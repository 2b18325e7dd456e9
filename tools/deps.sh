#!/usr/bin/env bash
# Installs what a target of the Makefile needs beyond Go and gcc, and only what is missing.
#
#   tools/deps.sh run        a Vulkan loader and, where there is no Vulkan driver at all, a software one
#   tools/deps.sh test       loader, software driver, validation layers, shader compiler, xmllint, what "world" has
#   tools/deps.sh generate   shader compiler
#   tools/deps.sh newmesa    debootstrap and Debian's keys (for tools/newmesa.sh)
#   tools/deps.sh swiftshader  loader, validation layers
#   tools/deps.sh floor      loader, software driver, validation layers (and gcc, which the project needs anyhow)
#   tools/deps.sh shaderstats  loader, Mesa's driver for AMD hardware
#   tools/deps.sh peers      what "run" has, node and npm
#   tools/deps.sh witnesses  node and npm, xmllint
#   tools/deps.sh arm        an emulator of arm64
#   tools/deps.sh release    a C compiler for the other of amd64 and arm64, zip
#   tools/deps.sh browser    chromium, node and npm
#   tools/deps.sh clients    what the clients of a server need that judge it: browser's, and the packages of ../shared/clients/README.md
#   tools/deps.sh world      the emoji font and the names of emoji that scenes are drawn from
#   tools/deps.sh lists      nothing, but brings apt's package lists up to date
#   tools/deps.sh -n LEVEL   say what is missing, install nothing; exit status 1 when something is
#
# Uses apt-get (Debian, Ubuntu), through sudo where needed. Elsewhere it says what to install. Without them "run" still goes on, on
# the CPU, and so does "test" with REQUIRE_VULKAN=0, which installs nothing and skips what needs a device.
set -euo pipefail

say() { echo "deps: $*" >&2; }

usage() {
	sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# Folders where the Vulkan loader looks for manifests, $1 being icd.d or explicit_layer.d.
manifest_folders() {
	local base
	for base in "${HOME:-/nonexistent}/.local/share" /etc /usr/local/etc /usr/local/share /usr/share; do
		echo "$base/vulkan/$1"
	done
}

# has_manifest icd.d|explicit_layer.d PATTERN: whether a manifest of that name is in one of those folders.
has_manifest() {
	local folder file
	while read -r folder; do
		for file in "$folder"/$2; do # unquoted: a pattern
			[ -e "$file" ] && return 0
		done
	done < <(manifest_folders "$1")
	return 1
}

has_loader() {
	local folder cache
	cache=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null || true)
	case $cache in *libvulkan.so.1*) return 0 ;; esac
	local IFS=:
	for folder in ${LD_LIBRARY_PATH:-}; do
		[ -e "$folder/libvulkan.so.1" ] && return 0
	done
	return 1
}

has_driver() { [ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || has_manifest icd.d '*.json'; }
has_software_driver() { has_manifest icd.d 'lvp_icd*.json'; }
has_radv() { has_manifest icd.d 'radeon_icd*.json'; }
has_layers() {
	[ -e "${VK_LAYER_PATH:-/nonexistent}/VkLayer_khronos_validation.json" ] ||
		has_manifest explicit_layer.d VkLayer_khronos_validation.json
}
has_compiler() { command -v glslc >/dev/null; }
has_xmllint() { command -v xmllint >/dev/null; }

has_emoji() { [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ]; }
has_emoji_names() { [ -e /usr/share/unicode/emoji/emoji-test.txt ]; }

has_debootstrap() { PATH="$PATH:/usr/sbin:/sbin" command -v debootstrap >/dev/null; }
has_debian_keys() { [ -e /usr/share/keyrings/debian-archive-keyring.gpg ]; }

# The other of the two processors that releases with Vulkan are made for: what its compiler is called, and Debian's name of it.
case $(uname -m) in
aarch64) other=x86_64-linux-gnu-gcc other_package=gcc-x86-64-linux-gnu other_libc=libc6-dev-amd64-cross ;;
*) other=aarch64-linux-gnu-gcc other_package=gcc-aarch64-linux-gnu other_libc=libc6-dev-arm64-cross ;;
esac
has_other_libc() { echo '#include <stdlib.h>' | "$other" -E - >/dev/null 2>&1; }

# missing LEVEL: the Debian packages that would bring what is not here.
missing() {
	case $1 in
	run | peers)
		has_loader || echo libvulkan1
		has_driver || echo mesa-vulkan-drivers
		[ "$1" = run ] || command -v node >/dev/null || echo nodejs
		[ "$1" = run ] || command -v npm >/dev/null || echo npm
		;;
	browser)
		command -v chromium >/dev/null || echo chromium
		command -v node >/dev/null || echo nodejs
		command -v npm >/dev/null || echo npm
		;;
	test)
		has_loader || echo libvulkan1
		has_software_driver || echo mesa-vulkan-drivers
		has_layers || echo vulkan-validationlayers
		has_compiler || echo glslc
		has_xmllint || echo libxml2-utils
		missing world
		;;
	clients)
		missing browser
		local package
		for package in python3-grpcio protobuf-compiler protobuf-compiler-grpc python3-numpy python3-geventhttpclient python3-rapidjson python3-packaging \
			python3-requests hey wrk nghttp2-client jq curl; do
			dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
		done
		;;
	witnesses)
		command -v node >/dev/null || echo nodejs
		command -v npm >/dev/null || echo npm
		has_xmllint || echo libxml2-utils
		;;
	world)
		has_emoji || echo fonts-noto-color-emoji
		has_emoji_names || echo unicode-data
		;;
	generate) has_compiler || echo glslc ;;
	newmesa)
		has_debootstrap || echo debootstrap
		has_debian_keys || echo debian-archive-keyring
		;;
	floor)
		has_loader || echo libvulkan1
		has_software_driver || echo mesa-vulkan-drivers
		has_layers || echo vulkan-validationlayers
		;;
	swiftshader)
		has_loader || echo libvulkan1
		has_layers || echo vulkan-validationlayers
		;;
	shaderstats)
		has_loader || echo libvulkan1
		has_radv || echo mesa-vulkan-drivers
		;;
	arm) command -v qemu-aarch64 >/dev/null || echo qemu-user ;;
	release)
		command -v "$other" >/dev/null || echo "$other_package"
		has_other_libc || echo "$other_libc"
		command -v zip >/dev/null || echo zip
		;;
	esac
}

# describe PACKAGE: what it is where packages have other names.
describe() {
	case $1 in
	libvulkan1) echo "the Vulkan loader (libvulkan.so.1)" ;;
	mesa-vulkan-drivers) echo "Mesa's Vulkan drivers (lavapipe runs on any CPU, RADV compiles for AMD hardware)" ;;
	vulkan-validationlayers) echo "the Khronos validation layers" ;;
	nodejs) echo "node, which runs ONNX Runtime, DuckDB and the tests of the page" ;;
	npm) echo "npm, which installs ONNX Runtime, and what drives a browser" ;;
	chromium) echo "the browser in which the page is tested" ;;
	libxml2-utils) echo "xmllint, which checks XML by a schema" ;;
	debootstrap) echo "debootstrap, which makes a Debian folder" ;;
	debian-archive-keyring) echo "the keys of Debian's archive" ;;
	glslc) echo "the shader compiler glslc (shaderc)" ;;
	"$other_package" | "$other_libc") echo "a C compiler for the other processor ($other), with its C library" ;;
	fonts-noto-color-emoji) echo "Noto's colour emoji (/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf)" ;;
	unicode-data) echo "Unicode's names of emoji (/usr/share/unicode/emoji/emoji-test.txt)" ;;
	zip) echo "zip, which makes the archive for Windows" ;;
	qemu-user) echo "the emulator qemu-aarch64, which runs programs for arm64" ;;
	esac
}

# give_up REASON PACKAGES...: says what to do; ends the target only where it cannot go on.
give_up() {
	local reason=$1 package
	shift
	say "$reason. Please install:"
	for package in "$@"; do
		say "  $package: $(describe "$package")"
	done
	case $level in
	run)
		say "going on without: everything runs on the CPU"
		exit 0
		;;
	peers)
		say "going on without: the table says what could not run"
		exit 0
		;;
	release)
		say "going on without: what needs them is left out of the release"
		exit 0
		;;
	test) say "or run REQUIRE_VULKAN=0 make test, which skips what needs a device" ;;
	esac
	exit 1
}

# become_root PACKAGES...: sets apt to the command that runs apt-get as root.
become_root() {
	local sudo=()
	command -v apt-get >/dev/null || give_up "there is no apt-get here" "$@"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || give_up "installing needs root, and there is no sudo" "$@"
		sudo=(sudo)
		[ -t 0 ] || sudo+=(-n) # nobody there to type a password
	fi
	apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
}

update() { "${apt[@]}" update >&2 || say "apt-get update failed: trying with the lists at hand"; }

install() {
	become_root "$@"
	say "installing $*"
	update
	"${apt[@]}" install -y --no-install-recommends "$@" >&2 || give_up "apt-get could not install them" "$@"
}

only_say=
if [ "${1:-}" = -n ]; then
	only_say=1
	shift
fi
level=${1:-}
case $level in
run | test | generate | newmesa | swiftshader | floor | shaderstats | peers | arm | release | world | browser | clients | witnesses) ;;
lists)
	become_root
	update
	exit
	;;
*) usage ;;
esac

read -r -a packages <<<"$(missing "$level" | tr '\n' ' ')"
if [ ${#packages[@]} -eq 0 ]; then
	exit 0
fi
if [ -n "$only_say" ]; then
	echo "${packages[@]}"
	exit 1
fi
if [ "$level" = test ] && [ "${REQUIRE_VULKAN:-1}" = 0 ]; then
	say "not here: ${packages[*]}; not required, so tests that need them are skipped"
	exit 0
fi
install "${packages[@]}"
read -r -a packages <<<"$(missing "$level" | tr '\n' ' ')"
if [ ${#packages[@]} -gt 0 ]; then
	give_up "still missing after installing" "${packages[@]}"
fi
