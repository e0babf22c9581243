"""pal-data cache: training reads what was stored and gets the same bits; whatever is stale is refused by name."""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import tempfile
import time
import unittest

import published
from program import ASSETS, SOURCE, run, start

SMOKE = "configs/quickstart/smoke.yaml"
SHORT = ["--set", "stages.align.steps=3", "--set", "stages.tune.steps=3", "--threads", "1"]
CLIPS = 24


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Cache(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        lines = [json.loads(line) for line in (SOURCE / "assets/clips/train.jsonl").read_text().splitlines()][:CLIPS]
        for i, line in enumerate(lines):
            source = SOURCE / "assets/clips" / line["audio"]
            shutil.copy2(source, self.root / f"{i}{source.suffix}")
            line["audio"] = f"{i}{source.suffix}"
        self.lines = lines
        self.manifest(lines)
        (self.root / "v.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines[8:12]))
        self.data = [word for name, file in (("train", "m"), ("validation", "v"), ("test", "v"))
                     for word in ("--set", f"data.{name}={self.root / file}.jsonl")]

    def manifest(self, lines):
        (self.root / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def cache(self, *more, code=0):
        result = run("pal-data", "cache", "--config", SMOKE, "--out", self.root / "cache", "--threads", 1, *self.data, *more)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def counts(self, result):
        return [int(n) for n in re.search(r"^sound +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)", result.stdout, re.MULTILINE).groups()]

    def train(self, name, *more, code=0, cached=True):
        where = ["--set", f"data.cache={self.root / 'cache'}"] if cached else []
        result = run("pal-train", "--config", SMOKE, "--output", self.root / name, *SHORT, *self.data, *where, *more)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def shards(self):
        return sorted((self.root / "cache/sound").glob("shard-*.safetensors"))

    def test_training_from_the_cache_is_training_without_it_bit_for_bit(self):
        self.assertEqual(self.counts(self.cache("--shard-mib", 1)), [CLIPS, 0, CLIPS, 0, 0, len(self.shards())])
        self.assertGreater(len(self.shards()), 2)
        for shard in self.shards():
            self.assertLess(shard.stat().st_size, 2 << 20)  # a MiB, and the last clip
        self.train("live", cached=False)
        read = self.train("cached")
        self.assertIn(f"{CLIPS} clips are read from", read.stderr)
        losses = [[json.loads(line)["loss"] for line in (self.root / name / "log.jsonl").read_text().splitlines()] for name in ("live", "cached")]
        self.assertEqual(losses[0], losses[1])
        self.assertEqual(*((self.root / name / "final/model.safetensors").read_bytes() for name in ("live", "cached")))

    def test_the_tokens_are_read_and_not_computed(self):
        self.cache()
        self.train("cached")
        shard, = self.shards()
        raw = bytearray(shard.read_bytes())
        start_of_data = 8 + int.from_bytes(raw[:8], "little")
        rows = json.loads(raw[8:start_of_data])["tokens"]["data_offsets"]
        raw[start_of_data + rows[0]:start_of_data + rows[1]] = bytes(rows[1] - rows[0])
        shard.write_bytes(raw)
        self.train("silent")
        self.assertNotEqual(*((self.root / name / "final/model.safetensors").read_bytes() for name in ("silent", "cached")))
        found = self.cache("--verify", code=1)
        self.assertIn("shard-000000.safetensors: its tokens are not what was written", found.stderr)

    def test_a_killed_run_goes_on_with_what_its_shards_lack_and_stores_the_same(self):
        moments = random.Random(3)
        command = ["cache", "--config", SMOKE, "--out", self.root / "cache", "--threads", 1, "--shard-mib", 1, *self.data]
        for _ in range(3):
            process = start("pal-data", *command)
            wanted = len(self.shards()) + 1
            while process.poll() is None and len(self.shards()) < wanted:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        (self.root / "cache/sound/shard-000099.safetensors.1.tmp").write_bytes(b"half")
        stored = self.counts(self.cache("--shard-mib", 1))
        self.assertEqual((stored[0], stored[1] + stored[2]), (CLIPS, CLIPS))
        self.assertGreater(stored[1], 0)
        self.assertEqual(list((self.root / "cache/sound").glob("*.tmp")), [])
        self.assertEqual(self.counts(self.cache())[1:3], [CLIPS, 0])
        self.cache("--verify")
        self.train("live", cached=False)
        self.train("cached")
        self.assertEqual(*((self.root / name / "final/model.safetensors").read_bytes() for name in ("live", "cached")))

    def test_other_weights_and_other_options_are_refused_by_what_differs(self):
        weights = self.root / "yamnet.safetensors"
        shutil.copy(SOURCE / "assets/yamnet.safetensors", weights)
        moved = ["--set", f"model.encoders.sound.path={weights}"]
        self.cache(*moved)
        weights = weights.rename(self.root / "moved.safetensors")  # their name is no part of the key
        moved = ["--set", f"model.encoders.sound.path={weights}"]
        self.cache(*moved)
        raw = bytearray(weights.read_bytes())
        raw[-3] ^= 1
        weights.write_bytes(raw)
        before = [shard.read_bytes() for shard in self.shards()]
        for result in (self.cache(*moved, code=2), self.train("stale", *moved, code=2)):
            self.assertRegex(result.stderr, r"weights\.model: [0-9a-f]{64} -> [0-9a-f]{64}")
        self.assertFalse((self.root / "stale").exists())
        self.assertEqual([shard.read_bytes() for shard in self.shards()], before)

        file = self.root / "cache/sound/encoder.safetensors"
        raw = file.read_bytes()
        self.assertIn(rb'\"options.window\":\"1024\"', raw)
        file.write_bytes(raw.replace(rb'\"options.window\":\"1024\"', rb'\"options.window\":\"1008\"'))
        self.assertIn("options.window: 1008 -> 1024", self.train("stale", code=2).stderr)
        self.assertNotIn("options.heads", self.train("stale", code=2).stderr)

    def test_another_front_end_is_seen_by_what_the_encoder_makes_of_a_fixed_sound(self):
        self.cache()
        file = self.root / "cache/sound/encoder.safetensors"
        raw = bytearray(file.read_bytes())
        raw[-4096:] = bytes(4096)
        file.write_bytes(raw)
        self.assertIn("front-end", self.train("stale", code=2).stderr)

    def test_changed_audio_is_refused_by_name_and_encoded_anew_only_when_asked_for(self):
        self.cache()
        changed = self.root / self.lines[3]["audio"]
        published.write_wav(changed, seconds=2)
        for result in (self.train("stale", code=2), self.cache(code=2), self.cache("--verify", code=1)):
            self.assertIn(changed.name, result.stderr)
            self.assertIn("changed since", result.stderr)
            self.assertNotIn(self.root.name + "/" + self.lines[4]["audio"], result.stderr)
        self.assertFalse((self.root / "stale").exists())
        self.assertEqual(self.counts(self.cache("--refresh"))[1:4], [CLIPS - 1, 1, 1])
        self.train("cached")
        self.train("live", cached=False)
        self.assertEqual(*((self.root / name / "final/model.safetensors").read_bytes() for name in ("live", "cached")))

    def test_a_change_that_keeps_length_and_time_is_found_by_verify(self):
        self.cache()
        audio = self.root / self.lines[5]["audio"]
        times = audio.stat()
        raw = bytearray(audio.read_bytes())
        raw[-1] ^= 1
        audio.write_bytes(raw)
        os.utime(audio, ns=(times.st_atime_ns, times.st_mtime_ns))
        self.assertIn(f"{audio.name}: has changed", self.cache("--verify", code=1).stderr)

    def test_a_recording_that_was_moved_or_touched_is_the_same(self):
        self.cache()
        for line in self.lines[:4]:
            (self.root / line["audio"]).touch()
        for line in self.lines[4:8]:
            (self.root / line["audio"]).rename(self.root / f"moved-{line['audio']}")
            line["audio"] = f"moved-{line['audio']}"
        self.manifest(self.lines)
        self.train("cached")
        self.assertEqual(self.counts(self.cache())[1:4], [CLIPS, 0, 0])
        self.assertEqual(len(self.shards()), 2)  # the second holds names and times alone
        self.train("again")

    def test_recordings_in_a_shard_are_clips_of_their_own(self):
        sharded = run("pal-data", "shard", "--manifest", self.root / "m.jsonl", "--out", self.root / "shards")
        self.assertEqual(sharded.returncode, 0, sharded.stderr)
        self.data[1] = f"data.train={self.root / 'shards/index.jsonl'}"
        self.assertEqual(self.counts(self.cache())[:4], [CLIPS + 4, 4, CLIPS, 0])  # 4 of validation are the same content
        self.train("cached")
        self.train("live", cached=False)
        self.assertEqual(*((self.root / name / "final/model.safetensors").read_bytes() for name in ("live", "cached")))

    def test_recordings_of_the_same_content_are_stored_once(self):
        for i in (1, 2, 3):
            shutil.copy(self.root / self.lines[0]["audio"], self.root / f"copy{i}")
            self.lines[i]["audio"] = f"copy{i}"
        self.manifest(self.lines)
        self.assertEqual(self.counts(self.cache())[:3], [CLIPS, 3, CLIPS - 3])
        self.train("cached")

    def test_a_clip_that_is_not_stored_is_refused_and_segments_are_clips_of_their_own(self):
        self.cache()
        self.lines[7].update(start=0, end=0.5)
        self.manifest(self.lines)
        self.assertIn(f"{self.lines[7]['audio']} from 0 s to 0.5 s: is not in the cache", self.train("stale", code=2).stderr)
        self.assertEqual(self.counts(self.cache())[1:4], [CLIPS - 1, 1, 0])
        self.train("cached")
        self.train("live", cached=False)
        self.assertEqual(*((self.root / name / "final/model.safetensors").read_bytes() for name in ("live", "cached")))

    def test_an_unreadable_clip_is_named_and_counted_and_training_treats_it_as_without_the_cache(self):
        broken = self.root / "broken.wav"
        broken.write_bytes(b"RIFF\x00\x00\x00\x00WAVEnonsense")
        self.lines[2]["audio"] = "broken.wav"
        self.manifest(self.lines)
        for _ in range(2):
            result = self.cache(code=1)
            self.assertEqual(self.counts(result)[0:1] + self.counts(result)[4:5], [CLIPS, 1])
            self.assertEqual(result.stderr.count("broken.wav"), 1)
        self.assertEqual(len(self.shards()), 1)  # what is known already is not written again
        self.assertIn("broken.wav", self.train("strict", "--set", "stages.align.epochs=1", "--set", "stages.align.steps=0", code=2).stderr)
        enough = self.train("enough", "--set", "stages.align.epochs=1", "--set", "stages.align.steps=0", "--set", "data.skip_unreadable=1")
        self.assertEqual(enough.stderr.count("is left out"), 1)

    def test_an_encoder_that_a_stage_trains_is_run_and_never_read(self):
        trains = ["--set", 'stages.tune.trainable=["connectors.*","encoders.*"]']
        self.assertIn("train every encoder", self.cache(*trains, code=2).stderr)
        self.cache()
        result = self.train("cached", *trains)
        self.assertIn("encoder 'sound': a stage trains it", result.stderr)
        self.train("live", *trains, cached=False)
        self.assertEqual(*((self.root / name / "final/model.safetensors").read_bytes() for name in ("live", "cached")))

    def test_clips_that_are_changed_at_random_cannot_be_taken_from_it(self):
        self.cache()
        self.assertIn("use one of them", self.train("louder", "--set", "data.augment={gain: 12}", code=2).stderr)

    def test_wrong_input_is_code_2(self):
        self.assertIn("holds no cache", self.train("none", code=2).stderr)
        for options, fragment in [(["--split", "tests"], "--split"), (["--jobs", -1], "--jobs"), (["--shard-mib", 0], "--shard-mib"),
                                  (["--verify", "--refresh"], "--verify")]:
            with self.subTest(options=options):
                self.assertIn(fragment, self.cache(*options, code=2).stderr)
        self.cache()
        shard, = self.shards()
        shard.write_bytes(shard.read_bytes()[:-100])
        self.assertIn("shard-000000.safetensors", self.train("cut", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
