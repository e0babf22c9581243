"""Runs pal's programs for the tests."""

import os
import pathlib
import subprocess

SOURCE = pathlib.Path(os.environ["PAL_SOURCE_DIR"])
BIN = pathlib.Path(os.environ["PAL_BIN"])
ASSETS = SOURCE / "assets" / "yamnet.safetensors"


def run(program, *arguments, timeout=300, **options):
    """The finished process; stdout and stderr as text. Paths in configs are relative to the source folder."""
    return subprocess.run([BIN / program, *map(str, arguments)], cwd=SOURCE, capture_output=True, text=True,
                          timeout=timeout, check=False, **options)


def start(program, *arguments):
    return subprocess.Popen([BIN / program, *map(str, arguments)], cwd=SOURCE, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)
