# shellcheck shell=bash disable=SC2034 # the PAL_ names set here are used by the other parts
# Python environments in the cache: LibTorch's wheel, and what the parity tests compare with. Sourced, not run.
# An environment cannot be moved, so it is built in place; its stamp `complete` is written last, and without it all is redone.

# pal_find_python: sets PAL_PYTHON to a Python that the torch wheel supports and that can make environments.
pal_find_python() {
  local candidate candidates=(python3 python3.14 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3)
  if [[ -n ${PAL_PYTHON:-} ]]; then
    candidates=("$PAL_PYTHON") # the user's word, or found before
  fi
  for candidate in "${candidates[@]}"; do
    if candidate=$("$candidate" -c '
import ensurepip, sys, venv
print(sys.executable)
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null); then
      PAL_PYTHON=$candidate
      return
    fi
  done
  return 1
}

pal_need_python() {
  pal_find_python || pal_fail "no fitting Python: ${PAL_PYTHON:-python3} should be 3.10 to 3.14 and have the modules venv and ensurepip.
On Debian: sudo apt-get install -y python3 python3-venv; another one is named by PAL_PYTHON=/path/to/python3"
  pal_note "Python: $PAL_PYTHON ($("$PAL_PYTHON" -V))"
}

# pal_environment_folder NAME TEXT...: folder of an environment, keyed by everything that decides its content.
pal_environment_folder() {
  local name=$1 key
  shift
  key=$({
    printf '%s\n' "$@"
    "$PAL_PYTHON" -c 'import platform, sys; print(sys.implementation.cache_tag, platform.machine())'
  } | sha256sum)
  echo "$PAL_CACHE/$name-${key:0:16}"
}

# pal_environment_is_whole FOLDER: with its stamp, and its Python still runs (the system's may have been replaced).
pal_environment_is_whole() {
  [[ -e $1/complete ]] && "$1/bin/python" -c '' 2>/dev/null
}

pal_site_packages() {
  "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

pal_new_environment() {
  if [[ -e $1 ]]; then
    pal_note "$1 is not whole (an earlier set-up was interrupted): building it again"
    rm -rf -- "$1"
  fi
  # Not pal_fail's message: what goes wrong here (disk, rights) Python says better.
  "$PAL_PYTHON" -m venv -- "$1"
}

# pal_pip ENVIRONMENT ARGUMENTS...: pip as this machine configures it; temporary files stay on the cache's disk.
pal_pip() {
  local environment=$1
  shift
  mkdir -p "$environment/tmp"
  TMPDIR=$environment/tmp "$environment/bin/python" -m pip --no-input --disable-pip-version-check --retries 5 --quiet "$@" \
    </dev/null || pal_fail "pip could not install this (its message is above); is there a network? Start again and it goes on."
  rm -rf -- "$environment/tmp"
}

pal_environment_done() {
  sync -f "$1" # the stamp must not reach the disk before what it vouches for
  "$1/bin/python" -m pip --disable-pip-version-check freeze >"$1/complete.tmp"
  mv -- "$1/complete.tmp" "$1/complete"
}

# pal_downloader: sets PAL_PIP_PYTHON to a Python with pip, for wheels that are unpacked and not installed.
pal_downloader() {
  local folder
  folder=$(pal_environment_folder pip)
  if ! pal_environment_is_whole "$folder"; then
    pal_new_environment "$folder"
    pal_environment_done "$folder"
  fi
  PAL_PIP_PYTHON=$folder/bin/python
}

# pal_torch: sets PAL_TORCH_DIR, the folder with LibTorch's include/ and lib/.
pal_torch() {
  if [[ -n ${PAL_TORCH_DIR:-} ]]; then
    [[ -e $PAL_TORCH_DIR/lib/libtorch.so && -e $PAL_TORCH_DIR/include/torch ]] ||
      pal_fail "PAL_TORCH_DIR=$PAL_TORCH_DIR: expected LibTorch there (lib/libtorch.so and include/torch), found none;
give the folder named torch of an installed torch wheel, or unset PAL_TORCH_DIR and the set-up installs one"
    PAL_TORCH_DIR=$(realpath -- "$PAL_TORCH_DIR")
    pal_note "using PAL_TORCH_DIR=$PAL_TORCH_DIR"
  else
    pal_torch_environment
    PAL_TORCH_DIR=$(pal_site_packages "$PAL_TORCH_ENVIRONMENT")/torch
    pal_note "$PAL_TORCH_DIR"
  fi
  export PAL_TORCH_DIR
}

# pal_torch_environment: sets PAL_TORCH_ENVIRONMENT, and installs the wheel there where it is not yet.
pal_torch_environment() {
  local requirements=$PAL_ROOT/tools/setup/torch-requirements.txt
  PAL_TORCH_ENVIRONMENT=$(pal_environment_folder torch "$(<"$requirements")")
  if ! pal_environment_is_whole "$PAL_TORCH_ENVIRONMENT"; then
    rm -rf -- "$PAL_TORCH_ENVIRONMENT/tmp" # counts as free space
    pal_need_space 9 "LibTorch"
    pal_new_environment "$PAL_TORCH_ENVIRONMENT"
    pal_note "downloading LibTorch with its CUDA libraries: 4.7 GB on disk, some minutes on a slow line"
    pal_pip "$PAL_TORCH_ENVIRONMENT" install -r "$requirements"
    "$PAL_TORCH_ENVIRONMENT/bin/python" -W ignore -c 'import torch'
    pal_environment_done "$PAL_TORCH_ENVIRONMENT"
  fi
}

# pal_test_environment: sets PAL_TEST_PYTHON, a Python with transformers and the like, which shares the torch that is there.
pal_test_environment() {
  local requirements=$PAL_ROOT/tests/requirements.txt torch_site folder
  "$PAL_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    pal_fail "the test environment needs Python 3.11 or newer, $PAL_PYTHON is older; name another one with PAL_PYTHON=/path/to/python3"
  torch_site=$(pal_python_torch_site)
  if [[ -z $torch_site ]]; then
    pal_note "PAL_TORCH_DIR holds no torch module for $PAL_PYTHON: the parity tests get one of their own"
    pal_torch_environment
    torch_site=$(pal_site_packages "$PAL_TORCH_ENVIRONMENT")
  fi
  folder=$(pal_environment_folder testenv "$(<"$requirements")" "$torch_site")
  if ! pal_environment_is_whole "$folder"; then
    pal_need_space 3 "the test environment"
    pal_new_environment "$folder"
    # Through this line Python, and pip, see the torch that is installed already.
    echo "$torch_site" >"$(pal_site_packages "$folder")/pal_torch.pth"
    pal_pip "$folder" install -r "$requirements" -c "$PAL_ROOT/tools/setup/torch-requirements.txt"
    [[ ! -e $(pal_site_packages "$folder")/torch ]] || pal_fail "pip installed a second torch into $folder; do tests/requirements.txt and tools/setup/torch-requirements.txt agree?"
    "$folder/bin/python" -W ignore -c 'import torch, torchaudio, transformers'
    pal_environment_done "$folder"
  fi
  PAL_TEST_PYTHON=$folder/bin/python
  pal_note "$PAL_TEST_PYTHON"
  export PAL_TEST_PYTHON
}

# Prints the site-packages folder around PAL_TORCH_DIR where PAL_PYTHON can import the wanted torch from it, else nothing.
pal_python_torch_site() {
  local site
  site=$(dirname -- "$PAL_TORCH_DIR")
  if [[ $PAL_TORCH_DIR == "$PAL_CACHE"/torch-* ]] || PYTHONPATH=$site "$PAL_PYTHON" -W ignore -c '
import sys, torch
wanted = [line.strip() for line in open(sys.argv[1]) if line.startswith("torch==")]
sys.exit(torch.__version__.split("+")[0] != wanted[0].removeprefix("torch=="))' \
    "$PAL_ROOT/tools/setup/torch-requirements.txt" 2>/dev/null; then
    echo "$site"
  fi
}
