"""Qt resource archives: what they hold comes out, and damaged ones end in an error that names the file."""

import pathlib
import random
import struct
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/assets"))

from qt_resources import COMPRESSED, FOLDER, QtResourceError, QtResources


def archive(members: dict[str, bytes], version: int = 1, compressed: bool = False) -> bytes:
    """An archive with one folder `a` that holds the members."""
    names, offsets = b"", {}
    for name in ["a", *members]:
        offsets[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    stamp = b"" if version == 1 else bytes(8)
    nodes = struct.pack(">IHII", 0, FOLDER, 1, 1) + stamp + struct.pack(">IHII", offsets["a"], FOLDER, len(members), 2) + stamp
    data = b""
    for name, content in members.items():
        flags = COMPRESSED if compressed else 0
        nodes += struct.pack(">IHHHI", offsets[name], flags, 0, 0, len(data)) + stamp
        if compressed:
            content = struct.pack(">I", len(content)) + zlib.compress(content)
        data += struct.pack(">I", len(content)) + content
    head = 24 if version == 3 else 20
    return (b"qres" + struct.pack(">IIII", version, head, head + len(nodes), head + len(nodes) + len(data))
            + (bytes(4) if version == 3 else b"") + nodes + data + names)


class QtResourcesTest(unittest.TestCase):
    members = {"moo.ogg": b"moo" * 50, "leer.wav": b"", "Muuuh ü.ogg": b"x"}

    def test_members_of_every_version_come_out_as_they_went_in(self):
        for version in (1, 2, 3):
            for compressed in (False, True):
                with self.subTest(version=version, compressed=compressed):
                    resources = QtResources(archive(self.members, version, compressed), "cow.rcc")
                    self.assertEqual({path: resources.read(path) for path in resources.paths()},
                                     {f"a/{name}": content for name, content in self.members.items()})

    def test_an_archive_cut_off_anywhere_is_an_error_that_names_it(self):
        whole = archive(self.members)
        for size in range(len(whole)):
            with self.subTest(size=size), self.assertRaisesRegex(QtResourceError, "cow.rcc: "):
                resources = QtResources(whole[:size], "cow.rcc")
                for path in resources.paths():
                    resources.read(path)

    def test_changed_bytes_never_end_in_anything_but_the_readers_own_error(self):
        stream, whole = random.Random(5), archive(self.members, 2, compressed=True)
        errors = 0
        for _ in range(5000):
            damaged = bytearray(whole)
            for _ in range(stream.randint(1, 4)):
                damaged[stream.randrange(len(damaged))] = stream.randrange(256)
            try:
                resources = QtResources(bytes(damaged), "cow.rcc")
                for path in resources.paths():
                    resources.read(path)
            except QtResourceError:
                errors += 1
        self.assertGreater(errors, 1000)

    def test_a_folder_with_billions_of_children_is_refused_before_it_is_walked(self):
        damaged = bytearray(archive(self.members))
        damaged[26:30] = b"\xff" * 4  # the root's child count
        with self.assertRaisesRegex(QtResourceError, "cut off or damaged"):
            QtResources(bytes(damaged), "cow.rcc")

    def test_a_folder_that_holds_itself_is_refused(self):
        damaged = bytearray(archive(self.members))
        damaged[30:34] = bytes(4)  # the root's first child: the root
        with self.assertRaisesRegex(QtResourceError, "more than one folder"):
            QtResources(bytes(damaged), "cow.rcc")

    def test_a_member_that_would_inflate_without_end_is_refused(self):
        bomb = archive({"b": bytes(1 << 20)}, compressed=True)
        small = bomb.replace(struct.pack(">I", 1 << 20), struct.pack(">I", 1000), 1)
        with self.assertRaisesRegex(QtResourceError, "expected 1000 bytes"):
            QtResources(small, "b.rcc").read("a/b")
        huge = bomb.replace(struct.pack(">I", 1 << 20), b"\xff" * 4, 1)
        with self.assertRaisesRegex(QtResourceError, "at most"):
            QtResources(huge, "b.rcc").read("a/b")


if __name__ == "__main__":
    unittest.main()
