"""What LlamaTokenizer of transformers 4 (the one that runs on SentencePiece; 5 has none) makes of the golden model and the files beside it.

  python tests/text/make_llama_cases.py > tests/golden/llama_tokenizer_cases.json

Needs transformers==4.57.3, sentencepiece==0.2.1 and protobuf, so it is not run by the tests: they read what it wrote.
"""
import json
import pathlib
import random
import shutil
import tempfile

from transformers import LlamaTokenizer

MODEL = pathlib.Path(__file__).resolve().parents[1] / "golden/spm_llama2like.model"


def token(content, special):
    return {"content": content, "lstrip": False, "normalized": not special, "rstrip": False, "single_word": False, "special": special}


# As Llama 2, Mistral and Vicuna have them.
ROLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
BASE = {str(i): token(content, True) for i, content in enumerate(["<unk>", "<s>", "</s>"])}
EXTRA = {**BASE, "600": token("[INST]", True), "601": token("<tool>", False), "602": token("dog", False), "603": token("[/INST]", True)}
FOLDERS = [
    {},
    {"tokenizer_config.json": {**ROLES, "legacy": True, "added_tokens_decoder": BASE}},
    {"tokenizer_config.json": {**ROLES, "legacy": False, "added_tokens_decoder": BASE}},
    {"tokenizer_config.json": {**ROLES, "legacy": True, "added_tokens_decoder": EXTRA, "add_bos_token": False, "add_eos_token": True}},
    {"tokenizer_config.json": {**ROLES, "legacy": False, "added_tokens_decoder": EXTRA, "add_bos_token": True, "add_eos_token": True}},
    {"tokenizer_config.json": {"legacy": False, "pad_token": "<pad>", "additional_special_tokens": ["<x>", "bark"]}},
    {"tokenizer_config.json": {"bos_token": {**token("<s>", True), "__type": "AddedToken"}, "pad_token": None, "tokenizer_class": "LlamaTokenizer"},
     "special_tokens_map.json": {"pad_token": "<unk>", "eos_token": token("</s>", True), "additional_special_tokens": ["<x>"]},
     "added_tokens.json": {"<x>": 601, "<tool>": 600}},
]
PIECES = ["<s>", "</s>", "<unk>", "[INST]", "[/INST]", "<tool>", "<x>", "<pad>", "dog", "bark", " ", "  ", "\n", "\t", "\u2581", "a", "the ",
          " man's", "barks", "<0x0A>", "caf\u00e9", "\u4f60", "<", ">", "[", "INST", "\u3000", ".", "42"]
TEXTS = ["", " ", "  ", "\u2581", "a", " a", "  a", "<s>", " <s>", "<s> ", "<s>a", "<s> a", "a<s>", "a <s>", "Hello <s>.", "<s>[INST] a dog [/INST] barks </s>",
         "[INST]\n", "\n<tool>", "<tool> a", "dog", " dog", "dogs", "hotdog", "\u2581<s>", "<unk>", "<pad><x>bark"]


def main():
    rng = random.Random(3)
    texts = TEXTS + ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 8))) for _ in range(120)]
    result = []
    for files in FOLDERS:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(MODEL, pathlib.Path(folder) / "tokenizer.model")
            for name, content in files.items():
                (pathlib.Path(folder) / name).write_text(json.dumps(content))
            tokenizer = LlamaTokenizer.from_pretrained(folder)
        cases = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False), "special": tokenizer.encode(text)} for text in texts]
        result.append({"files": files, "cases": cases})
    print("[" + ",\n".join("{\"files\": " + json.dumps(one["files"]) + ", \"cases\": [\n" + ",\n".join(json.dumps(c) for c in one["cases"]) + "]}"
                           for one in result) + "]")


main()
