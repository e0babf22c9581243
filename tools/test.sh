#!/usr/bin/env bash
# Sets up all that is needed and runs the tests. The last line is ctest's verdict, the exit code too.
set -euo pipefail
# shellcheck source=tools/setup/all.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup/all.sh"

usage() {
  cat <<'END'
Usage: tools/test.sh [--full] [CTEST OPTIONS]

Sets up (see tools/setup.sh --help), builds, and runs every test; tools/test.sh -R decoder runs those with that name.
  --full   also the long ones (ctest label `full`): soak, long fuzzing, full fault counts
END
}

selection=(--label-exclude '^full$') options=()
for argument in "$@"; do
  case $argument in
    --full) selection=() ;;
    -h | --help) usage && exit 0 ;;
    *) options+=("$argument") ;;
  esac
done

begin=$SECONDS
pal_provide yes
pal_step "Build" pal_build
pal_step "Build of the fuzz targets" pal_build_fuzzers
pal_step "Encoders from their packaged form" pal_convert_assets
printf '==> Tests (set-up and build took %d s)\n' $((SECONDS - begin))
cd -- "$PAL_ROOT"
exec ctest --preset release --parallel "$(nproc)" --no-tests=error "${selection[@]}" "${options[@]}"
