# shellcheck shell=bash
# Configure and compile. Sourced, not run.

pal_cached_value() {
  sed -n "s/^$1:[A-Z]*=//p" "$PAL_ROOT/build/release/CMakeCache.txt" 2>/dev/null || true
}

# pal_jobs: compilers at once; a source that includes torch takes up to 2 GB of memory.
pal_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 2000000)}' /proc/meminfo)
  echo "${PAL_JOBS:-$((memory < 1 ? 1 : memory < cores ? memory : cores))}"
}

# pal_build [TARGET...]: all targets where none is named.
pal_build() {
  local options=("-DPAL_TORCH_DIR=$PAL_TORCH_DIR") torch source targets=()
  torch=$(pal_cached_value PAL_TORCH_DIR) source=$(pal_cached_value CMAKE_HOME_DIRECTORY)
  if [[ ${torch:-$PAL_TORCH_DIR} != "$PAL_TORCH_DIR" || ${source:-$PAL_ROOT} != "$PAL_ROOT" ]]; then
    options+=(--fresh) # another LibTorch, or a folder that was moved: old paths must not stay
  fi
  if [[ -n ${PAL_NVCC:-} ]]; then
    options+=("-DPAL_NVCC=$PAL_NVCC")
  fi
  if [[ -n ${PAL_TEST_PYTHON:-} ]]; then
    options+=("-DPAL_TEST_PYTHON=$PAL_TEST_PYTHON")
  fi
  if (($# > 0)); then
    targets=(--target "$@")
  fi
  (
    cd -- "$PAL_ROOT" || exit
    # ccache: what one clone compiled is found by a clone in another folder.
    export CCACHE_BASEDIR=$PAL_ROOT CCACHE_NOHASHDIR=1
    cmake --preset release "${options[@]}"
    cmake --build --preset release --parallel "$(pal_jobs)" "${targets[@]}"
  )
}

# pal_build_fuzzers: the fuzz targets, which clang builds into a folder of their own.
pal_build_fuzzers() {
  (
    cd -- "$PAL_ROOT" || exit
    export CCACHE_BASEDIR=$PAL_ROOT CCACHE_NOHASHDIR=1
    cmake --fresh --preset fuzz "-DPAL_TORCH_DIR=$PAL_TORCH_DIR"
    cmake --build --preset fuzz --parallel "$(pal_jobs)"
  )
}
