#!/usr/bin/env bash
# Runs every fuzz target of the module for a while each: tools/fuzz.sh [TIME], by default 10s.
# An input that fails is kept by go test under the package's testdata/fuzz; commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz FOLDER TARGET
fuzz() {
	# Without making inputs smaller, which takes longer than a short time has.
	go test -run='^$' -fuzz="^$2\$" -fuzztime="$time" -fuzzminimizetime=1x -timeout=20m "./$1" 2>&1 </dev/null | tee "$log"
}

count=0
while read -r file target; do
	folder=$(dirname "$file")
	echo "fuzz: $folder $target for $time"
	if ! fuzz "$folder" "$target"; then
		# go test sometimes reports its own deadline, reached while an input was running, as a failure: no input is then named.
		if grep -q 'Failing input written' "$log" || ! grep -q 'context deadline exceeded' "$log"; then
			exit 1
		fi
		echo "fuzz: that was the deadline, not an input; once more"
		fuzz "$folder" "$target"
	fi
	count=$((count + 1))
done < <(find . \( -name .git -o -path ./beam \) -prune -o -name '*_test.go' -print | sort |
	xargs grep -HoE '^func Fuzz[A-Za-z0-9_]*' | sed -E 's/^([^:]*):func /\1 /')
echo "fuzz: $count targets, $time each, nothing found"
[ "$count" -gt 0 ]
