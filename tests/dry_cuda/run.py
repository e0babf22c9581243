#!/usr/bin/env python3
"""Runs a program as on a machine with an H100, where there is none: tests/dry_cuda/run.py PROGRAM ARGUMENT ...

The program meets a CUDA runtime, cuBLAS, cuDNN and NCCL that compute nothing and store nothing: what it reads from the device are zeros. All else is real: what
the host does, what it launches, what it allocates and where it waits; so the peak that LibTorch's allocator tells is what a device would see. What a
device refuses (a launch that is too large, a product whose strides do not fit, waiting while a graph is recorded) is refused, and told as a fault.
Times say how long the host takes, nothing else.

Prints what was asked of the device after the program has ended; --json prints the report itself."""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
LIBRARY = pathlib.Path(os.environ.get("PAL_BIN", SOURCE / "build/release/bin")).parent / "dry_cuda" / "libcuda.so.1"


COUNTS = ("launches", "replayed", "waits", "copies")  # by name, see record.h


def environment(folder, devices):
    """What a program and those that it starts need to meet so many devices; each leaves its report in `folder`."""
    return os.environ | {"LD_PRELOAD": str(LIBRARY), "PAL_DRY_CUDA_REPORT": str(folder), "PAL_DRY_CUDA_DEVICES": str(devices), "TRITON_LIBCUDA_PATH": str(LIBRARY.parent)}


def together(reports):
    """One report of all processes; "devices": how often each launched, copied and allocated on which."""
    whole = {kind: dict(sum((collections.Counter(report[kind]) for report in reports), collections.Counter())) for kind in COUNTS}
    return whole | {"graph_launches": sum(report["graph_launches"] for report in reports), "faults": [fault for report in reports for fault in report["faults"]],
                    "devices": [report["devices"] for report in reports if report["devices"]]}


def dry_run(command, devices=1, **options):
    """The finished process, and what it and those that it started asked of the device."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(list(map(str, command)), env=environment(folder, devices), check=False, **options)
        return done, together([json.loads(file.read_text()) for file in pathlib.Path(folder).glob("*.json")])


def kernel(name):
    """A kernel's name without its types: void at::native::reduce_kernel<512, ...>(...) is at::native::reduce_kernel; of a product its function's alone."""
    name = re.sub(r"\(anonymous namespace\)::", "", name.removeprefix("void "))
    return re.split(r"[<( ]", name, maxsplit=1)[0]


def by_kernel(counts):
    """Counts of kernels whose names differ in their types, added up."""
    result = collections.Counter()
    for name, count in counts.items():
        result[kernel(name)] += count
    return result


def difference(more, less):
    """What the longer of two reports has more, each of its kinds of counts apart."""
    return {kind: {name: count - less[kind].get(name, 0) for name, count in more[kind].items() if count != less[kind].get(name, 0)}
            for kind in COUNTS}


def print_report(report):
    for kind in ("launches", "replayed", "copies", "waits"):
        counts = by_kernel(report[kind]) if kind in ("launches", "replayed") else report[kind]
        print(f"{sum(counts.values()):>9} {kind}")
        for name, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"{count:>9}   {name}")
    print(f"{report['graph_launches']:>9} graphs launched")
    for devices in report["devices"]:
        print(f"a process used {', '.join(sorted(devices))}")
    for fault in report["faults"]:
        print(f"FAULT: {fault}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the report as it is")
    parser.add_argument("--devices", type=int, default=1, help="how many there seem to be (default: 1)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a program and its arguments")
    settings = parser.parse_args()
    if not settings.command:
        parser.error("a program is missing")
    if not LIBRARY.exists():
        parser.error(f"no {LIBRARY}; build first (tools/setup.sh), with nvcc and a LibTorch that knows CUDA")
    done, report = dry_run(settings.command, settings.devices)
    if settings.json:
        print(json.dumps(report, indent=2))
    else:
        print_report(report)
    return done.returncode or (1 if report["faults"] else 0)


if __name__ == "__main__":
    sys.exit(main())
