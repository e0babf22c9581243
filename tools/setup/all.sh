# shellcheck shell=bash
# All parts of the set-up, and their order up to the build. Sourced, not run.

PAL_SETUP=$(dirname -- "${BASH_SOURCE[0]}")
for part in common debian python nvcc build assets; do
  # shellcheck source=/dev/null
  source "$PAL_SETUP/$part.sh"
done

# pal_provide TESTS(yes|no|fuzz): everything that does not need the build; fuzz: what the fuzz targets need of it, yes: that and the rest.
# Sets PAL_PYTHON, PAL_TORCH_DIR, but with fuzz PAL_NVCC and, with yes, PAL_TEST_PYTHON.
pal_provide() {
  local lists=(debian-packages.txt)
  if [[ $1 != no ]]; then
    lists+=(debian-fuzz-packages.txt)
  fi
  if [[ $1 == yes ]]; then
    lists+=(debian-test-packages.txt)
  fi
  pal_lock_cache
  pal_step "Debian packages" pal_debian_packages "${lists[@]}"
  pal_need_python
  pal_step "LibTorch" pal_torch
  if [[ $1 == yes ]]; then
    pal_step "Test environment" pal_test_environment
  fi
  if [[ $1 != fuzz ]]; then
    pal_step "CUDA's compiler" pal_nvcc
    pal_step "Packaged weights and clips" pal_fetch_assets
  fi
  pal_unlock_cache
}
