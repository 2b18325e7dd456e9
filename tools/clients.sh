#!/usr/bin/env bash
# A server on a free port, and the clients of ../shared/clients against it: scripts that play a client which nobody here wrote.
#
#   tools/clients.sh            all of them
#   tools/clients.sh NAME...    these: schema triton grpc hf labelstudio browser lifecycle load
#
# What they need is fetched into CLIENTS_DIR, by default glipvk/clients in the user's cache folder: Node packages, grpcurl and vegeta by
# go install, Debian packages by tools/deps.sh. schema and triton read the protocol's repositories: bare clones in the folder
# CLIENTS_GIT, or clones made here, else these two are left out and that is said. CLIENTS_MODEL="--model glip-world" tries another model.
set -euo pipefail

self=$(readlink -f "$0")
repo=$(dirname "$(dirname "$self")")
clients=$repo/../shared/clients
dir=${CLIENTS_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/glipvk/clients}
git=${CLIENTS_GIT:-$dir/git}
read -r -a model <<<"${CLIENTS_MODEL:---weights synthetic:8 --size 320,512}"

say() { echo "clients: $*" >&2; }
if [ ! -d "$clients" ]; then
	say "there is no ../shared/clients beside this checkout: nothing was run"
	exit 0
fi
clients=$(cd "$clients" && pwd)
names=("$@")
[ $# -gt 0 ] || names=(schema triton grpc hf labelstudio browser lifecycle load)

# any NAME...: whether one of these is asked for.
any() {
	local one
	for one in "${names[@]}"; do
		[[ " $* " != *" $one "* ]] || return 0
	done
	return 1
}
# tool NAME PACKAGE@VERSION: a program by go install, where it is not there yet.
tool() {
	[ -x "$dir/bin/$1" ] || (cd "$dir" && GOFLAGS='' GOBIN="$dir/bin" go install "$2" >&2)
	[ ! -e "$dir/bin/v12" ] || mv "$dir/bin/v12" "$dir/bin/vegeta"
}
# bare NAME URL: a bare clone, or nothing.
bare() {
	[ -d "$git/$1" ] || git clone --quiet --bare --depth 1 "$2" "$git/$1" 2>/dev/null || true
}
"$repo/tools/deps.sh" clients
mkdir -p "$dir/npm" "$dir/bin" "$git"
if any schema hf browser && [ ! -d "$dir/npm/node_modules/playwright-core" ]; then
	(cd "$dir/npm" && npm install --silent --no-fund --no-audit --ignore-scripts @huggingface/inference@4.13.30 ajv@8 js-yaml@4 playwright-core@1.65.1 axe-core@4.14.1 >&2)
fi
if any grpc; then tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3; fi
if any load; then tool vegeta github.com/tsenart/vegeta/v12@v12.13.0; fi
if any schema; then bare open-inference-protocol.git https://github.com/kserve/open-inference-protocol; fi
if any triton; then
	bare client.git https://github.com/triton-inference-server/client
	bare common.git https://github.com/triton-inference-server/common
fi

cd "$repo"
glip=$(mktemp -d)/glip
go build -buildvcs=false -o "$glip" ./cmd/glip
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
at=127.0.0.1:$port
url=http://$at
server=("$glip" serve "${model[@]}" --device "${CLIENTS_DEVICE:-cpu}" --name glip --threshold 0.05 --listen "$at")
out=$(dirname "$glip")
serving=
stop() {
	[ -z "$serving" ] || { kill "$serving" 2>/dev/null && wait "$serving" 2>/dev/null || true; }
	serving=
}
trap 'stop; rm -rf "$out"' EXIT
start() {
	stop
	"${server[@]}" "$@" >"$out/out" 2>"$out/log" &
	serving=$!
	for _ in $(seq 300); do
		curl -sf -o /dev/null "$url/v2/health/ready" && return
		kill -0 "$serving" 2>/dev/null || break
		sleep 0.2
	done
	cat "$out/out" "$out/log" >&2
	say "the server did not become ready"
	exit 1
}

failed=()
# judge NAME COMMAND...: runs a client and keeps its name where it fails.
judge() {
	local name=$1
	shift
	echo "=== $name"
	"$@" || failed+=("$name")
}
# has NAME...: whether the repositories are here.
has() {
	local one
	for one in "$@"; do
		if [ ! -d "$git/$one" ]; then
			echo "skipped: $git/$one is not here and could not be cloned (CLIENTS_GIT names a folder that has it)"
			return 1
		fi
	done
}
for name in "${names[@]}"; do
	case $name in
	lifecycle) stop ;;
	hf) start --class "a cat" --class whiskers ;; # what pictures alone are asked for
	*) start ;;
	esac
	case $name in
	schema) has open-inference-protocol.git && judge schema node "$clients/schema.mjs" "$dir/npm" "$git/open-inference-protocol.git" --url "$url" ;;
	triton) has client.git common.git && judge triton /usr/bin/python3 "$clients/triton.py" "$git/client.git" "$git/common.git" --http "$at" --grpc "$at" ;;
	grpc) judge grpc env GRPCURL="$dir/bin/grpcurl" bash "$clients/grpc.sh" "$at" glip ;;
	hf) judge hf node "$clients/hf.mjs" "$dir/npm" --url "$url" ;;
	labelstudio) judge labelstudio /usr/bin/python3 "$clients/labelstudio.py" --url "$url/labelstudio" ;;
	browser) judge browser node "$clients/browser.mjs" "$dir/npm" --url "$url" ${CLIENTS_SHOTS:+--shots "$CLIENTS_SHOTS"} ;;
	lifecycle) judge lifecycle /usr/bin/python3 "$clients/lifecycle.py" --at "$at" ${CLIENTS_PICTURE:+--picture "$CLIENTS_PICTURE"} -- "${server[@]}" ;;
	load) judge load env VEGETA="$dir/bin/vegeta" bash "$clients/load.sh" "$url" glip ;;
	*)
		say "no client is called $name"
		exit 2
		;;
	esac || true
done
if [ ${#failed[@]} -gt 0 ]; then
	say "not passed: ${failed[*]}"
	exit 1
fi
