"""pal-inspect features and encode with CLAP and Whisper against transformers, on folders that save_pretrained made.

    python tests/parity/hugging_face_encoders_parity.py      (with the test environment's Python)

  PAL_BIN   the folder of the programs (default: build/release/bin)

Weights are drawn at test time, for shapes of published models and smaller ones.
"""

import json
import math
import pathlib
import subprocess
import tempfile
import unittest

import recordings
import torch
import transformers
from recordings import RATES, relative_distance

WINDOW = 480000  # samples: 10 s for CLAP, 30 s for Whisper
CLAP_RATE, WHISPER_RATE = 48000, 16000
TINY = dict(patch_embeds_hidden_size=96, depths=[2, 2, 6, 2], num_attention_heads=[4, 8, 16, 32])
BASE = dict(patch_embeds_hidden_size=128, depths=[2, 2, 12, 2], num_attention_heads=[4, 8, 16, 32], hidden_size=1024)
SMALL = dict(patch_embeds_hidden_size=24, depths=[1, 3, 2, 1], num_attention_heads=[2, 4, 6, 12], mlp_ratio=2.0, hidden_size=192)


def randomised(model, seed):
    """Every tensor drawn anew: biases, norms and statistics that a fresh model has at 0 or 1 would hide mistakes."""
    torch.manual_seed(seed)
    for name, tensor in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            tensor.data = 1 + 0.1 * torch.randn_like(tensor)
        elif tensor.dim() < 2:
            tensor.data = 0.1 * torch.randn_like(tensor)
        elif "relative_position" in name or "embed_positions" in name:
            tensor.data = torch.randn_like(tensor)
        else:
            tensor.data = torch.randn_like(tensor) / math.sqrt(tensor[0].numel())
    for name, tensor in model.named_buffers():
        if name.endswith("running_mean"):
            tensor.copy_(-40 + 5 * torch.randn_like(tensor))
        elif name.endswith("running_var"):
            tensor.copy_(100 + 20 * torch.rand_like(tensor))
    return model.eval()


class HuggingFaceEncodersParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def inspect(self, command, *arguments):
        done, tensors = recordings.inspect(self.folder, command, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done, next(iter(tensors.values()))

    def assert_refused(self, *arguments, because):
        done, tensors = recordings.inspect(self.folder, *arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(because, done.stderr)
        self.assertIsNone(tensors)

    def assert_equal(self, got, expected, tolerance=1e-4):
        self.assertEqual(got.shape, expected.shape)
        self.assertLess(relative_distance(got, expected), tolerance)

    # CLAP

    @staticmethod
    def clap_extractor(**options):
        return transformers.ClapFeatureExtractor(**{"frequency_min": 50, "truncation": "rand_trunc", **options})

    @staticmethod
    def clap_mel(extractor, samples):
        """[windows, 1001, 64]: each window of 10 s by itself, so that nothing is cropped at random."""
        windows = [extractor(window.numpy(), sampling_rate=CLAP_RATE)["input_features"][0][0] for window in samples.split(WINDOW)]
        return torch.stack([torch.as_tensor(window) for window in windows])

    def test_clap_features(self):
        extractor = self.clap_extractor()
        # Repeated 4 times, once, exactly a window.
        for rate, seconds in [(rate, 2.3) for rate in RATES] + [(44100, 6.1), (44100, 10), (48000, 10), (8000, 0.01)]:
            with self.subTest(rate=rate, seconds=seconds):
                path, samples = recordings.clip(self.folder, rate, seconds, CLAP_RATE)
                _, got = self.inspect("features", "--frontend", "clap", "--audio", path)
                # Where a clip of 8 kHz holds nothing, the resampler's rounding shows: both sides resample in float32.
                self.assert_equal(got, self.clap_mel(extractor, samples)[0])

    def test_clap_features_of_a_longer_clip(self):
        path, samples = recordings.clip(self.folder, 44100, 13.7, CLAP_RATE)
        _, got = self.inspect("features", "--frontend", "clap", "--audio", path, "--long-audio", "crop")
        self.assert_equal(got, self.clap_mel(self.clap_extractor(), samples[:WINDOW])[0])
        self.assert_refused("features", "--frontend", "clap", "--audio", path, because="13.7 s long")

    def test_clap_features_as_the_preprocessor_says(self):
        path, samples = recordings.clip(self.folder, 32000, 4.2, CLAP_RATE)
        for options in ({}, {"frequency_min": 0}, {"frequency_min": 125.5, "frequency_max": 20000}, {"truncation": "fusion"}):
            with self.subTest(options=options):
                extractor = self.clap_extractor(**options)
                folder = self.folder / f"extractor{len(list(self.folder.iterdir()))}"
                extractor.save_pretrained(folder)
                _, got = self.inspect("features", "--frontend", "clap", "--audio", path, "--weights", folder)
                self.assert_equal(got, self.clap_mel(extractor, samples)[0])

    @staticmethod
    def clap_tokens(model, extractor, samples):
        mel = HuggingFaceEncodersParity.clap_mel(extractor, samples)
        with torch.no_grad():
            tokens = [model(input_features=window[None, None]).last_hidden_state[0].flatten(1).T for window in mel]
        return torch.cat(tokens)

    def check_clap(self, folder, model, clips, extractor):
        for rate, seconds, policy in clips:
            with self.subTest(rate=rate, seconds=seconds, policy=policy):
                path, samples = recordings.clip(self.folder, rate, seconds, CLAP_RATE)
                _, got = self.inspect("encode", "--encoder", "clap", "--weights", folder, "--audio", path, "--long-audio", policy)
                heard = samples[:WINDOW] if policy == "crop" else samples
                self.assert_equal(got, self.clap_tokens(model, extractor, heard))
                if policy != "chunk":  # a stream's `tokens: mean` is what CLAP pools
                    with torch.no_grad():
                        pooled = model(input_features=self.clap_mel(extractor, heard)[0][None, None]).pooler_output[0]
                    self.assert_equal(got.mean(0), pooled)

    def test_clap_tiny_within_a_whole_clap(self):
        text = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=64)
        model = randomised(transformers.ClapModel(transformers.ClapConfig(text_config=text, audio_config=TINY)), seed=1)
        folder = self.folder / "tiny"
        model.save_pretrained(folder)
        self.clap_extractor().save_pretrained(folder)
        clips = [(48000, 1.7, "error"), (44100, 10, "error"), (22050, 11.5, "crop"), (16000, 24, "chunk")]
        self.check_clap(folder, model.audio_model, clips, self.clap_extractor())
        path, _ = recordings.clip(self.folder, 8000, 11, CLAP_RATE)
        arguments = ("encode", "--encoder", "clap", "--weights", folder, "--audio", path)
        self.assert_refused(*arguments, because="clap: the clip is 11.0 s long")
        done, got = self.inspect(*arguments, "--long-audio", "chunk", "--times")
        self.assertEqual(len(done.stdout.splitlines()), len(got))
        self.assertIn("97\t10.312\t10.625", done.stdout)
        report = subprocess.run([recordings.BIN / "pal-inspect", "weights", "--encoder", "clap", "--weights", folder, "--json"],
                                capture_output=True, text=True, check=True)
        fates = {tensor["name"]: tensor["fate"] for tensor in json.loads(report.stdout)["tensors"]}
        expected = {name: "matched" if name.startswith("audio_model.") else "skipped" for name in model.state_dict()}
        self.assertEqual({name: fates.get(name) for name in expected}, expected)

    def test_clap_base_from_the_audio_model_alone(self):
        model = randomised(transformers.ClapAudioModel(transformers.ClapAudioConfig(**BASE)), seed=2)
        model.save_pretrained(self.folder / "base")
        self.check_clap(self.folder / "base", model, [(32000, 3.3, "error"), (48000, 10.5, "chunk")], self.clap_extractor())

    def test_clap_small_from_shards(self):
        model = randomised(transformers.ClapAudioModelWithProjection(transformers.ClapAudioConfig(**SMALL)), seed=3)
        folder = self.folder / "small"
        model.save_pretrained(folder, max_shard_size="400KB")
        self.assertTrue((folder / "model.safetensors.index.json").exists())
        extractor = self.clap_extractor(frequency_min=0)
        extractor.save_pretrained(folder)
        self.check_clap(folder, model.audio_model, [(rate, 2.3, "error") for rate in RATES], extractor)

    def test_clap_with_fusion_is_refused(self):
        config = transformers.ClapAudioConfig(**SMALL, enable_fusion=True, fusion_type="channel_map")
        transformers.ClapAudioModel(config).save_pretrained(self.folder / "fused")
        path, _ = recordings.clip(self.folder, 16000, 1, CLAP_RATE)
        self.assert_refused("encode", "--encoder", "clap", "--weights", self.folder / "fused", "--audio", path, because="fusion")

    # Whisper

    @staticmethod
    def whisper_config(mels, width, layers, heads, ffn):
        return transformers.WhisperConfig(
            num_mel_bins=mels, d_model=width, encoder_layers=layers, encoder_attention_heads=heads, encoder_ffn_dim=ffn,
            decoder_layers=1, decoder_attention_heads=heads, decoder_ffn_dim=32, vocab_size=60, pad_token_id=0, bos_token_id=1,
            eos_token_id=2, decoder_start_token_id=3, begin_suppress_tokens=None)

    def check_whisper(self, folder, encoder, mels, clips):
        extractor = transformers.WhisperFeatureExtractor(feature_size=mels)
        extractor.save_pretrained(folder)
        for rate, seconds, policy in clips:
            with self.subTest(folder=folder.name, rate=rate, seconds=seconds, policy=policy):
                path, samples = recordings.clip(self.folder, rate, seconds, WHISPER_RATE)
                windows = [window.numpy() for window in samples[: WINDOW if policy == "crop" else None].split(WINDOW)]
                features = extractor(windows, sampling_rate=WHISPER_RATE, return_tensors="pt")["input_features"]
                with torch.no_grad():
                    expected = encoder(features).last_hidden_state.flatten(0, 1)
                done, got = self.inspect(
                    "encode", "--encoder", "whisper", "--weights", folder, "--audio", path, "--long-audio", policy)
                self.assert_equal(got, expected)
        return done.stderr

    def test_whisper_of_tinys_shape(self):
        model = randomised(transformers.WhisperModel(self.whisper_config(80, 384, 4, 6, 1536)), seed=4)
        model.save_pretrained(self.folder / "whisper-tiny")
        log = self.check_whisper(self.folder / "whisper-tiny", model.encoder, 80, [(22050, 4.1, "error"), (16000, 30, "error")])
        self.assertIn(" skipped tensors", log)

    def test_whisper_of_large_v3s_width_in_shards(self):
        model = randomised(transformers.WhisperForConditionalGeneration(self.whisper_config(128, 1280, 2, 20, 5120)), seed=5)
        folder = self.folder / "whisper-large"
        model.save_pretrained(folder, max_shard_size="60MB")
        self.assertTrue((folder / "model.safetensors.index.json").exists())
        log = self.check_whisper(folder, model.model.encoder, 128, [(44100, 2.7, "error")])
        self.assertIn(" skipped tensors", log)

    def test_whisper_with_heads_of_another_width(self):
        model = randomised(transformers.WhisperModel(self.whisper_config(80, 96, 3, 6, 200)), seed=6)
        folder = self.folder / "whisper-heads"
        model.save_pretrained(folder)
        clips = [(rate, 2.3, "error") for rate in RATES] + [(8000, 33, "crop"), (8000, 64.2, "chunk")]
        self.check_whisper(folder, model.encoder, 80, clips)
        path, _ = recordings.clip(self.folder, 8000, 33, WHISPER_RATE)
        self.assert_refused("encode", "--encoder", "whisper", "--weights", folder, "--audio", path, because="33.0 s long")

    def test_whisper_in_half_precision(self):
        for dtype in (torch.float16, torch.bfloat16):
            model = randomised(transformers.WhisperModel(self.whisper_config(128, 128, 2, 2, 256)), seed=7).to(dtype)
            folder = self.folder / f"whisper-{dtype}"
            model.save_pretrained(folder)
            self.check_whisper(folder, model.float().encoder, 128, [(16000, 3, "error")])


if __name__ == "__main__":
    unittest.main()
