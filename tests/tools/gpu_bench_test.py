"""tools/gpu_bench.py with a stand-in for pal-bench: which runs it starts, what it makes of their reports, and how it fails."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["PAL_SOURCE_DIR"])


def training_report(speed, peak, seconds=1.0):
    results = [{"integration": name, "program": "pal", "samples_per_second": rate, "step_seconds": {"median": seconds}, "floor_seconds": 0.5,
                "beyond_weights_and_optimizer_bytes": beyond} for name, rate, beyond in (("plits", 10.0, 1000), ("lal", 40.0, 300))]
    peers = [{"integration": name, "program": "peer, compiled", "throughput": {"median": speed}, "peak": peak} for name in ("plits", "lal")]
    return {"results": results, "against_peer": peers}


GENERATION = {"results": [{"integration": "plits", "program": "pal", "tokens_per_second": 300.0, "token_seconds": 0.003, "token_floor_seconds": 0.001, "beyond_weights_bytes": 2**20}],
              "against_peer": [{"integration": "plits", "program": "peer, eager", "throughput": {"median": 12.0}}]}


class GpuBench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def run_with(self, report, *arguments, code=0):
        (self.root / "report.json").write_text(json.dumps(report))
        bench = self.root / "pal-bench"
        show = f"cat {self.root}/report.json" if report is not None else ":"
        bench.write_text(f"#!/bin/sh\necho \"$@\" >> {self.root}/commands\n{show}\nexit {code}\n")
        bench.chmod(0o755)
        return subprocess.run([sys.executable, SOURCE / "tools/gpu_bench.py", *arguments, "--bin", self.root, "--out", self.root / "out", "--peer", "a-python"],
                              capture_output=True, text=True, check=False, timeout=60)

    def line(self, result, text):
        """In the table at the end; the same line is printed when its case ends, since the next one may not."""
        runs, table = result.stdout.rsplit("\n\n", 1)
        for part in (runs, table):
            self.assertEqual(len([line for line in part.splitlines() if line.startswith(text)]), 1, result.stdout)
        return next(line for line in table.splitlines() if line.startswith(text))

    def test_figures_stand_beside_their_bounds(self):
        result = self.run_with(training_report(speed=1.3, peak=0.9), "1b")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(">= 1.25: held", self.line(result, "1B, Na 512: plits, speed by peer, compiled"))
        self.assertIn("<= 0.85: NOT HELD", self.line(result, "1B, Na 512: plits, peak by peer, compiled"))
        self.assertIn("<= 1: held", self.line(result, "1B, Na 512: lal, peak by peer, compiled"))
        self.assertIn("<= 1.5: NOT HELD", self.line(result, "1B, Na 512: plits, time by the floor"))
        self.assertNotIn("held", self.line(result, "1B, Na 512: LAL by PLITS, throughput, %").lower())

    def test_lal_is_held_to_the_papers_gains_at_1500_tokens(self):
        result = self.run_with(training_report(speed=1.0, peak=1.0), "more")
        self.assertIn(">= 247.5: held", self.line(result, "1B, Na 1500: LAL by PLITS, throughput, %"))
        self.assertIn("<= -64.1: held", self.line(result, "1B, Na 1500: LAL by PLITS, memory"))

    def test_answers_are_held_to_ten_times_the_peer_and_twice_the_floor(self):
        result = self.run_with(GENERATION, "generation")
        self.assertIn(">= 10: held", self.line(result, "generation, batch 1, Na 512: plits, speed by peer, eager"))
        self.assertIn("<= 2: NOT HELD", self.line(result, "generation, batch 32, Na 1500: plits, a token by reading"))

    def test_each_run_is_told_its_shape_device_and_peer_and_its_report_is_kept(self):
        self.run_with(training_report(1.3, 0.8), "1b")
        first = (self.root / "commands").read_text().splitlines()[0]
        for part in ("--audio-tokens 512", "--device cuda", "--peer a-python", "--peer-modes compiled", "stages.tune.master_weights=false", "--json"):
            self.assertIn(part, first)
        self.assertEqual(json.loads((self.root / "out/1B-Na-512.json").read_text()), training_report(1.3, 0.8))

    def test_a_run_that_fails_is_named_and_the_others_go_on(self):
        result = self.run_with(None, "1b", code=2)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.count("FAILED with exit code 2"), 2)
        self.assertIn("\n1B, Na 512, fp32 masters: FAILED\n", result.stdout)

    def test_what_was_measured_beside_a_peer_that_failed_is_in_the_table(self):
        report = training_report(speed=1.3, peak=0.9)
        del report["against_peer"][1]
        result = self.run_with(report, "1b", code=2)
        self.assertEqual(result.returncode, 1)
        self.assertIn(">= 1.25: held", self.line(result, "1B, Na 512: plits, speed by peer, compiled"))
        self.assertIn("\n1B, Na 512: FAILED\n", result.stdout)

    def test_missing_programs_are_named(self):
        result = subprocess.run([sys.executable, SOURCE / "tools/gpu_bench.py", "1b", "--bin", self.root / "nothing"], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("build first", result.stderr)


if __name__ == "__main__":
    unittest.main()
