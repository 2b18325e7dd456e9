#!/usr/bin/env bash
# The library by which Intel's driver of Debian 12's Mesa compiles for chips that are not there: Mesa has it, and Debian does not build it.
#
#   tools/intelshim.sh    makes it where it is not there yet (some seconds, 28 MB are fetched), and says the folder it is in
#
# It is compiled from the source of the Mesa that is installed, because driver and library must be of one version. The folder is INTELSHIM_DIR, by
# default glipvk/intelshim in the user's cache folder.
set -euo pipefail

say() { echo "intelshim: $*" >&2; }
die() {
	say "$*"
	exit 1
}

dir=${INTELSHIM_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/glipvk/intelshim}
"$(dirname "$0")/deps.sh" intelshim
version=$(dpkg-query -W -f '${source:Version}' mesa-vulkan-drivers 2>/dev/null) || die "Debian's package mesa-vulkan-drivers is not here: tools/deps.sh intelshim"
case $version in
22.3.*) ;;
*) die "the installed Mesa is $version; the library can be made for Debian 12's, which is 22.3" ;;
esac
if [ "$(cat "$dir/version" 2>/dev/null)" = "$version" ]; then
	echo "$dir"
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$dir"
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
for part in "debian $codename" "debian-security $codename-security"; do
	echo "deb-src ${DEBIAN_MIRROR:-http://deb.debian.org}/$part main"
done >"$work/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
	-o "Dir::State::status=/var/lib/dpkg/status" -o APT::Sandbox::User=)
cd "$work"
"${apt[@]}" update
"${apt[@]}" source --download-only "mesa=$version"
tar xf mesa_*.orig.tar.* --strip-components 1
config=(HAVE_PTHREAD HAVE_STRUCT_TIMESPEC HAVE_TIMESPEC_GET HAVE___BUILTIN_EXPECT HAVE___BUILTIN_CLZ HAVE___BUILTIN_FFS HAVE___BUILTIN_POPCOUNT
	HAVE___BUILTIN_UNREACHABLE HAVE_FUNC_ATTRIBUTE_PACKED HAVE_SECURE_GETENV HAVE_MKOSTEMP HAVE_MEMFD_CREATE HAVE_ENDIAN_H HAVE_LINUX_FUTEX_H
	UTIL_ARCH_LITTLE_ENDIAN UTIL_ARCH_BIG_ENDIAN=0 _GNU_SOURCE)
gcc -shared -fPIC -O1 -w -ffunction-sections -Wl,--gc-sections "${config[@]/#/-D}" \
	-Iinclude -Isrc -Isrc/intel -Isrc/util -Isrc/gallium/include -Isrc/gallium/auxiliary -I/usr/include/libdrm \
	-o "$dir/libintel_noop_drm_shim.so" src/drm-shim/{device,drm_shim}.c src/intel/tools/intel_noop_drm_shim.c \
	src/intel/dev/{intel_device_info,intel_hwconfig}.c src/intel/common/{intel_gem,intel_engine}.c src/c11/impl/threads_posix.c \
	src/util/{hash_table,set,ralloc,u_debug,vma,os_misc,os_file,log,simple_mtx,u_printf}.c -Wl,--no-as-needed -ldrm -ldl -lpthread -lm
echo "$version" >"$dir/version"
echo "$dir"
