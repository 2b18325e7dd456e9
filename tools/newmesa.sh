#!/usr/bin/env bash
# The newest Mesa beside the system's own: a folder with Debian unstable in it, made once and kept.
#
#   tools/newmesa.sh dir                  says where the folder is
#   tools/newmesa.sh make                 makes it where it is not there yet (a minute or three, 0.8 GB)
#   tools/newmesa.sh run [-r|-w PATH]... COMMAND [ARGUMENT]...
#                                         runs a command inside, with Mesa's lavapipe as the Vulkan driver
#   tools/newmesa.sh test [PACKAGE]...    runs go test on packages that reach a device, with the tests inside
#
# Inside, the command finds this checkout and ../shared read-only at their own places, each PATH of -r (read-only) and -w (writable)
# likewise, its working directory, an empty /tmp, and those environment variables that begin with REQUIRE_, GLIPVK_, VK_, LP_ or MESA_.
# Of these VK_ICD_FILENAMES, VK_DRIVER_FILES, VK_LAYER_PATH and VK_ADD_LAYER_PATH are left out, because they name files outside.
#
# The folder is NEWMESA_DIR, by default glipvk/newmesa in the user's cache folder. Remove it to get a newer Mesa (it belongs to root).
# DEBIAN_MIRROR is the archive that it is made from, by default debootstrap's own. Making and running need root, directly or by sudo:
# nothing else may mount and chroot. Every mount is in a namespace of its own and goes with the process.
set -euo pipefail

self=$(readlink -f "$0")
repo=$(dirname "$(dirname "$self")")
dir=${NEWMESA_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/glipvk/newmesa}
packages="mesa-vulkan-drivers vulkan-tools vulkan-validationlayers llama.cpp-tests libggml0-backend-vulkan nodejs mesa-drm-shim wine wine64"
driver=/usr/share/vulkan/icd.d/lvp_icd.json
stamp=.glipvk # in the folder: what was installed into it, written last

say() { echo "newmesa: $*" >&2; }
die() {
	say "$*"
	exit 1
}

# as_root COMMAND...: becomes it, as root.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		unshare --mount true || die "this machine does not let root mount (a container without CAP_SYS_ADMIN?)"
		exec "$@"
	fi
	command -v sudo >/dev/null || die "mounting and chroot need root, and there is no sudo: run this as root"
	local sudo=(sudo)
	if ! [ -t 0 ]; then # nobody there to type a password
		sudo -n true 2>/dev/null || die "mounting and chroot need root, and sudo asks for a password: run this as root, or sudo -v first"
		sudo+=(-n)
	fi
	exec "${sudo[@]}" "$@"
}

complete() { [ "$(cat "$dir/$stamp" 2>/dev/null)" = "$packages" ]; }

# make_folder makes the folder where it is missing or holds other packages.
make_folder() {
	complete && return
	"$repo/tools/deps.sh" newmesa
	mkdir -p "$(dirname "$dir")"
	say "making $dir: Debian unstable with the newest Mesa"
	# The lock lets one of several makers work and the others find the result.
	(as_root unshare --mount "$self" -make "$dir" "${DEBIAN_MIRROR:-}" </dev/null)
	say "$dir holds Mesa $(mesa)"
}

# mesa is the version of the folder's driver.
mesa() { awk '/^Package: / { p = $2 } /^Version: / && p == "mesa-vulkan-drivers" { print $2; exit }' "$dir/var/lib/dpkg/status"; }

# mount_system ROOT: the system's own file systems, and an empty /tmp.
mount_system() {
	local d
	for d in proc sys dev; do
		mount --rbind "/$d" "$1/$d"
	done
	mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
}

# make_as_root FOLDER MIRROR, in a mount namespace.
make_as_root() {
	dir=$1
	PATH=$PATH:/usr/sbin:/sbin
	exec 9>"$dir.lock"
	flock 9
	complete && return
	local new=$dir.new log=$dir.log
	trap 'say "making $dir stopped at \"$(tail -n 1 "$log" 2>/dev/null)\"; all of it is in $log"' ERR
	rm -rf --one-file-system "$new"
	debootstrap --variant=minbase sid "$new" ${2:+"$2"} >"$log" 2>&1
	mount_system "$new"
	local apt=(chroot "$new" env -i PATH=/usr/sbin:/usr/bin HOME=/root DEBIAN_FRONTEND=noninteractive apt-get)
	for v in http_proxy https_proxy; do
		[ -z "${!v:-}" ] || apt=("${apt[@]:0:4}" "$v=${!v}" "${apt[@]:4}")
	done
	# shellcheck disable=SC2086 # one word a package
	"${apt[@]}" -qq -y --no-install-recommends install $packages >>"$log" 2>&1
	"${apt[@]}" clean
	[ -e "$new$driver" ] || die "Debian's Mesa has no $driver any more: tools/newmesa.sh must learn its new name"
	echo "$packages" >"$new/$stamp"
	umount -R -l "$new/proc" "$new/sys" "$new/dev" "$new/tmp"
	rm -rf --one-file-system "$dir"
	mv "$new" "$dir"
	rm -f "$log"
}

# run [-r PATH | -w PATH]... COMMAND...
run() {
	complete || die "there is no complete folder at $dir: tools/newmesa.sh make"
	local binds=(-r "$repo") variables=() v
	if [ -d "$repo/../shared" ]; then
		binds+=(-r "$(dirname "$repo")/shared")
	fi
	while [[ ${1:-} = -[rw] ]]; do
		binds+=("$1" "$(realpath "${2:?}")")
		shift 2
	done
	[ $# -gt 0 ] || die "run: no command"
	for v in $(compgen -e); do
		case $v in
		VK_ICD_FILENAMES | VK_DRIVER_FILES | VK_LAYER_PATH | VK_ADD_LAYER_PATH) ;;
		REQUIRE_* | GLIPVK_* | VK_* | LP_* | MESA_*) variables+=("$v=${!v}") ;;
		esac
	done
	as_root unshare --mount "$self" -run "$dir" "$(id -u):$(id -g)" "$PWD" "${binds[@]}" -- "${variables[@]}" -- "$@"
}

# run_as_root FOLDER USER:GROUP DIRECTORY [-r PATH | -w PATH]... -- [NAME=VALUE]... -- COMMAND..., in a mount namespace.
run_as_root() {
	local root=$1 user=$2 cwd=$3 variables=()
	shift 3
	mount_system "$root"
	while [ "$1" != -- ]; do
		mkdir -p "$root$2"
		mount --bind "$2" "$root$2"
		[ "$1" = -w ] || mount -o remount,bind,ro "$root$2"
		shift 2
	done
	shift
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	exec chroot --userspec="$user" "$root" env -i --chdir="$cwd" PATH=/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8 \
		VK_ICD_FILENAMES="$driver" "${variables[@]}" "$@"
}

# test_inside [PACKAGE]...: go test builds here and runs there.
test_inside() {
	cd "$repo"
	make_folder
	local list
	list=$([ $# -gt 0 ] && printf '%s\n' "$@" || tools/device-packages.sh)
	# Newer validation layers look into what shaders access only when told; a test makes sure that they do.
	export VK_LAYER_SYNCVAL_SHADER_ACCESSES_HEURISTIC=1
	binaries=$(mktemp -d)
	trap 'rm -rf "$binaries"' EXIT
	say "go test with Mesa $(mesa) of $dir"
	# shellcheck disable=SC2086 # one word a package
	GOTMPDIR=$binaries go test -count=1 -timeout 20m -skip "$(tools/device-packages.sh -skip)" -exec "'$self' run -r '$binaries'" $list
}

command=${1:-}
shift || true
case $command in
dir) echo "$dir" ;;
make) make_folder ;;
run) run "$@" ;;
test) test_inside "$@" ;;
-make) make_as_root "$@" ;; # the two halves that run as root
-run) run_as_root "$@" ;;
*)
	sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
