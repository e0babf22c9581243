"""Wrong configs, files and flags: one clear message, exit code 2, nothing written."""

import json
import pathlib
import tempfile
import unittest

from program import ASSETS, SOURCE, run

LLM = "{path: assets/smollm2-135m-instruct.gguf, random: {vocab_size: 49152, hidden_size: 32, intermediate_size: 32, " \
      "num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1, head_dim: 16, max_position_embeddings: 512}}"
GOOD = f"""model:
  llm: {LLM}
  encoders:
    sound: {{type: yamnet, path: assets/yamnet.safetensors}}
  streams:
    - {{name: detail, encoder: sound, integration: lal, layers: {{from: 1}}}}
data: {{train: assets/clips/train.jsonl}}
stages:
  - {{name: align, trainable: ["connectors.*"], steps: 2}}
"""

# (what is replaced in GOOD, by what, what the message must hold)
CONFIGS = [
    ("steps: 2", "setps: 2", ["config.yaml:9", "setps", "did you mean 'steps'"]),
    ("encoder: sound,", "encoder: sound, tokens: cls,", ["stream 'detail'", "CLS", "yamnet", "mean"]),
    ("encoder: sound,", "encoder: sound, tokens: summary,", ["config.yaml:6", "tokens", "all, cls, patches, mean"]),
    ("steps: 2", "steps: two", ["config.yaml:9", "stages.0.steps", "an integer", "'two'"]),
    ("steps: 2", "steps: 0", ["config.yaml:9", "needs `steps` or `epochs`"]),
    ("steps: 2", "steps: -1", ["stages.0.steps", "at least 0"]),
    ("steps: 2", "steps: 2, epochs: 1", ["config.yaml:9", "needs `steps` or `epochs`"]),
    ("steps: 2", "steps: 1e99", ["stages.0.steps", "an integer"]),
    ("steps: 2", "steps: 2, learning_rate: 0", ["learning_rate", "above 0"]),
    ("steps: 2", "steps: 2, learning_rate: .nan", ["learning_rate", "a number"]),
    ("steps: 2", "steps: 2, beta2: 1.0", ["beta2", "below 1"]),
    ("steps: 2", "steps: 2, decay: cosin", ["decay", "did you mean 'cosine'"]),
    ("steps: 2", "steps: 2, accumulate: 9", ["accumulate", "9 parts of 8 samples"]),
    ("steps: 2", "steps: 2, warmup: 3", ["warmup", "3 warm-up steps"]),
    ("steps: 2", "steps: 2, master_weights: yes", ["master_weights", "true or false"]),
    ("steps: 2", "steps: 2, steps: 3", ["steps", "config.yaml:9"]),
    ('"connectors.*"', '"conectors.*"', ["conectors.*", "connectors"]),
    ('["connectors.*"]', "connectors.*", ["trainable", "a list"]),
    ('["connectors.*"]', "[]", ["trainable"]),
    ("integration: lal", "integration: lall", ["config.yaml:6", "integration", "did you mean 'lal'"]),
    ("integration: lal", "integration: plits", ["layers", "lal"]),
    ("{from: 1}", "{from: 2}", ["detail", "layer 2 does not exist"]),
    ("{from: 1}", "[]", ["detail", "empty"]),
    ("{from: 1}", "[0, 0]", ["detail", "listed twice"]),
    ("{from: 1}", "{form: 1}", ["layers", "{from: N}"]),
    ("{from: 1}", "some", ["layers", "{from: N}"]),
    ("encoder: sound", "encoder: sond", ["config.yaml:6", "no encoder 'sond'", "sound"]),
    ("name: detail", "name: a.b", ["a.b", "parameter names"]),
    ("name: detail, ", "", ["name", "missing"]),
    ("sound:", "so.und:", ["so.und", "parameter names"]),
    ("type: yamnet", "type: yamnett", ["config.yaml:4", "did you mean 'yamnet'"]),
    ("type: yamnet", "type: yamnet, trim: true", ["trim", "whisper"]),
    ("type: yamnet", "type: whisper, feature_std: 1.0", ["feature_std", "eat"]),
    ("type: yamnet", "type: eat, feature_std: 0", ["feature_std", "above 0"]),
    ("type: yamnet", "type: eat, window: 100", ["window", "multiple of 16"]),
    ("assets/yamnet.safetensors", "assets/none.safetensors", ["assets/none.safetensors"]),
    ("assets/yamnet.safetensors", "assets/whisper-tiny-en.safetensors", ["whisper-tiny-en.safetensors"]),
    ("assets/yamnet.safetensors", "README.md", ["README.md"]),
    ("num_key_value_heads: 1", "num_key_value_heads: 3", ["decoder", "heads"]),
    ("head_dim: 16", "head_dim: 15", ["head_dim"]),
    ("vocab_size: 49152", "vocab_size: 100", ["49152", "100"]),
    (LLM, "{path: nowhere.gguf}", ["nowhere.gguf"]),
    (LLM, "{path: README.md}", ["README.md"]),
    ("data: {train: assets/clips/train.jsonl}", "", ["data.train"]),
    ("assets/clips/train.jsonl", "nowhere.jsonl", ["nowhere.jsonl"]),
    ("assets/clips/train.jsonl", "{path: assets/clips/train.jsonl, split: tran}", ["train.jsonl", "none of the 120 samples is of the split 'tran'"]),
    ("assets/clips/train.jsonl", "{path: assets/clips/train.jsonl, spilt: train}", ["config.yaml:7", "spilt", "did you mean 'split'"]),
    ("train.jsonl}", "train.jsonl, augment: {noise_snr_low: 50}}", ["data.augment.noise_snr_low", "50", "40"]),
    ("train.jsonl}", "train.jsonl, cache: c, augment: {gain: 3}}", ["data.augment", "data.cache"]),
    ("train.jsonl}", "train.jsonl, augment: {mix: 0.5}}", ["data.augment.mix", "captions"]),
    ("train.jsonl}", "train.jsonl, threads: 0}", ["data.threads", "at least 1"]),
    ("train.jsonl}", "train.jsonl, prompt: {template: nowhere.jinja}}", ["config.yaml:7", "data.prompt.template", "nowhere.jinja"]),
    ("train.jsonl}", "train.jsonl, prompt: {template: README.md}}", ["config.yaml:7", "data.prompt.template", "README.md"]),
    ("train.jsonl}", "train.jsonl, prompt: {template: '{% frobnicate %}'}}", ["config.yaml:7", "data.prompt.template", "frobnicate"]),
    ("train.jsonl}", "train.jsonl, prompt: {template: '{{ messages | frobnicate }}'}}", ["data.prompt.template", "frobnicate"]),
    ("train.jsonl}", "train.jsonl, prompt: {template: '{{ messages[0].content.frobnicate() }}'}}", ["data.prompt.template", "frobnicate"]),
    ("train.jsonl}", "train.jsonl, prompt: {template: '{% for m in messages %}{{ m.content }}{% endfor %}'}}",
     ["data.prompt.template", "stop tokens"]),
    ("assets/clips/train.jsonl", "README.md", ["README.md:1", "JSON"]),
    ("model:", "model: [", ["config.yaml"]),
    ("model:", "base: nowhere.yaml\nmodel:", ["nowhere.yaml"]),
    ("model:", "base: config.yaml\nmodel:", ["config.yaml"]),
    (GOOD, "", ["config.yaml", "empty"]),
]

# (program, arguments, what the message must hold); {f} is a fresh folder
COMMANDS = [
    ("pal-train", [], ["--config"]),
    ("pal-train", ["--config", "nowhere.yaml"], ["nowhere.yaml"]),
    ("pal-train", ["--config", "configs/quickstart/smoke.yaml", "--set", "stages.algin.steps=3"], ["algin"]),
    ("pal-train", ["--config", "configs/quickstart/smoke.yaml", "--set", "nonsense"], ["nonsense"]),
    ("pal-train", ["--config", "configs/quickstart/smoke.yaml", "--resume", "maybe"], ["--resume", "maybe"]),
    ("pal-train", ["--config", "configs/quickstart/smoke.yaml", "--device", "tpu"], ["tpu"]),
    ("pal-train", ["--config", "configs/quickstart/smoke.yaml", "--threads", "-1"], ["--threads"]),
    ("pal-train", ["--config", "configs/quickstart/smoke.yaml", "--output", "README.md"], ["README.md"]),
    ("pal-train", ["--confg", "x"], ["--confg"]),
    ("pal-eval", [], ["--checkpoint", "--predictions"]),
    ("pal-eval", ["--checkpoint", "nowhere"], ["nowhere"]),
    ("pal-eval", ["--checkpoint", "{f}"], ["manifest.json"]),
    ("pal-eval", ["--checkpoint", "{f}", "--spice-jar", "s.jar"], ["--benchmark, which is not given"]),
    ("pal-eval", ["--checkpoint", "{f}", "--tokenized"], ["--predictions"]),
    ("pal-eval", ["--checkpoint", "{f}", "--benchmark", "esc50", "--spice-jar", "s.jar"], ["esc50 has labels and no captions"]),
    ("pal-eval", ["--checkpoint", "{f}", "--benchmark", "clotho", "--embedder", "e"], ["--embedder", "clotho has captions"]),
    ("pal-eval", ["--checkpoint", "{f}", "--benchmark", "esc50", "--protocol", "likelihood", "--embedder-name", "ada"], ["by likelihood compares no texts"]),
    ("pal-eval", ["--predictions", "README.md", "--metric", "accuracy"], ["README.md:1"]),
    ("pal-eval", ["--predictions", "nowhere.jsonl", "--metric", "accuracy"], ["nowhere.jsonl"]),
    ("pal-eval", ["--predictions", "nowhere.jsonl"], ["--metric"]),
    ("pal-eval", ["--predictions", "README.md", "--metric", "ciderdd"], ["unknown metric 'ciderdd'", "did you mean 'ciderd'"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "map"], ["predictions.jsonl:1: 'scores' is missing"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "micro_f1", "--threshold", "x"], ["--threshold"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "ciderd", "--threshold", "0.5"], ["--threshold does not go with the metric ciderd"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "ciderd", "--absent", "zero"], ["--absent does not go with the metric ciderd"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "map", "--absent", "one"], ["--absent", "skip"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "accuracy", "--tokenized"], ["--tokenized does not go with the metric accuracy"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "meteor", "--meteor-jar", "nowhere.jar"], ["meteor", "nowhere.jar"]),
    ("pal-eval", ["--predictions", "examples/predictions.jsonl", "--metric", "meteor", "--spice-jar", "README.md"], ["--spice-jar does not go with the metric meteor"]),
    ("pal-eval", ["compare", "examples/predictions.jsonl"], ["b is required"]),
    ("pal-eval", ["compare", "examples/predictions.jsonl", "nowhere.json", "--metric", "accuracy"], ["nowhere.json"]),
    ("pal-eval", ["compare", "examples/predictions.jsonl", "README.md", "--metric", "accuracy"], ["README.md", "JSON"]),
    ("pal-eval", ["compare", "examples/predictions.jsonl", "examples/predictions-other.jsonl"], ["--metric"]),
    ("pal-eval", ["compare", "examples/predictions.jsonl", "examples/predictions-other.jsonl", "--metric", "spice"], ["spice: needs its authors' jar"]),
    ("pal-eval", ["embed"], ["--texts"]),
    ("pal-eval", ["embed", "--texts", "nowhere.txt", "--out", "{f}/x"], ["nowhere.txt"]),
    ("pal-eval", ["embed", "--texts", "examples/texts.txt", "--out", "{f}/x", "--embedder", "nowhere"], ["nowhere", "no such folder"]),
    ("pal-eval", ["embed", "--texts", "examples/texts.txt", "--out", "{f}/x", "--embedder", "tests/golden/decoder_llama/llm"], ["model_type", "bert"]),
    ("pal-generate", ["--prompt", "x"], ["--checkpoint"]),
    ("pal-generate", ["--checkpoint", "nowhere", "--prompt", "x"], ["nowhere"]),
    ("pal-inspect", [], ["subcommand"]),
    ("pal-inspect", ["weights"], ["--llm"]),
    ("pal-inspect", ["weights", "--encoder", "yamnet"], ["--weights"]),
    ("pal-inspect", ["weights", "--encoder", "yamnet", "--weights", "tests/golden/decoder_llama/llm"], ["unexpected", "missing", "stem.weight"]),
    ("pal-inspect", ["weights", "--checkpoint", "tests/golden"], ["tests/golden"]),
    ("pal-bench", [], ["--config", "load"]),
    ("pal-bench", ["load", "--llm", "tests/golden"], ["config.json"]),
    ("pal-bench", ["load", "--llm", "tests/golden/decoder_llama/llm", "--dtype", "int8"], ["int8"]),
    ("pal-inspect", ["tokens", "--tokenizer", "README.md", "--text", "x"], ["README.md"]),
    ("pal-inspect", ["features", "--frontend", "yamnet", "--audio", "README.md", "--out", "{f}/x"], ["README.md"]),
    ("pal-inspect", ["features", "--frontend", "mel", "--audio", "README.md", "--out", "{f}/x"], ["mel"]),
    ("pal-inspect", ["encode", "--encoder", "yamnet", "--weights", "README.md", "--audio", "x.wav", "--out", "{f}/x"], ["README.md"]),
    ("pal-inspect", ["logits", "--llm", "tests/golden/decoder_llama/llm", "--case", "tests/golden/decoder_llama/case.safetensors",
                     "--out", "{f}/x", "--backend", "flash"], ["flash", "CUDA"]),
    ("pal-inspect", ["logits", "--llm", "tests/golden/decoder_llama/llm", "--case", "tests/golden/smollm2/case.safetensors",
                     "--out", "{f}/x"], ["vocabulary"]),
    ("pal-inspect", ["logits", "--llm", "tests/golden", "--case", "tests/golden/smollm2/case.safetensors", "--out", "{f}/x"], ["config.json"]),
    ("pal-inspect", ["logits", "--llm", "tests/golden/decoder_llama/llm", "--case", "tests/golden/decoder_llama/case.safetensors",
                     "--out", "{f}/x", "--dtype", "int4"], ["int4"]),
    ("pal-inspect", ["model", "--config", "configs/quickstart/pal.yaml", "--stream-tokens", "1,2,3"], ["3 streams", "2"]),
    ("pal-inspect", ["checkpoint", "--checkpoint", "nowhere"], ["nowhere"]),
    ("pal-inspect", ["checkpoint", "--checkpoint", "{f}"], ["manifest.json"]),
    ("pal-bench", [], ["--config"]),
    ("pal-bench", ["--config", "nowhere.yaml"], ["nowhere.yaml"]),
    ("pal-data", [], ["subcommand"]),
    ("pal-data", ["import", "esc50"], ["--root"]),
    ("pal-data", ["import", "esc500", "--root", "examples/esc50", "--out", "{f}/x"], ["did you mean 'esc50'"]),
    ("pal-data", ["import", "esc50", "--root", "examples", "--out", "{f}/x"], ["examples/meta/esc50.csv"]),
    ("pal-data", ["import", "esc50", "--root", "examples/esc50", "--out", "{f}/none/x"], ["{f}/none"]),
    ("pal-data", ["check", "--manifest", "nowhere.jsonl"], ["nowhere.jsonl"]),
    ("pal-data", ["check", "--manifest", "README.md"], ["README.md:1"]),
    ("pal-convert", ["whisper", "--ctranslate2", "README.md", "--out", "{f}/x"], ["README.md"]),
    ("pal-convert", ["yamnet", "--checkpoint", "nowhere", "--out", "{f}/x"], ["nowhere"]),
    ("pal-convert", ["fairseq", "--checkpoint", "nowhere.pt", "--out", "{f}/x"], ["nowhere.pt"]),
    ("pal-convert", ["fairseq", "--checkpoint", "README.md", "--out", "{f}/x"], ["README.md", "*.pt"]),
    ("pal-inspect", ["encode", "--encoder", "eat", "--weights", "tests/golden/eat_tiny_model.safetensors", "--out", "{f}/x"],
     ["--audio", "--features"]),
    ("pal-inspect", ["encode", "--encoder", "eat", "--weights", "tests/golden/eat_tiny_model.safetensors", "--features",
                     "tests/golden/eat_tiny_io.safetensors", "--out", "{f}/x"], ["eat_tiny_io.safetensors", "[2, 33, 48]", "128"]),
    ("pal-inspect", ["encode", "--encoder", "eat", "--weights", "tests/golden/eat_tiny_model.safetensors", "--features",
                     "tests/golden/eat_fbank.safetensors", "--out", "{f}/x"], ["eat_fbank.safetensors", "features"]),
    ("pal-inspect", ["encode", "--encoder", "eat", "--weights", "tests/golden/eat_tiny_model.safetensors", "--heads", "5", "--features",
                     "tests/golden/eat_tiny_io.safetensors", "--out", "{f}/x"], ["5 heads do not divide"]),
]


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class BadInput(unittest.TestCase):
    def check(self, result, fragments, folder):
        message = result.stderr + result.stdout
        self.assertEqual(result.returncode, 2, message)
        for fragment in fragments:
            self.assertIn(fragment, message)
        self.assertNotIn("terminate called", message)
        left = [str(p) for p in pathlib.Path(folder).rglob("*") if p.is_file()]
        self.assertEqual(left, [], "something was written")

    def test_the_config_they_are_made_from_is_right(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "config.yaml"
            config.write_text(GOOD)
            result = run("pal-train", "--config", config, "--dry-run")
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_wrong_configs(self):
        for old, new, fragments in CONFIGS:
            with self.subTest(new=new[:60]), tempfile.TemporaryDirectory() as folder:
                self.assertIn(old, GOOD)
                config = pathlib.Path(folder) / "config.yaml"
                config.write_text(GOOD.replace(old, new, 1))
                result = run("pal-train", "--config", config, "--output", f"{folder}/run")
                config.unlink()
                self.check(result, fragments, folder)
                self.assertFalse((pathlib.Path(folder) / "run").exists(), "a folder was made for a run that cannot be")

    def test_a_wrong_pattern_of_a_later_stage_is_found_before_the_first_begins(self):
        with tempfile.TemporaryDirectory() as folder:
            result = run("pal-train", "--config", "configs/quickstart/smoke.yaml", "--output", f"{folder}/run",
                         "--set", "stages.tune.trainable=[conectors.*]")
            self.check(result, ["conectors.*"], folder)

    def test_wrong_commands_and_files(self):
        for program, arguments, fragments in COMMANDS:
            with self.subTest(program=program, arguments=arguments), tempfile.TemporaryDirectory() as folder:
                self.check(run(program, *[a.replace("{f}", folder) for a in arguments]), [f.replace("{f}", folder) for f in fragments], folder)

    def test_all_problems_of_a_config_are_named_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "config.yaml"
            config.write_text(GOOD.replace("steps: 2", "setps: 2").replace("integration: lal", "integration: lall"))
            result = run("pal-train", "--config", config, "--dry-run")
            self.assertIn("config.yaml:6", result.stderr)
            self.assertIn("config.yaml:9", result.stderr)

    def test_a_broken_clip_is_named_and_never_replaced(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEnonsense")
            (folder / "m.jsonl").write_text(json.dumps({"id": "a", "audio": "broken.wav", "label": "dog"}) + "\n")
            (folder / "config.yaml").write_text(GOOD.replace("assets/clips/train.jsonl", str(folder / "m.jsonl")))
            result = run("pal-train", "--config", folder / "config.yaml", "--output", folder / "run")
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("broken.wav", result.stderr)


if __name__ == "__main__":
    unittest.main()
