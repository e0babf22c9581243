"""Reads the members of a Qt resource archive (.rcc, as rcc --binary writes it), the format in which GCompris ships its sounds.

Layout, all big-endian: "qres", version, offsets of the tree, the data and the names [version 3: overall flags].
A tree node is 14 bytes (22 from version 2 on: a time stamp follows): name offset u32, flags u16, and then
a folder's child count u32 and first child u32, or a file's territory u16, language u16, data offset u32.
A name is length u16, hash u32, UTF-16; data is length u32 and bytes, which, compressed, begin with their full length.
"""

import struct
import zlib

COMPRESSED, FOLDER, COMPRESSED_ZSTD = 1, 2, 4
MAX_MEMBER = 256 << 20  # bytes: far above any sound, far below what would hurt


class QtResourceError(Exception):
    """The archive is cut off, damaged, or of a kind that this reader does not know."""


class QtResources:
    """Members by path, `activities/cow/moo.ogg`. Paths are names inside the archive, never used as paths on disk."""

    def __init__(self, content: bytes, name: str):
        self.content, self.name = content, name
        if self._bytes(0, 4) != b"qres":
            raise QtResourceError(f"{name}: expected a Qt resource archive ('qres'), got {content[:4]!r}")
        self.version, self.tree, self.data, self.names = self._unpack(">IIII", 4)
        if self.version not in (1, 2, 3):
            raise QtResourceError(f"{name}: expected version 1, 2 or 3 of the format, got {self.version}")
        self.node_size = 14 if self.version == 1 else 22
        self._places = self._walk()

    def paths(self) -> list[str]:
        return sorted(self._places)

    def read(self, path: str) -> bytes:
        """Content of one member; KeyError where there is none."""
        offset, flags = self._places[path]
        (size,) = self._unpack(">I", self.data + offset)
        raw = self._bytes(self.data + offset + 4, size)
        if flags & COMPRESSED_ZSTD:
            raise QtResourceError(f"{self.name}: {path}: compressed with zstd, which this reader does not know")
        if not flags & COMPRESSED:
            return raw
        if size < 4:
            raise QtResourceError(f"{self.name}: {path}: compressed member of {size} bytes, expected at least 4")
        (full_size,) = struct.unpack(">I", raw[:4])
        if full_size > MAX_MEMBER:
            raise QtResourceError(f"{self.name}: {path}: member of {full_size} bytes, expected at most {MAX_MEMBER}")
        try:
            plain = zlib.decompressobj().decompress(raw[4:], full_size + 1)
        except zlib.error as error:
            raise QtResourceError(f"{self.name}: {path}: damaged data ({error})") from error
        if len(plain) != full_size:
            raise QtResourceError(f"{self.name}: {path}: expected {full_size} bytes after decompression, got {len(plain)}")
        return plain

    def _walk(self) -> dict[str, tuple[int, int]]:
        places, seen, waiting = {}, set(), [(0, "")]
        while waiting:
            index, folder = waiting.pop()
            if index in seen:  # a folder that holds itself would never end
                raise QtResourceError(f"{self.name}: node {index} is in more than one folder")
            seen.add(index)
            node = self.tree + index * self.node_size
            name_offset, flags = self._unpack(">IH", node)
            path = folder if index == 0 else f"{folder}/{self._name(name_offset)}".lstrip("/")
            if flags & FOLDER:
                count, first = self._unpack(">II", node + 6)
                self._bytes(self.tree + first * self.node_size, count * self.node_size)  # all inside, before the loop
                waiting += [(first + k, path) for k in range(count)]
            else:
                places[path] = (self._unpack(">I", node + 10)[0], flags)
        return places

    def _name(self, offset: int) -> str:
        (length,) = self._unpack(">H", self.names + offset)
        try:
            return self._bytes(self.names + offset + 6, 2 * length).decode("utf-16-be")
        except UnicodeDecodeError as error:
            raise QtResourceError(f"{self.name}: a name at {offset} is not UTF-16") from error

    def _unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        return struct.unpack(layout, self._bytes(offset, struct.calcsize(layout)))

    def _bytes(self, offset: int, size: int) -> bytes:
        if offset + size > len(self.content):
            raise QtResourceError(
                f"{self.name}: cut off or damaged: {size} bytes at {offset}, but the file ends at {len(self.content)}")
        return self.content[offset:offset + size]
