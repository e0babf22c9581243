"""pal-eval probe: every control's score is that of the evaluation it stands for."""

import json
import pathlib
import tempfile
import unittest

from program import ASSETS, run

SMOKE = "configs/quickstart/smoke.yaml"  # six layers, of which 4 and 5 read the LAL stream, and two key/value heads
SHORT = ["--set", "stages.align.steps=6", "--set", "stages.tune.steps=6", "--threads", "1"]


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Probe(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.pal = cls.train("pal")

    @classmethod
    def train(cls, name, *more):
        result = run("pal-train", "--config", SMOKE, "--output", cls.root / name, *SHORT, *more)
        assert result.returncode == 0, result.stderr
        return cls.root / name / "final"

    def probe(self, checkpoint, *more, code=0):
        out = self.root / "probe.json"
        result = run("pal-eval", "probe", "--checkpoint", checkpoint, "--split", "validation", "--threads", 1, "--out", out, "--force", *more)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return (json.loads(out.read_text()), result.stdout) if code == 0 else result.stderr

    def evaluate(self, *more):
        result = run("pal-eval", "--checkpoint", self.pal, "--split", "validation", "--threads", 1, "--json", *more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def test_all_controls_are_there_each_with_its_interval_and_difference(self):
        # CIDEr-D of free text: a score that a small change of the model moves.
        free = ["--set", "eval.protocol=generate", "--set", "eval.metric=ciderd", "--set", "eval.generate.max_new_tokens=6"]
        found, table = self.probe(self.pal, *free)
        rows = found["rows"]
        self.assertEqual([(row["control"], row.get("layer", row.get("head_group"))) for row in rows],
                         [("layer", 4), ("layer", 5), ("from_layer", 4), ("from_layer", 5), ("head_group", 0), ("head_group", 1),
                          ("other_clip", None), ("shuffled", None), ("withheld", None)])
        for row in rows:
            self.assertLessEqual(row["low"], row["score"])
            self.assertLessEqual(row["score"], row["high"])
            self.assertAlmostEqual(row["difference"], row["score"] - found["uncut"]["score"], places=9)
            self.assertIn(f"{row['score']:.4f}", table)
        last = {name: {key: value for key, value in row.items() if key != "control"} for name, row in (("one", rows[1]), ("from", rows[3]))}
        self.assertEqual(last["one"], last["from"])  # after the last layer nothing comes
        self.assertEqual(found["manifest"]["sha256"], self.probe(self.pal, "--controls", "withheld")[0]["manifest"]["sha256"])

    def test_uncut_and_withheld_are_what_pal_eval_says(self):
        found, _ = self.probe(self.pal, "--controls", "withheld")
        self.assertEqual(found["uncut"], self.evaluate())
        self.assertEqual({key: found["rows"][0][key] for key in found["uncut"]}, self.evaluate("--withhold-audio"))
        self.assertEqual(len(found["rows"]), 1)

    def test_the_same_seed_gives_the_same_whatever_the_batch(self):
        controls = ["--controls", "other_clip,shuffled"]
        first = self.probe(self.pal, *controls)[0]["rows"]
        self.assertEqual(self.probe(self.pal, *controls, "--set", "eval.batch_size=3")[0]["rows"], first)

    def test_what_makes_no_sense_for_plits_is_not_applicable(self):
        plits = self.train("plits", "--set", "model.streams=[{name: summary, encoder: sound, connector: {type: mean_pool, factor: 6}, integration: plits}]")
        found, table = self.probe(plits)
        reasons = {row["control"]: row["not_applicable"] for row in found["rows"] if "not_applicable" in row}
        self.assertEqual(set(reasons), {"layer", "from_layer", "head_group"})
        self.assertIn("plits tokens are part of the sequence", reasons["layer"])
        self.assertEqual(table.count("not applicable"), 3)
        self.assertEqual([row["control"] for row in found["rows"] if "score" in row], ["other_clip", "shuffled", "withheld"])

    def test_wrong_input_is_code_2(self):
        text = self.root / "text.jsonl"
        text.write_text('{"instruction": "q", "output": "cat"}\n')
        for options, fragment in [(["--controls", "layers"], "there are: layer, from_layer"), (["--split", "tests"], "--split"), (["--manifest", text], "no sample has a clip"),
                                  (["--manifest", "nowhere.jsonl"], "nowhere.jsonl")]:
            with self.subTest(options=options):
                self.assertIn(fragment, self.probe(self.pal, *options, code=2))


if __name__ == "__main__":
    unittest.main()
