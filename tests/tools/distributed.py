"""Runs of several processes for the tests."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from program import BIN, SOURCE, run

SMOKE = "configs/quickstart/smoke.yaml"
SHORT = ["--set", "stages.align.steps=4", "--set", "stages.tune.steps=4", "--set", "train.save_every=2", "--threads", "1", "--timeout", "60"]

# Small enough for hundreds of steps in float64 of several processes on few cores.
SMALL = ["--set", "model.llm.random.hidden_size=32", "--set", "model.llm.random.intermediate_size=64", "--set", "model.llm.random.num_attention_heads=2",
         "--set", "model.llm.random.num_key_value_heads=1", "--set", "model.backend=naive", "--set", "train.save_every=0", "--threads", "1"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Ranks:
    """Processes of one run, each started as a launcher would; what was written to stderr is in files."""

    def __init__(self, processes, folder, *arguments):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.errors = [folder / f"rank-{rank}.err" for rank in range(processes)]
        port = free_port()
        self.processes = []
        for rank, error in enumerate(self.errors):
            variables = {"RANK": rank, "WORLD_SIZE": processes, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            with error.open("w") as out:
                self.processes.append(subprocess.Popen([BIN / "pal-train", *map(str, arguments)], cwd=SOURCE, stdout=subprocess.DEVNULL, stderr=out,
                                                       env={**os.environ, **{name: str(value) for name, value in variables.items()}}))

    def kill(self, rank, number=signal.SIGKILL):
        self.processes[rank].send_signal(number)

    def wait_for_step(self, output, step, timeout=120):
        deadline = time.monotonic() + timeout
        while len(log_of(output)) < step:
            time.sleep(0.01)
            assert time.monotonic() < deadline and all(process.poll() is None for process in self.processes), self.all_errors()

    def wait(self, timeout=120):
        """The exit codes, in the order of ranks. Whoever does not end is killed."""
        try:
            return [process.wait(timeout) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()
                process.wait()

    def error(self, rank):
        return self.errors[rank].read_text()

    def all_errors(self):
        return "\n".join(f"--- {rank}\n{self.error(rank)}" for rank in range(len(self.errors)))


def log_of(output):
    """The steps of a run; none where it has not begun. A line that is being written is not there yet."""
    file = pathlib.Path(output) / "log.jsonl"
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def losses_of(output):
    return [step["loss"] for step in log_of(output)]


class Compared(unittest.TestCase):
    """Tests that compare runs of several numbers of processes."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def train(self, name, processes, *settings):
        result = run("pal-train", "--config", SMOKE, "--output", self.root / name, "--nproc", processes, *settings, timeout=500)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.root / name

    def compare_logs(self, one, several, tolerance):
        for expected, got in zip(log_of(one), log_of(several), strict=True):
            for key in ("step", "samples", "target_tokens", "text_tokens"):
                self.assertEqual(got[key], expected[key], f"step {got['step']} of {several.name}")
            for key in ("loss", "gradient_norm"):
                self.assertAlmostEqual(got[key], expected[key], delta=tolerance * max(1.0, abs(expected[key])), msg=f"{key} of step {got['step']} of {several.name}")
