# shellcheck shell=bash disable=SC2034 # PAL_ROOT is used by the other parts
# What every part of the set-up shares: places, messages, timed steps, and the lock on the cache. Sourced, not run.

PAL_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
if [[ -z ${PAL_CACHE:-} && -z ${XDG_CACHE_HOME:-} && -z ${HOME:-} ]]; then
  echo "set-up: no HOME in the environment; name the folder for downloads with PAL_CACHE=/some/folder" >&2
  exit 2
fi
PAL_CACHE=$(realpath -m -- "${PAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pal}")

# pal_fail MESSAGE: the user has to do something first; exit code 2 as in the tools.
pal_fail() {
  printf 'set-up: %s\n' "$1" >&2
  exit 2
}

pal_note() {
  printf '    %s\n' "$1"
}

# pal_step TITLE COMMAND...: says what begins, and how long it took when it has ended well.
pal_step() {
  local title=$1 begin=$SECONDS
  shift
  printf '==> %s\n' "$title"
  "$@"
  printf '==> %s (%d s)\n' "$title" $((SECONDS - begin))
}

# One set-up at a time works on the cache. The programs it starts inherit the lock (file 9), so one that outlives a
# killed set-up keeps the next one waiting instead of writing into what that one builds.
pal_lock_cache() {
  if ! mkdir -p -- "$PAL_CACHE" 2>/dev/null || [[ ! -w $PAL_CACHE ]]; then
    pal_fail "cannot write to the cache folder $PAL_CACHE; name another one with PAL_CACHE=/some/folder"
  fi
  exec 9>"$PAL_CACHE/lock"
  if ! flock --nonblock 9; then
    pal_note "another set-up is working in $PAL_CACHE: waiting for it to end"
    flock 9
  fi
  rm -rf -- "$PAL_CACHE"/tmp.* # what a killed set-up left; under the lock nobody uses it
}

pal_unlock_cache() {
  exec 9>&-
}

# pal_need_space GIGABYTES WHAT: better a message now than a full disk in two minutes.
pal_need_space() {
  local free
  free=$(df --output=avail --block-size=1G -- "$PAL_CACHE" | tail -n 1)
  ((free >= $1)) ||
    pal_fail "$2 needs $1 GB in $PAL_CACHE, and ${free// /} GB are free; free some, or name another folder with PAL_CACHE"
}
