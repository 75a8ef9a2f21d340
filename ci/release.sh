#!/bin/sh
# What a CI job does with Slipway: signs in by its own token, makes the release
# known, asks for it to go to an environment and waits for the gate. Every value
# comes from the environment and goes on as one argument of its own: what is in a
# tag, a branch or a commit message is never read by a shell.
#
#   SLIPWAY_URL       address of the portal
#   RELEASE_SERVICE   what is released
#   RELEASE_VERSION   as which version
#   RELEASE_ARTIFACTS NAME=REFERENCE@sha256:..., a line for each
#   RELEASE_TO        environment; empty: the release is made known, and that is all
#   RELEASE_CLI       the slipway command; "slipway" if empty
#   RELEASE_COMMIT    RELEASE_NOTES  RELEASE_AUDIENCE  RELEASE_RULE  RELEASE_TIMEOUT
#
# Exit codes: 0 it is live, 1 it failed, 2 wrong use, 3 it waits for a person,
# 4 the job may not.
set -eu

cli=${RELEASE_CLI:-slipway}
need() {
  eval "value=\${$1:-}" # the name is one of ours
  if [ -z "$value" ]; then
    echo "$1 is missing" >&2
    exit 2
  fi
}
need SLIPWAY_URL
need RELEASE_SERVICE
need RELEASE_VERSION

# The token lives in this shell and its children, and ends with its minutes.
set -- login --ci --print-token
if [ -n "${RELEASE_AUDIENCE:-}" ]; then set -- "$@" "--audience=$RELEASE_AUDIENCE"; fi
if [ -n "${RELEASE_RULE:-}" ]; then set -- "$@" "--rule=$RELEASE_RULE"; fi
SLIPWAY_TOKEN=$("$cli" "$@")
export SLIPWAY_TOKEN SLIPWAY_URL
if [ -n "${GITHUB_ACTIONS:-}" ]; then echo "::add-mask::$SLIPWAY_TOKEN"; fi

set -- release create
if [ -n "${RELEASE_COMMIT:-}" ]; then set -- "$@" "--commit=$RELEASE_COMMIT"; fi
if [ -n "${RELEASE_NOTES:-}" ]; then set -- "$@" "--notes=$RELEASE_NOTES"; fi
while IFS= read -r line; do
  if [ -n "$line" ]; then set -- "$@" "--artifact=$line"; fi
done <<END
${RELEASE_ARTIFACTS:-}
END
"$cli" "$@" -- "$RELEASE_SERVICE" "$RELEASE_VERSION"

if [ -z "${RELEASE_TO:-}" ]; then exit 0; fi
said=$(mktemp)
trap 'rm -f "$said"' EXIT
code=0
"$cli" promote --wait "--timeout=${RELEASE_TIMEOUT:-10m}" "--to=$RELEASE_TO" -- "$RELEASE_SERVICE" "$RELEASE_VERSION" >"$said" || code=$?
cat "$said"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  case $code in
  0) state=live ;;
  3) state=waiting ;;
  *) state=failed ;;
  esac
  id=$(sed -n 's/^Deployment \([0-9][0-9]*\):.*/\1/p' "$said" | head -n 1)
  printf 'deployment=%s\nstate=%s\n' "$id" "$state" >>"$GITHUB_OUTPUT"
fi
exit "$code"
