#!/usr/bin/env python3
"""Runs the fuzz targets (PAL_FUZZ_BIN, or build/fuzz/bin) from their seeds in corpus/, several at once, and prints a table.

A target that fails leaves the input under --found, which is kept; the exit code is 1 then, 77 where no targets are built."""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS_PER_INPUT = 10  # more counts as a hang; they take milliseconds
MEGABYTES = 2048  # of the process; what a reader may take for one input is far less and counted by the targets


@dataclasses.dataclass
class Result:
    target: str
    log: str
    status: int
    found: list

    def last(self, pattern: str) -> str:
        """The last place where the log has it."""
        values = re.findall(pattern, self.log, re.MULTILINE)
        return values[-1] if values else "-"

    def row(self) -> tuple:
        verdict = "nothing found" if self.status == 0 else "FAILED"
        return (self.target, self.last(r"stat::number_of_executed_units:\s*(\d+)"), self.last(r"exec/s: (\d+)"), self.last(r"\bcov: (\d+)"),
                self.last(r"\bcorp: (\d+)"), self.last(r"stat::peak_rss_mb:\s*(\d+)"), verdict)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="which, by name (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: %(default)s); 0: only the corpus")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at once (default: the cores, %(default)s)")
    parser.add_argument("--corpus", type=pathlib.Path, help="folder to go on from and keep new inputs in (default: they are forgotten)")
    parser.add_argument("--found", type=pathlib.Path, default=ROOT / "build/fuzz/found", help="folder for inputs that fail (default: %(default)s)")
    return parser.parse_args()


def targets_of(names: list, programs: pathlib.Path) -> list:
    there = sorted(path.name.removeprefix("fuzz_") for path in programs.glob("fuzz_*"))
    if not there:
        print(f"skipped: no fuzz targets in {programs}; tools/fuzz.sh builds them")
        sys.exit(77)
    if unknown := set(names) - set(there):
        sys.exit(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(there)}")
    return names or there


def run(target: str, program: pathlib.Path, options: argparse.Namespace) -> Result:
    found = options.found / target
    found.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    with tempfile.TemporaryDirectory() as forgotten:
        new = options.corpus / target if options.corpus else pathlib.Path(forgotten)
        new.mkdir(parents=True, exist_ok=True)
        limit = [f"-max_total_time={options.seconds}"] if options.seconds else ["-runs=0"]
        done = subprocess.run([program, *limit, f"-timeout={SECONDS_PER_INPUT}", f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1",
                               f"-artifact_prefix={found}/", new, HERE / "corpus" / target],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return Result(target, done.stdout, done.returncode, sorted(set(found.iterdir()) - before))


def explain(result: Result, program: pathlib.Path) -> None:
    start = max(result.log.find("ERROR:"), result.log.find("pal: "), result.log.find("terminate called"), 0)
    print(f"\n{result.target}: exit code {result.status}\n{result.log[start:][:6000]}")
    for path in result.found:
        print(f"again: {program} {path}")


def print_table(results: list) -> None:
    rows = [("target", "inputs", "inputs/s", "edges", "corpus", "peak MB", "")] + [result.row() for result in results]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) if i in (0, 6) else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def main() -> int:
    options = arguments()
    programs = pathlib.Path(os.environ.get("PAL_FUZZ_BIN", ROOT / "build/fuzz/bin"))
    targets = targets_of(options.targets, programs)
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        results = list(pool.map(lambda target: run(target, programs / f"fuzz_{target}", options), targets))
    failed = [result for result in results if result.status != 0]
    for result in failed:
        explain(result, programs / f"fuzz_{result.target}")
    print_table(results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
