"""Instructions of a small training step, counted by callgrind: within 5 % of the recorded ones (instructions.json beside this file).

Who changes what a step does records anew: instructions_test.py --record. Counts are those of one thread, and of the code that MKL and our kernels
choose on valgrind's processor, which is the same on every machine with AVX2."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

RECORDED = pathlib.Path(__file__).with_name("instructions.json")
SMALL_STEP = pathlib.Path(os.environ["PAL_BIN"]) / "small_step"
SOURCE = pathlib.Path(os.environ["PAL_SOURCE_DIR"])
INTEGRATIONS = ("plits", "lal", "pal")


def has_avx2():
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    return cpuinfo.exists() and " avx2 " in cpuinfo.read_text()


def why_not():
    if not shutil.which("valgrind"):
        return "no valgrind"
    if not has_avx2():
        return "the counts were recorded on a processor with AVX2"
    if not (SOURCE / "assets/yamnet.safetensors").exists():
        return "no assets/yamnet.safetensors; tools/setup.sh fetches it"
    return None


def instructions(integration):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=pal_counted_step", f"--callgrind-out-file={out}", SMALL_STEP, integration],
                       check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}, timeout=1000)
        return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE).group(1))


class Instructions(unittest.TestCase):
    def test_a_step_takes_as_many_as_recorded(self):
        recorded = json.loads(RECORDED.read_text())
        for integration in INTEGRATIONS:
            with self.subTest(integration=integration):
                counted = instructions(integration)
                self.assertLess(abs(counted / recorded[integration] - 1), 0.05, f"{counted} instructions, recorded {recorded[integration]}")


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    if sys.argv[1:] == ["--record"]:
        RECORDED.write_text(json.dumps({name: instructions(name) for name in INTEGRATIONS}, indent=2) + "\n")
        sys.exit(0)
    unittest.main()
