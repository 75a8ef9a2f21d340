#!/bin/sh
# A deployer for Slipway in POSIX shell: it puts the files of a release into a
# directory of its own, and a symbolic link `current` at the release that is live.
# It needs jq, flock and sha256sum. The protocol: docs/deployer-protocol.md.
#
# Everything lies below $DEPLOYER_ROOT (the working directory, if that is not set):
#   locks/TARGET                one lock for each target
#   targets/TARGET/state.json   the newest desired state: the fence
#   targets/TARGET/releases/ID/ the files of one release
#   targets/TARGET/current      a link to the release that is live
# shellcheck disable=SC2016 # what stands in single quotes is for jq
set -eu
umask 022

answer() { jq -cn "$@"; }

# fail CODE MESSAGE: the error for people, and whether trying again can help.
fail() {
  answer --arg m "$2" '{error: {message: $m}}'
  exit "$1"
}

request=$(cat)
ask() { printf '%s' "$request" | jq -r "$@"; }

version=$(ask '.apiVersion // ""') || fail 2 "the request is no JSON"
[ "$version" = slipway.deployer/v1 ] || fail 2 "the request speaks \"$version\", this deployer slipway.deployer/v1"

root=${DEPLOYER_ROOT:-$PWD}
case $1 in
  capabilities | validate) ;;
  *)
    # The site is a part of the target. @uri leaves neither a slash nor a comma.
    target=t.$(ask '.target | [.service, .environment, .site // ""] | map(@uri) | join(",")')
    home=$root/targets/$target
    mkdir -p "$root/locks"
    # One lock for each target: to compare, to act and to remember are one step.
    exec 9>"$root/locks/$target"
    flock 9
    ;;
esac

# state FILTER: of the newest state that was accepted.
state() {
  if [ -e "$home/state.json" ]; then
    jq -r "$1" "$home/state.json"
  else
    printf '{"generation": 0, "tracks": []}' | jq -r "$1"
  fi
}

live() { if [ -L "$home/current" ]; then basename "$(readlink "$home/current")"; fi; }

# settle makes the link point where the state says. It is called again by every
# observe, so that a call that was killed half-way is finished by the next one.
settle() {
  wanted=$(state '.tracks[0].id // "" | if . == "" then "" else "r." + @uri end')
  if [ "$wanted" = "$(live)" ]; then return; fi
  if [ -z "$wanted" ]; then
    rm -f "$home/current"
    return
  fi
  ln -sfn "releases/$wanted" "$home/current.new"
  date +%s >"$home/since"
  mv -T "$home/current.new" "$home/current" # at once: nobody sees no link
}

# fetch puts the files of the release aside, checks them, and moves them in whole.
fetch() {
  release=$home/releases/r.$(ask '.desired.tracks[0].id | @uri')
  if [ -d "$release" ]; then return; fi
  rm -rf "$release.part"
  mkdir -p "$release.part"
  ask -c '.desired.tracks[0].artifacts[]' >"$release.part/.artifacts"
  while read -r artifact; do
    name=$(printf '%s' "$artifact" | jq -r .name)
    reference=$(printf '%s' "$artifact" | jq -r .reference)
    digest=$(printf '%s' "$artifact" | jq -r .digest)
    case $name in "" | .* | */*) fail 2 "the artifact \"$name\" has a name that is no file name" ;; esac
    case $reference in
      file:///*) cp "${reference#file://}" "$release.part/$name" || fail 1 "the artifact $reference cannot be read" ;;
      *) fail 2 "the artifact $reference is no file:/// of this machine" ;;
    esac
    sum=$(sha256sum "$release.part/$name")
    [ "sha256:${sum%% *}" = "$digest" ] || fail 2 "the artifact $reference has the digest sha256:${sum%% *}, not $digest"
  done <"$release.part/.artifacts"
  ask -c '.desired.tracks[0] | {id, version, config}' >"$release.part/.release.json"
  mv "$release.part" "$release"
}

case $1 in
  capabilities)
    answer '{result: {apiVersion: "slipway.deployer/v1", summary: "Files in a directory of this host, and a link to those that are live", calls: ["check-way", "destroy"]}}'
    ;;

  validate)
    ask -c '.config as $c | {result: {replicas: 1, problems: ([
        ($c | keys[] | select(IN("check", "within") | not) | {path: ., message: "is no key of this deployer; there are check and within"}),
        (select($c.check != null and ($c.check | type) != "string") | {path: "check", message: "is a command for the shell"}),
        (select($c.within != null and (($c.within | type) != "number" or $c.within < 1)) | {path: "within", message: "is a number of seconds, at least 1"})
      ])}}'
    ;;

  preview)
    was=$(if [ -n "$(live)" ]; then jq -r .version "$home/current/.release.json"; else echo nothing; fi)
    becomes=$(ask '[.desired.tracks[].version] | join(" and ") | if . == "" then "nothing" else . end')
    answer --arg t "$home/current: $was becomes $becomes" '{result: {text: $t}}'
    ;;

  apply)
    generation=$(ask .desired.generation)
    newest=$(state .generation)
    if [ "$generation" -lt "$newest" ]; then
      answer --argjson n "$newest" --argjson g "$generation" \
        '{error: {message: "generation \($g) is older than \($n)", terminal: true, code: "stale-generation", newest: $n}}'
      exit 2
    fi
    case $(ask '.desired.tracks | length') in
      0) mkdir -p "$home" ;;
      1) fetch ;;
      *) fail 2 "this deployer makes one release live, not several" ;;
    esac
    ask -c '.desired | {generation, tracks: [.tracks[] | {id, version}]}' >"$home/state.json.new"
    sync "$home/state.json.new"
    mv "$home/state.json.new" "$home/state.json"
    settle
    answer '{result: {}}'
    ;;

  observe)
    if [ -e "$home/state.json" ]; then settle; fi
    now=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
    id=$(live)
    ready=0 failure=
    if [ -n "$id" ]; then
      check=$(jq -r '.config.check // "true"' "$home/current/.release.json")
      within=$(jq -r '.config.within // 60' "$home/current/.release.json")
      code=0
      # 75 is "not yet" (EX_TEMPFAIL); the lock is not for what the check starts.
      (cd "$home/current/" && exec sh -c "$check") >/dev/null 2>&1 9>&- || code=$?
      waited=$(($(date +%s) - $(cat "$home/since")))
      case $code in
        0) ready=1 ;;
        75) if [ "$waited" -ge "$within" ]; then failure="was not ready within $within seconds"; fi ;;
        *) failure="failed its check with code $code" ;;
      esac
    fi
    release='{}'
    if [ -n "$id" ]; then release=$(cat "$home/current/.release.json"); fi
    answer --arg now "$now" --argjson g "$(state .generation)" --argjson ready "$ready" --arg failure "$failure" \
      --argjson wanted "$(state '.tracks | length')" --argjson release "$release" '
      {result: ({at: $now, generation: $g, converged: ($ready == $wanted), message: "\($ready) of \($wanted) live",
        tracks: (if $release.id then [{id: $release.id, version: $release.version, wanted: $wanted, ready: $ready, weight: 100}] else [] end)}
      | if $failure == "" then . else .failure = {reason: "version \($release.version) \($failure)"} end)}'
    ;;

  check-way)
    # Every state on the way is one that apply would take, and nothing is changed.
    several=$(ask '[.way[].tracks | select(length > 1) | map(.version) | join(" and ")][0] // ""')
    if [ -n "$several" ]; then fail 2 "this deployer makes one release live, not $several"; fi
    answer '{result: {}}'
    ;;

  destroy)
    rm -rf "$home"
    answer '{result: {}}'
    ;;

  *) fail 2 "there is no call \"$1\"" ;;
esac
