"""pal-data import, on small folders in each data set's published layout."""

import json
import pathlib
import re
import tempfile
import unittest

import published
from program import run


class Import(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.root = self.folder / "data"
        self.out = self.folder / "m.jsonl"

    def import_(self, dataset, *options, code=0):
        result = run("pal-data", "import", dataset, "--root", self.root, "--out", self.out, *options)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def samples(self, dataset, *options):
        """The manifest's lines, by id; every recording must be there, by a path from the manifest."""
        self.import_(dataset, *options)
        lines = [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            self.assertTrue((self.folder / line["audio"]).is_file(), line)
        self.assertEqual(len({line["id"] for line in lines}), len(lines))
        return {line["id"]: line for line in lines}

    def row(self, result, name):
        """named, published, missing and samples of a row of the table."""
        found = re.search(rf"^{re.escape(name)} +(\S+) +(\S+) +(\S+) +(\S+)$", result.stdout, re.MULTILINE)
        self.assertTrue(found, result.stdout)
        return list(found.groups())

    def refused(self, dataset, *fragments, options=()):
        """Exit code 2, each fragment in the message, and nothing written."""
        before = sorted(self.folder.rglob("*"))
        result = self.import_(dataset, *options, code=2)
        for fragment in fragments:
            self.assertIn(fragment, result.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), before)
        return result

    # ---- each data set

    def test_esc50(self):
        published.esc50(self.root)
        samples = self.samples("esc50")
        self.assertEqual(samples["esc50/1-17092-A-27.wav"], {"id": "esc50/1-17092-A-27.wav", "audio": "data/audio/1-17092-A-27.wav",
                                                            "label": "brushing_teeth", "split": "fold1"})
        self.assertEqual([s["split"] for s in samples.values()], ["fold1", "fold1", "fold2"])
        result = self.import_("esc50", "--force")
        self.assertEqual(self.row(result, "fold1"), ["2", "400", "0", "2"])
        self.assertEqual(self.row(result, "fold3"), ["0", "400", "0", "0"])
        self.assertEqual(self.row(result, "fold5"), ["1", "400", "1", "0"])
        self.assertEqual(self.row(result, "total"), ["4", "2000", "1", "3"])
        self.assertRegex(result.stdout, r"\nlabels +3 +50\n")
        self.assertIn("audio/5-9032-A-0.wav", result.stdout)
        self.assertIn("fold1: the folder's files name 2 recordings, 400 were published", result.stderr)

    def test_vocalsound(self):
        published.vocalsound(self.root)
        samples = self.samples("vocalsound")
        self.assertEqual(samples["vocalsound/f0003_0_throatclearing.wav"]["label"], "Throat clearing")
        self.assertEqual(samples["vocalsound/m0007_0_laughter.wav"]["split"], "test")
        self.assertEqual(list(self.samples("vocalsound", "--split", "test", "--force")), ["vocalsound/m0007_0_laughter.wav"])
        self.assertEqual(self.row(self.import_("vocalsound", "--force"), "train"), ["2", "15570", "0", "2"])
        self.refused("vocalsound", "datafiles/val.json", options=["--split", "val", "--force"])

    def test_dcase2017_task4(self):
        published.dcase2017_task4(self.root)
        samples = self.samples("dcase2017")
        self.assertEqual(len(samples), 3)
        self.assertEqual(samples["dcase2017/YilfKdY7w6Y_60.000_70.000.wav"]["labels"], ["Train horn", "Air horn, truck horn"])
        self.assertEqual(samples["dcase2017/-JMT0mK0Dbg_30.000_40.000.wav"]["audio"], "data/evaluation/Y-JMT0mK0Dbg_30.000_40.000.wav")
        self.assertEqual(samples["dcase2017/0x82_HySIVU_30.000_40.000.wav"]["split"], "testing")
        result = self.import_("dcase2017", "--force")
        self.assertEqual(self.row(result, "evaluation"), ["3", "1103", "1", "2"])
        self.assertEqual(self.row(result, "testing"), ["1", "488", "0", "1"])

    def test_dcase2017_task1(self):
        published.dcase2017_task1(self.root)
        samples = self.samples("dcase2017")
        self.assertEqual({s["label"]: s["split"] for s in samples.values()},
                         {"beach": "development", "cafe/restaurant": "development", "city_center": "evaluation"})
        self.assertEqual(self.row(self.import_("dcase2017", "--force"), "evaluation"), ["1", "1620", "0", "1"])
        fold = self.samples("dcase2017", "--split", "fold1_train", "--force")
        self.assertEqual([s["audio"] for s in fold.values()], ["data/TUT-acoustic-scenes-2017-development/audio/a001_0_10.wav"])
        published.dcase2017_task4(self.root)
        self.refused("dcase2017", "holds both", options=["--force"])

    def test_fsd50k(self):
        published.fsd50k(self.root)
        samples = self.samples("fsd50k")
        self.assertEqual(samples["fsd50k/64760"], {"id": "fsd50k/64760", "audio": "data/FSD50K.dev_audio/64760.wav", "labels": ["Bark", "Dog", "Animal"],
                                                  "split": "train"})
        self.assertEqual(samples["fsd50k/16399"]["label"], "Accordion")
        self.assertEqual({s["split"] for s in samples.values()}, {"train", "val", "eval"})
        for split in ("train", "val", "eval"):
            self.assertEqual({s["split"] for s in self.samples("fsd50k", "--split", split, "--force").values()}, {split})
        published.write_text(self.root / "FSD50K.ground_truth" / "eval.csv", "fname,labels,mids\n37199,Cat,/m/x\n")
        self.refused("fsd50k", "eval.csv:2: the label 'Cat' is not in vocabulary.csv", options=["--force"])

    def test_audioset(self):
        published.audioset(self.root)
        samples = self.samples("audioset")
        self.assertEqual(len(samples), 7)
        self.assertEqual(samples["audioset/--PJHxphWEs"], {"id": "audioset/--PJHxphWEs", "audio": "data/audio/eval/Y--PJHxphWEs.wav",
                                                          "labels": ["Speech", "Male speech, man speaking"], "split": "eval"})
        self.assertEqual(samples["audioset/ebcdefghijk"]["label"], "Keys jangling")
        result = self.import_("audioset", "--split", "eval", "--force", "--missing", self.folder / "missing.txt")
        self.assertEqual(self.row(result, "eval"), ["7", "20371", "1", "6"])
        self.assertNotIn("balanced_train", result.stdout)
        self.assertEqual((self.folder / "missing.txt").read_text(), "gone_______\n")

    def test_audiocaps(self):
        published.audiocaps(self.root)
        samples = self.samples("audiocaps")
        self.assertEqual(samples["audiocaps/r1nicOVtvkQ_130"]["captions"], ["A woman talks nearby, as water pours"])
        self.assertEqual(samples["audiocaps/vfY_TJq7n_U_130"]["captions"], ["Ducks quack", "Birds chirp"])
        self.assertEqual(samples["audiocaps/tdWhHV3X25Q_60"]["audio"], "data/test/4.wav")
        self.assertEqual(self.row(self.import_("audiocaps", "--force"), "test"), ["3", "975", "1", "2"])
        each = self.samples("audiocaps", "--split", "test", "--each-caption", "--force")
        self.assertEqual({i: s["captions"] for i, s in each.items()}, {
            "audiocaps/vfY_TJq7n_U_130#1": ["Ducks quack"], "audiocaps/vfY_TJq7n_U_130#2": ["Birds chirp"],
            "audiocaps/tdWhHV3X25Q_60#1": ["A cat meows"], "audiocaps/tdWhHV3X25Q_60#2": ["Meowing"]})
        (self.root / "dataset").rename(self.root / "dataset2.0")
        self.assertEqual(self.row(self.import_("audiocaps", "--force"), "test"), ["3", "-", "1", "2"])

    def test_clotho(self):
        published.clotho(self.root)
        samples = self.samples("clotho")
        self.assertEqual(samples["clotho/evaluation/Santa Motor.wav"]["captions"], [f"A sound, number {i}." for i in range(1, 6)])
        self.assertEqual(samples["clotho/evaluation/Santa Motor.wav"]["audio"], "data/clotho_audio_evaluation/evaluation/Santa Motor.wav")
        self.assertEqual(self.row(self.import_("clotho", "--force"), "development"), ["1", "3839", "0", "1"])
        captions = self.root / "clotho_captions_evaluation.csv"
        captions.write_bytes(captions.read_bytes().replace(b"A sound, number 2", b"Caf\xe9"))
        self.refused("clotho", "clotho_captions_evaluation.csv:2: text that is not UTF-8", "iconv", options=["--force"])

    def test_openaqa(self):
        published.openaqa(self.root)
        samples = self.samples("openaqa", "--audio", f"clotho_development={self.root}-clotho")
        self.assertEqual(samples["1"], {"id": "1", "audio": "data/audio/LZq4Neh-oWU.wav", "instruction": "What is crying?", "output": "A baby.",
                                        "split": "as_strong_train"})
        self.assertEqual(samples["3"]["audio"], "data-clotho/Santa Motor.wav")
        self.assertNotIn("4", samples)
        result = self.import_("openaqa", "--force")
        self.assertEqual(self.row(result, "as_strong_train"), ["2", "-", "0", "2"])
        self.assertEqual(self.row(result, "sound_bible"), ["1", "-", "1", "0"])
        self.assertIn("5681708 were published", result.stderr)
        part = self.root / "openaqa_5.6M.json"
        part.rename(self.root / "part.json")
        self.refused("openaqa", "openaqa_5.6M.json", options=["--force"])
        self.import_("openaqa", "--json", self.root / "part.json", "--force")

    # ---- what all share

    def test_recordings_outside_the_manifests_folder_are_named_by_absolute_paths(self):
        published.esc50(self.root)
        other = self.folder / "other"
        other.mkdir()
        result = run("pal-data", "import", "esc50", "--root", self.root, "--out", other / "m.jsonl")
        self.assertEqual(result.returncode, 0, result.stderr)
        first = json.loads((other / "m.jsonl").read_text().splitlines()[0])
        self.assertEqual(first["audio"], str(self.root / "audio" / "1-100032-A-0.wav"))

    def test_what_is_there_is_not_written_over(self):
        published.esc50(self.root)
        self.out.write_text("mine")
        self.refused("esc50", "m.jsonl", "--force")
        self.assertEqual(self.out.read_text(), "mine")

    def test_wrong_input_is_refused_and_nothing_is_written(self):
        self.refused("esc50", "--root", "is no folder")
        self.root.mkdir()
        for dataset, file in {"esc50": "meta/esc50.csv", "vocalsound": "datafiles/tr.json", "dcase2017": "TUT-acoustic-scenes-2017", "fsd50k": "dev.csv",
                              "audioset": "eval_segments.csv", "audiocaps": "train.csv", "clotho": "clotho_captions", "openaqa": "openaqa_5.6M.json"}.items():
            with self.subTest(dataset=dataset):
                self.refused(dataset, file)
        self.refused("esc5", "did you mean 'esc50'")
        published.esc50(self.root)
        self.refused("esc50", "--json and --audio", options=["--audio", "a=b"])
        self.refused("openaqa", "SOURCE=DIR", options=["--audio", "nonsense"])
        published.fsd50k(self.root)
        self.refused("fsd50k", "no split 'test'; it has: train, val, eval", options=["--split", "test"])

    def test_a_folder_without_its_recordings_gives_no_manifest(self):
        published.esc50(self.root)
        for recording in (self.root / "audio").iterdir():
            recording.unlink()
        self.refused("esc50", "not one of the 4 recordings", "audio/1-100032-A-0.wav")

    def test_bad_rows_are_named_by_file_and_line(self):
        published.esc50(self.root)
        meta = self.root / "meta" / "esc50.csv"
        good = meta.read_text()
        for row, fragment in [("x.wav,6,0,dog,False,1,A", "'fold': expected 1 to 5, got '6'"), ("x.wav,1,0", "expected 7 fields, got 3"),
                              (",1,0,dog,False,1,A", "'filename' is empty"), ("1-100032-A-0.wav,1,0,dog,False,1,A", "stands twice")]:
            with self.subTest(row=row):
                meta.write_text(good + row + "\n")
                self.refused("esc50", f"esc50.csv:6: ", fragment)
        meta.write_text(good.replace("category", "class"))
        self.refused("esc50", "esc50.csv:1: no column 'category'")

    def test_hostile_metadata_cannot_leave_the_root_or_the_terminal(self):
        published.esc50(self.root)
        published.write_wav(self.folder / "secret.wav")
        meta = self.root / "meta" / "esc50.csv"
        good = meta.read_text()
        for name in ("../../secret.wav", "x/../../../secret.wav", ".."):
            meta.write_text(good + f"{name},1,0,dog,False,1,A\n")
            self.refused("esc50", "esc50.csv:6: ", "leads out of the data set's folder")
        published.dcase2017_task1(self.root)
        lists = self.root / "TUT-acoustic-scenes-2017-development" / "meta.txt"
        lists.write_text(f"{self.folder}/secret.wav\tbeach\tb\n")
        self.refused("dcase2017", "meta.txt:1: ", "this path is absolute")
        meta.write_text(good + '\x1b[2Jmissing.wav,1,0,"<script>alert(1)</script> \x1b]0;x\x07",False,1,A\n' + '1-100210-A-36.wav,1,36,"<b>\x1b[31m",False,1,A\n')
        published.write_wav(self.root / "audio" / "1-100210-A-36.wav")
        result = self.import_("esc50")
        self.assertNotIn("\x1b", result.stdout + result.stderr)
        self.assertIn("\\x1b[2Jmissing.wav", result.stdout)
        self.assertEqual(json.loads(self.out.read_text().splitlines()[-1])["label"], "<b>\x1b[31m")  # text, for whoever shows it to escape

    def test_json_that_is_nested_a_million_deep_is_refused(self):
        published.vocalsound(self.root)
        published.openaqa(self.root)
        (self.root / "datafiles" / "te.json").write_text('{"data": ' + "[" * 1000000)
        self.refused("vocalsound", "te.json", "nested more than 8 levels deep")
        (self.root / "openaqa_5.6M.json").write_text('[{"instruction": ' + '{"a":' * 1000000)
        self.refused("openaqa", "openaqa_5.6M.json:1: nested more than")


if __name__ == "__main__":
    unittest.main()
