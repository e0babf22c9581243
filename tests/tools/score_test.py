"""pal-eval --predictions and compare: their options, and METEOR and SPICE through jars, for which a stand-in plays Java here.

tests/parity/metrics_parity.py asks METEOR's real jar."""

import json
import os
import pathlib
import sys
import tempfile
import time
import unittest

from program import run

CLIPS = [{"id": "a", "prediction": "A dog|||barks!", "references": ["A dog barks.", "Barking"]},
         {"id": "b", "prediction": "\u2028rain\n$(touch hacked)", "references": ["rain `touch hacked`"]},
         {"id": "c", "prediction": "", "references": ["wind"]}]

# What the stand-in does: METEOR counts {words asked, 1} and scores their quotient; SPICE gives clip i the F-score i / 10.
JAVA = f"""#!{sys.executable}
import json, os, sys, time
arguments = sys.argv[1:]
if arguments == ["-version"]: sys.exit(0)
with open(os.environ["ASKED"], "a") as file: file.write(json.dumps(arguments) + "\\n")
mode = os.environ["MODE"]
if mode == "dies": sys.exit("Exception in thread main: no memory\\n\\tat a.b.c")
if mode == "hangs": time.sleep(60)
if "-stdio" in arguments:
    for line in sys.stdin:
        with open(os.environ["ASKED"], "a") as file: file.write(json.dumps(line) + "\\n")
        fields = line.rstrip("\\n").split(" ||| ")
        if mode == "nonsense": print("Error: what?", flush=True)
        elif fields[0] == "SCORE": print(float(len(fields[-1].split())), 1.0, flush=True)
        else:
            words, clips = map(float, fields[1].split())
            print(words / clips); print(words / clips, flush=True)
else:
    clips = json.load(open(arguments[3]))
    with open(os.environ["ASKED"], "a") as file: file.write(json.dumps(clips) + "\\n")
    out = [{{"image_id": c["image_id"], "scores": {{"All": {{"f": c["image_id"] / 10, "pr": 1, "re": 1}}}}}} for c in reversed(clips)]
    text = "[" * 1000000 if mode == "deep" else "{{}}" if mode == "nonsense" else json.dumps(out[:2] if mode == "lacks one" else out)
    open(arguments[arguments.index("-out") + 1], "w").write(text)
"""


class Java(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "java").write_text(JAVA)
        (self.folder / "java").chmod(0o755)
        (self.folder / "tmp").mkdir()
        (self.folder / "a jar; touch hacked.jar").write_text("no jar")
        (self.folder / "p.jsonl").write_text("".join(json.dumps(c) + "\n" for c in CLIPS))

    def score(self, metric, *flags, mode="works"):
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "ASKED": str(self.folder / "asked"), "MODE": mode,
                       "TMPDIR": str(self.folder / "tmp")}
        result = run("pal-eval", "--predictions", self.folder / "p.jsonl", "--metric", metric, f"--{metric}-jar",
                     self.folder / "a jar; touch hacked.jar", "--json", *flags, env=environment)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [], "something was left behind")
        self.assertEqual(list(pathlib.Path.cwd().glob("hacked")), [])
        return result

    def asked(self):
        return [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]

    def test_meteor_is_asked_as_published(self):
        result = self.score("meteor")
        self.assertEqual(result.returncode, 0, result.stderr)
        score = json.loads(result.stdout)
        self.assertAlmostEqual(score["score"], (6 + 6 + 0) / 3)  # of added counts: words of "a dog | | | barks" and of "rain $ -lrb- touch hacked -rrb-"
        self.assertEqual(score["n"], 3)
        self.assertTrue(score["low"] < score["score"] < score["high"])
        command, *lines = self.asked()
        self.assertEqual(command, ["-jar", "-Xmx2G", str(self.folder / "a jar; touch hacked.jar"), "-", "-", "-stdio", "-l", "en", "-norm"])
        questions = [line for line in lines if line.startswith("SCORE")]
        self.assertEqual(questions[0], "SCORE ||| a dog barks ||| barking ||| a dog | | | barks\n")
        self.assertEqual(len(questions), 3)
        self.assertTrue(questions[1].endswith("||| rain $ -lrb- touch hacked -rrb-\n"), questions[1])
        self.assertEqual(questions[2], "SCORE ||| wind ||| \n")

    def test_text_can_not_add_fields_or_lines_to_what_meteor_is_told(self):
        self.assertEqual(self.score("meteor", "--tokenized").returncode, 0)
        questions = [line for line in self.asked()[1:] if line.startswith("SCORE")]
        self.assertEqual(questions[0], "SCORE ||| A dog barks. ||| Barking ||| A dogbarks!\n")
        self.assertEqual(questions[1], "SCORE ||| rain `touch hacked` ||| rain $(touch hacked)\n")

    def test_spice_is_asked_as_published(self):
        result = self.score("spice")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertAlmostEqual(json.loads(result.stdout)["score"], 0.1)
        command, clips = self.asked()
        self.assertEqual(command[:3], ["-jar", "-Xmx8G", str(self.folder / "a jar; touch hacked.jar")])
        self.assertEqual([command[4], *command[6:]], ["-out", "-subset", "-silent"])
        self.assertEqual(clips[0], {"image_id": 0, "test": "a dog | | | barks", "refs": ["a dog barks", "barking"]})

    def test_what_a_jar_does_wrong_is_one_clear_error(self):
        for metric, mode, fragments in [("meteor", "dies", ["meteor's jar: ended", "Exception in thread main: no memory"]),
                                        ("spice", "dies", ["spice's jar: ended with exit code 1", "Exception in thread main: no memory"]),
                                        ("meteor", "nonsense", ["meteor: expected numbers from the jar, got 'Error: what?'"]),
                                        ("spice", "nonsense", ["spice: the jar's result is not as expected"]),
                                        ("spice", "deep", ["spice: the jar's result", "nested more than"]),
                                        ("spice", "lacks one", ["spice: the jar gave no score of clip 0"])]:
            with self.subTest(metric=metric, mode=mode):
                result = self.score(metric, mode=mode)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                for fragment in fragments:
                    self.assertIn(fragment, result.stderr)

    def test_a_jar_may_run_so_long_and_no_longer(self):
        for metric in ("meteor", "spice"):
            begin = time.monotonic()
            result = self.score(metric, "--java-seconds", "0.5", mode="hangs")
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("stopped after 0.5 seconds", result.stderr)
            self.assertLess(time.monotonic() - begin, 30)

    def test_without_a_jar_it_is_not_available(self):
        for metric in ("meteor", "spice"):
            result = run("pal-eval", "--predictions", self.folder / "p.jsonl", "--metric", metric, "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            score = json.loads(result.stdout)
            self.assertEqual([score[k] for k in ("metric", "score", "low", "high", "n")], [metric, None, None, None, 3])
            self.assertIn(f"--{metric}-jar", score["not_available"])
            result = run("pal-eval", "--predictions", self.folder / "p.jsonl", "--metric", metric)
            self.assertIn(f"{metric} not available: ", result.stdout)

    def test_without_java_that_is_said(self):
        result = run("pal-eval", "--predictions", self.folder / "p.jsonl", "--metric", "meteor", "--meteor-jar", self.folder / "p.jsonl",
                     env={**os.environ, "PATH": str(self.folder / "tmp")})
        self.assertEqual(result.returncode, 2)
        self.assertIn("meteor: needs Java, which does not run here", result.stderr)


class Compare(unittest.TestCase):
    def test_results_of_pal_eval_and_json_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            clips = [{"id": str(i), "prediction": "x" if i < 8 else "y", "references": ["x"], "score": float(i < 8)} for i in range(10)]
            others = [{"id": str(i), "prediction": "y", "references": ["x"]} for i in reversed(range(10))]
            (folder / "a.json").write_text(json.dumps({"settings": {}, "score": {"metric": "accuracy"}, "predictions": clips}, indent=1))
            (folder / "b.jsonl").write_text("".join(json.dumps(c) + "\n" for c in others))
            result = run("pal-eval", "compare", folder / "a.json", folder / "b.jsonl", "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            found = json.loads(result.stdout)
            self.assertEqual(list(found), ["metric", "a", "b", "difference", "low", "high", "p_value", "test", "draws", "n"])
            self.assertEqual((found["metric"], found["a"], found["b"], found["test"], found["n"]), ("accuracy", 0.8, 0.0, "mcnemar", 10))
            self.assertAlmostEqual(found["p_value"], 2 / 2 ** 8)
            result = run("pal-eval", "compare", folder / "a.json", folder / "b.jsonl", "--metric", "micro_f1")
            self.assertIn("micro_f1: difference +0.8000", result.stdout)


if __name__ == "__main__":
    unittest.main()
