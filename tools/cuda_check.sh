#!/usr/bin/env bash
# What only a CUDA machine can show. Builds nothing: runs the programs of build/release/bin there, and prints a table last.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'END'
Usage: tools/cuda_check.sh [--bench CONFIG] [--steps N] [--tests-only]

Runs every test that needs CUDA (the tests whose names hold Cuda) and pal-bench (Llama-3.2-1B's shape, bfloat16), then prints a table.
Builds nothing and installs nothing: the programs may come from another machine, with LD_LIBRARY_PATH naming LibTorch's lib folder.
Exit code 0: all passed; 1: something failed or was skipped; 2: it could not be run here.
  --bench CONFIG   another config than configs/bench/llama-3.2-1b.yaml
  --steps N        timed steps a round (default 10)
  --tests-only     no benchmark

Environment:
  PAL_BIN          folder of the programs (default: build/release/bin)
END
}

fail() {
  printf 'cuda_check: %s\n' "$1" >&2
  exit 2
}

bench=configs/bench/llama-3.2-1b.yaml steps=10 tests_only=no
while (($# > 0)); do
  case $1 in
    --bench | --steps)
      (($# > 1)) || fail "$1: a value is missing"
      if [[ $1 == --bench ]]; then bench=$2; else steps=$2; fi
      shift 2
      ;;
    --tests-only) tests_only=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) fail "unknown option '$1'; tools/cuda_check.sh --help lists them" ;;
  esac
done
bin=${PAL_BIN:-build/release/bin}
[[ -e $bench ]] || fail "--bench: no file $bench"
[[ -x $bin/pal-bench ]] || fail "no $bin/pal-bench; build first (tools/setup.sh), or name the programs' folder with PAL_BIN"
if missing=$(ldd "$bin/pal-bench" | grep 'not found'); then
  fail "$bin/pal-bench does not find its libraries; set LD_LIBRARY_PATH. Missing:
$missing"
fi
command -v nvidia-smi >/dev/null || fail "no nvidia-smi: is this a CUDA machine?"
gpu=$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader | head -n 1)
[[ -n $gpu ]] || fail "nvidia-smi lists no GPU"

export PAL_SOURCE_DIR=$PWD # the tests' files, wherever the programs were built

failures=0 rows=()
results=$(mktemp -d)
trap 'rm -rf -- "$results"' EXIT

# count WORD FILE: how many tests of a GoogleTest run ended with WORD (OK, FAILED, SKIPPED).
count() {
  grep -cE "^\[ +$1 +\] [^ ]+\.[^ ]+.* \([0-9]+ ms\)$" "$2" || true
}

for program in "$bin"/*_tests; do
  name=$(basename "$program") log=$results/$(basename "$program")
  "$program" --gtest_filter='*Cuda*' >"$log" 2>&1
  code=$?
  passed=$(count OK "$log") failed=$(count FAILED "$log") skipped=$(count SKIPPED "$log")
  ((code != 0 || passed + failed + skipped > 0)) || continue # this program has no test of CUDA
  verdict=ok
  ((skipped == 0)) || verdict="SKIPPED: nothing was shown by these"
  ((code == 0)) || verdict="FAILED (exit code $code)"
  if [[ $verdict != ok ]]; then
    failures=$((failures + 1))
    ((code == 0)) || cat "$log"
  fi
  rows+=("$(printf '%-22s %6d %6d %7d   %s' "$name" "$passed" "$failed" "$skipped" "$verdict")")
  ((skipped == 0)) || grep -A2 -E '^\[ +RUN' "$log" | grep -vE '^(\[|--)' | sort -u # why
done
((${#rows[@]} > 0)) || fail "none of the programs in $bin has a test of CUDA; are they there?"

table=""
if [[ $tests_only == no ]]; then
  if ! table=$("$bin/pal-bench" --config "$bench" --device cuda --samples 16 --text-tokens 64 --audio-tokens 512 --steps "$steps"); then
    failures=$((failures + 1))
    table="pal-bench FAILED"
  fi
fi

printf '\n%s\n\n%-22s %6s %6s %7s\n' "$gpu" "tests of CUDA" passed failed skipped
printf '%s\n' "${rows[@]}"
[[ -z $table ]] || printf '\n%s\n' "$table"
((failures == 0)) || exit 1
