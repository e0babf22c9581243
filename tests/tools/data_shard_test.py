"""pal-data shard and index: tar files that are read where their members lie."""

import gzip
import io
import json
import pathlib
import tarfile
import tempfile
import time
import unittest

import published
from program import run


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def add(tar, name, content, **fields):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in fields.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(content))


class Shards(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def data(self, *arguments, code=0):
        result = run("pal-data", *arguments)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def manifest(self, clips=5):
        (self.root / "clips").mkdir()
        for i in range(clips):
            published.write_wav(self.root / "clips" / f"c{i}.wav", seconds=0.5 + i / 4)
        samples = [{"id": f"s{i}", "audio": f"clips/c{i}.wav", "label": f"<b>{i}</b>", "split": "a" if i < 3 else "b"} for i in range(clips)]
        samples += [{"audio": ["clips/c1.wav", "clips/c0.wav"], "messages": [{"role": "user", "content": "<audio><audio>?"}, {"role": "assistant", "content": "ä"}], "split": "a"},
                    {"audio_id": "clips/c1.wav", "instruction": "q", "input": "", "output": "r", "split": "a"},
                    {"instruction": "text", "output": "only", "split": "b"},
                    {"audio": "clips/c2.wav", "start": 0.25, "end": 0.5, "captions": ["x", "y"], "split": "a"}]
        path = self.root / "all.jsonl"
        path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
        return path, samples

    def test_the_index_is_the_manifest_with_the_recordings_in_tar_files(self):
        manifest, samples = self.manifest()
        self.data("shard", "--manifest", manifest, "--out", self.root / "shards", "--shard-mb", 0.05)
        found = lines_of(self.root / "shards" / "index.jsonl")
        self.assertEqual(len(found), len(samples))
        self.assertGreater(len(list((self.root / "shards").glob("*.tar"))), 1)
        for number, (before, after) in enumerate(zip(samples, found), 1):
            names = before.get("audio", before.get("audio_id", []))
            names = [names] if isinstance(names, str) else names
            self.assertEqual(len(names), len(after.get("audio", [])))
            for name, tar, offset, size in zip(names, after.get("audio", []), after.get("offset", []), after.get("bytes", [])):
                self.assertEqual((self.root / "shards" / tar).read_bytes()[offset:offset + size], (self.root / name).read_bytes())
            for key in ("label", "messages", "instruction", "output", "start", "end", "captions", "split"):
                self.assertEqual(before.get(key), after.get(key))
            self.assertEqual(after["id"], before.get("id", str(number)))

    def test_a_recording_is_stored_once_and_tar_files_are_ordinary_ones(self):
        manifest, _ = self.manifest()
        self.data("shard", "--manifest", manifest, "--out", self.root / "shards", "--shard-mb", 0.05)
        contents = []
        for path in sorted((self.root / "shards").glob("*.tar")):
            with tarfile.open(path) as tar:
                contents += [tar.extractfile(member).read() for member in tar if member.name.endswith(".wav")]
        self.assertEqual(sorted(contents), sorted(path.read_bytes() for path in (self.root / "clips").glob("*.wav")))

    def test_what_is_decoded_from_shards_is_what_is_decoded_from_files(self):
        manifest, _ = self.manifest()
        self.data("shard", "--manifest", manifest, "--out", self.root / "shards", "--shard-mb", 0.05)
        reports = []
        for name, path in (("files.json", manifest), ("shards.json", self.root / "shards" / "index.jsonl")):
            self.data("check", "--manifest", path, "--json", self.root / name)
            reports.append(json.loads((self.root / name).read_text()))
        self.assertEqual((reports[0]["clips"], reports[0]["seconds"]), (reports[1]["clips"], reports[1]["seconds"]))
        self.assertEqual(reports[1]["clips"], 6)

    def test_two_runs_write_the_same_bytes_and_a_split_is_chosen(self):
        manifest, _ = self.manifest()
        for name in ("one", "two"):
            self.data("shard", "--manifest", manifest, "--split", "a", "--out", self.root / name)
        for path in (self.root / "one").iterdir():
            self.assertEqual(path.read_bytes(), (self.root / "two" / path.name).read_bytes())
        self.assertEqual({sample["split"] for sample in lines_of(self.root / "one" / "index.jsonl")}, {"a"})

    def test_the_index_that_is_made_anew_is_the_one_that_was_written(self):
        manifest, _ = self.manifest()
        self.data("shard", "--manifest", manifest, "--out", self.root / "shards", "--shard-mb", 0.05)
        self.data("index", *sorted((self.root / "shards").glob("*.tar")), "--out", self.root / "shards" / "again.jsonl")
        self.assertEqual((self.root / "shards" / "again.jsonl").read_text(), (self.root / "shards" / "index.jsonl").read_text())

    def test_nothing_is_left_where_a_recording_is_missing_or_the_folder_is_there(self):
        manifest, _ = self.manifest()
        (self.root / "clips" / "c4.wav").unlink()
        self.assertIn("c4.wav", self.data("shard", "--manifest", manifest, "--out", self.root / "shards", code=2).stderr)
        self.assertEqual([path.name for path in self.root.iterdir() if "shards" in path.name], [])
        (self.root / "shards").mkdir()
        self.assertIn("is there already", self.data("shard", "--manifest", manifest, "--split", "a", "--out", self.root / "shards", code=2).stderr)

    def foreign(self, tar_format):
        """As the webdataset package writes: times with fractions, which put extended headers before members."""
        wav = published.write_wav(self.root / "a.wav", seconds=0.5).read_bytes()
        path = self.root / f"foreign{tar_format}.tar"
        with tarfile.open(path, "w", format=tar_format) as tar:
            for i in range(3):
                fields = {"mtime": time.time() if tar_format == tarfile.PAX_FORMAT else 1, "mode": 0o444}
                long = "a" * 150 if tar_format != tarfile.USTAR_FORMAT else "a"
                add(tar, f"{long}/x{i}.wav", wav, **fields)
                add(tar, f"{long}/x{i}.txt", f"caption {i}\n".encode(), **fields)
                add(tar, f"{long}/x{i}.cls", b"3", **fields)
            add(tar, "folder/y.json", json.dumps({"label": "dog"}).encode())
            add(tar, "folder/y.flac", wav)
        return path, wav

    def test_tar_files_of_others_are_indexed_whatever_their_headers(self):
        for tar_format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with self.subTest(format=tar_format):
                path, wav = self.foreign(tar_format)
                out = self.root / "index.jsonl"
                result = self.data("index", path, "--out", out, "--force")
                self.assertIn("3 members are no recordings", result.stderr)
                samples = lines_of(out)
                self.assertEqual([sample.get("captions", sample.get("label")) for sample in samples], [["caption 0"], ["caption 1"], ["caption 2"], "dog"])
                for sample in samples:
                    self.assertEqual(path.read_bytes()[sample["offset"][0]:][:sample["bytes"][0]], wav)
                self.assertEqual(samples[3]["id"], f"{path.name}/folder/y")
                self.data("check", "--manifest", out)

    def test_hostile_and_damaged_tar_files_are_refused_by_name_and_nothing_is_written(self):
        def one(name, **fields):
            path = self.root / "hostile.tar"
            with tarfile.open(path, "w") as tar:
                add(tar, "a.txt", b"fine")
                add(tar, name, b"x", **fields)
            return path

        whole, _ = self.foreign(tarfile.PAX_FORMAT)
        cases = [(lambda: one("../x.txt"), "leads out"), (lambda: one("/etc/x.txt"), "leads out"), (lambda: one("a/../../x.txt"), "leads out"),
                 (lambda: one("b.wav", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is no ordinary file"),
                 (lambda: one("b.wav", type=tarfile.LNKTYPE, linkname="a.txt"), "is no ordinary file"),
                 (lambda: one("b.wav", type=tarfile.CHRTYPE), "is no ordinary file"),
                 (lambda: one("b.json"), "b.json"), (lambda: one("b.txt\x1b[2J.json"), "\\x1b")]
        for make, expected in cases:
            with self.subTest(expected=expected):
                result = self.data("index", make(), "--out", self.root / "out.jsonl", code=2)
                self.assertIn(expected, result.stderr)
                self.assertNotIn("\x1b", result.stderr)
                self.assertFalse((self.root / "out.jsonl").exists())
        zipped, cut, other = (self.root / name for name in ("z.tar.gz", "cut.tar", "text.tar"))
        zipped.write_bytes(gzip.compress(whole.read_bytes()))
        cut.write_bytes(whole.read_bytes()[:30000])
        other.write_text("no tar" * 1000)
        for path, expected in ((zipped, "gzip -d"), (cut, "cut.tar"), (other, "is no tar"), (self.root / "none.tar", "is not there")):
            with self.subTest(path=path.name):
                self.assertIn(expected, self.data("index", path, "--out", self.root / "out.jsonl", code=2).stderr)
                self.assertFalse((self.root / "out.jsonl").exists())

    def test_members_of_one_sample_must_follow_each_other(self):
        path = self.root / "mixed.tar"
        with tarfile.open(path, "w") as tar:
            for name in ("a.txt", "b.txt", "a.wav"):
                add(tar, name, b"x")
        self.assertIn("member 'a.wav': the members of one sample must follow each other", self.data("index", path, "--out", self.root / "out.jsonl", code=2).stderr)

    def test_an_index_that_is_not_of_these_tar_files_is_refused_when_they_are_decoded(self):
        manifest, _ = self.manifest()
        self.data("shard", "--manifest", manifest, "--out", self.root / "shards")
        tar = self.root / "shards" / "shard-000000.tar"
        tar.write_bytes(tar.read_bytes()[:tar.stat().st_size // 2])
        result = self.data("check", "--manifest", self.root / "shards" / "index.jsonl", code=1)
        self.assertIn("shard-000000.tar (recording at byte", result.stdout)
        self.assertIn("is the index another file's, or the shard cut short?", result.stdout)


if __name__ == "__main__":
    unittest.main()
