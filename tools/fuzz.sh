#!/usr/bin/env bash
# Builds the fuzz targets, which feed inputs to the readers of untrusted files, and runs them.
set -euo pipefail
# shellcheck source=tools/setup/all.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup/all.sh"

usage() {
  cat <<'END'
Usage: tools/fuzz.sh [TARGET...] [--seconds N] [--jobs N] [--corpus FOLDER] [--found FOLDER]

Sets up (see tools/setup.sh --help), builds tests/fuzz/*_fuzz.cpp with clang's libFuzzer, AddressSanitizer and
UndefinedBehaviorSanitizer, and runs each target (default: all) from its seeds in tests/fuzz/corpus/.
  --seconds N       for each target (default: 60); 0: only the corpus
  --jobs N          targets at once (default: the cores)
  --corpus FOLDER   go on from the inputs there, and keep new ones (default: they are forgotten)
  --found FOLDER    inputs that fail (default: build/fuzz/found)

A finding is a crash, undefined behaviour, a leak, an input that takes 10 s, more memory than its size allows, or an exception
that is no error message. The exit code is 1 then, and the input's path is printed; once mended, keep it in tests/fuzz/corpus/.
END
}

for argument in "$@"; do
  case $argument in
    -h | --help) usage && exit 0 ;;
  esac
done

pal_provide fuzz
pal_step "Build of the fuzz targets" pal_build_fuzzers
exec "$PAL_PYTHON" "$PAL_ROOT/tests/fuzz/run.py" "$@"
