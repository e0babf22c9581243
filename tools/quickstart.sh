#!/usr/bin/env bash
# From a clean clone to a trained, scored model that answers about sounds.
set -euo pipefail
# shellcheck source=tools/setup/all.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup/all.sh"

usage() {
  cat <<'END'
Usage: tools/quickstart.sh [--integrations pal[,lal,plits]] [--seeds N[,N...]]

Sets up (see tools/setup.sh --help), trains each integration on the embedded clips, scores it on a package of clips that
was held out, with and without hearing them, asks it about three of them, and prints a table. Up to 20 minutes of training
and scoring on 2 cores without a GPU; a GPU is used where there is one. Started again it goes on where it was.
  --integrations  which ways of giving audio to the LLM to train, separated by commas (default: pal)
  --seeds         other seeds than the configs' own: one run each, results apart, and a line that pools them

Results: runs/quickstart/INTEGRATION[-seedN]/{final,eval,eval-withheld}, and runs/quickstart/report.html, a page to open in a browser
END
}

integrations=pal seeds=""
while (($# > 0)); do
  case $1 in
    --integrations)
      integrations=${2:-}
      shift $(($# > 1 ? 2 : 1))
      ;;
    --seeds)
      [[ -n ${2:-} ]] || pal_fail "--seeds: expected whole numbers such as 1,2,3, got nothing"
      seeds=$2
      shift 2
      ;;
    -h | --help) usage && exit 0 ;;
    *) pal_fail "unknown option '$1'; tools/quickstart.sh --help lists them" ;;
  esac
done
[[ -z $seeds || $seeds =~ ^[0-9]+(,[0-9]+)*$ ]] || pal_fail "--seeds: expected whole numbers such as 1,2,3, got '$seeds'"
[[ -n $integrations ]] || pal_fail "--integrations: expected names such as plits,lal,pal, got nothing"
IFS=, read -r -a integrations <<<"$integrations"
IFS=, read -r -a seeds <<<"$seeds"
((${#seeds[@]} > 0)) || seeds=("") # the configs' own
for integration in "${integrations[@]}"; do
  [[ $integration == plits || $integration == lal || $integration == pal ]] ||
    pal_fail "--integrations: '$integration' is not known; use plits, lal or pal"
done

train() {
  build/release/bin/pal-train --config "$1" --output "$2" --resume auto ${3:+--set "train.seed=$3"}
}

evaluate() {
  build/release/bin/pal-eval --config "$1" --checkpoint "$2/final" "${@:3}"
}

ask() {
  local clip
  for clip in Animal/Dog1.wav Animal/Owl.wav "Music Loops/Xylo1.mp3"; do
    pal_note "$clip:"
    build/release/bin/pal-generate --checkpoint "$1/final" --audio "assets/clips/test/scratch/$clip" --prompt "What is this sound?"
  done
}

pal_provide no
pal_step "Build" pal_build pal-train pal-eval pal-generate pal-convert
pal_step "Encoders from their packaged form" pal_convert_assets
cd -- "$PAL_ROOT"
runs=()
for integration in "${integrations[@]}"; do
  for seed in "${seeds[@]}"; do
    config=configs/quickstart/$integration.yaml
    name=$integration${seed:+-seed$seed}
    run=runs/quickstart/$name
    runs+=("$run")
    pal_step "Train $name" train "$config" "$run" "$seed"
    pal_step "Score $name on the held-out clips" evaluate "$config" "$run" --output "$run/eval"
    pal_step "Score $name with the audio withheld" evaluate "$config" "$run" --output "$run/eval-withheld" --withhold-audio
    pal_step "Ask $name about three held-out clips" ask "$run"
  done
done
results=()
for run in "${runs[@]}"; do
  results+=("$run/eval/results.json" "$run/eval-withheld/results.json")
done
pal_step "Report: runs/quickstart/report.html" build/release/bin/pal-eval report "${results[@]}" --out runs/quickstart/report.html
"$PAL_PYTHON" -B tools/quickstart/table.py "${runs[@]}"
