#!/usr/bin/env bash
# Builds the unit tests with GCC's sanitizers and runs them.
set -euo pipefail
# shellcheck source=tools/setup/all.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup/all.sh"

usage() {
  cat <<'END'
Usage: tools/sanitize.sh address|thread [TEST...]

address: AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer; thread: ThreadSanitizer. TEST: core_tests, train_tests, ... (default: all).
A build of its own (build/asan, build/tsan), as long as a whole one. What is suppressed stands in tests/sanitizers/, each with its reason.
END
}

case ${1:-} in
  address) preset=asan ;;
  thread) preset=tsan ;;
  *) usage && exit 2 ;;
esac
shift

pal_provide no
cd -- "$PAL_ROOT"
cmake --preset "$preset" "-DPAL_TORCH_DIR=$PAL_TORCH_DIR" >/dev/null
cmake --build --preset "$preset" --parallel "$(pal_jobs)" ${1:+--target "$@"}
suppressions=$PAL_ROOT/tests/sanitizers
export ASAN_OPTIONS=detect_stack_use_after_return=1
export LSAN_OPTIONS=suppressions=$suppressions/leaks.txt:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=suppressions=$suppressions/threads.txt:history_size=4
names=$(IFS='|' && echo "${*:-.*_tests}")
exec ctest --preset "$preset" --no-tests=error --tests-regex "^($names)\$"
