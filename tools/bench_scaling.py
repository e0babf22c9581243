#!/usr/bin/env python3
"""How a training step scales with the number of processes: one model of it, its predictions for GPU clusters, and with --measure its prediction for this machine
beside what 1, 2 and 4 processes take here (docs/scaling.md).

    step      = compute + repeated + exposed sums + weights
    repeated  = what every process does alike, the optimizer above all
    sums      = bytes of the gradients' exchange / bandwidth + exchanges * latency; on GPUs they run while the backward does, which is two thirds of the compute
    exposed   = what of the sums is left when the backward is done; on CPUs all, since the cores that compute also move the bytes
    weights   = bytes of the all-gather / bandwidth, sharded only, after the step

The bytes are `pal-inspect model`'s. --measure needs a Python with torch, whose own Gloo gives bandwidth and latency of this machine: tools/setup.sh --tests makes one."""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ.get("PAL_BIN", ROOT / "build/release/bin"))
BUCKET = 25 << 20
PEAK, SHARE = 989e12, 0.4     # H100 SXM, dense bfloat16, as published; the part of it that compute is assumed to reach
NVLINK = 0.8 * 450e9          # bytes/s each way of a GPU; 80 % of what is published
LATENCY = 10e-6               # of one hop of a tree, a guess
PAIRS = 16                    # of audio and text, a GPU a step
ROWS = {"PLITS": 108 + 512, "LAL": 108, "PAL": 108 + 32}  # of a pair; the audio's keys and values of LAL layers are not counted
NETWORKS = {"8 x 400 Gb/s a node": 0.8 * 8 * 50e9, "1 x 100 Gb/s a node": 0.8 * 12.5e9}
SHAPES = {
    "Llama-3.2-1B": ["--config", "configs/bench/llama-3.2-1b.yaml"],
    "Llama-3.2-3B": ["--config", "configs/bench/llama-3.2-3b.yaml"],
    "Qwen2.5-7B": ["--config", "configs/bench/llama-3.2-3b.yaml", "--set",
                   "model.llm.random={vocab_size: 152064, hidden_size: 3584, intermediate_size: 18944, num_hidden_layers: 28, num_attention_heads: 28, num_key_value_heads: 4, "
                   "head_dim: 128, max_position_embeddings: 8192, tie_word_embeddings: false}"],
}
PROCESSES = (8, 16, 64, 256, 1024)


@dataclasses.dataclass
class Step:
    compute: float       # s, of one process
    gradients: float     # bytes that a process sends for their sums
    weights: float = 0   # and for the all-gather
    repeated: float = 0  # s
    hides: float = 2 / 3  # the part of the compute that sums run beside

    def seconds(self, bandwidth, exchanges, latency):
        sums = self.gradients / bandwidth + exchanges * latency
        return self.compute + self.repeated + max(0.0, sums - self.hides * self.compute) + self.weights / bandwidth


def inspected(processes, *settings):
    """The last stage, as pal-inspect has it. settings: --config and what more it takes."""
    command = [BIN / "pal-inspect", "model", "--json", "--processes", str(processes), *settings]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)["stages"][-1]


def predict():
    """Weak scaling: every GPU has PAIRS pairs a step, however many there are."""
    print("What a GPU sends in a step of full fine-tuning in bfloat16 (MiB), by train.shard; `gradients` with accumulate: 4\n")
    print("| shape | GPUs | none | optimizer | gradients |\n|---|---|---|---|---|")
    for name, settings in SHAPES.items():
        for processes in (8, 1024):
            sent = [inspected(processes, *settings, "--set", f"train.shard={shard}", *accumulate)["sent_bytes_per_step"] / 2**20
                    for shard, accumulate in (("none", []), ("optimizer", []), ("gradients", ["--set", "stages.tune.accumulate=4"]))]
            print(f"| {name} | {processes} | " + " | ".join(f"{mib:,.0f}" for mib in sent) + " |")
    print(f"\nPredicted efficiency, of GPUs that need not wait for each other: {PAIRS} pairs a GPU a step at {SHARE:.0%} of the peak, Llama-3.2-3B's shape\n")
    print("| network | shard | integration | " + " | ".join(f"{n} GPUs" for n in PROCESSES) + " |")
    print("|---" * (3 + len(PROCESSES)) + "|")
    gradients = inspected(1, *SHAPES["Llama-3.2-3B"])["gradient_bytes"]
    for network, between in NETWORKS.items():
        for shard in ("none", "optimizer"):
            for integration, rows in ROWS.items():
                compute = PAIRS * rows * 8 * gradients / 2 / (PEAK * SHARE)  # 6 forward and backward, 2 for activations that are computed again
                cells = [efficiency(compute, gradients, shard, n, between) for n in PROCESSES]
                print(f"| {network} | {shard} | {integration} | " + " | ".join(f"{cell:.0%}" for cell in cells) + " |")


def efficiency(compute, gradients, shard, processes, between):
    ring = gradients * (processes - 1) / processes
    step = Step(compute, ring, ring) if shard == "optimizer" else Step(compute, 2 * ring)
    bandwidth = NVLINK if processes <= 8 else min(NVLINK, between)
    return compute / step.seconds(bandwidth, gradients / BUCKET, 2 * math.ceil(math.log2(processes)) * LATENCY)


EXCHANGE = """
import sys, time, torch, torch.distributed as d
d.init_process_group("gloo")
torch.set_num_threads(1)
def seconds(bytes, times):
    t = torch.zeros(bytes // 4)
    d.all_reduce(t)
    d.barrier()
    begin = time.perf_counter()
    for _ in range(times): d.all_reduce(t)
    return (time.perf_counter() - begin) / times
small, large = seconds(4096, 50), seconds(25 << 20, 8)
if d.get_rank() == 0: print(small, large, flush=True)
d.barrier()
d.destroy_process_group()
"""


def exchange(python, processes):
    """Seconds of a small all-reduce, and bytes/s that a process sends in one of a bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [subprocess.Popen([python, "-c", EXCHANGE], stdout=subprocess.PIPE, text=True, env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1",
                                                                                             "MASTER_PORT": str(port)}) for rank in range(processes)]
    told = [process.communicate()[0] for process in started][0]
    small, large = map(float, told.split())
    return small, 2 * (processes - 1) / processes * BUCKET / (large - small)


def seconds_of_a_step(config, processes, samples, runs=1):
    """The median, of so many runs at once that know nothing of each other."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = [pathlib.Path(folder) / str(i) for i in range(runs)]
        started = [subprocess.Popen([BIN / "pal-train", "--config", config, "--output", output, "--nproc", str(processes), "--threads", "1", "--set", "stages.tune.steps=8", "--set",
                                     "train.save_every=0", "--set", "train.attention_every=0", "--set", f"stages.tune.batch_size={samples}"],
                                    cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for output in outputs]
        for run in started:
            error = run.communicate()[1]
            if run.returncode != 0:
                raise SystemExit(error)
        lines = [line for output in outputs for line in (output / "log.jsonl").read_text().splitlines()[2:]]
    return statistics.median(json.loads(line)["seconds"] for line in lines)


def measure(python, rounds):
    """Strong scaling: a step's 8 samples are divided. Processes beyond the cores share them."""
    config, cores = "configs/bench/smollm2-135m.yaml", os.cpu_count()
    gradients = inspected(1, "--config", config)["gradient_bytes"]
    print(f"SmolLM2-135M's shape, float32, PAL, 8 samples a step, one thread a process, {cores} cores; medians of {rounds} rounds\n")
    alone = statistics.median(seconds_of_a_step(config, 1, 8) for _ in range(rounds))
    # As many at once as there are cores: they share the memory's bandwidth, as the processes of one run do, too.
    whole, half = (statistics.median(seconds_of_a_step(config, 1, samples, runs=cores) for _ in range(rounds)) for samples in (8, 4))
    repeated = max(0.0, 2 * half - whole)  # what does not depend on the number of samples
    print(f"One process: {alone:.2f} s with 8 samples. {cores} runs at once, of one process each: {whole:.2f} s with 8 samples and {half:.2f} s with 4, so {repeated:.2f} s are repeated by every process\n")
    print("| processes | small all-reduce | sends in a bucket's | predicted step | measured step | measured / predicted |")
    print("|---|---|---|---|---|---|")
    for n in (2, 4):
        seconds = statistics.median(seconds_of_a_step(config, n, 8) for _ in range(rounds))
        small, bandwidth = (statistics.median(of) for of in zip(*(exchange(python, n) for _ in range(rounds))))
        step = Step((whole - repeated) / min(n, cores), 2 * gradients * (n - 1) / n, repeated=repeated * max(1, n / cores), hides=0)
        predicted = step.seconds(bandwidth, math.ceil(gradients / BUCKET), small)
        print(f"| {n} | {small * 1e3:.1f} ms | {bandwidth / 1e6:,.0f} MB/s | {predicted:.2f} s | {seconds:.2f} s | {seconds / predicted:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--measure", action="store_true", help="on this machine, instead of predictions for clusters")
    parser.add_argument("--python", help="a Python with torch, for --measure (default: this one's)")
    parser.add_argument("--rounds", type=int, default=3, help="of measuring (default: %(default)s)")
    options = parser.parse_args()
    measure(options.python or "python3", options.rounds) if options.measure else predict()


if __name__ == "__main__":
    main()
