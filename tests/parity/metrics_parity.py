"""pal-eval --predictions and the PTB tokenizer against pycocoevalcap, scikit-learn and scipy.

Needs pycocoevalcap, scikit-learn and numpy in the Python that runs it, and Java for what compares with Stanford's
tokenizer (skipped, and said so, without). Environment: PAL_BIN, the folder of the programs (default: build/release/bin).
`python tests/parity/metrics_parity.py --golden` writes tests/golden/ptb_captions.json anew.
"""
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings

import numpy
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from scipy import stats
from sklearn.metrics import accuracy_score, average_precision_score, f1_score

import make_captions

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("PAL_BIN", os.path.join(ROOT, "build/release/bin"))
GOLDEN = os.path.join(ROOT, "tests/golden/ptb_captions.json")
WITHOUT_JAVA = None if shutil.which("java") else "no Java on this machine"


def ptb(captions):
    """What pycocoevalcap's PTBTokenizer makes of each. It reads all captions as one text, so that "plan A." before a
    caption that begins with "The" loses its period; a neutral line after each keeps them apart."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
    lines = {0: [{"caption": line} for caption in captions for line in (caption, "z")]}
    tokens = PTBTokenizer().tokenize(lines)[0]
    assert len(tokens) == 2 * len(captions) and set(tokens[1::2]) == {"z"}
    return tokens[::2]


def score(predictions, metric, *flags):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "predictions.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for one in predictions:
                file.write(json.dumps(one) + "\n")
        run = subprocess.run([os.path.join(BIN, "pal-eval"), "--predictions", path, "--metric", metric, "--json", *flags],
                             capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert list(result)[:5] == ["metric", "score", "low", "high", "n"] and result["n"] == len(predictions), run.stdout
    return result


def caption_predictions(seed, count):
    """References made up of a caption's words, so that predictions and references share some."""
    rng = random.Random(seed)
    predictions = []
    for number, caption in enumerate(make_captions.captions(seed, count)):
        references = []
        for _ in range(rng.randint(1, 5)):
            words = [word for word in caption.split() if rng.random() < 0.8] + rng.sample(["loudly", "near", "a", "dog"], 2)
            references.append(" ".join(words))
        predictions.append({"id": str(number), "prediction": caption, "references": references})
    return predictions


def coco(metric, predictions):
    candidates = {one["id"]: [one["prediction"]] for one in predictions}
    references = {one["id"]: one["references"] for one in predictions}
    return metric.compute_score(references, candidates)


def tokenized(predictions):
    tokens = iter(ptb([text for one in predictions for text in [one["prediction"], *one["references"]]]))
    return [{"id": one["id"], "prediction": next(tokens), "references": [next(tokens) for _ in one["references"]]}
            for one in predictions]


class PtbParity(unittest.TestCase):
    @unittest.skipIf(WITHOUT_JAVA, WITHOUT_JAVA)
    def test_tokens_of_new_captions(self):
        for seed in (2, 3):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                captions = make_captions.captions(seed, 2000)
                path = os.path.join(folder, "cases.json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump([{"in": i, "out": o} for i, o in zip(captions, ptb(captions))], file)
                run = subprocess.run([os.path.join(BIN, "metrics_tests"), "--gtest_filter=PtbTokenizer.EqualsTheOriginalOnCaptions"],
                                     env={**os.environ, "PAL_PTB_CASES": path}, capture_output=True, text=True)
                self.assertEqual(run.returncode, 0, run.stdout)
                self.assertIn("2000 captions compared", run.stdout)

    @unittest.skipIf(WITHOUT_JAVA, WITHOUT_JAVA)
    def test_golden_captions_are_the_originals(self):
        captions = make_captions.captions(1, 2000)
        with open(GOLDEN, encoding="utf-8") as file:
            golden = json.load(file)
        self.assertEqual([case["in"] for case in golden], captions)
        self.assertEqual([case["out"] for case in golden], ptb(captions))


class CaptionParity(unittest.TestCase):
    def compare(self, predictions, given, *flags):
        """`predictions` scored by pal-eval against `given`, the same as pycocoevalcap must see them."""
        mean, per_clip = coco(Cider(), given)
        result = score(predictions, "ciderd", *flags)
        self.assertAlmostEqual(result["score"], mean, delta=1e-9)
        # Two percentile bootstraps of 10,000 draws with different random numbers: some 2 % of the spread apart.
        interval = stats.bootstrap((per_clip,), numpy.mean, n_resamples=10000, method="percentile", random_state=1).confidence_interval
        spread = interval.high - interval.low
        self.assertAlmostEqual(result["low"], interval.low, delta=0.05 * spread)
        self.assertAlmostEqual(result["high"], interval.high, delta=0.05 * spread)
        self.assertAlmostEqual(score(predictions, "rouge_l", *flags)["score"], coco(Rouge(), given)[0], delta=1e-9)
        with contextlib.redirect_stdout(None):  # Bleu prints as it goes
            bleu = coco(Bleu(4), given)[0]
        for n in range(1, 5):
            self.assertAlmostEqual(score(predictions, f"bleu{n}", *flags)["score"], bleu[n - 1], delta=1e-9)

    def test_words_as_they_are(self):
        predictions = caption_predictions(13, 300)
        self.compare(predictions, predictions, "--tokenized")

    @unittest.skipIf(WITHOUT_JAVA, WITHOUT_JAVA)
    def test_after_the_ptb_tokenizer(self):
        predictions = caption_predictions(14, 300)
        self.compare(predictions, tokenized(predictions))

    def test_the_committed_captions(self):
        """2,000 captions, each with others as references, and what Stanford's tokenizer made of them: no Java is needed."""
        with open(GOLDEN, encoding="utf-8") as file:
            golden = json.load(file)
        self.assertEqual(len(golden), 2000)
        rng = random.Random(15)
        chosen = [(case, rng.sample(golden, rng.randint(1, 5))) for case in golden]
        raw, tokens = ([{"id": str(i), "prediction": case[side], "references": [r[side] for r in references]}
                        for i, (case, references) in enumerate(chosen)] for side in ("in", "out"))
        self.compare(raw, tokens)

    @unittest.skipIf(WITHOUT_JAVA, WITHOUT_JAVA)
    def test_meteor_by_its_own_jar(self):
        from pycocoevalcap.meteor import meteor
        jar = os.path.join(os.path.dirname(os.path.abspath(meteor.__file__)), "meteor-1.5.jar")
        predictions = caption_predictions(16, 300)
        predictions[7]["prediction"] = ""
        given = tokenized(predictions)
        scorer = meteor.Meteor()
        try:
            expected, per_clip = coco(scorer, given)
        finally:
            scorer.meteor_p.stderr.close()
            scorer.meteor_p.stdout.close()
        result = score(predictions, "meteor", "--meteor-jar", jar)
        self.assertAlmostEqual(result["score"], expected, delta=1e-9)
        self.assertGreater(abs(numpy.mean(per_clip) - expected), 1e-5)  # the set's score is no mean, so adding counts was needed
        # What the clips' mean varies by, the set's score varies by as well, within a third.
        spread = 2 * 1.96 * numpy.std(per_clip) / len(per_clip) ** 0.5
        self.assertAlmostEqual(result["high"] - result["low"], spread, delta=spread / 3)

    def test_one_and_two_clips(self):
        for count in (1, 2):
            predictions = caption_predictions(11, count)
            self.assertAlmostEqual(score(predictions, "ciderd", "--tokenized")["score"], coco(Cider(), predictions)[0], delta=1e-9)


class AccuracyParity(unittest.TestCase):
    def test_one_reference_is_sklearns(self):
        rng = random.Random(21)
        labels = ["dog", "Cat", " rain", "RAIN ", "caf\u00e9", "CAF\u00c9\u00a0", "\u0130stanbul", "\u03a3\u039f\u03a3", "\u1e9e", ""]
        for _ in range(10):
            truth, answers = ([rng.choice(labels) for _ in range(200)] for _ in range(2))
            result = score([{"id": i, "prediction": a, "references": [t]} for i, (t, a) in enumerate(zip(truth, answers))], "accuracy")
            expected = accuracy_score([t.strip().lower() for t in truth], [a.strip().lower() for a in answers])
            self.assertAlmostEqual(result["score"], expected, delta=1e-12)
            interval = stats.binomtest(round(expected * 200), 200).proportion_ci(method="wilson")
            self.assertAlmostEqual(result["low"], interval.low, delta=1e-9)
            self.assertAlmostEqual(result["high"], interval.high, delta=1e-9)

    def test_any_reference_counts(self):
        rng = random.Random(22)
        predictions = [{"id": i, "prediction": rng.choice("abcd"), "references": rng.choices("ABCD", k=rng.randint(1, 3))} for i in range(500)]
        expected = numpy.mean([one["prediction"] in [r.lower() for r in one["references"]] for one in predictions])
        self.assertAlmostEqual(score(predictions, "accuracy")["score"], expected, delta=1e-12)


class ClassParity(unittest.TestCase):
    def test_mean_average_precision_with_ties_and_absent_classes(self):
        """Each class of the file is a random case: 1,000 of them, scores of few values, so that many are equal."""
        rng = numpy.random.default_rng(31)
        clips, classes = 60, 1000
        levels = rng.choice([2, 3, 5, 10, 1000], size=classes)
        scores = numpy.floor(rng.random((clips, classes)) * levels) / levels
        labels = (rng.random((clips, classes)) < rng.random(classes) * 0.3).astype(int)
        present = labels.any(axis=0)
        self.assertGreater((~present).sum(), 10)
        result = score([{"id": i, "scores": scores[i].tolist(), "labels": labels[i].tolist()} for i in range(clips)], "map")
        expected = numpy.mean([average_precision_score(labels[:, c], scores[:, c]) for c in numpy.flatnonzero(present)])
        self.assertAlmostEqual(result["score"], expected, delta=1e-12)
        self.assertEqual(result["absent"], (~present).sum())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of each class without a positive
            as_zero = average_precision_score(labels, scores, average="macro")
        lines = [{"id": i, "scores": scores[i].tolist(), "labels": labels[i].tolist()} for i in range(clips)]
        result = score(lines, "map", "--absent", "zero")
        self.assertAlmostEqual(result["score"], as_zero, delta=1e-12)
        self.assertEqual(result["absent"], (~present).sum())
        for threshold in (0.5, 0.8):  # which many scores equal
            for average in ("micro", "macro"):
                expected = f1_score(labels, scores > threshold, average=average, zero_division=0)
                self.assertAlmostEqual(score(lines, f"{average}_f1", "--threshold", str(threshold))["score"], expected, delta=1e-12)

    def test_f1_of_answers(self):
        rng = random.Random(32)
        names = ["Dog", "cat", "rain", "Bird", "wind"]
        truth = rng.choices(names, weights=[5, 3, 2, 1, 0], k=300)
        answers = [rng.choice([t.upper(), rng.choice(names), "a " + t]) for t in truth]
        predictions = [{"id": i, "prediction": a, "references": [t]} for i, (t, a) in enumerate(zip(truth, answers))]
        t, a = [x.lower() for x in truth], [x.lower() for x in answers]
        self.assertAlmostEqual(score(predictions, "micro_f1")["score"], f1_score(t, a, average="micro"), delta=1e-12)
        expected = f1_score(t, a, average="macro", labels=sorted(set(t)), zero_division=0)
        self.assertAlmostEqual(score(predictions, "macro_f1")["score"], expected, delta=1e-12)


if __name__ == "__main__":
    if sys.argv[1:] == ["--golden"]:
        made = make_captions.captions(1, 2000)
        with open(GOLDEN, "w", encoding="utf-8") as golden_file:
            json.dump([{"in": i, "out": o} for i, o in zip(made, ptb(made))], golden_file, indent=0, ensure_ascii=False)
    else:
        unittest.main()
