"""pal-inspect encode --encoder eat against EAT's definition, written out with torch, torchaudio and numpy, on fresh recordings.

    python tests/parity/eat_parity.py      (with the test environment's Python)

  PAL_BIN   the folder of the programs (default: build/release/bin)

The reference implementation is not in the environment; the definition here is held to its outputs in tests/golden first.
"""

import pathlib
import subprocess
import tempfile
import unittest

import numpy
import safetensors.torch
import torch
import torchaudio.compliance.kaldi
import torchaudio.functional
from recordings import BIN, RATES, ROOT, recording, relative_distance, write_wav

WEIGHTS = ROOT / "tests/golden/eat_tiny_model.safetensors"  # 48 wide, 4 heads, 2 blocks
ARGUMENTS = ("--encoder", "eat", "--heads", 4)


def features(samples):
    """[n] at 16 kHz -> [1024, 128]: the original's front-end."""
    fbank = torchaudio.compliance.kaldi.fbank(
        (samples - samples.mean())[None], htk_compat=True, sample_frequency=16000, use_energy=False, window_type="hanning",
        num_mel_bins=128, dither=0.0, frame_shift=10)[:1024]
    return (torch.nn.functional.pad(fbank, (0, 0, 0, 1024 - len(fbank))) + 4.268) / (4.569 * 2)


def positions(rows, width):
    """[1, 8 * rows, width] by numpy, as the original makes them."""
    rate = 1 / 10000 ** (numpy.arange(width // 4, dtype="f4") / (width / 4))
    bands, times = numpy.tile(numpy.arange(8, dtype="f4"), rows), numpy.repeat(numpy.arange(rows, dtype="f4"), 8)
    angles = [numpy.outer(index, rate) for index in (bands, times)]
    return torch.tensor(numpy.concatenate([part(angle) for angle in angles for part in (numpy.sin, numpy.cos)], 1))[None]


def eat(x, weights, heads=4):
    """[W, T, 128] -> [W, 1 + T / 2, width] in float64."""
    w = {name.removeprefix("model."): tensor.double() for name, tensor in weights.items()}
    width = w["extra_tokens"].shape[2]
    linear = lambda x, name: torch.nn.functional.linear(x, w[name + ".weight"], w[name + ".bias"])
    norm = lambda x, name: torch.nn.functional.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], 1e-6)
    x = torch.nn.functional.conv2d(x.double()[:, None], w["local_encoder.proj.weight"], w["local_encoder.proj.bias"], 16)
    x = x.flatten(2).transpose(1, 2) + positions(x.shape[2], width).double()
    x = norm(torch.cat([w["extra_tokens"].expand(len(x), -1, -1), x], 1), "pre_norm")
    for i in range(2):
        block = f"blocks.{i}."
        q, k, v = linear(x, block + "attn.qkv").unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.transpose(-1, -2) * (width // heads) ** -0.5, -1) @ v
        x = norm(x + linear(mixed.transpose(1, 2).flatten(2), block + "attn.proj"), block + "norm1")
        x = norm(x + linear(torch.nn.functional.gelu(linear(x, block + "mlp.fc1")), block + "mlp.fc2"), block + "norm2")
    return x


class EatParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.weights = safetensors.torch.load_file(WEIGHTS)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def encode(self, *arguments, weights=WEIGHTS):
        out = self.folder / "out.safetensors"
        out.unlink(missing_ok=True)
        subprocess.run([BIN / "pal-inspect", "encode", *map(str, ARGUMENTS), "--weights", weights, *map(str, arguments), "--out", out],
                       check=True, stdout=subprocess.DEVNULL)
        return safetensors.torch.load_file(out)["tokens"]

    def save_features(self, tensor):
        path = self.folder / "features.safetensors"
        safetensors.torch.save_file({"features": tensor.contiguous()}, path)
        return path

    def clip(self, rate, seconds):
        samples = recording(rate, seconds, seed=3)
        path = self.folder / f"clip{rate}-{seconds}.wav"
        write_wav(path, samples, rate)
        return path, torchaudio.functional.resample(torch.tensor(samples.astype("f4") / 32768), rate, 16000)

    def test_the_definition_is_the_reference(self):
        io = safetensors.torch.load_file(ROOT / "tests/golden/eat_tiny_io.safetensors")
        self.assertLess(relative_distance(eat(io["input"][:, 0], self.weights), io["features"]), 1e-6)
        self.assertLess(float((positions(16, 48) - self.weights["model.fixed_positional_encoder.positions"]).abs().max()), 1e-6)

    def test_features_give_the_reference_tokens(self):
        io = safetensors.torch.load_file(ROOT / "tests/golden/eat_tiny_io.safetensors")
        tokens = self.encode("--features", self.save_features(io["input"]))
        self.assertLess(relative_distance(tokens, io["features"].flatten(0, 1)), 1e-5)  # both float32
        patches = self.encode("--no-cls", "--features", self.save_features(io["input"][:1]))
        self.assertLess(relative_distance(patches, io["features"][0, 1:]), 1e-5)

    def test_recordings(self):
        for rate in RATES:
            with self.subTest(rate=rate):
                path, samples = self.clip(rate, 2.3)
                got = self.encode("--audio", path)
                self.assertEqual(got.shape, (513, 48))
                self.assertLess(relative_distance(got, eat(features(samples)[None], self.weights)[0]), 1e-4)
                trimmed = self.encode("--audio", path, "--trim")
                self.assertEqual(len(trimmed), 1 + 8 * 15)  # 228 frames, 16 a row
                self.assertTrue(torch.equal(trimmed, got[: len(trimmed)]))

    def test_a_long_recording_is_cut_as_the_reference_cuts_it(self):
        path, samples = self.clip(16000, 12.5)
        got = self.encode("--audio", path, "--long-audio", "crop")
        self.assertLess(relative_distance(got, eat(features(samples)[None], self.weights)[0]), 1e-4)


if __name__ == "__main__":
    unittest.main()
