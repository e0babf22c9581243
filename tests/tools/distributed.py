"""Runs of several processes for the tests."""

import json
import os
import pathlib
import signal
import socket
import subprocess

from program import BIN, SOURCE

SMOKE = "configs/quickstart/smoke.yaml"
SHORT = ["--set", "stages.align.steps=4", "--set", "stages.tune.steps=4", "--set", "train.save_every=2", "--threads", "1", "--timeout", "60"]


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
    """The steps of a run; none where it has not begun."""
    file = pathlib.Path(output) / "log.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def losses_of(output):
    return [step["loss"] for step in log_of(output)]
