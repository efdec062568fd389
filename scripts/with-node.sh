#!/bin/sh
# Installs what is missing, then runs a TypeScript file under the Node this repository pins.
# usage: with-node.sh run|dev FILE [ARG ...]
#   run: what the server needs.   dev: the tools for tests, lint and docs as well.
set -eu
mode=$1
shift
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
stamp="$root/node_modules/.installed"
wanted=$(cksum <"$root/package-lock.json")
have=$(cat "$stamp" 2>/dev/null || true)
if [ "$have" != "dev $wanted" ] && { [ "$mode" = dev ] || [ "$have" != "run $wanted" ]; }; then
  echo "headend: installing dependencies (once; $mode)" >&2
  if [ "$mode" = dev ]; then omit=; else omit=--omit=dev; fi
  # `npm ci` refuses a lock file that lacks optional packages of other systems, which some registries do not carry; `npm install
  # --no-save` takes the locked versions as well and writes nothing.
  # Engine warnings are about the Node that npm itself runs on, not the one that runs this project.
  (cd "$root" && npm install --no-save $omit --ignore-scripts --no-fund --no-audit --loglevel=error >&2)
  echo "$mode $wanted" >"$stamp"
fi
node="$root/node_modules/.bin/node"
if [ ! -x "$node" ]; then
  node=$(command -v node || true)
  major=$("${node:-false}" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  if [ "$major" -lt 24 ]; then
    echo "headend: needs Node 24 or newer; found ${node:-none}. On Linux x64 and arm64 it is installed by npm ci with optional dependencies." >&2
    exit 1
  fi
fi
script=$1
shift
# The flags of bin/headend.js.
exec "$node" --disable-warning=ExperimentalWarning --max-semi-space-size=2 --initial-old-space-size=64 "$root/$script" "$@"
