#!/bin/sh
# The example deployer without its fence: every generation is sent as the newest.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export DEPLOYER_ROOT="$PWD"
request=$(cat)
if [ "$1" = apply ]; then
  for state in "$DEPLOYER_ROOT"/targets/*/state.json; do
    if [ -e "$state" ]; then
      jq -c '.generation = 0' "$state" >"$state.old"
      mv "$state.old" "$state"
    fi
  done
fi
printf '%s' "$request" | "$here/../../../docs/examples/deployer-shell/deployer.sh" "$1"
