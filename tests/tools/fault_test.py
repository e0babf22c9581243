"""What happens to machines in weeks of training: processes killed at any moment, damaged files, full disks, networks cut. Nothing is lost.

With --full the counts are those of a whole check: 200 kills, every file damaged in many ways."""

import functools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from distributed import SMALL, SMOKE, Compared, Ranks, losses_of, log_of
from program import ASSETS, run, start

FULL = "--full" in sys.argv
KILLS = 200 if FULL else 4
DAMAGES = 8 if FULL else 1  # of each kind to each file
STEPS = 24
SETTINGS = [*SMALL, "--set", f"stages.align.steps={STEPS // 2}", "--set", f"stages.tune.steps={STEPS // 2}", "--set", "train.save_every=1",
            "--set", "stages.align.batch_size=12", "--set", "stages.tune.batch_size=12", "--set", "train.log_samples=true", "--timeout", "30"]
TRAIN = ASSETS.parent / "clips" / "train.jsonl"


WHOLE = tempfile.TemporaryDirectory()


@functools.cache
def uninterrupted():
    """What the runs of two processes here would be if nothing happened to them."""
    output = pathlib.Path(WHOLE.name) / "whole"
    result = run("pal-train", "--config", SMOKE, "--output", output, "--nproc", 2, *SETTINGS)
    assert result.returncode == 0, result.stderr
    return output


def trained(output):
    return (output / "final" / "model.safetensors").read_bytes()


def newest(output):
    """The step of the newest checkpoint that has its name, 0 where there is none."""
    return max((int(folder.name.removeprefix("step-")) for folder in output.glob("checkpoints/step-*") if "." not in folder.name), default=0)


def is_saving(output):
    return any(output.glob("checkpoints/*.tmp-*"))


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Fault(Compared):
    def ranks(self, processes, output, *more):
        return Ranks(processes, self.root / "errors", "--config", SMOKE, "--output", output, *SETTINGS, *more, "--resume", "auto")

    def test_kills_at_random_moments_lose_no_step_and_no_sample(self):
        """One or both of two processes, in every second case while a checkpoint is written; until so many were killed, over and over from the beginning."""
        whole = uninterrupted()
        moments, killed, in_saves, of_all, runs = random.Random(5), 0, 0, 0, 0
        while killed < KILLS:
            runs += 1
            output = self.root / f"killed-{runs}"
            while not (output / "final" / "manifest.json").exists():
                before = newest(output)
                ranks = self.ranks(2, output)
                if killed < KILLS:
                    saving, all_of_them, first = self.kill_once(ranks, output, moments)
                    killed, in_saves, of_all = killed + first, in_saves + (first and saving), of_all + (first and all_of_them)
                codes = ranks.wait()
                self.assertTrue(all(code in (0, 1, -signal.SIGKILL) for code in codes), ranks.all_errors())
                self.assertNotIn("passed over", ranks.error(0))  # what has a checkpoint's name is whole
                if before > 0 and "resuming after step" in ranks.error(0):
                    self.assertIn(f"resuming after step {before} ", ranks.error(0))
            self.assertEqual(trained(output), trained(whole))
            self.assertEqual([step["step"] for step in log_of(output)], list(range(1, STEPS + 1)))
            self.assertEqual(losses_of(output), losses_of(whole))
            self.check_that_epochs_use_every_sample_once(output)
            shutil.rmtree(output)
        print(f"\n{killed} kills in {runs} runs of two processes: {in_saves} while saving, {of_all} of both", file=sys.stderr)

    def check_that_epochs_use_every_sample_once(self, output):
        of_all = sorted(json.loads(line)["id"] for line in TRAIN.read_text().splitlines())
        for stage in ("align", "tune"):
            drawn = [sample for step in log_of(output) if step["stage"] == stage for sample in step["sample_ids"]]
            self.assertGreater(len(drawn), len(of_all))  # else nothing could be left out
            for begin in range(0, len(drawn), len(of_all)):
                epoch = drawn[begin:begin + len(of_all)]
                self.assertEqual(len(set(epoch)), len(epoch), f"stage {stage}: a sample is used twice in the epoch from {begin}")
                if len(epoch) == len(of_all):
                    self.assertEqual(sorted(epoch), of_all)

    def kill_once(self, ranks, output, moments):
        """Returns whether it was while saving, whether both were killed, and whether anything was."""
        in_save, both = moments.random() < 0.5, moments.random() < 0.5
        at = time.monotonic() + moments.uniform(0, 4)
        while time.monotonic() < at or (in_save and not is_saving(output)):
            if any(process.poll() is not None for process in ranks.processes):
                return False, False, False
            time.sleep(0.001)
        if in_save:
            time.sleep(moments.uniform(0, 0.02))
        saving = is_saving(output)
        for rank in (0, 1) if both else [moments.randrange(2)]:
            ranks.kill(rank)
        return saving, both, True

    def test_a_damaged_file_is_refused_by_name_and_the_older_checkpoint_taken(self):
        output = self.root / "run"
        ranks = self.ranks(2, output, "--set", "train.shard=optimizer")
        ranks.wait_for_step(output, STEPS // 2 + 5)
        ranks.kill(0, signal.SIGTERM)
        self.assertEqual(ranks.wait(), [143, 143], ranks.all_errors())
        step = newest(output)
        files = sorted(path.name for path in (output / "checkpoints" / f"step-{step:08}").iterdir())
        self.assertEqual(len(files), 7, files)  # manifest, state, index, two parts of model and optimizer each
        moments = random.Random(6)
        damages = [damage for damage in (flip, truncate) for _ in range(DAMAGES)] + [empty, pathlib.Path.unlink]
        for name in files:
            for damage in damages if FULL else [*moments.sample(damages, 1)]:
                copy = self.root / "copy"
                shutil.copytree(output, copy, symlinks=True)
                damaged = copy / "checkpoints" / f"step-{step:08}" / name
                damage(damaged) if damage in (empty, pathlib.Path.unlink) else damage(damaged, moments)
                error = self.resume_until_it_says_where(copy)
                self.assertIn(f"step-{step:08}: passed over", error, f"{damage.__name__} of {name}")
                self.assertIn(name, error.split("passed over")[1].split("\n")[0] if name != "manifest.json" else "manifest.json", error)
                self.assertIn(f"resuming after step {newest_but(copy, step)} ", error)
                shutil.rmtree(copy)

    def resume_until_it_says_where(self, output):
        process = start("pal-train", "--config", SMOKE, "--output", output, *SETTINGS, "--set", "train.shard=optimizer", "--resume", "auto")
        said = ""
        for line in process.stderr:
            said += line
            if "resuming after" in line:
                break
        process.kill()
        process.communicate()
        return said


def flip(file, moments):
    raw = bytearray(file.read_bytes())
    raw[moments.randrange(len(raw))] ^= 1 << moments.randrange(8)
    file.write_bytes(raw)


def truncate(file, moments):
    raw = file.read_bytes()
    file.write_bytes(raw[:moments.randrange(len(raw))])


def empty(file):
    file.write_bytes(b"")


def newest_but(output, step):
    return max(int(folder.name.removeprefix("step-")) for folder in output.glob("checkpoints/step-*") if folder.name != f"step-{step:08}")


def can_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
@unittest.skipUnless(can_mount(), "file systems cannot be mounted here")
class Disk(Compared):
    def setUp(self):
        super().setUp()
        self.disk = self.root / "disk"
        self.disk.mkdir()

    def mount(self, *arguments, at):
        subprocess.run(["mount", *arguments, at], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", at], check=False)

    def ranks(self, *more):
        return Ranks(2, self.root / "errors", "--config", SMOKE, "--output", self.disk / "run", *SETTINGS, *more, "--resume", "auto")

    def fill(self):
        """The last byte of the disk."""
        with (self.disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass

    def test_a_disk_that_is_full_for_a_while_costs_nothing_but_checkpoints(self):
        whole = uninterrupted()
        self.mount("-t", "tmpfs", "-o", "size=200m", "none", at=self.disk)
        ranks = self.ranks("--set", "train.save_every=6")
        ranks.wait_for_step(self.disk / "run", 7)
        self.fill()
        while "not saved" not in ranks.error(0) + ranks.error(1):
            self.assertIsNone(ranks.processes[0].poll(), ranks.all_errors())
            time.sleep(0.01)
        (self.disk / "filler").unlink()
        self.assertEqual(ranks.wait(), [0, 0], ranks.all_errors())
        self.assertIn("Training goes on", ranks.error(0) + ranks.error(1))
        self.assertEqual(trained(self.disk / "run"), trained(whole))
        self.assertEqual(losses_of(self.disk / "run"), losses_of(whole))

    def test_a_disk_that_stays_full_ends_the_run_with_its_last_checkpoint_whole(self):
        whole = uninterrupted()
        self.mount("-t", "tmpfs", "-o", "size=200m", "none", at=self.disk)
        ranks = self.ranks()
        ranks.wait_for_step(self.disk / "run", 5)
        self.fill()
        codes = ranks.wait()
        self.assertEqual(codes, [2, 2], ranks.all_errors())
        self.assertIn("No space left on device", ranks.all_errors())
        self.assertFalse(is_saving(self.disk / "run"))
        (self.disk / "filler").unlink()
        ranks = self.ranks()
        self.assertEqual(ranks.wait(), [0, 0], ranks.all_errors())
        self.assertNotIn("passed over", ranks.error(0))
        self.assertEqual(trained(self.disk / "run"), trained(whole))

    def test_a_folder_that_can_no_longer_be_written_ends_the_run_with_its_last_checkpoint_whole(self):
        whole = uninterrupted()
        ranks = self.ranks()
        ranks.wait_for_step(self.disk / "run", 5)
        checkpoints = self.disk / "run" / "checkpoints"
        self.mount("--bind", checkpoints, at=checkpoints)
        subprocess.run(["mount", "-o", "remount,bind,ro", checkpoints], check=True)
        self.assertEqual(ranks.wait(), [2, 2], ranks.all_errors())
        self.assertIn("Read-only file system", ranks.all_errors())
        subprocess.run(["umount", "-l", checkpoints], check=True)
        ranks = self.ranks()
        self.assertEqual(ranks.wait(), [0, 0], ranks.all_errors())
        self.assertEqual(trained(self.disk / "run"), trained(whole))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *[argument for argument in sys.argv[1:] if argument != "--full"]])
