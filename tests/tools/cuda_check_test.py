"""tools/cuda_check.sh where there is no GPU: it says so; and with stand-ins for the GPU and the programs: what it counts and prints."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["PAL_SOURCE_DIR"])
PASSED = "[       OK ] Attention.OnCuda (3 ms)"
FAILED = "[  FAILED  ] Attention.OnCuda (3 ms)"
SKIPPED = "[ RUN      ] Attention.OnCuda\nfile.cpp:9: Skipped\nno CUDA device\n[  SKIPPED ] Attention.OnCuda (0 ms)"


class CudaCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "bin").mkdir()
        self.program("pal-bench", "echo lal 438 samples/s")
        self.program("nn_tests", f"echo '{PASSED}'\necho '[  PASSED  ] 1 test.'")
        self.program("text_tests", "echo '[  PASSED  ] 0 tests.'")

    def program(self, name, body):
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def check(self, *arguments, gpu=True):
        if gpu:
            (self.root / "gpu").mkdir(exist_ok=True)
            (self.root / "gpu" / "nvidia-smi").write_text("#!/bin/sh\necho 'A GPU, 80 GiB, 1.0'\n")
            (self.root / "gpu" / "nvidia-smi").chmod(0o755)
        path = f"{self.root / 'gpu'}:/usr/bin:/bin"
        return subprocess.run([SOURCE / "tools" / "cuda_check.sh", *arguments], capture_output=True, text=True, timeout=100, check=False,
                              env={"PATH": path, "PAL_BIN": str(self.root / "bin")})

    def test_it_prints_a_table_of_tests_and_of_the_benchmark(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"A GPU, 80 GiB")
        self.assertRegex(result.stdout, r"nn_tests +1 +0 +0 +ok")
        self.assertNotIn("text_tests", result.stdout)  # has no test of CUDA
        self.assertIn("lal 438 samples/s", result.stdout)

    def test_a_failed_test_is_shown_and_counted(self):
        self.program("nn_tests", f"echo 'expected 1, got 2'\necho '{FAILED}'\nexit 1")
        result = self.check()
        self.assertEqual(result.returncode, 1)
        self.assertIn("expected 1, got 2", result.stdout)
        self.assertRegex(result.stdout, r"nn_tests +0 +1 +0 +FAILED \(exit code 1\)")

    def test_a_program_that_crashes_is_no_success(self):
        self.program("nn_tests", "kill -SEGV $$")
        self.assertEqual(self.check().returncode, 1)

    def test_what_is_skipped_is_no_success_and_says_why(self):
        self.program("nn_tests", f"echo '{SKIPPED}'")
        result = self.check()
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"nn_tests +0 +0 +1 +SKIPPED")
        self.assertIn("no CUDA device", result.stdout)

    def test_a_benchmark_that_fails_is_no_success(self):
        self.program("pal-bench", "exit 1")
        result = self.check()
        self.assertEqual(result.returncode, 1)
        self.assertIn("pal-bench FAILED", result.stdout)
        self.assertEqual(self.check("--tests-only").returncode, 0)

    def test_a_machine_without_a_gpu_is_told(self):
        result = self.check(gpu=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("nvidia-smi", result.stderr)

    def test_programs_that_are_not_there_are_named(self):
        (self.root / "bin" / "pal-bench").unlink()
        result = self.check()
        self.assertEqual(result.returncode, 2)
        self.assertIn("pal-bench", result.stderr)

    def test_without_any_test_of_cuda_nothing_was_shown(self):
        (self.root / "bin" / "nn_tests").unlink()
        self.assertEqual(self.check().returncode, 2)


if __name__ == "__main__":
    unittest.main()
