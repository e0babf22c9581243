"""Trains the quickstart's model for so many minutes (--minutes, 30), and prints how memory and throughput went; fails where memory grows.

Throughput is that of whole epochs, each of which is the same work in another order. It is printed and not asserted: it is the machine's, and whatever else
runs there, which only makes epochs slower; so the fastest of each half are compared, too."""

import argparse
import pathlib
import signal
import statistics
import sys
import tempfile
import time

from distributed import log_of
from program import ASSETS, SOURCE, start

PARTS = 6
MOST_GROWTH = 1.05  # of the last part's memory by the second's; the first has caches that fill
CONFIG = "configs/quickstart/pal.yaml"
CLIPS = "assets/clips/train.jsonl"  # what it trains on


def train(output, minutes, settings):
    process = start("pal-train", "--config", CONFIG, "--output", output, "--set", "stages.align.steps=40", "--set", "stages.tune.steps=1000000",
                    "--set", "train.save_every=100", *settings)
    deadline = time.monotonic() + 60 * minutes
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(1)
    process.send_signal(signal.SIGTERM)
    error = process.communicate()[1]
    if process.returncode != 143:
        sys.exit(f"pal-train ended with {process.returncode}:\n{error}")


def report_epochs(steps):
    """steps: of one stage, from its first."""
    samples = len((SOURCE / CLIPS).read_text(encoding="utf-8").splitlines())
    length = samples // steps[0]["samples"]
    seconds = [sum(step["seconds"] for step in steps[i:i + length]) for i in range(0, len(steps) - length + 1, length)]
    print(f"{len(seconds)} epochs of {length} steps, seconds: {' '.join(f'{s:.1f}' for s in seconds)}")
    first, second = seconds[:len(seconds) // 2], seconds[(len(seconds) + 1) // 2:]
    if first:
        print(f"samples/s of the first half {samples / statistics.mean(first):.3f}, of the second {samples / statistics.mean(second):.3f}; of the fastest epoch of each "
              f"{samples / min(first):.3f}, {samples / min(second):.3f}")


def report(steps):
    steps = [step for step in steps if step["stage"] == "tune"]
    parts = [steps[i * len(steps) // PARTS:(i + 1) * len(steps) // PARTS] for i in range(PARTS)]
    memory = [statistics.median(step["resident_bytes"] for step in part) for part in parts]
    print(f"{len(steps)} steps of stage tune, {sum(step['seconds'] for step in steps) / 60:.1f} min; a sixth each:")
    for part, resident in zip(parts, memory):
        print(f"  steps {part[0]['step']:5} to {part[-1]['step']:5}: {resident / 2**20:8.1f} MiB, {statistics.median(step['samples_per_second'] for step in part):6.3f} samples/s, "
              f"loss {statistics.mean(step['loss'] for step in part):.4f}")
    print(f"memory of the last by the second: {memory[-1] / memory[1]:.4f}")
    report_epochs(steps)
    return memory[-1] <= MOST_GROWTH * memory[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=30, help="default: %(default)s")
    parser.add_argument("settings", nargs="*", help="further options of pal-train, after --")
    options = parser.parse_args()
    if not ASSETS.exists():
        print("skipped: assets/ is not there; tools/setup.sh fetches it")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "run"
        train(output, options.minutes, options.settings)
        sys.exit(0 if report(log_of(output)) else 1)


if __name__ == "__main__":
    main()
