"""Processes that each keep a part of the optimizer's state, or of the gradients too: the same losses, and checkpoints for any number of them."""

import json
import signal
import unittest

from distributed import SMALL, SMOKE, Compared, Ranks
from program import ASSETS, run

SETTINGS = [*SMALL, "--set", "model.dtype=float64", "--set", "stages.align.steps=4", "--set", "stages.tune.steps=10", "--set", "stages.tune.accumulate=2",
            "--set", "stages.tune.weight_decay=0.1"]


def trained(output):
    return (output / "final" / "model.safetensors").read_bytes()


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Sharded(Compared):
    def test_they_learn_what_one_learns(self):
        one = self.train("one", 1, *SETTINGS)
        for shard in ("optimizer", "gradients"):
            for processes in (2, 4):
                self.compare_logs(one, self.train(f"{shard}-{processes}", processes, *SETTINGS, "--set", f"train.shard={shard}"), 1e-10)

    def stop_after(self, step, processes, output, settings, number=signal.SIGTERM):
        ranks = Ranks(processes, self.root / "errors", "--config", SMOKE, "--output", output, *settings)
        ranks.wait_for_step(output, step)
        for rank in range(processes) if number == signal.SIGKILL else [processes - 1]:
            ranks.kill(rank, number)
        self.assertEqual(ranks.wait(), [-number if number == signal.SIGKILL else 143] * processes, ranks.all_errors())

    def test_a_run_of_four_goes_on_as_two_and_then_as_one(self):
        """What four processes saved in slices is read by two, whose slices are others, and by one."""
        one = self.train("one", 1, *SETTINGS)
        for shard in ("optimizer", "gradients"):
            output = self.root / shard
            settings = [*SETTINGS, "--set", f"train.shard={shard}", "--resume", "auto"]
            self.stop_after(6, 4, output, settings)  # in the second stage, whose state is of all parameters
            self.assertEqual(len(list(output.glob("checkpoints/*/optimizer-*-of-00004.safetensors"))), 4)
            self.stop_after(8, 2, output, settings)
            self.assertEqual(len(list(output.glob("checkpoints/*/optimizer-*-of-00002.safetensors"))), 2)
            self.train(shard, 1, *settings)
            self.compare_logs(one, output, 1e-10)

    def test_killed_and_resumed_in_bf16_they_have_the_same_bits(self):
        settings = [*SMALL, "--set", "model.dtype=bfloat16", "--set", "stages.align.steps=4", "--set", "stages.tune.steps=10", "--set", "train.save_every=2", "--set", "train.shard=optimizer"]
        whole = self.train("whole", 2, *settings)
        output = self.root / "killed"
        self.stop_after(7, 2, output, settings, signal.SIGKILL)
        self.train("killed", 2, *settings, "--resume", "auto")
        self.assertEqual(trained(output), trained(whole))
        self.compare_logs(whole, output, 0)

    def test_what_a_process_holds_is_told_before_anything_starts(self):
        told = {}
        for shard in ("none", "optimizer", "gradients"):
            result = run("pal-inspect", "model", "--config", SMOKE, "--set", f"train.shard={shard}", "--processes", 4, "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            told[shard] = json.loads(result.stdout)["stages"][1]
        self.assertAlmostEqual(told["optimizer"]["optimizer_bytes"], told["none"]["optimizer_bytes"] / 4, delta=1024)
        self.assertEqual(told["optimizer"]["gradient_bytes"], told["none"]["gradient_bytes"])
        self.assertEqual(told["gradients"]["optimizer_bytes"], told["optimizer"]["optimizer_bytes"])
        for shard in told:  # a ring's: three quarters of all gradients twice, or of gradients and of weights; a few more elements make buckets divisible
            self.assertAlmostEqual(told[shard]["sent_bytes_per_step"], 1.5 * told["none"]["gradient_bytes"], delta=1024)


if __name__ == "__main__":
    unittest.main()
