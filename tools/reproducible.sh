#!/usr/bin/env bash
# Builds the commands twice as a release does, here and from a copy in another folder with an empty cache, with and without cgo, and compares.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/a-copy-elsewhere"
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -c 2>/dev/null | tar -C "$work/a-copy-elsewhere" -x

# build FOLDER TO: both commands, with and without cgo.
build() {
	local cgo
	for cgo in 0 1; do
		(cd "$1" && CGO_ENABLED=$cgo GOFLAGS="" go build -trimpath -buildvcs=false -ldflags "-s -w -X main.release=v0" -o "$2/cgo$cgo/" ./cmd/glip ./cmd/bench)
	done
}
build "$PWD" "$work/here"
GOCACHE="$work/cache" build "$work/a-copy-elsewhere" "$work/there"
(cd "$work/here" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2) | tee "$work/sums"
(cd "$work/there" && sha256sum --check --quiet "$work/sums") || {
	echo "reproducible: what was built in another folder is not the same; go version -m and cmp on both say what differs" >&2
	exit 1
}
echo "reproducible: $(wc -l <"$work/sums") programs are the same bit for bit, built twice"
