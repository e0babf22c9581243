"""pal-eval --benchmark on a model that was trained for seconds: protocols, embeddings, kills, ranks."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

from program import ASSETS, BIN, SOURCE, run, start

TRAIN = ["--config", "configs/quickstart/smoke.yaml", "--set", "stages.align.steps=2", "--set", "stages.tune.steps=2", "--threads", "1"]
DECODING = ["--set", "eval.generate.max_new_tokens=6", "--set", "eval.batch_size=4", "--threads", "1"]
DRAWN = [*DECODING, "--set", "eval.generate.temperature=1.5"]  # what is drawn depends on the samples' numbers
QUESTION = "Close-ended question: Write an audio caption describing the sound."


def write_lines(path, objects):
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class EvalBenchmark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(shared.cleanup)
        cls.shared = pathlib.Path(shared.name)
        result = run("pal-train", "--output", cls.shared / "run", *TRAIN)
        assert result.returncode == 0, result.stderr
        cls.checkpoint = cls.shared / "run" / "final"
        clips = [one for one in read_lines(SOURCE / "assets" / "clips" / "test.jsonl")][:11]
        cls.clips = [{"id": one["id"], "audio": str(SOURCE / "assets" / "clips" / one["audio"]), "label": one["label"]} for one in clips]
        cls.labels = cls.shared / "labels.jsonl"
        write_lines(cls.labels, cls.clips)
        cls.captions = cls.shared / "captions.jsonl"
        write_lines(cls.captions, [{"id": c["id"], "audio": c["audio"], "captions": [f"A {c['label']}, near.", f"The {c['label']}."]} for c in cls.clips])

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def command(self, benchmark, output, *more, manifest=None):
        return ["--checkpoint", self.checkpoint, "--benchmark", benchmark, "--manifest", manifest or self.labels, "--output", self.root / output, *more]

    def evaluate(self, benchmark, output, *more, manifest=None, **options):
        result = run("pal-eval", *self.command(benchmark, output, *more, manifest=manifest), **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads((self.root / output / "results.json").read_text())

    def refused(self, words, *arguments):
        result = run("pal-eval", *arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def check_class_scores(self, found, output):
        """The score is what the scores by class give, by this test's own reckoning or by the metric alone."""
        rows = read_lines(self.root / output / "class_scores.jsonl")
        self.assertEqual([r["id"] for r in rows], [c["id"] for c in self.clips])
        for row, clip, line in zip(rows, self.clips, found["predictions"]):
            self.assertEqual([found["classes"][i] for i, has in enumerate(row["labels"]) if has], [clip["label"]])
            self.assertEqual(line["label"], found["classes"][row["scores"].index(max(row["scores"]))])
        right = sum(line["label"] == clip["label"] for line, clip in zip(found["predictions"], self.clips)) / len(rows)
        if found["score"]["metric"] == "map":
            again = run("pal-eval", "--predictions", self.root / output / "class_scores.jsonl", "--metric", "map", "--json")
            self.assertEqual(json.loads(again.stdout), found["score"])
        else:
            self.assertAlmostEqual(found["score"]["score"], right)

    def test_ltu_asks_its_question_and_compares_texts(self):
        for benchmark, metric in {"esc50": "accuracy", "vocalsound": "accuracy", "dcase2017": "micro_f1", "fsd50k": "map", "audioset": "map"}.items():
            with self.subTest(benchmark):
                found = self.evaluate(benchmark, benchmark, *DECODING)
                self.assertEqual((found["score"]["metric"], found["score"]["n"]), (metric, len(self.clips)))
                self.assertEqual(found["settings"]["benchmark"], {"name": benchmark, "protocol": "ltu", "question": QUESTION})
                self.assertEqual(found["settings"]["embedder"]["name"], "all-minilm-l6-v2")
                self.assertEqual(found["settings"]["decoding"]["generate"]["temperature"], 0)
                self.assertEqual(found["classes"], sorted({c["label"] for c in self.clips}))
                self.check_class_scores(found, benchmark)
                texts = (self.root / benchmark / "answer_texts.txt").read_text().splitlines()
                self.assertEqual(texts, ["sound of " + line["text"].lower() for line in found["predictions"]])

    def test_the_likelihood_protocol_chooses_among_the_labels(self):
        for benchmark in ("esc50", "dcase2017", "audioset"):
            with self.subTest(benchmark):
                found = self.evaluate(benchmark, benchmark, *DECODING, "--protocol", "likelihood")
                self.assertEqual(found["settings"]["decoding"]["answers"], found["classes"])
                self.assertNotIn("embedder", found["settings"])
                self.check_class_scores(found, benchmark)

    def test_captions_are_scored_without_punctuation_and_spice_says_why_it_is_missing(self):
        for benchmark in ("audiocaps", "clotho"):
            found = self.evaluate(benchmark, benchmark, *DECODING, manifest=self.captions)
            self.assertEqual(found["score"]["metric"], "ciderd")
            self.assertEqual([other["metric"] for other in found["others"]], ["meteor", "spice"])
            self.assertIn("CoreNLP", found["others"][1]["not_available"])
            write_lines(self.root / "p.jsonl", [{"id": p["id"], "prediction": p["text"],
                                                 "references": [re.sub("[,.]", "", r).lower() for r in p["references"]]} for p in found["predictions"]])
            again = run("pal-eval", "--predictions", self.root / "p.jsonl", "--metric", "ciderd", "--json")
            self.assertEqual(json.loads(again.stdout), found["score"])

    def test_ltus_sampling_is_an_option(self):
        write_lines(self.root / "two.jsonl", self.clips[:2])
        found = self.evaluate("esc50", "o", *DECODING, "--ltu-sampling", manifest=self.root / "two.jsonl")
        self.assertEqual(found["settings"]["decoding"]["generate"],
                         {"temperature": 0.1, "top_p": 0.95, "top_k": 500, "repetition_penalty": 1.1, "max_new_tokens": 400, "seed": 0})

    def test_what_is_drawn_depends_on_a_samples_number_and_not_on_its_place_in_a_batch(self):
        same = self.root / "same.jsonl"
        write_lines(same, [{**self.clips[0], "id": str(i), "label": "ab"[i % 2]} for i in range(8)])
        found = self.evaluate("vocalsound", "o", *DRAWN, manifest=same)
        texts = [line["prediction"] for line in found["predictions"]]
        self.assertNotEqual(texts[:4], texts[4:])

    def test_embeddings_made_elsewhere_give_the_same_and_are_told(self):
        first = self.evaluate("fsd50k", "o", *DECODING)
        folder = self.root / "o"
        for name in ("label", "answer"):
            made = run("pal-eval", "embed", "--texts", folder / f"{name}_texts.txt", "--out", self.root / f"{name}.safetensors")
            self.assertEqual(made.returncode, 0, made.stderr)
        stored = ["--label-embeddings", self.root / "label.safetensors", "--answer-embeddings", self.root / "answer.safetensors"]
        self.refused(["results.json", "other settings"], *self.command("fsd50k", "o", *DECODING, *stored))
        (folder / "results.json").unlink()  # the answers stay
        answers = (folder / "answers-0-of-1.jsonl").read_bytes()
        second = self.evaluate("fsd50k", "o", *DECODING, *stored)
        self.assertEqual((folder / "answers-0-of-1.jsonl").read_bytes(), answers)
        self.assertEqual(second["score"], first["score"])
        self.assertEqual(second["settings"]["embedder"]["name"], "all-minilm-l6-v2")
        self.assertEqual(len(second["settings"]["embedder"]["answer_embeddings_sha256"]), 64)
        self.refused(["all-minilm-l6-v2", "'ada'"], *self.command("fsd50k", "p", *DECODING, *stored, "--embedder-name", "ada"))
        self.refused(["--embedder: nothing is embedded"], *self.command("fsd50k", "p", *DECODING, *stored, "--embedder", "assets/all-minilm-l6-v2"))
        self.refused(["go together"], *self.command("fsd50k", "p", *DECODING, *stored[:2]))
        swapped = [stored[0], stored[3], stored[2], stored[1]]
        self.refused(["no embedding of 'sound of"], *self.command("fsd50k", "p", *DECODING, *swapped))

    def test_a_run_killed_and_started_again_gives_the_same_bytes(self):
        many = self.root / "many.jsonl"
        write_lines(many, [{**clip, "id": f"{clip['id']}/{i}"} for i in range(12) for clip in self.clips])
        slow = [*DRAWN, "--set", "eval.generate.max_new_tokens=24"]
        self.evaluate("esc50", "whole", *slow, manifest=many)
        whole = (self.root / "whole" / "results.json").read_bytes()
        answers = self.root / "killed" / "answers-0-of-1.jsonl"
        kept = b""
        for kill in range(2):
            process = start("pal-eval", *self.command("esc50", "killed", *slow, manifest=many))
            while not answers.exists() or answers.read_bytes().count(b"\n") < 9 + 8 * kill:
                self.assertIsNone(process.poll(), "it ended before it could be killed")
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.assertEqual(process.returncode, -signal.SIGKILL)
            self.assertFalse((self.root / "killed" / "results.json").exists())
            self.assertTrue(answers.read_bytes().startswith(kept), "what was kept was computed anew")
            kept = answers.read_bytes()
            with answers.open("ab") as out:
                out.write(b'{"id": "torn", "ind')
        self.evaluate("esc50", "killed", *slow, manifest=many)
        self.assertTrue(answers.read_bytes().startswith(kept))
        self.assertEqual(answers.read_bytes().count(b"\n"), 1 + 12 * len(self.clips))
        self.assertEqual((self.root / "killed" / "results.json").read_bytes(), whole)

    def test_three_ranks_give_the_bytes_of_one(self):
        for protocol in ("ltu", "likelihood"):
            options = [*DRAWN, "--protocol", protocol]
            self.evaluate("esc50", f"one-{protocol}", *options)
            one = (self.root / f"one-{protocol}" / "results.json").read_bytes()
            three = self.root / f"three-{protocol}"
            words = [BIN / "pal-eval", *map(str, self.command("esc50", three.name, *options))]
            together = [subprocess.Popen(words, cwd=SOURCE, env={**os.environ, "RANK": str(r), "WORLD_SIZE": "3"}, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE, text=True) for r in range(3)]
            for process in together:
                error = process.communicate(timeout=200)[1]
                self.assertEqual(process.returncode, 0, error)
            self.assertEqual((three / "results.json").read_bytes(), one)
            counts = [len(read_lines(three / f"answers-{r}-of-3.jsonl")) - 1 for r in range(3)]
            self.assertEqual(counts, [4, 4, 3])  # 11 samples in batches of 4, 4 and 3

    def test_a_rank_that_is_not_the_last_says_so_and_a_later_start_ends_the_work(self):
        first = run("pal-eval", *self.command("esc50", "o", *DECODING, "--rank", "1", "--ranks", "2"))
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("rank 1 of 2 has finished", first.stderr)
        self.assertFalse((self.root / "o" / "results.json").exists())
        self.evaluate("esc50", "o", *DECODING)  # as one rank; what rank 1 has answered is not asked again
        self.assertEqual(len(read_lines(self.root / "o" / "answers-0-of-1.jsonl")) - 1, 7)
        self.evaluate("esc50", "one", *DECODING)
        self.assertEqual((self.root / "o" / "results.json").read_bytes(), (self.root / "one" / "results.json").read_bytes())

    def test_answers_of_other_settings_are_refused(self):
        run("pal-eval", *self.command("esc50", "o", *DECODING, "--rank", "1", "--ranks", "2"))
        self.refused(["answers-1-of-2.jsonl:1", "other settings"], *self.command("esc50", "o", *DRAWN))
        self.refused(["answers-1-of-2.jsonl:1", "other settings"], *self.command("vocalsound", "o", *DECODING, "--rank", "1", "--ranks", "2"))

    def test_map_can_be_the_metric_of_a_configs_evaluation(self):
        common = ["--checkpoint", self.checkpoint, "--manifest", self.labels, "--threads", "1", "--set", "eval.answers=[\"dog\",\"wild bird\",\"cat\",\"cow\"]"]
        for metric in ("map", "micro_f1"):
            result = run("pal-eval", *common, "--set", f"eval.metric={metric}", "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(json.loads(result.stdout)["metric"], metric)
        self.refused(["map", "eval.protocol: likelihood"], *common, "--set", "eval.metric=map", "--set", "eval.protocol=generate")

    def test_what_does_not_fit_is_refused(self):
        self.refused(["'esc10'", "esc50, dcase2017"], *self.command("esc10", "o"))
        self.refused(["--protocol", "'best'"], *self.command("esc50", "o", "--protocol", "best"))
        self.refused(["captions", "use ltu"], *self.command("clotho", "o", "--protocol", "likelihood", manifest=self.captions))
        self.refused(["at least two labels"], *self.command("esc50", "o", manifest=self.captions))
        self.refused(["has labels", "captions"], *self.command("clotho", "o"))
        self.refused(["--benchmark"], "--checkpoint", self.checkpoint, "--protocol", "ltu")
        self.refused(["go together"], *self.command("esc50", "o", "--rank", "1"))
        self.refused(["rank 2 of 2"], *self.command("esc50", "o", "--rank", "2", "--ranks", "2"))
        self.refused(["--output"], *self.command("esc50", "o", "--rank", "1", "--ranks", "2")[:-6], "--rank", "1", "--ranks", "2")


if __name__ == "__main__":
    unittest.main()
