# shellcheck shell=bash
# Debian packages that are needed, by lists in this folder. Sourced, not run.

# pal_root_command: sets the array PAL_AS_ROOT to what runs a command as root; status 1 where this user may not.
pal_root_command() {
  PAL_AS_ROOT=()
  if ((EUID == 0)); then
    return 0
  fi
  command -v sudo >/dev/null || return 1
  if sudo -n true 2>/dev/null; then
    PAL_AS_ROOT=(sudo -n)
  elif [[ -t 0 && -z ${CI:-} ]]; then
    PAL_AS_ROOT=(sudo) # somebody is there to type the password
  else
    return 1
  fi
}

pal_apt() {
  "${PAL_AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" 9>&-
}

# pal_missing_packages LIST...: prints each package of the lists that is not installed, one a line.
pal_missing_packages() {
  local package rest
  while read -r package rest; do
    [[ -z $package || $package == '#'* ]] && continue
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ?i* ]] || echo "$package"
  done < <(cd -- "$PAL_SETUP" && cat -- "$@")
  if [[ -z ${PAL_PYTHON:-} ]] && ! pal_find_python; then
    printf '%s\n' python3 python3-venv
  fi
}

# pal_debian_packages LIST...: installs what is missing of the lists.
pal_debian_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    pal_note "not a Debian system: CMake will name what of tools/setup/debian-packages.txt it does not find"
    return
  fi
  local missing
  mapfile -t missing < <(pal_missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    pal_note "all Debian packages are there"
    return
  fi
  local install="apt-get install --no-install-recommends -y ${missing[*]}"
  if ! pal_root_command; then
    pal_fail "these Debian packages are missing: ${missing[*]}
This user may not install them (not root, and no sudo without a password). Have them installed with
    sudo apt-get update && sudo $install
and start again."
  fi
  pal_note "installing ${missing[*]}"
  pal_install_packages "${missing[@]}" || pal_fail "apt-get could not install the missing packages (its message is above). Try
    ${PAL_AS_ROOT[*]} apt-get update && ${PAL_AS_ROOT[*]} $install
and start again."
}

# The lists of packages are refreshed only where the install does not work without.
pal_install_packages() {
  pal_apt install --no-install-recommends -y "$@" </dev/null >/dev/null 2>&1 && return
  pal_apt update </dev/null >/dev/null && pal_apt install --no-install-recommends -y "$@" </dev/null
}
