#!/usr/bin/env python3
"""The figures that pal must reach on a GPU, each beside its bound, from runs of pal-bench there.

Builds and installs nothing: the programs may come from another machine (see tools/cuda_check.sh). Needs Python 3 alone; the peer
(--peer) is a Python with torch and transformers, this one by default. Prints a table last; the reports lie in --out as JSON."""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PEER_NUMERICS = ["--set", "stages.tune.clip_norm=0", "--set", "stages.tune.master_weights=false"]
MASTERS = ["--set", "stages.tune.clip_norm=0"]
ALL_KEPT = ["--set", "model.checkpoint_activations=none"]  # a step's peak is at its end, so that recomputing would cost time for nothing
FROZEN_FFN = ["--set", "stages.tune.trainable=[connectors.*, llm.layers.*.self_attn.*]"]


@dataclasses.dataclass
class Bound:
    """What the issue of a figure is held to: least or most; None: it is only reported."""

    least: float | None = None
    most: float | None = None

    def verdict(self, value):
        if self.least is None and self.most is None:
            return ""
        held = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        limit = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"
        return f"{limit}: {'held' if held else 'NOT HELD'}"


REPORTED = Bound()


@dataclasses.dataclass
class Training:
    """Steps of one shape beside the compiled peer."""

    name: str
    config: str
    options: list
    speed: dict = dataclasses.field(default_factory=dict)  # by integration: bounds of samples/s by the peer's ...
    peak: dict = dataclasses.field(default_factory=dict)  # ... of peak bytes by the peer's ...
    floor: dict = dataclasses.field(default_factory=dict)  # ... and of time by the floor's
    integrations: str = "plits,lal,pal"
    peer_modes: str = "compiled"  # none: no bound compares with the peer

    def command(self, settings):
        return ["--config", self.config, "--integrations", self.integrations, "--steps", str(settings.steps), "--rounds", str(settings.rounds), "--steps-only",
                *(["--peer", settings.peer, "--peer-modes", self.peer_modes] if self.peer_modes else []), *self.options]

    def rows(self, report):
        for result in report["results"]:
            if result["program"] != "pal":
                continue
            who = f"{self.name}: {result['integration']}"
            yield f"{who}, samples/s", result["samples_per_second"], REPORTED
            yield f"{who}, time by the floor", result["step_seconds"]["median"] / result["floor_seconds"], self.floor.get(result["integration"], REPORTED)
            if "padding_share" in result:
                yield f"{who}, rows that fill up a bucket, %", 100 * result["padding_share"], REPORTED
        for c in report["against_peer"]:
            bound = (lambda bounds: bounds.get(c["integration"], REPORTED)) if c["program"] == "peer, compiled" else (lambda bounds: REPORTED)
            yield f"{self.name}: {c['integration']}, speed by {c['program']}", c["throughput"]["median"], bound(self.speed)
            if "peak" in c:
                yield f"{self.name}: {c['integration']}, peak by {c['program']}", c["peak"], bound(self.peak)
        yield from self.lal_by_plits(report)

    def lal_by_plits(self, report):
        """What LAL saves and gains over our own PLITS."""
        own = {r["integration"]: r for r in report["results"] if r["program"] == "pal"}
        if not {"plits", "lal"} <= own.keys():
            return
        ratio = lambda key: own["lal"][key] / own["plits"][key]
        held = "Na 1500" in self.name
        key = "beyond_weights_and_optimizer_bytes"
        yield f"{self.name}: LAL by PLITS, memory beyond weights and optimizer, %", 100 * (ratio(key) - 1), Bound(most=-64.1) if held else REPORTED
        yield f"{self.name}: LAL by PLITS, throughput, %", 100 * (ratio("samples_per_second") - 1), Bound(least=247.5) if held else REPORTED


@dataclasses.dataclass
class Generation:
    """Answers of 128 tokens beside transformers' generate()."""

    samples: int
    audio_tokens: int

    @property
    def name(self):
        return f"generation, batch {self.samples}, Na {self.audio_tokens}"

    def command(self, settings):
        return ["generate", "--config", "configs/bench/llama-3.2-1b.yaml", "--samples", str(self.samples), "--text-tokens", "64", "--audio-tokens", str(self.audio_tokens),
                "--new-tokens", "128", "--runs", "1", "--rounds", "2", "--peer", settings.peer]

    def rows(self, report):
        for result in report["results"]:
            if result["program"] != "pal":
                continue
            who = f"{self.name}: {result['integration']}"
            yield f"{who}, tokens/s", result["tokens_per_second"], REPORTED
            yield f"{who}, a token by reading weights and cache once", result["token_seconds"] / result["token_floor_seconds"], Bound(most=2)
            yield f"{who}, MiB beyond the weights", result["beyond_weights_bytes"] / 2**20, REPORTED
        for c in report["against_peer"]:
            yield f"{self.name}: {c['integration']}, speed by {c['program']}", c["throughput"]["median"], Bound(least=10)


ONE_B = "configs/bench/llama-3.2-1b.yaml"
NA512 = ["--samples", "16", "--text-tokens", "64", "--audio-tokens", "512"]
NA1500 = ["--samples", "16", "--text-tokens", "64", "--audio-tokens", "1500"]
ALL = ("plits", "lal", "pal")
FASTER = {name: Bound(least=1.25) for name in ALL}
NOT_BEHIND = {name: Bound(least=1.0) for name in ALL}
FLOORS = {"plits": Bound(most=1.5), "lal": Bound(most=1.7), "pal": Bound(most=1.7)}
PEAKS = {"plits": Bound(most=0.85), "lal": Bound(most=1.0), "pal": Bound(most=1.0)}

PARTS = {
    "1b": [
        Training("1B, Na 512", ONE_B, NA512 + PEER_NUMERICS, FASTER, PEAKS, FLOORS),
        Training("1B, Na 512, fp32 masters", ONE_B, NA512 + MASTERS, {}, {}, {name: Bound(most=1.7) for name in ALL}, peer_modes=""),
    ],
    "more": [
        Training("1B, Na 512, frozen FFN", ONE_B, NA512 + PEER_NUMERICS + FROZEN_FFN, NOT_BEHIND),
        Training("1B, Na 512, steps as CUDA graphs", ONE_B, NA512 + PEER_NUMERICS + ["--graph-round", "64"], NOT_BEHIND),
        Training("1B, Na 1500", ONE_B, NA1500 + PEER_NUMERICS, NOT_BEHIND),
    ],
    "large": [
        Training("3B", "configs/bench/llama-3.2-3b.yaml", ["--samples", "8", "--text-tokens", "64", "--audio-tokens", "512"] + PEER_NUMERICS + ALL_KEPT, NOT_BEHIND),
        Training("8B", "configs/bench/llama-3.1-8b.yaml", ["--samples", "4", "--text-tokens", "64", "--audio-tokens", "512"] + PEER_NUMERICS + ALL_KEPT, NOT_BEHIND),
    ],
    "generation": [Generation(samples, tokens) for samples in (1, 32) for tokens in (512, 1500)],
}


def run(case, settings):
    """The case's report and whether all of it was measured. What pal-bench says on stderr is shown; where a contender fails, it prints those that did not."""
    command = [str(settings.bin / "pal-bench"), *case.command(settings), "--device", settings.device, "--json"]
    print(f"== {case.name}", flush=True)
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=SOURCE)
    print(f"   {time.monotonic() - begin:.0f} s", flush=True)
    if done.returncode != 0:
        print(f"   FAILED with exit code {done.returncode}: {' '.join(command)}", flush=True)
    try:
        report = json.loads(done.stdout)
    except ValueError:  # nothing, or what a killed program left
        print("   no report", flush=True)
        return None, False
    file = settings.out / (case.name.replace(" ", "-").replace(",", "") + ".json")
    file.write_text(done.stdout)
    return report, done.returncode == 0


def device_name():
    try:
        return subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "no GPU"


def print_rows(rows):
    for what, value, bound in rows:
        print(f"{what:<78} {value:>10.4g}   {bound.verdict(value)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="Example: tools/gpu_bench.py 1b; 1b takes less than 8 minutes of an H100, and so does each other part.")
    parser.add_argument("parts", nargs="+", choices=sorted(PARTS), help="which figures")
    parser.add_argument("--peer", default=sys.executable, help="a Python with torch and transformers (default: this one)")
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(os.environ.get("PAL_BIN", SOURCE / "build/release/bin")), help="folder of the programs")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("gpu_bench"), help="folder for the reports (default: gpu_bench)")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
    parser.add_argument("--steps", type=int, default=10, help="timed steps a round (default: 10)")
    parser.add_argument("--rounds", type=int, default=2, help="each contender's turns (default: 2)")
    settings = parser.parse_args()
    settings.bin, settings.out = settings.bin.resolve(), settings.out.resolve()
    if not (settings.bin / "pal-bench").exists():
        parser.error(f"no {settings.bin}/pal-bench; build first (tools/setup.sh), or name the programs' folder with --bin")
    settings.out.mkdir(parents=True, exist_ok=True)

    rows, failed = [], []
    for case in [case for part in settings.parts for case in PARTS[part]]:
        report, complete = run(case, settings)
        if not complete:
            failed.append(case.name)
        if report is not None:
            found = list(case.rows(report))
            print_rows(found)  # at once: the next case may not end in time
            rows += found
    print(f"\n{device_name()}")
    print_rows(rows)
    for name in failed:
        print(f"{name}: FAILED")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
