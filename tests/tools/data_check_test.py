"""pal-data check: the table, the exit code and the full list."""

import json
import pathlib
import re
import tempfile
import unittest

import published
from program import run


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        published.write_wav(cls.root / "good.wav", seconds=1)
        published.write_wav(cls.root / "silent.wav", seconds=1, level=0)
        published.write_wav(cls.root / "clipped.wav", seconds=1, level=3)
        published.write_wav(cls.root / "short.wav", seconds=0.05)
        published.write_wav(cls.root / "long.wav", seconds=5)
        published.write_wav(cls.root / "rate.wav", seconds=1, rate=16000)
        whole = published.write_wav(cls.root / "cut.wav", seconds=1)
        whole.write_bytes(whole.read_bytes()[:5000])
        (cls.root / "text\x1b[2J.wav").write_text("no recording")
        names = sorted(path.name for path in cls.root.glob("*.wav"))
        cls.manifest = cls.write("all.jsonl", [{"id": name, "audio": name, "label": "x", "split": "good" if name == "good.wav" else "bad"} for name in names]
                                 + [{"id": "missing", "audio": "missing.wav", "label": "x", "split": "bad"}, {"id": "text", "instruction": "q", "output": "r"},
                                    {"id": "good again", "audio": "good.wav", "label": "x", "split": "good"}])

    @classmethod
    def write(cls, name, lines):
        path = cls.root / name
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def check(self, *options, code, manifest=None):
        result = run("pal-data", "check", "--manifest", manifest or self.manifest, *options)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def counts(self, result):
        return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+) ", result.stdout, re.MULTILINE)}

    def test_each_class_is_counted_and_its_clips_are_named(self):
        result = self.check("--max-seconds", 3, "--rate", published.RATE, "--jobs", 3, code=1)
        self.assertEqual(self.counts(result), {"unreadable": 3, "silent": 1, "clipped": 1, "too_short": 1, "too_long": 1, "wrong_rate": 1, "all": 9})
        for name in ("cut.wav", "missing.wav", "text\\x1b[2J.wav", "silent.wav", "clipped.wav", "short.wav", "long.wav", "rate.wav: 16000 Hz"):
            self.assertIn(name, result.stdout)
        self.assertNotIn("good.wav", result.stdout)
        self.assertNotIn("\x1b", result.stdout + result.stderr)

    def test_the_exit_code_says_whether_there_are_clips_of_a_fatal_class(self):
        limits = ["--max-seconds", 3, "--rate", published.RATE]
        self.check(*limits, "--fatal", "none", code=0)
        self.check(*limits, "--fatal", "silent,too_long", code=1)
        self.check("--split", "good", "--fatal", "unreadable,silent,clipped,too_short,too_long,wrong_rate", code=0)
        quiet = self.write("quiet.jsonl", [{"id": "a", "audio": "silent.wav", "label": "x"}])
        self.check(code=0, manifest=quiet)  # silence alone is not fatal unless it is said to be
        self.check("--fatal", "silent", code=1, manifest=quiet)

    def test_the_json_holds_everything_and_does_not_depend_on_the_threads(self):
        for jobs in (1, 4):
            self.check("--jobs", jobs, "--show", 0, "--json", self.root / f"{jobs}.json", code=1)
        one, four = (json.loads((self.root / f"{jobs}.json").read_text()) for jobs in (1, 4))
        self.assertEqual(one, four)
        self.assertEqual(one["clips"], 9)
        self.assertEqual(one["classes"]["unreadable"]["count"], 3)
        self.assertEqual([clip["id"] for clip in one["classes"]["unreadable"]["clips"]], ["cut.wav", "text\x1b[2J.wav", "missing"])
        self.assertEqual(one["classes"]["silent"]["clips"][0]["audio"], str(self.root / "silent.wav"))
        self.assertAlmostEqual(one["seconds"], 1 + 1 + 1 + 0.05 + 5 + 1)

    def test_wrong_input_is_code_2(self):
        for options, fragment in [(["--fatal", "silnt"], "did you mean 'silent'"), (["--jobs", "-1"], "--jobs"), (["--split", "none"], "there are: (none), bad, good"),
                                  (["--min-seconds", "5", "--max-seconds", "1"], "nothing is between"), (["--json", self.manifest], "--force")]:
            with self.subTest(options=options):
                self.assertIn(fragment, self.check(*options, code=2).stderr)
        self.assertIn("nowhere.jsonl", self.check(code=2, manifest="nowhere.jsonl").stderr)
        text = self.write("text.jsonl", [{"id": "a", "instruction": "q", "output": "r"}])
        self.assertIn("text-only", self.check(code=2, manifest=text).stderr)
        deep = self.root / "deep.json"
        deep.write_text("[" * 1000000)
        self.assertIn("deep.json:1", self.check(code=2, manifest=deep).stderr)


if __name__ == "__main__":
    unittest.main()
