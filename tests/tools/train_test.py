"""pal-train as a process: killed, stopped, resumed, started twice."""

import hashlib
import json
import pathlib
import random
import re
import signal
import sys
import tempfile
import time
import unittest

from program import ASSETS, SOURCE, run, start

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

    def test_a_mix_of_shards_goes_on_to_the_same_bits_exact_to_the_sample(self):
        manifest = pathlib.Path(SOURCE / "assets" / "clips" / "train.jsonl")
        for name, megabytes in (("one", 0.5), ("two", 5)):
            made = run("pal-data", "shard", "--manifest", manifest, "--out", self.root / name, "--shard-mb", megabytes)
            self.assertEqual(made.returncode, 0, made.stderr)
        sources = [{"path": str(self.root / "one" / "index.jsonl"), "weight": 2}, {"path": str(self.root / "two" / "index.jsonl"), "weight": 1}]
        mixed = ["--set", f"data.train={json.dumps(sources)}", "--set", "data.shuffle_window=6"]
        whole = self.train("whole", *mixed)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        self.assertEqual(self.killed_and_resumed("stopped", *mixed), trained(self.root / "whole"))
        other = self.train("other", "--set", f"data.train={json.dumps(sources[::-1])}", "--set", "data.shuffle_window=6")
        self.assertNotEqual(trained(self.root / "other"), trained(self.root / "whole"), other.stderr)

    def killed_and_resumed(self, name, *settings):
        """The trained bytes of a run that was killed after some steps and gone on with."""
        process = start("pal-train", "--config", SMOKE, "--output", self.root / name, *SHORT, *settings)
        log = self.root / name / "log.jsonl"
        while not (log.exists() and len(log.read_text().splitlines()) >= 3):
            time.sleep(0.01)
            self.assertIsNone(process.poll(), "it ended before it could be stopped")
        process.kill()
        process.communicate()
        again = self.train(name, *settings, "--resume", "auto")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("resuming after step", again.stderr)
        return trained(self.root / name)

    def test_neither_the_number_of_threads_nor_how_far_they_are_ahead_changes_a_bit(self):
        for name, threads, ahead in (("one", 1, 1), ("three", 3, 7)):
            result = self.train(name, "--set", f"data.threads={threads}", "--set", f"data.read_ahead={ahead}")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(trained(self.root / name), self.whole, name)

    def test_batches_by_tokens_follow_the_plan_that_is_printed_and_go_on_to_the_same_bits(self):
        budget = ["--set", "stages.align.batch_tokens=400", "--set", "stages.align.accumulate=2", "--set", "stages.align.steps=0",
                  "--set", "stages.align.epochs=1", "--set", "stages.align.sort_window=50"]
        whole = self.train("whole", *budget)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        planned = re.search(r"(\d+) steps of 2 part\(s\) of at most 400 tokens, (\d+) samples", whole.stderr)
        self.assertTrue(planned, whole.stderr)
        lines = [json.loads(line) for line in (self.root / "whole" / "log.jsonl").read_text().splitlines()]
        align = [line for line in lines if line["stage"] == "align"]
        self.assertEqual(len(align), int(planned[1]))
        self.assertEqual(sum(line["samples"] for line in align), int(planned[2]))
        self.assertGreaterEqual(int(planned[2]), 120)
        self.assertGreater(len({line["samples"] for line in align}), 1)
        self.assertEqual(self.killed_and_resumed("killed", *budget), trained(self.root / "whole"))

    def test_a_sample_that_is_longer_than_a_batch_may_be_is_told_before_the_first_step(self):
        result = self.train("few", "--set", "stages.align.batch_tokens=10")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("batch_tokens is 10", result.stderr)
        self.assertFalse((self.root / "few").exists())

    def test_augmentation_is_the_same_for_any_threads_and_after_a_kill(self):
        def caption_half(lines):
            for line in lines[::2]:
                line["captions"] = [f"This is {line.pop('label')}."]
        settings = [*self.manifest("m.jsonl", caption_half), "--set", "data.augment={crop: 1, gain: 6, noise: 0.5, time_masks: 2, frequency_masks: 2, mix: 0.5}"]
        one = self.train("one", *settings, "--set", "data.threads=1")
        self.assertEqual(one.returncode, 0, one.stderr)
        three = self.killed_and_resumed("three", *settings, "--set", "data.threads=3", "--set", "data.read_ahead=5")
        self.assertEqual(three, trained(self.root / "one"))
        for off in ("crop: 1, ", "gain: 6, ", "noise: 0.5, ", "time_masks: 2, ", ", mix: 0.5"):
            without = [setting.replace(off, "") for setting in settings]
            self.assertNotEqual(without, settings)
            self.assertEqual(self.train("without" + off[:3], *without).returncode, 0)
            self.assertNotEqual(trained(self.root / ("without" + off[:3])), trained(self.root / "one"), off)

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

    def test_a_finished_run_with_another_config_is_refused(self):
        self.train("run")
        other = self.train("run", "--set", "stages.tune.learning_rate=0.5", "--resume", "auto")
        self.assertEqual(other.returncode, 2, other.stderr)
        self.assertIn("stages.1.learning_rate", other.stderr)
        harmless = self.train("run", "--set", "train.keep=7", "--resume", "auto")
        self.assertEqual(harmless.returncode, 0, harmless.stderr)

    def test_an_option_that_is_younger_than_the_run_is_no_difference(self):
        self.train("run", "--set", "stages.tune.steps=4")
        (self.root / "run" / "final" / "manifest.json").unlink()
        for folder in (self.root / "run" / "checkpoints").glob("step-*"):
            state = json.loads((folder / "state.json").read_text())
            state["config"] = "".join(line for line in state["config"].splitlines(keepends=True) if "clip_norm" not in line)
            text = json.dumps(state, indent=1)
            (folder / "state.json").write_text(text)
            manifest = json.loads((folder / "manifest.json").read_text())
            manifest["files"]["state.json"] = {"bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
            (folder / "manifest.json").write_text(json.dumps(manifest))
        again = self.train("run", "--set", "stages.tune.steps=4", "--resume", "auto")
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_sigterm_at_the_end_of_a_stage_stops_before_the_next_and_loses_nothing(self):
        log = self.root / "run" / "log.jsonl"
        process = start("pal-train", "--config", SMOKE, "--output", self.root / "run", *SHORT, "--resume", "auto")
        while not (log.exists() and len(log.read_text().splitlines()) >= 6):  # stage 1 has six steps
            time.sleep(0.001)
            self.assertIsNone(process.poll(), "it ended before it could be stopped")
        process.send_signal(signal.SIGTERM)
        error = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 143, error)
        again = self.train("run", "--resume", "auto")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(trained(self.root / "run"), self.whole)
        whole = (pathlib.Path(self.whole_folder.name) / "whole" / "validation.jsonl").read_text()
        self.assertEqual((self.root / "run" / "validation.jsonl").read_text(), whole)

    def test_validation_scores_are_logged_and_a_resumed_run_has_the_same(self):
        lines = [json.loads(line) for line in (pathlib.Path(self.whole_folder.name) / "whole" / "validation.jsonl").read_text().splitlines()]
        self.assertEqual([(line["step"], line["metric"], line["n"]) for line in lines], [(6, "accuracy", 19), (12, "accuracy", 19)])
        more = self.train("more", "--set", "train.validate_every=4")
        self.assertEqual(more.returncode, 0, more.stderr)
        steps = [json.loads(line)["step"] for line in (self.root / "more" / "validation.jsonl").read_text().splitlines()]
        self.assertEqual(steps, [4, 6, 8, 12])

    def manifest(self, name, change):
        """The training manifest with absolute paths, its lines changed."""
        lines = [json.loads(line) for line in (SOURCE / "assets/clips/train.jsonl").read_text().splitlines()]
        for line in lines:
            line["audio"] = str(SOURCE / "assets/clips" / line["audio"])
        change(lines)
        (self.root / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        return ["--set", f"data.train={self.root / name}"]

    def test_a_run_is_not_continued_on_another_manifest(self):
        data = self.manifest("m.jsonl", lambda lines: None)
        self.assertEqual(self.train("run", *data).returncode, 0)
        (self.root / "run" / "final" / "manifest.json").unlink()
        self.manifest("m.jsonl", lambda lines: lines.pop())
        other = self.train("run", *data, "--resume", "auto")
        self.assertEqual(other.returncode, 2)
        self.assertIn("120 samples then, 119 now", other.stderr)

    def test_an_unreadable_recording_ends_the_run_or_is_left_out_by_name_and_never_replaced(self):
        (self.root / "noise.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEnonsense")

        def break_all_but_ten(lines):
            for line in lines[10:13]:
                line["audio"] = str(self.root / "noise.wav")
            del lines[13:]
        data = self.manifest("m.jsonl", break_all_but_ten)
        strict = self.train("strict", *data)
        self.assertEqual(strict.returncode, 2, strict.stderr)
        self.assertIn("noise.wav", strict.stderr)
        self.assertIn("data.skip_unreadable", strict.stderr)
        few = self.train("few", *data, "--set", "data.skip_unreadable=2")
        self.assertEqual(few.returncode, 2, few.stderr)
        enough = self.train("enough", *data, "--set", "data.skip_unreadable=3")
        self.assertEqual(enough.returncode, 0, enough.stderr)
        self.assertEqual(enough.stderr.count("is left out"), 3)
        last = json.loads((self.root / "enough" / "log.jsonl").read_text().splitlines()[-1])
        self.assertEqual(last["unreadable_samples"], 3)

    def test_the_steps_before_the_one_whose_recording_ends_the_run_are_kept(self):
        """Samples are taken while the step before is computed: what is wrong with them must not be told before that one is done."""
        (self.root / "noise.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEnonsense")

        def break_three_of_nine(lines):
            del lines[9:]
            for line in lines[6:]:
                line["audio"] = str(self.root / "noise.wav")
        data = [*self.manifest("m.jsonl", break_three_of_nine), "--set", "stages.align.batch_size=1", "--set", "stages.align.steps=12", "--set", "train.log_samples=true", "--set", "train.save_every=0"]
        self.assertEqual(self.train("all", *data, "--set", "data.skip_unreadable=3").returncode, 0)
        bad = {json.loads(line)["id"] for line in (self.root / "m.jsonl").read_text().splitlines()[6:]}
        drawn = [json.loads(line)["sample_ids"][0] for line in (self.root / "all" / "log.jsonl").read_text().splitlines()[:12]]
        first = [step for step, sample in enumerate(drawn) if sample in bad and sample not in drawn[:step]]
        last = self.train("two", *data, "--set", "data.skip_unreadable=2")
        self.assertEqual(last.returncode, 2, last.stderr)
        self.assertEqual(len((self.root / "two" / "log.jsonl").read_text().splitlines()), first[2])
        self.assertTrue((self.root / "two" / "checkpoints" / f"step-{first[2]:08}").exists(), last.stderr)

    def test_recordings_and_validation_are_checked_before_the_first_step(self):
        missing = self.train("missing", *self.manifest("m.jsonl", lambda lines: lines[3].update(audio="nowhere.wav")))
        self.assertEqual(missing.returncode, 2)
        self.assertIn("nowhere.wav", missing.stderr)
        for setting, word in [("data.validation=nowhere.jsonl", "nowhere.jsonl"), ("eval.answers=[x]", "two answers"),
                              ("eval.answers=[x, y]", "none of the 19 samples")]:
            result = self.train("early", "--set", setting)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(word, result.stderr)
            self.assertFalse((self.root / "early").exists())

    def test_a_run_whose_checkpoints_are_all_damaged_does_not_begin_anew(self):
        self.train("run")
        (self.root / "run" / "final" / "manifest.json").unlink()
        for folder in (self.root / "run" / "checkpoints").glob("step-*"):
            (folder / "model.safetensors").write_bytes(b"")
        result = self.train("run", "--resume", "auto")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("none is whole", result.stderr)
        self.assertEqual(len((self.root / "run" / "log.jsonl").read_text().splitlines()), 12)

    def test_what_a_killed_writer_left_is_removed(self):
        left = self.root / "run" / "final.tmp-1"
        left.mkdir(parents=True)
        (left / "model.safetensors").write_bytes(b"half")
        (self.root / "run" / "log.jsonl.1.tmp").write_text("half")
        self.assertEqual(self.train("run").returncode, 0)
        self.assertFalse(left.exists())
        self.assertFalse((self.root / "run" / "log.jsonl.1.tmp").exists())

    def test_a_loss_that_is_no_number_skips_the_step_names_the_samples_and_ends_the_run_in_the_end(self):
        # A rate this large leads the weights to infinity after the first step.
        result = self.train("run", "--set", "stages.align.learning_rate=1e30", "--set", "stages.align.warmup=0", "--set",
                            "stages.align.clip_norm=0", "--set", "stages.align.steps=20")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("the step is skipped. Samples: ", result.stderr)
        self.assertIn("10 steps in a row", result.stderr)
        lines = [json.loads(line) for line in (self.root / "run" / "log.jsonl").read_text().splitlines()]
        self.assertEqual([line["skipped"] for line in lines[-10:]], [True] * 10)
        self.assertFalse(lines[0]["skipped"])
        self.assertEqual([line["skipped_steps"] for line in lines[-3:]], [8, 9, 10])
        diverged = self.root / "run" / "diverged"
        self.assertIn(str(diverged), result.stderr)
        left = json.loads((diverged / "state.json").read_text())["bad_step"]
        self.assertEqual((left["step"], len(left["samples"])), (lines[-1]["step"], 8))
        looked = run("pal-inspect", "checkpoint", "--checkpoint", diverged)
        self.assertEqual(looked.returncode, 0, looked.stderr)

    def test_how_many_bad_steps_are_too_many_is_said_by_the_config(self):
        result = self.train("run", "--set", "stages.align.learning_rate=1e30", "--set", "stages.align.warmup=0", "--set", "stages.align.clip_norm=0",
                            "--set", "stages.align.steps=20", "--set", "train.bad_steps=2")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("2 steps in a row", result.stderr)

    def test_bfloat16_learns_as_float32_does(self):
        losses = {}
        for dtype in ("float32", "bfloat16"):
            self.train(dtype, "--set", f"model.dtype={dtype}", "--set", "stages.tune.accumulate=2")
            losses[dtype] = [json.loads(line)["loss"] for line in (self.root / dtype / "log.jsonl").read_text().splitlines()]
        for a, b in zip(losses["float32"], losses["bfloat16"], strict=True):
            self.assertAlmostEqual(a, b, delta=0.02 * a)  # 8 bits
        self.assertLess(losses["bfloat16"][-1], losses["bfloat16"][0])

    def test_a_connector_that_the_checkpoint_lacks_is_refused_not_drawn(self):
        self.train("run")
        more = json.dumps([{"name": "detail", "encoder": "sound", "connector": {"type": "mlp", "hidden": 1152}, "integration": "lal",
                            "layers": {"from": 4}}, {"name": "other", "encoder": "sound"}])
        result = run("pal-generate", "--checkpoint", self.root / "run" / "final", "--prompt", "What?", "--set", f"model.streams={more}")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("connectors.other", result.stderr)

    def test_a_dry_run_writes_nothing(self):
        result = self.train("run", "--dry-run")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("connectors.detail", result.stderr)
        self.assertFalse((self.root / "run").exists())


if __name__ == "__main__":
    unittest.main(argv=[a for a in sys.argv if a != "--full"])
