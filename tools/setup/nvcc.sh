# shellcheck shell=bash disable=SC2034 # PAL_NVCC is used by the build
# CUDA's compiler, for pal's kernels: the machine's, or PyPI's in the cache. Sourced, not run.

# pal_find_nvcc: prints the machine's nvcc, found as CMake finds one (cmake/PalKernels.cmake); status 1 where there is none.
pal_find_nvcc() {
  PATH=${CUDA_HOME:+$CUDA_HOME/bin:}$PATH:/usr/local/cuda/bin command -v nvcc
}

# pal_nvcc: sets PAL_NVCC; to nothing where no kernels can be built, which pal does without.
pal_nvcc() {
  local folder
  PAL_NVCC=${PAL_NVCC:-}
  if [[ -n $PAL_NVCC ]]; then
    [[ -x $PAL_NVCC ]] || pal_fail "PAL_NVCC=$PAL_NVCC: expected CUDA's compiler there, found none; name one, or unset it"
    pal_note "using PAL_NVCC=$PAL_NVCC"
  elif [[ ! -e $PAL_TORCH_DIR/lib/libtorch_cuda.so ]]; then
    pal_note "none is needed: this LibTorch is without CUDA"
  elif PAL_NVCC=$(pal_find_nvcc); then
    pal_note "$PAL_NVCC"
  else
    folder=$(pal_environment_folder nvcc "$(<"$PAL_ROOT/tools/setup/nvcc-requirements.txt")")
    if (pal_nvcc_environment "$folder"); then # a subshell: what fails there does not end the set-up
      PAL_NVCC=$(pal_site_packages "$folder")/nvidia/cu13/bin/nvcc
      pal_note "nvcc: PyPI's, in $folder"
    else
      pal_note "no nvcc could be installed: pal is built without its CUDA kernels, and a GPU uses LibTorch's own operators"
    fi
  fi
}

# pal_nvcc_environment FOLDER: installs it there where it is not yet.
pal_nvcc_environment() {
  if pal_environment_is_whole "$1"; then
    return
  fi
  pal_need_space 1 "nvcc"
  pal_new_environment "$1" && pal_note "downloading nvcc: 0.3 GB on disk" &&
    pal_pip "$1" install -r "$PAL_ROOT/tools/setup/nvcc-requirements.txt" && pal_environment_done "$1"
}
