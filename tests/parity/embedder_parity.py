"""pal-eval embed against transformers' BertModel with the packaged all-MiniLM-L6-v2, pooled and normalised as its sentence-transformers
files say."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import torch
import transformers
from safetensors import safe_open

import make_captions

BIN = pathlib.Path(os.environ["PAL_BIN"])
MODEL = pathlib.Path(os.environ["PAL_SOURCE_DIR"]) / "assets" / "all-minilm-l6-v2"
TEXTS = ["sound of a dog barking", "Sound of A DOG Barking", "", " ", "caf\u00e9 na\u00efve", "\u4f60\u597d", "\U0001f600 rain", "a " * 400,
         "A man's voice, then rain (far away).", "x" * 120]


def reference(texts):
    tokenizer, model = transformers.AutoTokenizer.from_pretrained(MODEL), transformers.BertModel.from_pretrained(MODEL).eval()
    rows = []
    with torch.no_grad():
        for text in texts:
            batch = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
            rows.append(torch.nn.functional.normalize(model(**batch).last_hidden_state[0].mean(0), dim=0))
    return torch.stack(rows)


class EmbedderParity(unittest.TestCase):
    def embed(self, texts):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "texts.txt").write_text("".join(text + "\n" for text in texts), encoding="utf-8")
            done = subprocess.run([BIN / "pal-eval", "embed", "--texts", folder / "texts.txt", "--out", folder / "e.safetensors", "--embedder", MODEL],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with safe_open(folder / "e.safetensors", "pt") as file:
                self.assertEqual(file.metadata()["embedder"], "all-minilm-l6-v2")
                self.assertEqual(len(file.metadata()["embedder_sha256"]), 64)
                return file.get_tensor("embeddings")

    def test_embeddings_are_those_of_transformers(self):
        texts = TEXTS + list(make_captions.captions(7, 300))
        got, expected = self.embed(texts), reference(texts)
        self.assertEqual(got.shape, (len(texts), 384))
        self.assertLess((got - expected).abs().max().item(), 1e-4)
        self.assertLess(((got - expected).norm(dim=1) / expected.norm(dim=1)).max().item(), 1e-4)

    def test_meaning_is_closer_than_other_meaning(self):
        dog, puppy, rain = self.embed(["a dog barks", "a puppy is barking", "heavy rain on a roof"])
        self.assertGreater(dog @ puppy, dog @ rain)


if __name__ == "__main__":
    if not MODEL.exists():
        print(f"{MODEL} is not there; tools/setup.sh fetches it")
        raise SystemExit(77)
    unittest.main()
