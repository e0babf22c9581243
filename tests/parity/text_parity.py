"""pal-inspect tokens against PyPI tokenizers, and the chat templates against jinja2, on random text.

Needs tokenizers and jinja2 in the Python that runs it. Environment:
  PAL_INSPECT   the program (default: build/release/bin/pal-inspect)
  PAL_GGUF      the packaged model (default: assets/smollm2-135m-instruct.gguf)
  PAL_TEXT_TESTS  the unit tests of text/ (default: build/release/bin/text_tests)
"""
import bisect
import json
import os
import random
import struct
import subprocess
import tempfile
import unicodedata
import unittest
import warnings

import chat_template_cases
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INSPECT = os.environ.get("PAL_INSPECT", os.path.join(ROOT, "build/release/bin/pal-inspect"))
GGUF = os.environ.get("PAL_GGUF", os.path.join(ROOT, "assets/smollm2-135m-instruct.gguf"))
TEXT_TESTS = os.environ.get("PAL_TEXT_TESTS", os.path.join(ROOT, "build/release/bin/text_tests"))
GOLDEN = os.path.join(ROOT, "tests/golden")
TEXTS = 20000

CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'Ve", "'\u017f", "\u2019s", "'x", "''"]
WHITE_SPACE = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u2009\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
SPECIALS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_", "|>", "<repo_name>", "<|"]
WORDS = ["the", "dog", "barks", "Hello", "world", "naive", "I", "don", "RAIN", "x", "a" * 70, "ing", "http://", "==="]


def unicode_14():
    """Assigned code points of Unicode 14 or earlier, by kind. Python's own tables are of 14.0 or later, where the
    later additions (15.0 and 15.1) are cut off: Kawi, Nag Mundari, Arabic Extended-C, CJK extensions H and I, ..."""
    later = [(0x0CF3, 0x0CF3), (0x0ECE, 0x0ECE), (0x10EFD, 0x10EFF), (0x1123F, 0x11241), (0x11B00, 0x11B09),
             (0x11F00, 0x11F59), (0x1342F, 0x1342F), (0x13439, 0x13455), (0x1B132, 0x1B132), (0x1B155, 0x1B155),
             (0x1D2C0, 0x1D2D3), (0x1DF25, 0x1DF2A), (0x1E030, 0x1E08F), (0x1E4D0, 0x1E4F9), (0x1F6DC, 0x1F6DC),
             (0x1F774, 0x1F776), (0x1F77B, 0x1F77F), (0x1F7D9, 0x1F7D9), (0x1FA75, 0x1FA77), (0x1FA87, 0x1FA88),
             (0x1FAAD, 0x1FAAF), (0x1FABB, 0x1FABD), (0x1FABF, 0x1FABF), (0x1FACE, 0x1FACF), (0x1FADA, 0x1FADB),
             (0x1FAE8, 0x1FAE8), (0x1FAF7, 0x1FAF8), (0x31350, 0x323AF), (0x2EBF0, 0x2EE5D), (0x2FFC, 0x2FFF),
             (0x31EF, 0x31EF)]
    assert unicodedata.unidata_version in ("14.0.0", "15.0.0", "15.1.0"), unicodedata.unidata_version
    starts = sorted(later)
    kinds = {}
    for code in range(0x110000):
        at = bisect.bisect_right(starts, (code, 0x110000)) - 1
        if at >= 0 and starts[at][0] <= code <= starts[at][1]:
            continue
        category = unicodedata.category(chr(code))
        if category not in ("Cn", "Cs"):
            kinds.setdefault(category, []).append(chr(code))
    return kinds


def random_texts(seed, count=TEXTS):
    rng = random.Random(seed)
    kinds = unicode_14()
    names = sorted(kinds)
    everything = [c for name in names for c in kinds[name]]
    cjk = [chr(c) for c in range(0x4E00, 0x9FFD)]
    emoji = [chr(c) for c in range(0x1F300, 0x1F5FF)] + ["\u200d", "\ufe0f", "\U0001F3FD"]
    ascii_text = [chr(c) for c in range(0x20, 0x7F)]
    makers = [
        lambda: rng.choice(kinds[rng.choice(names)]),
        lambda: rng.choice(everything),
        lambda: rng.choice(WORDS),
        lambda: " " + rng.choice(WORDS),
        lambda: rng.choice(CONTRACTIONS),
        lambda: "".join(rng.choice(WHITE_SPACE) for _ in range(rng.randint(1, 4))),
        lambda: " " * rng.randint(1, 5),
        lambda: rng.choice(["\n", "\r\n", "\n\n", "\t"]),
        lambda: rng.choice(kinds["Nd"] + kinds["Nl"] + kinds["No"]),
        lambda: str(rng.randint(0, 10 ** rng.randint(1, 9))),
        lambda: rng.choice("aeiounAEIOUNc") + "".join(rng.choice(kinds["Mn"]) for _ in range(rng.randint(1, 3))),
        lambda: rng.choice(kinds["Mc"] + kinds["Me"]),
        lambda: "".join(rng.choice(cjk) for _ in range(rng.randint(1, 4))),
        lambda: rng.choice(emoji),
        lambda: rng.choice(kinds["Cc"] + kinds["Cf"]),
        lambda: rng.choice(SPECIALS),
        lambda: "".join(rng.choice(ascii_text) for _ in range(rng.randint(1, 8))),
        lambda: unicodedata.normalize("NFD", rng.choice("\u00e9\u00c5\uac00\ud55c\u1e69\u0958\u2126\ufb01")),
    ]
    texts = ["", " ", "\n"]
    while len(texts) < count:
        texts.append("".join(rng.choice(makers)() for _ in range(rng.randint(1, 24))))
    return texts


def ours(tokenizer, texts, *flags):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps(text) + "\n")
        file.flush()
        done = subprocess.run([INSPECT, "tokens", "--tokenizer", tokenizer, "--texts", file.name, *flags],
                              capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return [json.loads(line) for line in done.stdout.splitlines()]


def golden_json(name):
    with open(os.path.join(GOLDEN, f"tokenizer_{name}.json"), encoding="utf-8") as file:
        return json.load(file)


def gguf_metadata(path):
    """The key-value pairs of a GGUF file (v2 or v3, little endian), read independently of pal."""
    scalars = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
    with open(path, "rb") as file:
        def scalar(code):
            return struct.unpack(code, file.read(struct.calcsize(code)))[0]

        def text():
            return file.read(scalar("<Q")).decode()

        def value(kind):
            if kind == 8:
                return text()
            if kind == 9:
                inner, count = scalar("<I"), scalar("<Q")
                return [value(inner) for _ in range(count)]
            return scalar(scalars[kind])

        assert file.read(4) == b"GGUF"
        scalar("<I")
        scalar("<Q")
        pairs = {}
        for _ in range(scalar("<Q")):
            key = text()
            pairs[key] = value(scalar("<I"))
        return pairs


def tokenizer_of_gguf(path):
    """The reference tokenizer with the vocabulary and merges of the packaged model (pre-tokenizer smollm)."""
    metadata = gguf_metadata(path)
    assert metadata["tokenizer.ggml.pre"] == "smollm"
    tokens = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: id for id, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    types = metadata["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token, kind in zip(tokens, types) if kind == 3])
    return tokenizer


class TokensEqualTheReference(unittest.TestCase):
    def compare(self, path, reference, seed):
        texts = random_texts(seed)
        results = ours(path, texts)
        self.assertEqual(len(results), len(texts))
        expected = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=False)]
        different = [(text, result["ids"], ids) for text, result, ids in zip(texts, results, expected)
                     if result["ids"] != ids]
        self.assertEqual(different[:3], [], f"{len(different)} of {len(texts)} texts differ")
        decoded = reference.decode_batch(expected, skip_special_tokens=False)
        different = [(result["decoded"], text) for result, text in zip(results, decoded) if result["decoded"] != text]
        self.assertEqual(different[:3], [], f"{len(different)} of {len(texts)} decoded texts differ")

    def test_golden_tokenizers(self):
        for seed, name in enumerate(["gpt2", "llama3", "qwen2", "smollm2"]):
            with self.subTest(tokenizer=name):
                path = os.path.join(GOLDEN, f"tokenizer_{name}.json")
                self.compare(path, Tokenizer.from_file(path), seed)

    def test_packaged_model(self):
        self.compare(GGUF, tokenizer_of_gguf(GGUF), 100)
        # A prompt of the model's chat template, cut at the place of the audio; ids from transformers.
        results = ours(GGUF, ["<|im_start|>user\n",
                              "What do you hear in this recording?<|im_end|>\n<|im_start|>assistant\nA dog barks twice."])
        self.assertEqual([result["ids"] for result in results],
                         [[1, 4093, 198], [1780, 536, 346, 4875, 281, 451, 10016, 47, 2, 198, 1, 520, 9531, 198, 49, 2767, 2753,
                                           538, 6757, 30]])

    def test_flags_of_added_tokens(self):
        """Added tokens with every combination of flags, next to each other and overlapping. (None begins with white
        space: where one with rstrip comes before it, the reference itself panics.)"""
        rng = random.Random(7)
        for round in range(12):
            base = golden_json("qwen2")
            size = len(base["model"]["vocab"])
            for index, content in enumerate(["<a>", "<a><b>", "<b>", "dog", "og b", "x ", "\u00e9x", "e\u0301t", "bark!"]):
                base["added_tokens"].append(
                    {"id": size + index, "content": content, "special": rng.random() < 0.5, "single_word": rng.random() < 0.4,
                     "lstrip": rng.random() < 0.4, "rstrip": rng.random() < 0.4, "normalized": rng.random() < 0.5})
            pieces = ["<a>", "<b>", "<a><b>", " ", "  ", "\n", "\u3000", "dog", "dogs", "a dog b", "x", " x ", "\u00e9", "e\u0301", "e\u0301t",
                      "bark!", "_", "1", "<a", "\n\n", "og b", "\u0301", "\u200d"]
            texts = ["".join(rng.choice(pieces) for _ in range(rng.randint(1, 8))) for _ in range(1000)]
            self.compare_variant(base, texts, f"round {round}")

    def test_pre_tokenizers(self):
        """The steps of tokenizer.json in other combinations than those of the golden tokenizers."""
        word = {"Regex": "\\p{L}+"}
        split = [{"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
                 for pattern in (word, {"Regex": "\\s"}, {"String": "a.b"}, {"String": " "}, {"Regex": "[^\\s\\p{L}]?"})
                 for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
                 for invert in (False, True)]
        byte_level = [{"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": regex}
                      for space in (False, True) for regex in (False, True)]
        digits = [{"type": "Digits", "individual_digits": True}, {"type": "Digits", "individual_digits": False}]
        texts = random_texts(11, 300) + ["a.b aab a.ba", "  a.b  ", "a1 22b\u0663", "aXb"]
        base = golden_json("llama3")
        for index, step in enumerate(split):
            base["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [step, byte_level[index % 4]]}
            self.compare_variant(base, texts, str(step))
        for first in digits:
            for last in byte_level:
                base["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [first, last]}
                self.compare_variant(base, texts, f"{first} {last}")

    def compare_variant(self, description, texts, name):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tokenizer.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(description, file)
            reference = Tokenizer.from_file(path)
            expected = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=False)]
            different = [(text, result["ids"], ids) for text, result, ids in zip(texts, ours(path, texts), expected)
                         if result["ids"] != ids]
            self.assertEqual(different[:3], [], f"{name}: {len(different)} of {len(texts)} texts differ")


class TemplatesEqualJinja2(unittest.TestCase):
    def run_cases(self, cases):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(cases, file)
            file.flush()
            done = subprocess.run([TEXT_TESTS, "--gtest_brief=1", "--gtest_filter=ChatTemplate.RendersAsJinja2OrRefuses"],
                                  env=dict(os.environ, PAL_TEMPLATE_CASES=file.name), capture_output=True, check=False, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[:4000])
        self.assertIn("[  PASSED  ] 1 test", done.stdout)

    def test_recorded_cases_are_what_jinja2_gives_today(self):
        with open(os.path.join(ROOT, "tests/text/chat_template_cases.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), chat_template_cases.all_cases())

    def test_random_templates(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.run_cases(chat_template_cases.random_cases(seed=20, count=4000))


if __name__ == "__main__":
    unittest.main()
