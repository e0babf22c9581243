"""What pal-convert writes for other programs, read by them: transformers loads models and tokenizers, peft loads adapters, and pal goes
on from what it exported."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

BIN = pathlib.Path(os.environ["PAL_BIN"])
SOURCE = pathlib.Path(os.environ["PAL_SOURCE_DIR"])
GGUF = SOURCE / "assets" / "smollm2-135m-instruct.gguf"
TEXTS = ["A dog barks 123 times.", "<|im_start|>user\nWas ist das für ein Geräusch?<|im_end|>\n", "  double  spaces\t\n\n日本語 \U0001f436"]


def run(program, *arguments):
    result = subprocess.run([BIN / program, *map(str, arguments)], cwd=SOURCE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def distance(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


def text_logits(folder, tokens, work, *more):
    """pal's logits for a text without audio."""
    none = torch.zeros(0, dtype=torch.long)
    save_file({"tokens": tokens, "kinds": none, "at": none.clone(), "loss_from": torch.tensor([1])}, work / "case.safetensors")
    run("pal-inspect", "logits", "--llm", folder, "--case", work / "case.safetensors", "--out", work / "out.safetensors", *more)
    return load_file(work / "out.safetensors")["logits"]


@unittest.skipUnless(GGUF.exists(), f"{GGUF} is not there; tools/setup.sh fetches it")
class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.smollm2 = cls.root / "smollm2"
        run("pal-convert", "llm", "--llm", GGUF, "--out", cls.smollm2)
        cls.tokenizer = transformers.AutoTokenizer.from_pretrained(cls.smollm2)
        # A small model with the same tokenizer, for everything that is trained.
        torch.manual_seed(0)
        config = transformers.LlamaConfig(vocab_size=49152, hidden_size=64, intermediate_size=96, num_hidden_layers=6, num_attention_heads=4,
                                          num_key_value_heads=2, tie_word_embeddings=True)
        transformers.LlamaForCausalLM(config).save_pretrained(cls.root / "tiny")
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(cls.smollm2 / name, cls.root / "tiny" / name)
        run("pal-train", "--config", "configs/quickstart/smoke.yaml", "--output", cls.root / "run", "--set",
            f"model.llm={{path: {cls.root / 'tiny'}}}", "--set", "model.lora=[{layers: llm.layers.*.self_attn.*_proj, rank: 3, alpha: 7}, "
            "{layers: llm.layers.*.mlp.down_proj, rank: 2, alpha: 9}]", "--set",
            'stages.tune.trainable=["connectors.*", "llm.*.lora_*"]', "--set", "stages.tune.learning_rate=0.02", "--set", "data.validation=''")
        run("pal-convert", "checkpoint", "--checkpoint", cls.root / "run" / "final", "--out", cls.root / "exported")
        run("pal-convert", "adapter", "--checkpoint", cls.root / "run" / "final", "--out", cls.root / "adapter")

    def tokens(self):
        return torch.tensor(self.tokenizer(TEXTS[0] + TEXTS[1])["input_ids"])

    def test_the_real_gguf_gives_transformers_the_same_text_logits(self):
        model = transformers.AutoModelForCausalLM.from_pretrained(self.smollm2).eval()
        tokens = self.tokens()
        with torch.no_grad():
            theirs = model(tokens[None]).logits[0]
        for folder in (GGUF, self.smollm2):
            self.assertLess(distance(text_logits(folder, tokens, self.root), theirs), 1e-4)

    def test_the_exported_tokenizer_gives_the_same_ids_and_chat(self):
        for text in TEXTS:
            ours = json.loads(run("pal-inspect", "tokens", "--tokenizer", GGUF, "--text", text))
            again = json.loads(run("pal-inspect", "tokens", "--tokenizer", self.smollm2, "--text", text))
            self.assertEqual(self.tokenizer(text)["input_ids"], ours["ids"])
            self.assertEqual(again, ours)
        chat = self.tokenizer.apply_chat_template([{"role": "user", "content": "Hello"}], tokenize=False, add_generation_prompt=True)
        self.assertTrue(chat.endswith("<|im_start|>assistant\n"), chat)

    def test_a_checkpoint_with_adapters_is_merged(self):
        exported = transformers.AutoModelForCausalLM.from_pretrained(self.root / "exported").eval()
        base = transformers.AutoModelForCausalLM.from_pretrained(self.root / "tiny").eval()
        tokens = self.tokens()
        with torch.no_grad():
            merged, plain = exported(tokens[None]).logits[0], base(tokens[None]).logits[0]
            adapted = peft.PeftModel.from_pretrained(base, self.root / "adapter").eval()(tokens[None]).logits[0]
        self.assertLess(distance(adapted, merged), 1e-4)
        self.assertGreater(distance(plain, merged), 1e-2)  # the adapters have learned
        self.assertLess(distance(text_logits(self.root / "exported", tokens, self.root), merged), 1e-4)
        self.assertLess(distance(text_logits(self.root / "tiny", tokens, self.root, "--adapter", self.root / "adapter"), merged), 1e-4)

    def test_pal_answers_from_what_it_exported_as_from_the_checkpoint(self):
        scores = []
        for name, checkpoint in (("before", self.root / "run" / "final"), ("after", self.root / "exported" / "pal")):
            run("pal-eval", "--checkpoint", checkpoint, "--output", self.root / name)
            results = json.loads((self.root / name / "results.json").read_text())
            scores.append(torch.tensor([one["likelihoods"] for one in results["predictions"]]))
        self.assertEqual(scores[0].shape, scores[1].shape)
        self.assertLess(distance(scores[1], scores[0]), 1e-4)

    def test_a_folder_that_exists_is_left_alone(self):
        result = subprocess.run([BIN / "pal-convert", "llm", "--llm", self.root / "tiny", "--out", self.root / "exported"],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("exists already", result.stderr)
        self.assertEqual(list(self.root.glob("*.tmp-*")), [])


if __name__ == "__main__":
    unittest.main()
