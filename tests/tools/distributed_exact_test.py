"""1, 2 and 4 processes train on the same global batches: equal losses, in float64 to rounding."""

import pathlib
import tempfile
import unittest

from distributed import SMOKE, log_of, losses_of
from program import ASSETS, run

# Small enough for 200 steps in float64 of seven processes; the learning rates make its loss fall.
SMALL = ["--set", "model.llm.random.hidden_size=32", "--set", "model.llm.random.intermediate_size=64", "--set", "model.llm.random.num_attention_heads=2", "--set", "model.llm.random.num_key_value_heads=1", "--set", "model.backend=naive",
         "--set", "train.save_every=0", "--threads", "1"]
FLOAT64 = [*SMALL, "--set", "model.dtype=float64", "--set", "stages.align.steps=40", "--set", "stages.tune.steps=160", "--set", "stages.align.learning_rate=5e-3",
           "--set", "stages.tune.learning_rate=5e-3", "--set", "stages.tune.accumulate=2"]
FLOAT32 = [*SMALL, "--set", "stages.align.steps=5", "--set", "stages.tune.steps=15"]
BY_TOKENS = [*SMALL, "--set", "model.dtype=float64", "--set", "stages.align.steps=3", "--set", "stages.tune.steps=3", "--set", "stages.align.batch_tokens=256",
             "--set", "stages.tune.batch_tokens=256", "--set", "stages.align.accumulate=4", "--set", "stages.tune.accumulate=4"]


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Exact(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def train(self, processes, *settings):
        output = self.root / str(processes)
        result = run("pal-train", "--config", SMOKE, "--output", output, "--nproc", processes, *settings, timeout=500)
        self.assertEqual(result.returncode, 0, result.stderr)
        return output

    def compare(self, settings, steps, tolerance):
        one = self.train(1, *settings)
        self.assertEqual(len(losses_of(one)), steps)
        for processes in (2, 4):
            several = self.train(processes, *settings)
            for expected, got in zip(log_of(one), log_of(several), strict=True):
                for key in ("samples", "target_tokens", "text_tokens"):
                    self.assertEqual(got[key], expected[key], f"step {got['step']}, {processes} processes")
                for key in ("loss", "gradient_norm"):
                    self.assertAlmostEqual(got[key], expected[key], delta=tolerance * max(1.0, abs(expected[key])), msg=f"{key} of step {got['step']}, {processes} processes")
        return losses_of(one)

    def test_200_steps_in_float64_are_equal_to_1e_10(self):
        losses = self.compare(FLOAT64, 200, 1e-10)
        self.assertLess(losses[-1], 0.7 * losses[0])  # what is compared has learned

    def test_20_steps_in_float32_are_equal_to_1e_4(self):
        self.compare(FLOAT32, 20, 1e-4)

    def test_batches_by_tokens_are_the_same(self):
        self.compare(BY_TOKENS, 6, 1e-10)


if __name__ == "__main__":
    unittest.main()
