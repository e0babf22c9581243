"""pal-eval report: opened in a real browser, the page complains of nothing, asks for nothing, and shows hostile texts as texts."""

import html.parser
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import wave
from base64 import b64decode

from program import ASSETS, SOURCE, run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHORT = ["--set", "stages.align.steps=6", "--set", "stages.tune.steps=2", "--threads", "1"]
IMAGE = '<img src="http://pal.invalid/x" onerror=alert(1)>'
SCRIPT = "</script><script>document.title = 'executed'</script>"


class Page(html.parser.HTMLParser):
    """What a DOM holds: how often each element, and its text; the report's own data and script are no text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.handlers, self.inside = {}, "", [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements[tag] = self.elements.get(tag, 0) + 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text += data


def browse(page, folder):
    """The DOM after the page's script has run, what the console was told, and the addresses that the page asked for."""
    log = folder / "net.json"
    done = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder / 'profile'}",
                           "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000", f"--log-net-log={log}",
                           "--enable-logging=stderr", "--v=0", "--dump-dom", page.as_uri()],
                          capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    # The browser's own requests (updates) belong to no page.
    asked = [event["params"]["url"] for event in json.loads(log.read_text())["events"]
             if "url" in event.get("params", {}) and "file://" in event["params"].get("network_isolation_key", "")]
    return done.stdout, console, [url for url in asked if not url.startswith(("file:", "data:"))]


def report_of(page):
    text = page.read_text()
    begin = text.index('id="report">') + len('id="report">')
    return json.loads(text[begin:text.index("</script>", begin)])


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = pathlib.Path(cls.folder.name)
        cls.hostile_manifest()
        data = [word for part in ("train", "validation", "test") for word in ("--set", f"data.{part}={cls.root / 'm.jsonl'}")]
        cls.succeed("pal-train", "--config", "configs/quickstart/smoke.yaml", "--output", cls.root / "run", *SHORT, *data)
        for name, more in (("heard", []), ("withheld", ["--withhold-audio"])):
            cls.succeed("pal-eval", "--checkpoint", cls.root / "run/final", "--output", cls.root / name, "--threads", "1", *more)
        cls.results = [cls.root / "heard/results.json", cls.root / "withheld/results.json"]
        cls.page = cls.root / "report.html"
        cls.succeed("pal-eval", "report", *cls.results, "--out", cls.page, "--samples", "6", "--seconds", "1", "--threads", "1")

    @classmethod
    def succeed(cls, *words):
        result = run(*words)
        assert result.returncode == 0, result.stderr

    @classmethod
    def hostile_manifest(cls):
        """Real clips of two classes, whose names and ids are markup."""
        lines = [json.loads(line) for line in (SOURCE / "assets/clips/train.jsonl").read_text().splitlines()][::8]
        for i, line in enumerate(lines):
            if i % 3 == 0:
                line.update(start=0.1, end=0.5 if i % 2 else 0.75)  # the last one: a little beyond its 0.71 s
            line.update(audio=str(SOURCE / "assets/clips" / line["audio"]), label=IMAGE if i % 2 else SCRIPT, id=f"{i} {SCRIPT}{IMAGE}")
        (cls.root / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def refused(self, *words):
        result = run("pal-eval", "report", *words, "--out", self.root / "refused.html")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertFalse((self.root / "refused.html").exists())
        return result.stderr

    @unittest.skipUnless(BROWSER, "no Chromium; tools/setup.sh --tests installs it")
    def test_a_browser_opens_it_without_an_error_a_request_or_foreign_markup(self):
        dom, console, asked = browse(self.page, self.root)
        self.assertEqual(console, [])
        self.assertEqual(asked, [])
        self.assertIn('data-drawn="yes"', dom)  # the script reached its end
        page = Page(dom)
        self.assertNotIn("img", page.elements)
        self.assertEqual(page.handlers, [])
        self.assertEqual((page.elements["script"], page.elements["article"], page.elements["audio"]), (2, 6, 6))
        self.assertIn(IMAGE, page.text)
        self.assertIn(SCRIPT, page.text)
        self.assertIn("<title>pal: evaluation report</title>", dom)
        self.assertGreaterEqual(page.elements["canvas"], 12)  # spectrograms, and layers over time

    @unittest.skipUnless(BROWSER, "no Chromium; tools/setup.sh --tests installs it")
    def test_the_browser_would_have_told(self):
        page = self.root / "bad.html"
        page.write_text("<!doctype html><body>" + IMAGE.replace("alert", "nowhere"))
        _, console, asked = browse(page, self.root)
        self.assertIn("nowhere is not defined", "".join(console))
        self.assertIn("http://pal.invalid/x", asked)

    def test_scores_are_those_of_the_results(self):
        for shown, file in zip(report_of(self.page)["results"], self.results, strict=True):
            score = json.loads(file.read_text())["score"]
            self.assertEqual({key: shown[key] for key in score}, score)
            self.assertEqual(sum(row["n"] for row in shown["classes"]["rows"]), score["n"])
            self.assertEqual(sum(count for _, _, count in shown["classes"]["confusion"]), score["n"])
            hits = sum(count for row, column, count in shown["classes"]["confusion"] if row == column)
            self.assertAlmostEqual(hits / score["n"], score["score"])

    def test_what_is_heard_is_the_recording_and_words_look_at_it(self):
        report = report_of(self.page)
        self.assertEqual(len(report["samples"]), 6)
        for sample in report["samples"]:
            with wave.open(io.BytesIO(b64decode(sample["clip"]["wav"]))) as sound:
                self.assertEqual((sound.getframerate(), sound.getnchannels(), sound.getsampwidth()), (16000, 1, 2))
                self.assertAlmostEqual(sound.getnframes() / 16000, sample["clip"]["shown"])
                self.assertTrue(any(sound.readframes(16000)))
            self.assertLessEqual(sample["clip"]["shown"], 1)
            self.assertEqual(len(b64decode(sample["clip"]["spectrogram"])), 80 * sample["clip"]["columns"])
            heard, withheld = sample["answers"]
            self.assertNotIn("listening", withheld)
            self.assertEqual("".join(heard["listening"]["words"]), "".join(heard["text"].split()))
            detail, summary = heard["listening"]["streams"]
            self.assertEqual([layer["layer"] for layer in detail["layers"]], [4, 5])  # LAL from layer 4 of 6
            self.assertEqual([layer["layer"] for layer in summary["layers"]], list(range(6)))  # PLITS
            for both in zip(detail["layers"], summary["layers"][4:], strict=True):
                for shares in zip(*(layer["share"] for layer in both), strict=True):
                    self.assertTrue(0 < min(shares) and sum(shares) < 1, shares)

    def test_a_word_is_looked_for_by_the_row_that_predicts_it(self):
        files = []
        for answer in ("a b", "b a"):
            result = json.loads(self.results[0].read_text())
            for line in result["predictions"]:
                line["prediction"] = answer
            files.append(self.root / f"{answer[0]}.json")
            files[-1].write_text(json.dumps(result))
        self.succeed("pal-eval", "report", *files, "--samples", "1", "--out", self.root / "words.html", "--threads", "1")
        first, second = (answer["listening"] for answer in report_of(self.root / "words.html")["samples"][0]["answers"])
        self.assertEqual((first["words"], second["words"]), (["a", "b"], ["b", "a"]))
        for one, other in zip(first["streams"], second["streams"], strict=True):
            for a, b in zip(one["layers"], other["layers"], strict=True):
                self.assertEqual(a["share"][0], b["share"][0])  # after the same prompt, whatever the word is
                self.assertNotEqual(a["share"][1], b["share"][1])  # after different words

    def test_cost_is_of_audio_only_where_it_was_heard(self):
        heard, withheld = (result["cost"] for result in report_of(self.page)["results"])
        self.assertGreater(heard["gflop"], withheld["gflop"])
        self.assertEqual(withheld["audio_keys"], 0)
        self.assertAlmostEqual(heard["rows"] - withheld["rows"], heard["audio_keys"] / 6)  # a summary token for six

    def test_recordings_in_shards_are_shown_and_cost_what_those_in_files_do(self):
        self.succeed("pal-data", "shard", "--manifest", self.root / "m.jsonl", "--out", self.root / "shards")
        self.succeed("pal-eval", "--checkpoint", self.root / "run/final", "--manifest", self.root / "shards/index.jsonl", "--output", self.root / "sharded", "--threads", "1")
        self.succeed("pal-eval", "report", self.root / "sharded/results.json", "--out", self.root / "sharded.html", "--samples", "6", "--seconds", "1", "--threads", "1")
        files, shards = report_of(self.page), report_of(self.root / "sharded.html")
        self.assertEqual(shards["results"][0]["cost"], files["results"][0]["cost"])
        self.assertEqual([sample["clip"] for sample in shards["samples"]], [sample["clip"] for sample in files["samples"]])

    def test_what_cost_counts_is_what_the_encoders_give(self):
        """Every clip's tokens, by its header, against those that were there when it was listened to."""
        self.succeed("pal-eval", "report", self.results[0], "--out", self.root / "all.html", "--samples", "1000", "--seconds", "0.1", "--threads", "1")
        report = report_of(self.root / "all.html")
        tokens = [sample["answers"][0]["listening"]["streams"][0]["tokens"] for sample in report["samples"]]
        self.assertEqual(len(tokens), report["results"][0]["n"])
        self.assertGreater(len(set(tokens)), 1)
        self.assertAlmostEqual(sum(tokens) / len(tokens), report["results"][0]["cost"]["audio_keys"])

    def test_without_models_and_recordings_there_are_scores(self):
        elsewhere = self.root / "elsewhere.json"
        result = json.loads(self.results[0].read_text())
        result["settings"]["checkpoint"]["path"] = result["settings"]["manifest"]["path"] = "/nowhere"
        elsewhere.write_text(json.dumps(result))
        self.assertIn("/nowhere", self.refused(elsewhere))
        self.succeed("pal-eval", "report", elsewhere, "--scores-only", "--out", self.root / "scores.html")
        report = report_of(self.root / "scores.html")
        self.assertNotIn("cost", report["results"][0])
        self.assertEqual(report["samples"][0]["answers"][0].keys(), {"text", "score", "right"})

    def test_free_text_is_counted_by_the_class_it_was_taken_for(self):
        result = json.loads(self.results[0].read_text())
        for line in result["predictions"]:
            line.update(label=line["prediction"], prediction="It sounds like " + line["prediction"])
        free = self.root / "free.json"
        free.write_text(json.dumps(result))
        self.succeed("pal-eval", "report", free, "--scores-only", "--out", self.root / "free.html")
        shown, = report_of(self.root / "free.html")["results"]
        self.assertEqual(shown["classes"], report_of(self.page)["results"][0]["classes"])

    def test_what_is_no_longer_what_was_scored_is_refused(self):
        for part, key in (("checkpoint", "hash"), ("manifest", "sha256")):
            result = json.loads(self.results[0].read_text())
            result["settings"][part][key] = "0" * 64
            changed = self.root / "changed.json"
            changed.write_text(json.dumps(result))
            self.assertIn("--scores-only", self.refused(changed))

    def test_what_is_no_result_is_refused_by_name(self):
        file = self.root / "none.json"
        file.write_text('{"score": 1}')
        self.assertIn("none.json: is no results.json of pal-eval", self.refused(file))
        self.assertIn("missing.json", self.refused(self.root / "missing.json"))
        self.assertIn("seconds", self.refused(self.results[0], "--seconds", "31"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
