"""Files made to harm: nested a million deep, multiplying themselves, or with a terminal's commands in them. Each is refused with exit code 2
in bounded time and memory, or shown harmless."""

import hashlib
import json
import pathlib
import re
import resource
import shutil
import struct
import tempfile
import unittest
import wave

from program import ASSETS, SOURCE, run

DEEP = 1_000_000
LISTS, OBJECTS = "[" * DEEP, '{"a":' * DEEP
CLOSED = {"lists": LISTS + "]" * DEEP, "objects": OBJECTS + "1" + "}" * DEEP, "unclosed": LISTS}
ESCAPES = "\x1b]0;owned\x07\x1b[31m<script>alert(1)</script>\r\x9b2J"  # retitles a terminal, colours it, overwrites the line, clears it
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]")
LINE = 1 << 20  # the longest line that is read

SECONDS = 20
MEMORY = 4 << 30  # bytes of address space that a program may have; LibTorch takes some 2 of them


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write_checkpoint(folder, manifest=None, state='{"config": ""}'):
    folder.mkdir()
    (folder / "state.json").write_text(state)
    header = b"{}"
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    files = {f.name: {"bytes": f.stat().st_size, "sha256": hashlib.sha256(f.read_bytes()).hexdigest()} for f in list(folder.iterdir())}
    (folder / "manifest.json").write_text(manifest or json.dumps({"format": 1, "step": 1, "files": files}))


def bomb(levels, width):
    """Lists of aliases of lists of aliases: width ** levels words."""
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * width) + "]" for i in range(1, levels)]
    return "\n".join([*lines, f"model: *a{levels - 1}"]) + "\n"


class Hostile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def refused(self, *arguments, says):
        result = run(*arguments, timeout=SECONDS, preexec_fn=limited)
        self.assertEqual(result.returncode, 2, result.stderr[:2000])
        self.assertLess(len(result.stderr), 10_000)
        self.assertRegex(result.stderr, says)
        self.assertNotRegex(result.stderr.replace("\n", ""), CONTROL)

    def harmless(self, result, shown):
        for output in (result.stdout, result.stderr):
            self.assertNotRegex(output, CONTROL)
        self.assertIn(r"\x1b]0;owned\x07", result.stdout + result.stderr, "the text was not shown at all: " + shown)


class DeepJson(Hostile):
    def test_manifests(self):
        for key in ("label", "other", "messages"):
            # A line has 1 MiB at most, so one line nests a little less deep.
            line = f'{{"id": "a", "audio": "a.wav", "{key}": ' + "[" * (LINE - 1000) + "\n"
            self.refused("pal-data", "check", "--manifest", self.file("m.jsonl", line), says=r"m\.jsonl:1: .*nested more than 16 levels")
        for name, text in CLOSED.items():
            self.refused("pal-data", "check", "--manifest", self.file("m.json", f'[{{"id": "a", "label": {text}}}]'), says=r"m\.json:1: .*nested more than")
            self.refused("pal-data", "check", "--manifest", self.file("m.json", text), says=r"m\.json:1: ")

    def test_predictions(self):
        for metric, key in (("accuracy", "prediction"), ("ciderd", "references"), ("map", "scores"), ("accuracy", "other")):
            for unit in ("[", '{"a":'):
                deep = unit * ((LINE - 1000) // len(unit))
                path = self.file("p.jsonl", f'{{"id": "a", "{key}": {deep}\n')
                self.refused("pal-eval", "--predictions", path, "--metric", metric, says=r"p\.jsonl:1: .*nested more than 16 levels")

    def test_results(self):
        good = SOURCE / "examples" / "predictions.jsonl"
        for name, text in CLOSED.items():
            for whole in (text, f'{{"settings": {text}, "predictions": []}}', f'{{"predictions": [{{"id": "a", "other": {text}}}]}}'):
                path = self.file("results.json", whole)
                self.refused("pal-eval", "compare", path, good, "--metric", "accuracy", says=r"results\.json.*: .*nested more than")

    def test_models_of_others(self):
        for name, text in CLOSED.items():
            self.refused("pal-inspect", "tokens", "--tokenizer", self.file("tokenizer.json", f'{{"model": {text}}}'), "--text", "x",
                         says=r"tokenizer\.json.*: .*nested more than")
            self.file("llm/config.json", f'{{"model_type": {text}}}')
            self.refused("pal-inspect", "weights", "--llm", self.folder / "llm", says=r"config\.json.*: .*nested more than")
            self.refused("pal-bench", "load", "--llm", self.folder / "llm", says=r"config\.json.*: .*nested more than")
            header = f'{{"a": {text}}}'.encode()
            (self.folder / "deep.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
            self.refused("pal-inspect", "weights", "--encoder", "yamnet", "--weights", self.folder / "deep.safetensors",
                         says=r"deep\.safetensors.*: .*nested more than")

    def test_checkpoints(self):
        for name, text in CLOSED.items():
            for number, manifest in enumerate((text, f'{{"format": {text}}}', f'{{"format": 1, "step": 1, "files": {text}}}')):
                folder = self.folder / f"{name}-{number}"
                write_checkpoint(folder, manifest=manifest)
                self.refused("pal-inspect", "checkpoint", "--checkpoint", folder, says=r"manifest\.json: is damaged: .*nested more than")
            folder = self.folder / f"{name}-state"
            write_checkpoint(folder, state=f'{{"config": "", "other": {text}}}')
            self.refused("pal-inspect", "checkpoint", "--checkpoint", folder, "--json", says=r"state\.json.*: .*nested more than")
            self.refused("pal-eval", "--checkpoint", folder, says=r"state\.json.*: .*nested more than")


class Yaml(Hostile):
    def test_alias_bombs(self):
        for levels, width in ((9, 9), (30, 2), (200, 10)):
            with self.subTest(levels=levels, width=width):
                self.refused("pal-train", "--config", self.file("bomb.yaml", bomb(levels, width)), "--dry-run",
                             says=r"bomb\.yaml:\d+: .*(too large with its aliases expanded|nested more than)")

    def test_an_alias_of_what_it_stands_in(self):
        self.refused("pal-train", "--config", self.file("c.yaml", "model: &a {llm: *a}\n"), "--dry-run", says=r"c\.yaml:1: .*alias")

    def test_nesting(self):
        for text in (LISTS, "- " * (DEEP // 2), OBJECTS, "? " * (DEEP // 2), CLOSED["lists"][DEEP // 2:-DEEP // 2]):
            self.refused("pal-train", "--config", self.file("c.yaml", "model: " + text), "--dry-run", says=r"c\.yaml.*: ")
            self.refused("pal-train", "--config", self.file("c.yaml", text), "--dry-run", says=r"c\.yaml.*: ")
        self.refused("pal-train", "--config", "configs/quickstart/smoke.yaml", "--dry-run", "--set", "model=" + "[" * 5_000, says="--set model")


class Markup(Hostile):
    def write_silence(self, name):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 1600, "NONE", ""))
            file.writeframes(bytes(3200))

    def test_names_of_recordings_in_the_table_of_check(self):
        name = ESCAPES.replace("/", "_") + ".wav"
        self.write_silence(name)
        manifest = self.file("m.jsonl", json.dumps({"id": ESCAPES, "audio": name, "label": ESCAPES}) + "\n"
                             + json.dumps({"id": "b", "audio": "gone" + name, "label": "x"}) + "\n")
        result = run("pal-data", "check", "--manifest", manifest, timeout=SECONDS)
        self.assertEqual(result.returncode, 1, result.stderr)  # one clip is silent, one is not there
        self.harmless(result, "pal-data check")
        self.assertIn("<script>", result.stdout)  # markup is text

    def test_labels_of_a_data_set(self):
        root = self.folder / "esc50"
        shutil.copytree(SOURCE / "examples" / "esc50", root)
        table = (root / "meta" / "esc50.csv").read_text().splitlines()
        columns = table[1].split(",")
        columns[0] = '"' + ESCAPES.replace("/", "_") + '.wav"'  # is not there, so it is named
        columns[3] = '"' + ESCAPES + '"'
        (root / "meta" / "esc50.csv").write_text("\n".join([*table, ",".join(columns)]) + "\n", newline="")
        out = self.folder / "out.jsonl"
        result = run("pal-data", "import", "esc50", "--root", root, "--out", out, timeout=SECONDS)
        self.harmless(result, "pal-data import")
        if result.returncode == 0:  # what is kept, is kept as it is
            self.assertTrue(all(CONTROL.search(line) is None for line in out.read_text().splitlines()))

    def test_ids_of_predictions(self):
        one = json.dumps({"id": ESCAPES, "prediction": ESCAPES, "references": [ESCAPES]})
        twice = self.file("twice.jsonl", one + "\n" + one + "\n")
        result = run("pal-eval", "--predictions", twice, "--metric", "accuracy")
        self.assertEqual(result.returncode, 2)
        self.harmless(result, "pal-eval, an id twice")
        once = self.file("once.jsonl", one + "\n")
        for metric in ("accuracy", "ciderd", "bleu4", "rouge_l", "macro_f1"):
            result = run("pal-eval", "--predictions", once, "--metric", metric)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertNotRegex(result.stdout + result.stderr, CONTROL)
        result = run("pal-eval", "compare", once, "examples/predictions.jsonl", "--metric", "accuracy")
        self.assertEqual(result.returncode, 2)
        self.harmless(result, "pal-eval compare")

    def test_names_of_tensors(self):
        header = json.dumps({ESCAPES: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
        (self.folder / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        self.refused("pal-inspect", "weights", "--encoder", "yamnet", "--weights", self.folder / "m.safetensors", "--all",
                     says=r"m\.safetensors: a tensor's name .* holds control characters")

    @unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
    def test_ids_in_the_log_of_a_training(self):
        lines = (SOURCE / "assets" / "clips" / "train.jsonl").read_text().splitlines()
        samples = [json.loads(line) for line in lines[:8]]
        for sample in samples:
            sample["audio"] = str(SOURCE / "assets" / "clips" / sample["audio"])
        (self.folder / "broken.wav").write_bytes(b"RIFF\0\0\0\0WAVEnonsense")
        samples[3] |= {"id": ESCAPES, "audio": "broken.wav"}
        manifest = self.file("m.jsonl", "".join(json.dumps(sample) + "\n" for sample in samples))
        result = run("pal-train", "--config", "configs/quickstart/smoke.yaml", "--output", self.folder / "run", "--set", f"data.train={manifest}",
                     "--set", "data.skip_unreadable=1")
        self.harmless(result, "the log")


if __name__ == "__main__":
    unittest.main()
