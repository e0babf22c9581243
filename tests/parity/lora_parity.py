"""LoRA against peft: an adapter that peft made gives the same logits and gradients of connector outputs here."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

from decoder_parity import COMMON, distance, loss_of, make_model

BIN = pathlib.Path(os.environ["PAL_BIN"])
TARGETS = ["q_proj", "v_proj", "down_proj"]


def with_adapter(model, seed, **options):
    torch.manual_seed(seed)
    config = peft.LoraConfig(r=3, lora_alpha=7, target_modules=TARGETS, task_type="CAUSAL_LM", **options)
    adapted = peft.get_peft_model(model, config)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return adapted.double().eval()


class Lora(unittest.TestCase):
    def inspect(self, folder, *arguments):
        return subprocess.run([BIN / "pal-inspect", "logits", "--llm", folder / "llm", "--adapter", folder / "adapter", "--case",
                               folder / "case.safetensors", "--out", folder / "out.safetensors", *arguments], capture_output=True, text=True,
                              check=False)

    def case(self, seed):
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randint(0, COMMON["vocab_size"], (13,), generator=generator)
        audio = torch.randn(21, COMMON["hidden_size"], generator=generator)
        return tokens, audio, {"tokens": tokens, "kinds": torch.tensor([1]), "at": torch.tensor([4]), "loss_from": torch.tensor([6]),
                               "stream.0": audio}

    def test_pefts_adapters_give_the_same_logits_and_gradients(self):
        for seed, (family, options) in enumerate([("llama", {}), ("qwen2", {"use_rslora": True}), ("llama", {"rank_pattern": {"v_proj": 2}}),
                                                    ("qwen2", {"rank_pattern": {"v_proj": 2}, "alpha_pattern": {"v_proj": 5, "layers.1.mlp.down_proj": 9}})]):
            with self.subTest(family=family, options=options), tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                model = with_adapter(make_model(family, seed, folder / "llm"), seed, **options)
                model.save_pretrained(folder / "adapter")
                tokens, audio, case = self.case(seed)
                save_file(case, folder / "case.safetensors")
                leaf = audio.double().requires_grad_()
                text = model.get_input_embeddings()(tokens)
                logits = model(inputs_embeds=torch.cat([text[:4], leaf, text[4:]])[None]).logits[0]
                loss = loss_of(logits, tokens, 6, torch.arange(5, 12) + 21)
                loss.backward()
                for dtype, tolerance in (("float64", 1e-5), ("float32", 1e-4)):
                    result = self.inspect(folder, "--dtype", dtype)
                    self.assertEqual(result.returncode, 0, result.stderr)
                    out = load_file(folder / "out.safetensors")
                    self.assertLess(distance(out["logits"], logits), tolerance)
                    self.assertLess(distance(out["grad.stream.0"], leaf.grad), tolerance)
                with model.disable_adapter():  # the adapter matters
                    plain = model(inputs_embeds=torch.cat([text[:4], leaf, text[4:]])[None]).logits[0]
                self.assertGreater(distance(plain, logits), 1e-2)

    def test_adapters_that_are_not_computed_exactly_are_refused_by_name(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            with_adapter(make_model("llama", 0, folder / "llm"), 0).save_pretrained(folder / "adapter")
            save_file(self.case(0)[2], folder / "case.safetensors")
            config_file = folder / "adapter" / "adapter_config.json"
            config, weights = json.loads(config_file.read_text()), load_file(folder / "adapter" / "adapter_model.safetensors")
            for change, word in [({"use_dora": True}, "use_dora"), ({"peft_type": "IA3"}, "IA3"), ({"bias": "all"}, "bias"),
                                 ({"alpha_pattern": {"q_proj|v_proj": 3}}, "alpha_pattern"),
                                 ({"alpha_pattern": {"q_proj": 3, "self_attn.q_proj": 4}}, "both"), ({"alpha_pattern": {"q_proj": "3"}}, "alpha_pattern"), ({"modules_to_save": ["lm_head"]}, "modules_to_save")]:
                config_file.write_text(json.dumps(config | change))
                result = self.inspect(folder)
                self.assertEqual(result.returncode, 2, f"{change}: {result.stderr}")
                self.assertIn(word, result.stderr)
            config_file.write_text(json.dumps(config))
            a = next(name for name in weights if "lora_A" in name)
            for change, word in [({a: weights[a][:, :-1].contiguous()}, "do not fit"), ({a.replace("layers.0", "layers.9"): weights[a].clone()}, "layers.9"),
                                 ({a: None}, "missing")]:
                changed = {name: tensor for name, tensor in (weights | change).items() if tensor is not None}
                save_file(changed, folder / "adapter" / "adapter_model.safetensors")
                result = self.inspect(folder)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(word, result.stderr)


if __name__ == "__main__":
    unittest.main()
