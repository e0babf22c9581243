"""Files out of Debian packages that are downloaded and unpacked, but not installed: nothing of the system changes."""

import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from verified_files import AssetError


@contextlib.contextmanager
def unpacked(package: str, cache: pathlib.Path, update_command: str) -> Iterator[pathlib.Path]:
    """A temporary folder with the package's files. `update_command` refreshes apt's lists; empty: we may not."""
    for program in ("apt-get", "dpkg"):
        if not shutil.which(program):
            raise AssetError(f"{package}: the clips are published in Debian packages, and {program} is not on this machine; "
                             "run the set-up once on Debian or Ubuntu and copy its assets/clips folder")
    with tempfile.TemporaryDirectory(dir=cache, prefix="tmp.deb-") as scratch:
        archive = _download(package, pathlib.Path(scratch), update_command)
        files = pathlib.Path(scratch) / "files"
        if subprocess.run(["dpkg", "-x", str(archive), str(files)], stdout=sys.stderr, check=False).returncode != 0:
            raise AssetError(f"{package}: dpkg could not unpack {archive.name} (its message is above); is the disk full?")
        yield files


def _download(package: str, scratch: pathlib.Path, update_command: str) -> pathlib.Path:
    print(f"    downloading {package} (Debian package, not installed)", flush=True)
    command = ["apt-get", "download", "-q", "-o", "Acquire::Retries=3", package]
    if os.geteuid() == 0:  # apt's own user cannot write into this user's cache
        command[3:3] = ["-o", "APT::Sandbox::User=root"]
    for attempt in range(2):
        done = subprocess.run(command, cwd=scratch, stdin=subprocess.DEVNULL, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        archives = list(scratch.glob("*.deb"))
        if done.returncode == 0 and len(archives) == 1:
            return archives[0]
        if attempt == 0 and update_command:  # most often the lists are missing or out of date
            print(f"    refreshing the package lists: {update_command}", flush=True)
            subprocess.run(shlex.split(update_command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        else:
            break
    raise AssetError(f"{package}: apt-get could not download this Debian package:\n{done.stdout.strip()}\n"
                     "Where its lists of packages are missing or old, this helps: sudo apt-get update")
