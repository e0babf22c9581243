"""BERT's tokenizer (WordPiece) of the packaged text embedder against PyPI tokenizers.

Needs tokenizers in the Python that runs it, and assets/all-minilm-l6-v2 (tools/setup.sh). Environment: PAL_INSPECT as in text_parity.
"""
import json
import os
import random
import tempfile
import unittest

from tokenizers import Tokenizer

from text_parity import ROOT, ours, random_texts, unicode_14

TOKENIZER = os.path.join(ROOT, "assets/all-minilm-l6-v2/tokenizer.json")
BERT = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[cls]", "##ing", "un##known", "a" * 100, "a" * 101, "\u0130", "\u03a3\u03a3", "I\u0307",
        "caf\u00e9", "cafe\u0301", "na\u00efve", "\u4f60\u597d", "\u3053\u3093", "\uac00", "\u1e9e", "don't", "do not", " .", "U.S.A.", "x\u00ad y"]


def texts_of(seed, count):
    """Half of random_texts(), half with pieces that BERT treats in a way of its own among them."""
    rng = random.Random(seed)
    plain = random_texts(seed, count // 2)
    return plain + ["".join(rng.choice(BERT) + rng.choice(["", " "]) if rng.random() < 0.6 else rng.choice(plain)[:12]
                            for _ in range(rng.randint(1, 8))) for _ in range(count - len(plain))]


def every_code_point():
    """All that Unicode 14 assigns, each between two letters, 16 to a text."""
    everything = [c for kind in unicode_14().values() for c in kind]
    return [" ".join(f"a{c}b" for c in everything[at:at + 16]) for at in range(0, len(everything), 16)]


class WordpieceParity(unittest.TestCase):
    def compare(self, description, texts, special):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tokenizer.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(description, file)
            reference = Tokenizer.from_file(path)
            reference.no_truncation()
            reference.no_padding()
            results = ours(path, texts, *(["--special"] if special else []))
        expected = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=special)]
        different = [(text, result["ids"], ids) for text, result, ids in zip(texts, results, expected, strict=True) if result["ids"] != ids]
        self.assertEqual(different[:3], [], f"{len(different)} of {len(texts)} texts differ")
        decoded = reference.decode_batch(expected, skip_special_tokens=False)
        different = [(result["decoded"], text) for result, text in zip(results, decoded, strict=True) if result["decoded"] != text]
        self.assertEqual(different[:3], [], f"{len(different)} of {len(texts)} decoded texts differ")

    def setUp(self):
        with open(TOKENIZER, encoding="utf-8") as file:
            self.packaged = json.load(file)

    def test_20000_random_texts(self):
        self.compare(self.packaged, texts_of(41, 20000), special=True)

    def test_every_code_point(self):
        self.compare(self.packaged, every_code_point(), special=False)

    def test_other_normalizers(self):
        texts = texts_of(42, 2000)
        for clean in (True, False):
            for chinese in (True, False):
                for accents in (None, True, False):
                    for lower in (True, False):
                        with self.subTest(clean=clean, chinese=chinese, accents=accents, lower=lower):
                            self.packaged["normalizer"] = {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
                                                           "strip_accents": accents, "lowercase": lower}
                            self.packaged["decoder"]["cleanup"] = clean
                            self.compare(self.packaged, texts, special=False)


if __name__ == "__main__":
    if not os.path.exists(TOKENIZER):
        print(f"{TOKENIZER} is not there; tools/setup.sh fetches it")
        raise SystemExit(77)
    unittest.main()
