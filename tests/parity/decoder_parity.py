"""`pal-inspect logits` against transformers: fresh random decoders, PLITS by inputs_embeds, LAL on transformers' own modules."""

import pathlib
import subprocess
import tempfile
import unittest
import os

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

BIN = pathlib.Path(os.environ["PAL_BIN"])

COMMON = dict(vocab_size=89, hidden_size=48, intermediate_size=80, num_hidden_layers=4, num_attention_heads=4,
              max_position_embeddings=2048)
FAMILIES = {
    "llama": ("LlamaConfig", dict(num_key_value_heads=2, tie_word_embeddings=True)),
    "llama3": ("LlamaConfig", dict(num_key_value_heads=1, tie_word_embeddings=False, rope_parameters=dict(
        rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=64))),
    "mistral": ("MistralConfig", dict(num_key_value_heads=4, sliding_window=None)),
    "qwen2": ("Qwen2Config", dict(num_key_value_heads=2)),
    "qwen3": ("Qwen3Config", dict(num_key_value_heads=2, head_dim=20)),
}


def make_model(family, seed, folder):
    torch.manual_seed(seed)
    name, extra = FAMILIES[family]
    model = AutoModelForCausalLM.from_config(getattr(transformers, name)(**COMMON, **extra), attn_implementation="eager")
    for key, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, mean=1.0 if "norm" in key else 0.0, std=0.15)
    model.save_pretrained(folder)
    return model.double().eval()


def loss_of(logits, tokens, loss_from, rows_before):
    """Mean cross-entropy of tokens loss_from.., each predicted from the row before it."""
    return torch.nn.functional.cross_entropy(logits[rows_before], tokens[loss_from:])


def lal_logits(model, tokens, at, audio, layers):
    """Text rows only; at the layers in `layers` the audio stands in the sequence as keys and values, positions shifted."""
    base = model.model
    n_audio, n_text = len(audio), len(tokens)
    ids = torch.cat([torch.arange(at), torch.arange(at + n_audio, n_audio + n_text)])
    audio_ids = torch.arange(at, at + n_audio)
    rows = base.embed_tokens(tokens)
    for index, layer in enumerate(base.layers):
        attention = layer.self_attn
        own = layer.input_layernorm(rows)
        memory, memory_ids = own, ids
        if index in layers:
            memory, memory_ids = torch.cat([own, layer.input_layernorm(audio)]), torch.cat([ids, audio_ids])
        d = attention.head_dim

        def split(x, norm):
            x = x.view(len(x), -1, d)
            return getattr(attention, norm)(x) if norm and hasattr(attention, norm) else x

        def turned(x, positions):
            cos, sin = base.rotary_emb(x.new_zeros(1, 1, 1), positions[None])
            return x * cos[0, :, None] + transformers.models.llama.modeling_llama.rotate_half(x) * sin[0, :, None]

        q = turned(split(attention.q_proj(own), "q_norm"), ids)
        k = turned(split(attention.k_proj(memory), "k_norm"), memory_ids)
        v = split(attention.v_proj(memory), None)
        repeat = q.shape[1] // k.shape[1]
        scores = torch.einsum("rhd,khd->hrk", q, k.repeat_interleave(repeat, 1)) / d ** 0.5
        scores = scores.masked_fill((memory_ids[None] > ids[:, None])[None], float("-inf"))
        mixed = torch.einsum("hrk,khd->rhd", scores.softmax(-1), v.repeat_interleave(repeat, 1)).flatten(1)
        rows = rows + attention.o_proj(mixed)
        rows = rows + layer.mlp(layer.post_attention_layernorm(rows))
    return model.lm_head(base.norm(rows))


def distance(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


class Decoder(unittest.TestCase):
    def pal(self, folder, case, dtype):
        folder = pathlib.Path(folder)
        save_file(case, folder / "case.safetensors")
        result = subprocess.run([BIN / "pal-inspect", "logits", "--llm", folder, "--case", folder / "case.safetensors",
                                 "--out", folder / "out.safetensors", "--dtype", dtype], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return load_file(folder / "out.safetensors")

    def compare(self, family, seed, kind):
        generator = torch.Generator().manual_seed(seed)
        n_text, n_audio, at, loss_from = 17, 29, 5, 8
        tokens = torch.randint(0, COMMON["vocab_size"], (n_text,), generator=generator)
        audio = torch.randn(n_audio, COMMON["hidden_size"], generator=generator)
        layers = [0, 2, 3]
        with tempfile.TemporaryDirectory() as folder:
            model = make_model(family, seed, folder)
            leaf = audio.double().requires_grad_()
            if kind == "plits":
                text = model.model.embed_tokens(tokens)
                inputs = torch.cat([text[:at], leaf, text[at:]])
                logits = model(inputs_embeds=inputs[None]).logits[0]
                rows_before = torch.arange(loss_from - 1, n_text - 1) + n_audio
            else:
                logits = lal_logits(model, tokens, at, leaf, layers)
                rows_before = torch.arange(loss_from - 1, n_text - 1)
            loss = loss_of(logits, tokens, loss_from, rows_before)
            loss.backward()
            case = {"tokens": tokens, "kinds": torch.tensor([int(kind == "plits")]), "at": torch.tensor([at]),
                    "loss_from": torch.tensor([loss_from]), "stream.0": audio, "layers.0": torch.tensor(layers)}
            for dtype, tolerance in (("float64", 1e-5), ("float32", 1e-4)):  # transformers' tables and norms are float32
                out = self.pal(folder, case, dtype)
                self.assertLess(distance(out["logits"], logits), tolerance)
                self.assertLess(distance(out["loss"][0], loss), tolerance)
                self.assertLess(distance(out["grad.stream.0"], leaf.grad), tolerance)

    def test_plits_equals_inputs_embeds_in_every_family(self):
        for seed, family in enumerate(FAMILIES):
            with self.subTest(family):
                self.compare(family, seed, "plits")

    def test_lal_equals_transformers_modules_in_every_family(self):
        for seed, family in enumerate(FAMILIES):
            with self.subTest(family):
                self.compare(family, 100 + seed, "lal")


if __name__ == "__main__":
    unittest.main()
