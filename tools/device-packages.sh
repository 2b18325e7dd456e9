#!/usr/bin/env bash
# Prints the packages whose tests reach package engine, and so a Vulkan device, one a line: found, not listed, lest one be forgotten; listed are those
# that only link it.
#
#   tools/device-packages.sh         the packages
#   tools/device-packages.sh -skip   a pattern of their tests that another driver adds nothing to: those of files, which compute on the CPU whatever the
#                                    driver, and of load for a while, which make soak is for
set -euo pipefail
if [ "${1:-}" = -skip ]; then
	echo 'KilledAtRandom|WritesFail|NoRoom|TestMemory$|MemoryOfCgroup|Soak|BitsUnderLoad|BitsOfProcesses'
	exit
fi
cd "$(dirname "$0")/.."
module=$(go list -m)
# "-test" lists test binaries too, as PACKAGE.test; their dependencies are everything that the tests link.
packages=$(go list -test -f '{{$p := .ImportPath}}{{range .Deps}}{{$p}} {{.}}{{"\n"}}{{end}}' ./... |
	sed -nE "s#^($module[^ ]*)\.test $module/engine( .*)?\$#\1#p" | sort -u |
	grep -vE "^$module/(convert|dataset|onnx|serve|tools/peers)\$") # which link it, and name the CPU in every test
if [ -z "$packages" ]; then
	echo "device-packages: no package's tests reach $module/engine" >&2
	exit 1
fi
echo "$packages"
