"""What can be seen of a run while it goes on."""

import json
import pathlib
import re
import socket
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from distributed import SMALL, SMOKE, free_port, log_of
from program import ASSETS, run, start

SETTINGS = [*SMALL, "--set", "stages.align.steps=4", "--set", "stages.tune.steps=4"]


def metrics(text):
    """(name, labels) -> number of what Prometheus would read; lines that are neither comment nor sample are an error."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("# "):
            name, labels, value = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line).groups()
            found[name, labels or ""] = float(value)
    return found


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Watching(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def train(self, name, *more):
        result = run("pal-train", "--config", SMOKE, "--output", self.root / name, *SETTINGS, *more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return log_of(self.root / name)

    def fetch(self, process, port):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                    found = metrics(answer.read().decode())
                    if found.get(("pal_train_step", ""), 0) >= 2:
                        return found
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.02)
        process.kill()
        raise AssertionError(process.communicate()[1])

    def test_prometheus_fetches_the_newest_line_of_the_log_over_the_loopback(self):
        port = free_port()
        process = start("pal-train", "--config", SMOKE, "--output", self.root / "run", *SETTINGS, "--set", "stages.align.steps=400", "--set", f"train.prometheus_port={port}",
                        "--set", "train.attention_every=1")
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        found = self.fetch(process, port)
        line = log_of(self.root / "run")[int(found["pal_train_step", ""]) - 1]
        for key in ("loss", "learning_rate", "gradient_norm", "samples", "skipped_steps", "resident_bytes"):
            self.assertAlmostEqual(found[f"pal_train_{key}", ""], line[key], delta=1e-9 * max(1, line[key]), msg=key)
        for group, norm in line["gradient_norms"].items():
            self.assertAlmostEqual(found["pal_train_gradient_norms", f'group="{group}"'], norm)
        for stream, layers in line["audio_attention"].items():
            for layer, mass in layers.items():
                self.assertAlmostEqual(found["pal_train_audio_attention", f'group="{stream}",layer="{layer}"'], mass)
        with self.assertRaises(OSError):  # another address of this machine's loopback, which only a server at all addresses would answer
            socket.create_connection(("127.0.0.2", port), timeout=5)

    def test_a_port_that_is_taken_is_told_before_the_first_step(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            result = run("pal-train", "--config", SMOKE, "--output", self.root / "run", *SETTINGS, "--set", f"train.prometheus_port={port}")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(f"127.0.0.1:{port}", result.stderr)
        self.assertEqual(log_of(self.root / "run"), [])

    def test_the_audios_part_of_the_attention_is_logged_where_it_is_asked_for_and_changes_nothing(self):
        watched = self.train("watched", "--set", "train.attention_every=3")
        unwatched = self.train("unwatched", "--set", "train.attention_every=0")
        self.assertEqual([step["step"] for step in watched if "audio_attention" in step], [3, 6])
        for step in (3, 6):
            ((stream, layers),) = watched[step - 1]["audio_attention"].items()
            self.assertEqual((stream, sorted(layers)), ("detail", ["4", "5"]))
            self.assertTrue(all(0 < mass < 1 for mass in layers.values()), layers)
        self.assertFalse(any("audio_attention" in step for step in unwatched))
        self.assertEqual([step["loss"] for step in watched], [step["loss"] for step in unwatched])

    def test_mfu_is_the_arithmetic_of_all_processes_by_what_their_devices_can_do(self):
        alone = self.train("one", "--set", "train.peak_tflops=0.1")
        two = self.train("two", "--set", "train.peak_tflops=0.05", "--nproc", 2)
        for one, both in zip(alone, two, strict=True):
            self.assertAlmostEqual(one["mfu"] * one["seconds"] / (both["mfu"] * both["seconds"]), 1, places=6)
            self.assertGreater(one["mfu"], 0)
        self.assertGreater(alone[4]["mfu"] * alone[4]["seconds"], 1.1 * alone[3]["mfu"] * alone[3]["seconds"])  # the LLM is trained as well, from here on
        self.assertNotIn("mfu", self.train("none")[0])

    def test_the_checkpoint_with_the_best_score_is_kept_and_found(self):
        self.train("run", "--set", "train.validate_every=1", "--set", "train.keep=1", "--set", "stages.tune.learning_rate=3e-2", "--set", "stages.tune.steps=8")
        scores = [json.loads(line) for line in (self.root / "run" / "validation.jsonl").read_text().splitlines()]
        best = max(scores, key=lambda score: score["score"])["step"]
        checkpoints = self.root / "run" / "checkpoints"
        self.assertEqual((checkpoints / "best").resolve().name, f"step-{best:08}")
        self.assertEqual(sorted(path.name for path in checkpoints.iterdir()), sorted({"best", f"step-{best:08}", "step-00000012"}))
        looked = run("pal-inspect", "checkpoint", "--checkpoint", checkpoints / "best")
        self.assertEqual(looked.returncode, 0, looked.stderr)
        without = self.root / "without"
        self.train("without", "--set", "train.keep_best=false", "--set", "train.validate_every=1")
        self.assertFalse((without / "checkpoints" / "best").exists())


if __name__ == "__main__":
    unittest.main()
