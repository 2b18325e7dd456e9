#!/usr/bin/env bash
# Runs every fuzz target of the module, or of some of its packages, for a while each, or for a number of inputs:
# tools/fuzz.sh [TIME|NUMBERx [FOLDER...]], by default 10s.
# An input that fails is kept by go test under the package's testdata/fuzz; commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
[ $# = 0 ] || shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# A line each: folder, target.
targets=$(find . \( -name .git -o -path ./beam \) -prune -o -name '*_test.go' -print | sort |
	xargs grep -HoE '^func Fuzz[A-Za-z0-9_]*' | sed -E 's|^(.*)/[^/]*:func |\1 |')
folders=$(cut -d' ' -f1 <<<"$targets" | uniq)
for folder in "$@"; do
	grep -qxF -- "$folder" <<<"$folders" || { echo "fuzz: no targets in $folder; there are some in" $folders >&2; exit 1; }
done
[ $# -gt 0 ] || set -- $folders
chosen=$(grep -F "$(printf '%s \n' "$@")" <<<"$targets")

while read -r folder target; do
	echo "fuzz: $folder $target for $time"
	# Without making inputs smaller, which takes longer than a short time has.
	if ! go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" -fuzzminimizetime=1x -timeout=20m "$folder" 2>&1 </dev/null | tee "$log"; then
		# go test sometimes reports its own deadline, reached while an input was running, as a failure, and names no input: nothing was found.
		# A number of inputs (2000x) has no deadline.
		if ! grep -qx ' *context deadline exceeded' "$log" || grep -qE 'Failing input written|panic:|hung or terminated' "$log"; then
			exit 1
		fi
		echo "fuzz: that was the end of the time, no input failed"
	fi
done <<<"$chosen"
echo "fuzz: $(grep -c . <<<"$chosen") of $(grep -c . <<<"$targets") targets, $time each, nothing found"
