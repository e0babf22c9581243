"""pal-inspect features and encode against transformers and torchaudio, on fresh recordings of several sample rates.

    python tests/parity/encoders_parity.py      (with the test environment's Python)

  PAL_BIN   the folder of the programs (default: build/release/bin)

What needs the converted weights in assets/ is skipped, and says so, where they are not there.
"""

import pathlib
import subprocess
import tempfile
import unittest

import recordings
import safetensors.torch
import torch
import torchaudio.compliance.kaldi
import torchaudio.functional
import transformers
from recordings import BIN, RATES, ROOT, relative_distance

WHISPER = ROOT / "assets/whisper-tiny-en.safetensors"
YAMNET = ROOT / "assets/yamnet.safetensors"


def needs(path):
    return unittest.skipUnless(path.exists(), f"SKIPPED: {path} is not there; ./tools/setup.sh makes it")


class EncodersParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(0)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def inspect(self, command, *arguments, result):
        done, tensors = recordings.inspect(self.folder, command, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return tensors[result]

    def clip(self, rate):
        return recordings.clip(self.folder, rate, 2.3, 16000)

    def test_whisper_features(self):
        for mels in (80, 128):
            extract = transformers.WhisperFeatureExtractor(feature_size=mels)
            for rate in RATES:
                with self.subTest(mels=mels, rate=rate):
                    path, samples = self.clip(rate)
                    expected = torch.tensor(extract(samples.numpy(), sampling_rate=16000)["input_features"][0])
                    got = self.inspect("features", "--frontend", f"whisper{mels}", "--audio", path, result="features")
                    self.assertEqual(got.shape, expected.shape)
                    # Values near the floor of 1e-10 follow the FFT's rounding in float32 against the reference's float64.
                    self.assertLess(relative_distance(got, expected), 1e-4)

    def yamnet_features(self, samples):
        """YAMNet's front-end written out with torch: an independent statement, as TensorFlow is not in the environment."""
        n = max(len(samples), 15600)
        n = 15600 + -(-(n - 15600) // 7680) * 7680
        padded = torch.nn.functional.pad(samples.double(), (0, n - len(samples)))
        frames = padded.unfold(0, 400, 160) * torch.hann_window(400, dtype=torch.float64)
        bank = torchaudio.functional.melscale_fbanks(257, 125.0, 7500.0, 64, 16000, norm=None, mel_scale="htk").double()
        # torchaudio's triangles are straight in Hz, YAMNet's in mel, so the bank is only the scale's second opinion.
        mel = lambda hertz: 1127 * torch.log1p(hertz / 700)
        bins = mel(torch.linspace(0, 8000, 257, dtype=torch.float64))[:, None]
        edges = torch.linspace(*mel(torch.tensor([125.0, 7500.0], dtype=torch.float64)).tolist(), 66, dtype=torch.float64)
        up, down = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - bins) / (edges[2:] - edges[1:-1])
        triangles = torch.minimum(up, down).clamp(min=0)
        triangles[0] = 0
        self.assertLess(float((bank - triangles).abs().max()), 0.1)
        return torch.log(torch.fft.rfft(frames, 512).abs() @ triangles + 1e-3)

    def test_yamnet_features(self):
        for rate in RATES:
            with self.subTest(rate=rate):
                path, samples = self.clip(rate)
                expected = self.yamnet_features(samples)
                got = self.inspect("features", "--frontend", "yamnet", "--audio", path, result="features")
                self.assertEqual(got.shape, expected.shape)
                # Where a clip of 8 kHz holds nothing, the resampler's rounding (1e-7 of the signal) shows beside the offset 1e-3.
                self.assertLess(relative_distance(got, expected), 1e-4)

    def test_kaldi_fbank(self):
        for rate in RATES:
            with self.subTest(rate=rate):
                path, samples = self.clip(rate)
                expected = torchaudio.compliance.kaldi.fbank(
                    (samples - samples.mean())[None], htk_compat=True, sample_frequency=16000, use_energy=False,
                    window_type="hanning", num_mel_bins=128, dither=0.0, frame_shift=10)
                got = self.inspect("features", "--frontend", "kaldi_fbank", "--audio", path, result="features")
                self.assertEqual(got.shape, expected.shape)
                # Where a clip of 8 kHz holds nothing, the energies are the resamplers' rounding, near the floor of 1e-7.
                self.assertLess(relative_distance(got, expected), 1e-4)

    def whisper_model(self):
        weights = {name: tensor.float() for name, tensor in safetensors.torch.load_file(WHISPER).items()}
        config = transformers.WhisperConfig(
            d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536, decoder_layers=1,
            decoder_attention_heads=6, decoder_ffn_dim=64, num_mel_bins=80)
        encoder = transformers.WhisperModel(config).encoder.eval()
        encoder.load_state_dict({name.removeprefix("model.encoder."): tensor for name, tensor in weights.items()})  # strict
        return encoder

    @needs(WHISPER)
    def test_whisper_encoder(self):
        encoder = self.whisper_model()
        extract = transformers.WhisperFeatureExtractor(feature_size=80)
        arguments = ("--encoder", "whisper", "--weights", WHISPER)
        for rate in RATES:
            with self.subTest(rate=rate):
                path, samples = self.clip(rate)
                features = torch.tensor(extract(samples.numpy(), sampling_rate=16000)["input_features"])
                with torch.no_grad():
                    expected = encoder(features).last_hidden_state[0]
                got = self.inspect("encode", *arguments, "--audio", path, result="tokens")
                self.assertEqual(got.shape, (1500, 384))
                self.assertLess(relative_distance(got, expected), 1e-4)
                trimmed = self.inspect("encode", *arguments, "--audio", path, "--trim", result="tokens")
                self.assertEqual(len(trimmed), -(-len(samples) // 320))
                self.assertTrue(torch.equal(trimmed, got[: len(trimmed)]))

    @needs(YAMNET)
    def test_yamnet_encoder(self):
        """The network from the same converted weights, its padding and normalisation written out."""
        weights = {name: tensor.double() for name, tensor in safetensors.torch.load_file(YAMNET).items()}

        def unit(x, name, stride, groups=1):
            weight = weights[name + ".weight"]
            if weight.shape[2] == 3:  # TensorFlow's SAME; all sizes are even
                x = torch.nn.functional.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
            x = torch.nn.functional.conv2d(x, weight, stride=stride, groups=groups)
            mean, variance, bias = (weights[f"{name}.{part}"][:, None, None] for part in ("mean", "variance", "bias"))
            return torch.relu((x - mean) / torch.sqrt(variance + 1e-4) + bias)

        for rate in RATES:
            with self.subTest(rate=rate):
                path, samples = self.clip(rate)
                x = unit(self.yamnet_features(samples).unfold(0, 96, 48).transpose(1, 2)[:, None], "stem", 2)
                for i, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)):
                    x = unit(unit(x, f"blocks.{i}.depthwise", stride, x.shape[1]), f"blocks.{i}.pointwise", 1)
                expected = x.permute(0, 2, 3, 1).reshape(-1, 1024)
                got = self.inspect("encode", "--encoder", "yamnet", "--weights", YAMNET, "--audio", path, result="tokens")
                self.assertEqual(got.shape, expected.shape)
                self.assertLess(relative_distance(got, expected), 1e-4)

    def test_bad_recordings_end_in_exit_code_2_and_write_nothing(self):
        (self.folder / "empty.wav").write_bytes(b"")
        out = self.folder / "nothing.safetensors"
        for audio in ("absent.wav", "empty.wav", "."):
            with self.subTest(audio=audio):
                done = subprocess.run(
                    [BIN / "pal-inspect", "features", "--frontend", "yamnet", "--audio", self.folder / audio, "--out", out],
                    capture_output=True, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn(str(self.folder / audio), done.stderr)
                self.assertFalse(out.exists())

    def test_what_pal_convert_cannot_read_ends_in_exit_code_2_and_writes_nothing(self):
        bad, out = self.folder / "bad", self.folder / "never.safetensors"
        for name in ("bad", "bad.index", "bad.data-00000-of-00001"):
            (self.folder / name).write_bytes(b"neither of the two formats, but long enough for a footer of 48 bytes")
        for arguments in (["yamnet", "--checkpoint", bad], ["whisper", "--ctranslate2", bad],
                          ["yamnet", "--checkpoint", self.folder / "absent"], ["whisper", "--ctranslate2", self.folder / "absent"],
                          ["yamnet", "--ckpt", bad], ["mp3"]):
            with self.subTest(arguments=arguments):
                done = subprocess.run([BIN / "pal-convert", *arguments, "--out", out], capture_output=True, text=True)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertTrue(done.stderr)
                self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
