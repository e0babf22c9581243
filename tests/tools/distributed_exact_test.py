"""1, 2 and 4 processes train on the same global batches: equal losses, in float64 to rounding."""

import unittest

from distributed import SMALL, Compared, losses_of
from program import ASSETS

FLOAT64 = [*SMALL, "--set", "model.dtype=float64", "--set", "stages.align.steps=40", "--set", "stages.tune.steps=160", "--set", "stages.align.learning_rate=5e-3",
           "--set", "stages.tune.learning_rate=5e-3", "--set", "stages.tune.accumulate=2"]
FLOAT32 = [*SMALL, "--set", "stages.align.steps=5", "--set", "stages.tune.steps=15"]
BY_TOKENS = [*SMALL, "--set", "model.dtype=float64", "--set", "stages.align.steps=3", "--set", "stages.tune.steps=3", "--set", "stages.align.batch_tokens=256",
             "--set", "stages.tune.batch_tokens=256", "--set", "stages.align.accumulate=4", "--set", "stages.tune.accumulate=4"]


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Exact(Compared):
    def compare(self, settings, steps, tolerance):
        one = self.train("one", 1, *settings)
        self.assertEqual(len(losses_of(one)), steps)
        for processes in (2, 4):
            self.compare_logs(one, self.train(str(processes), processes, *settings), tolerance)
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
