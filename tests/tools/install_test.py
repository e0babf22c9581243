"""pal as a library: installed, found by find_package, linked by the example, asked about a recording."""

import pathlib
import subprocess
import tempfile
import unittest

from program import ASSETS, BIN, SOURCE, run


def command(*words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=500, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        command("cmake", "--install", BIN.parent, "--prefix", cls.root / "installed")

    def test_the_example_builds_against_it_and_answers(self):
        build = self.root / "ask"
        command("cmake", "-G", "Ninja", "-S", SOURCE / "examples" / "ask", "-B", build,
                f"-DCMAKE_PREFIX_PATH={self.root / 'installed'}", "-DCMAKE_BUILD_TYPE=Release")
        command("cmake", "--build", build)
        if not ASSETS.exists():
            self.skipTest("assets/ is not there; tools/setup.sh fetches it")
        trained = run("pal-train", "--config", "configs/quickstart/smoke.yaml", "--output", self.root / "run", "--set",
                      "stages.align.steps=1", "--set", "stages.tune.steps=1")
        self.assertEqual(trained.returncode, 0, trained.stderr)
        clip = sorted((SOURCE / "assets" / "clips" / "test").rglob("*.wav"))[0]
        question = "What is this sound?"
        asked = subprocess.run([build / "ask", self.root / "run" / "final", clip, question], cwd=SOURCE, capture_output=True,
                               text=True, timeout=100, check=False)
        self.assertEqual(asked.returncode, 0, asked.stderr)
        same = run("pal-generate", "--checkpoint", self.root / "run" / "final", "--audio", clip, "--prompt", question)
        self.assertEqual(asked.stdout, same.stdout)
        wrong = subprocess.run([build / "ask"], capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))

    def test_the_installed_programs_run(self):
        program = self.root / "installed" / "bin" / "pal-inspect"
        self.assertIn("model", command(program, "--help"))

    def test_every_public_header_is_installed(self):
        def headers(root):
            return {path.relative_to(root) for path in root.rglob("*.h")}
        self.assertEqual(headers(self.root / "installed" / "include" / "pal"), headers(SOURCE / "include" / "pal"))


if __name__ == "__main__":
    unittest.main()
