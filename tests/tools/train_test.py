"""pal-train as a process: killed, stopped, resumed, started twice."""

import json
import pathlib
import random
import signal
import sys
import tempfile
import time
import unittest

from program import ASSETS, run, start

SMOKE = "configs/quickstart/smoke.yaml"
SHORT = ["--set", "stages.align.steps=6", "--set", "stages.tune.steps=6", "--set", "train.save_every=2", "--threads", "1"]
KILLS = 20 if "--full" in sys.argv else 3


def trained(folder):
    return (pathlib.Path(folder) / "final" / "model.safetensors").read_bytes()


def tensors(file):
    """name -> bytes of a safetensors file."""
    raw = pathlib.Path(file).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    return {name: raw[8 + size + e["data_offsets"][0]:8 + size + e["data_offsets"][1]]
            for name, e in header.items() if name != "__metadata__"}


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Train(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.whole_folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.whole_folder.cleanup)
        begin = time.monotonic()
        result = run("pal-train", "--config", SMOKE, "--output", pathlib.Path(cls.whole_folder.name) / "whole", *SHORT)
        assert result.returncode == 0, result.stderr
        cls.seconds = time.monotonic() - begin
        cls.whole = trained(pathlib.Path(cls.whole_folder.name) / "whole")

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def train(self, name, *more):
        return run("pal-train", "--config", SMOKE, "--output", self.root / name, *SHORT, *more)

    def test_a_run_killed_at_random_moments_ends_with_the_same_bits(self):
        moments = random.Random(7)
        killed = 0
        for attempt in range(100 * KILLS):
            process = start("pal-train", "--config", SMOKE, "--output", self.root / "killed", *SHORT, "--resume", "auto")
            if killed < KILLS:
                time.sleep(moments.uniform(0.2, 0.9) * self.seconds)
                process.send_signal(signal.SIGKILL)
            error = process.communicate()[1]
            if process.returncode == 0:
                break
            self.assertEqual(process.returncode, -signal.SIGKILL, error)
            killed += 1
        self.assertGreater(killed, 0)
        self.assertEqual(trained(self.root / "killed"), self.whole)
        lines = [json.loads(line)["step"] for line in (self.root / "killed" / "log.jsonl").read_text().splitlines()]
        self.assertEqual(lines, list(range(1, 13)))  # no step twice, none left out

    def test_sigterm_saves_and_exits_143_and_the_run_goes_on_to_the_same_bits(self):
        process = start("pal-train", "--config", SMOKE, "--output", self.root / "stopped", *SHORT, "--set", "train.save_every=0",
                        "--resume", "auto")
        log = self.root / "stopped" / "log.jsonl"
        while not (log.exists() and len(log.read_text().splitlines()) >= 2):
            time.sleep(0.01)
            self.assertIsNone(process.poll(), "it ended before it could be stopped")
        process.send_signal(signal.SIGTERM)
        error = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 143, error)
        self.assertIn("SIGTERM", error)
        again = self.train("stopped", "--set", "train.save_every=0", "--resume", "auto")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("resuming after step", again.stderr)
        self.assertEqual(trained(self.root / "stopped"), self.whole)

    def test_a_finished_run_says_so_and_is_left_alone(self):
        self.train("run")
        before = trained(self.root / "run")
        again = self.train("run", "--resume", "auto")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("finished already", again.stderr)
        self.assertEqual(trained(self.root / "run"), before)
        fresh = self.train("run")
        self.assertEqual(fresh.returncode, 2)
        self.assertIn("holds a run already", fresh.stderr)

    def test_a_run_is_not_continued_with_another_config(self):
        self.train("run", "--set", "stages.tune.steps=4")
        (self.root / "run" / "final" / "manifest.json").unlink()
        other = self.train("run", "--set", "stages.tune.learning_rate=0.5", "--resume", "auto")
        self.assertEqual(other.returncode, 2)
        self.assertIn("stages.1.learning_rate", other.stderr)

    def test_two_runs_do_not_share_a_folder(self):
        process = start("pal-train", "--config", SMOKE, "--output", self.root / "run", *SHORT, "--resume", "auto")
        while not (self.root / "run" / "run.lock").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        second = self.train("run", "--resume", "auto")
        process.kill()
        process.communicate()
        self.assertEqual(second.returncode, 2, second.stderr)
        self.assertIn("another process trains here", second.stderr)

    def test_frozen_tensors_keep_their_bits(self):
        # Stage 1 trains all of the LLM, stage 2 its attention only: what stage 2 froze must be as stage 1 left it.
        result = self.train("run", "--set", 'stages.align.trainable=["connectors.*","llm.*"]',
                            "--set", 'stages.tune.trainable=["connectors.*","llm.layers.*.self_attn.*"]', "--set", "train.keep=9")
        self.assertEqual(result.returncode, 0, result.stderr)
        before = tensors(self.root / "run" / "checkpoints" / "step-00000006" / "model.safetensors")
        after = tensors(self.root / "run" / "final" / "model.safetensors")
        self.assertEqual(before.keys(), after.keys())
        for name in before:
            is_trained = name.startswith("connectors.") or ".self_attn." in name
            self.assertEqual(before[name] != after[name], is_trained, name)

    def test_gradient_accumulation_changes_nothing_but_rounding(self):
        self.train("one", "--set", "model.dtype=float64")
        self.train("four", "--set", "model.dtype=float64", "--set", "stages.align.accumulate=4", "--set", "stages.tune.accumulate=4")
        losses = [[json.loads(line)["loss"] for line in (self.root / name / "log.jsonl").read_text().splitlines()]
                  for name in ("one", "four")]
        for one, four in zip(*losses):
            self.assertAlmostEqual(one, four, delta=1e-9 * abs(one))

    def test_a_checkpoint_can_be_looked_into_and_a_damaged_one_is_refused(self):
        self.train("run")
        final = self.root / "run" / "final"
        looked = run("pal-inspect", "checkpoint", "--checkpoint", final, "--json")
        self.assertEqual(looked.returncode, 0, looked.stderr)
        found = json.loads(looked.stdout)
        self.assertEqual(found["step"], 12)
        self.assertEqual(found["tensors"].keys(), tensors(final / "model.safetensors").keys())
        self.assertEqual({t["not_finite"] for t in found["tensors"].values()}, {0})
        config = run("pal-inspect", "checkpoint", "--checkpoint", final, "--config").stdout
        (self.root / "again.yaml").write_text(config)
        again = run("pal-train", "--config", self.root / "again.yaml", "--dry-run")
        self.assertEqual(again.returncode, 0, again.stderr)

        raw = bytearray((final / "model.safetensors").read_bytes())
        raw[-1] ^= 1
        (final / "model.safetensors").write_bytes(raw)
        damaged = run("pal-inspect", "checkpoint", "--checkpoint", final)
        self.assertEqual((damaged.returncode, damaged.stdout), (2, ""))
        self.assertIn("model.safetensors", damaged.stderr)

    def test_a_dry_run_writes_nothing(self):
        result = self.train("run", "--dry-run")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("connectors.detail", result.stderr)
        self.assertFalse((self.root / "run").exists())


if __name__ == "__main__":
    unittest.main(argv=[a for a in sys.argv if a != "--full"])
