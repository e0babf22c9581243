"""Files that are either whole and right or not there at all: checksums, and writes that appear by a rename."""

import hashlib
import os
import pathlib
import tempfile


class AssetError(Exception):
    """Something that the user has to know and can act on; printed without a traceback."""


def digest(path: pathlib.Path, algorithm: str) -> str:
    """Hex digest of a file's content."""
    value = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            value.update(block)
    return value.hexdigest()


def holds(path: pathlib.Path, algorithm: str, expected: str) -> bool:
    """Whether the file is there with this content. An empty, cut or changed file is not."""
    return path.is_file() and digest(path, algorithm) == expected


def write_whole(path: pathlib.Path, content: bytes, scratch: pathlib.Path | None = None) -> None:
    """Writes a temporary file (in `scratch`, on the same disk; else beside the target) and renames it, so that nobody
    ever sees half a file, killed or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=scratch or path.parent, prefix=f"tmp.{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise


def link(path: pathlib.Path, target: pathlib.Path) -> None:
    """Makes `path` a link to `target`, in one step also where an older link or file stands."""
    target = target.resolve()
    if path.is_symlink() and pathlib.Path(os.readlink(path)) == target:
        return
    if path.is_dir() and not path.is_symlink():
        raise AssetError(f"{path}: expected a link or nothing there, got a folder; move it away and start again")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, path)
