"""pal-train as several processes on this machine: stopped, killed, misled."""

import json
import pathlib
import re
import signal
import tempfile
import time
import unittest

from distributed import SHORT, SMOKE, Ranks, log_of, losses_of
from program import ASSETS, SOURCE, run, start


def trained(output):
    return (pathlib.Path(output) / "final" / "model.safetensors").read_bytes()


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Distributed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.whole_folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.whole_folder.cleanup)
        cls.whole = pathlib.Path(cls.whole_folder.name) / "whole"
        result = run("pal-train", "--config", SMOKE, "--output", cls.whole, *SHORT, "--nproc", 2)
        assert result.returncode == 0, result.stderr
        cls.said = result.stderr

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def ranks(self, processes, name, *more, timeout=60):
        settings = [*SHORT[:SHORT.index("--timeout")], "--timeout", timeout]
        return Ranks(processes, self.root / "errors", "--config", SMOKE, "--output", self.root / name, *settings, *more)

    def wait_for_step(self, ranks, name, step):
        ranks.wait_for_step(self.root / name, step)

    def test_nproc_trains_as_one_run_and_says_everything_once(self):
        self.assertEqual(self.said.count("done: "), 1, self.said)
        self.assertIn("2 processes", self.said)
        self.assertEqual([step["step"] for step in log_of(self.whole)], list(range(1, 9)))
        self.assertEqual([step["samples"] for step in log_of(self.whole)], [8] * 8)

    def test_two_processes_learn_what_one_learns(self):
        alone = run("pal-train", "--config", SMOKE, "--output", self.root / "one", *SHORT)
        self.assertEqual(alone.returncode, 0, alone.stderr)
        for step, (one, two) in enumerate(zip(losses_of(self.root / "one"), losses_of(self.whole))):
            self.assertAlmostEqual(one, two, delta=1e-4, msg=f"step {step}")

    def test_a_run_killed_whole_and_resumed_has_the_same_bits(self):
        ranks = self.ranks(2, "killed")
        self.wait_for_step(ranks, "killed", 5)
        for rank in (1, 0):
            ranks.kill(rank)
        ranks.wait()
        again = self.ranks(2, "killed", "--resume", "auto")
        self.assertEqual(again.wait(), [0, 0], again.all_errors())
        self.assertIn("resuming after step", again.error(0))
        self.assertEqual(trained(self.root / "killed"), trained(self.whole))
        self.assertEqual(losses_of(self.root / "killed"), losses_of(self.whole))

    def test_the_run_of_two_goes_on_as_one_with_the_same_batches(self):
        ranks = self.ranks(2, "fewer")
        self.wait_for_step(ranks, "fewer", 3)
        ranks.kill(0, signal.SIGTERM)
        self.assertEqual(ranks.wait(), [143, 143], ranks.all_errors())
        again = run("pal-train", "--config", SMOKE, "--output", self.root / "fewer", *SHORT, "--resume", "auto")
        self.assertEqual(again.returncode, 0, again.stderr)
        for step, (one, two) in enumerate(zip(losses_of(self.root / "fewer"), losses_of(self.whole), strict=True)):
            self.assertAlmostEqual(one, two, delta=1e-4, msg=f"step {step}")

    def test_a_signal_to_any_process_saves_and_ends_all_with_143(self):
        for rank, number in ((1, signal.SIGTERM), (0, signal.SIGUSR1)):
            name = f"stopped-{rank}"
            ranks = self.ranks(2, name, "--set", "train.save_every=0", "--set", "stages.align.steps=60")
            self.wait_for_step(ranks, name, 2)
            ranks.kill(rank, number)
            self.assertEqual(ranks.wait(), [143, 143], ranks.all_errors())
            self.assertIn("stopped by", ranks.error(0))
            self.assertLess(len(log_of(self.root / name)), 30)  # at once, not at the stage's end
            self.assertEqual(len(list((self.root / name / "checkpoints").glob("step-*"))), 1)

    def test_a_signal_to_the_one_that_started_them_reaches_all(self):
        process = start("pal-train", "--config", SMOKE, "--output", self.root / "parent", *SHORT, "--nproc", 2)
        deadline = time.monotonic() + 120
        while len(log_of(self.root / "parent")) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        error = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 143, error)
        self.assertIn("stopped by SIGTERM", error)

    def test_a_killed_process_is_named_by_the_others_which_end(self):
        for rank in (0, 1):
            ranks = self.ranks(2, f"lost-{rank}", "--set", "stages.align.steps=400")
            self.wait_for_step(ranks, f"lost-{rank}", 2)
            ranks.kill(rank)
            codes = ranks.wait(60)
            self.assertEqual((codes[rank], codes[1 - rank]), (-signal.SIGKILL, 1), ranks.all_errors())
            self.assertIn(f"process {rank}", ranks.error(1 - rank))

    def test_a_stopped_process_is_named_and_so_is_the_step_that_waits_for_it(self):
        for rank in (0, 1):
            ranks = self.ranks(2, f"stalled-{rank}", "--set", "stages.align.steps=400", "--set", "train.save_every=0", timeout=8)
            self.wait_for_step(ranks, f"stalled-{rank}", 2)
            ranks.kill(rank, signal.SIGSTOP)
            self.assertEqual(ranks.processes[1 - rank].wait(60), 1, ranks.all_errors())
            ranks.kill(rank)
            ranks.wait()
            error = ranks.error(1 - rank)
            self.assertRegex(error, rf"process {1 - rank}: step \d+: .* samples .*: not done for \d+ s")
            self.assertRegex(error, rf"internal error: process {rank} .*does not answer")

    def test_what_is_wrong_with_the_input_is_told_once(self):
        result = run("pal-train", "--config", SMOKE, "--output", self.root / "wrong", "--nproc", 2, "--set", "stages.tune.trainable=[nothing.*]", "--threads", 1)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(result.stderr.count("nothing.*"), 1, result.stderr)
        self.assertFalse((self.root / "wrong").exists())

    def test_a_step_that_cannot_be_divided_is_refused(self):
        result = run("pal-train", "--config", SMOKE, "--output", self.root / "small", "--nproc", 3, "--set", "stages.tune.batch_size=2", "--threads", 1)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("stage 'tune': 3 processes, but a part of a step has 2 samples", result.stderr)

    def test_two_runs_on_one_folder_the_second_is_refused(self):
        first = self.ranks(2, "shared", "--set", "stages.align.steps=400")
        self.wait_for_step(first, "shared", 1)
        second = run("pal-train", "--config", SMOKE, "--output", self.root / "shared", *SHORT, "--nproc", 2, "--resume", "auto")
        self.assertEqual(second.returncode, 2, second.stderr)
        self.assertIn("another process trains here", second.stderr)
        first.kill(0, signal.SIGTERM)
        self.assertEqual(first.wait(), [143, 143], first.all_errors())

    def test_an_unreadable_recording_of_one_process_is_known_to_all_and_told_once(self):
        broken = self.root / "broken.wav"
        broken.write_bytes(b"RIFF nothing")
        manifest = self.root / "train.jsonl"
        clips = SOURCE / "assets" / "clips"
        lines = [json.loads(line) for line in (clips / "train.jsonl").read_text().splitlines()]
        for line in lines:
            line["audio"] = str(clips / line["audio"])
        lines[5]["audio"] = str(broken)
        manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
        whole_epoch = ["--set", "stages.align.steps=0", "--set", "stages.align.epochs=1", "--set", f"data.train={manifest}"]
        refused = run("pal-train", "--config", SMOKE, "--output", self.root / "refused", *SHORT, *whole_epoch, "--nproc", 2)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertEqual(len(re.findall(r"error: .*broken\.wav", refused.stderr)), 1, refused.stderr)
        allowed = run("pal-train", "--config", SMOKE, "--output", self.root / "allowed", *SHORT, *whole_epoch, "--nproc", 2, "--set", "data.skip_unreadable=1")
        self.assertEqual(allowed.returncode, 0, allowed.stderr)
        self.assertEqual(len(re.findall(r"is left out \(1 so far\)", allowed.stderr)), 1, allowed.stderr)
        self.assertEqual(log_of(self.root / "allowed")[-1]["unreadable_samples"], 1)


if __name__ == "__main__":
    unittest.main()
