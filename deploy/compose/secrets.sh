#!/usr/bin/env bash
# Makes the secrets of docker-compose.yml, each once, in a volume that only its
# containers see. They run as different users, hence the readable files.
set -euo pipefail
cd /run/secrets

# random BYTES: as hex, which needs no escaping anywhere, a URL included.
random() { od -An -vtx1 -N"$1" /dev/urandom | tr -d ' \n'; }

# once NAME VALUE: whole or not at all, and never over what is there.
once() {
  [ -e "$1" ] && return
  printf %s "$2" >"$1.new"
  chmod 0444 "$1.new"
  mv "$1.new" "$1"
  echo "made $1"
}

once postgres-password "$(random 24)"
once database-url "postgres://slipway:$(cat postgres-password)@postgres:5432/slipway?sslmode=disable"
once secret-key "$(head -c 32 /dev/urandom | base64 -w 0)"
once oidc-client-secret "$(random 24)"
once vault-token "$(random 24)"
