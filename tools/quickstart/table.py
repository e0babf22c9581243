"""Prints the quickstart's table: held-out accuracy, the same checkpoint with its audio withheld, chance, and a paired test.

    python3 tools/quickstart/table.py RUN...     (folders with eval/results.json and eval-withheld/results.json)

Runs that differ only in their seed (pal-seed1, pal-seed2) are pooled in a line of their own.
"""

import json
import pathlib
import random
import re
import sys

NOTE = """
Held-out clips are those of one whole package (Debian scratch) of which nothing was trained on. p: exact sign-flip test over clips
of the same checkpoints with and without audio, two-sided (for one run it is McNemar's); seeds are pooled clip by clip. Brackets:
95 % by resampling clips. What these numbers can show: the whole pipeline runs on real weights and real recordings, and the
answers come from the audio. What they cannot: the paper's figures, or a ranking of integrations; the data set is small (120
clips to train, {n} to test), its classes come from file names, and the intervals are wide.
Predictions, decoding settings and the checkpoint's hash: {places}"""
RESAMPLES = 10_000


class Run:
    """One checkpoint: which clips it got right, with and without their audio."""

    def __init__(self, folder: pathlib.Path):
        heard, withheld = (json.loads((folder / name / "results.json").read_text()) for name in ("eval", "eval-withheld"))
        self.name, self.integration = folder.name, re.sub(r"-seed\d+$", "", folder.name)
        self.heard, self.withheld = ({one["id"]: one["correct"] for one in result["predictions"]} for result in (heard, withheld))
        if self.heard.keys() != self.withheld.keys():
            raise SystemExit(f"table: {folder}: the two evaluations scored different clips; delete both and start again")
        self.answers = len(heard["settings"]["decoding"]["answers"])
        steps = (folder / "log.jsonl").read_text().splitlines()
        self.seconds = round(sum(json.loads(step)["seconds"] for step in steps))


def sign_flip_p(differences: list[int]) -> float:
    """Two-sided exact p-value of a sum of integers whose signs are chance: the share of all signs that reach as far."""
    sums = {0: 1}
    for difference in differences:
        new: dict[int, int] = {}
        for total, ways in sums.items():
            for value in (total + difference, total - difference):
                new[value] = new.get(value, 0) + ways
        sums = new
    reached = sum(ways for total, ways in sums.items() if abs(total) >= abs(sum(differences)))
    return reached / 2 ** len(differences)


def interval(shares: list[float]) -> tuple[float, float]:
    """95 % percentile interval of the mean, by resampling clips."""
    draw = random.Random(0)
    means = sorted(sum(draw.choices(shares, k=len(shares))) / len(shares) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]


def percent(counts: list[int], runs: int) -> str:
    shares = [count / runs for count in counts]
    low, high = interval(shares)
    return f"{100 * sum(shares) / len(shares):.1f} % [{100 * low:.0f}, {100 * high:.0f}]"


def row(name: str, runs: list[Run]) -> tuple[str, ...]:
    clips = sorted(runs[0].heard)
    if any(sorted(run.heard) != clips for run in runs):
        raise SystemExit(f"table: the runs of {name} scored different clips; delete their evaluations and start again")
    heard, withheld = ([sum(getattr(run, which)[clip] for run in runs) for clip in clips] for which in ("heard", "withheld"))
    seconds = sum(run.seconds for run in runs)
    return (name, percent(heard, len(runs)), percent(withheld, len(runs)), f"{100 / runs[0].answers:.1f} %",
            f"{sign_flip_p([a - b for a, b in zip(heard, withheld)]):.2g}", f"{seconds // 60} min {seconds % 60} s")


def main() -> None:
    runs = [Run(pathlib.Path(folder)) for folder in sys.argv[1:]]
    rows = [("integration", "held-out accuracy", "audio withheld", "chance", "p", "training steps")]
    for integration in dict.fromkeys(run.integration for run in runs):
        seeds = [run for run in runs if run.integration == integration]
        rows += [row(run.name, [run]) for run in seeds]
        if len(seeds) > 1:
            rows.append(row(f"{integration}, {len(seeds)} seeds pooled", seeds))
    widths = [max(len(one[i]) for one in rows) for i in range(len(rows[0]))]
    print()
    for one in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(one, widths)).rstrip())
    print(NOTE.format(n=len(runs[0].heard), places=" ".join(f"{run}/eval/results.json" for run in sys.argv[1:])))


if __name__ == "__main__":
    main()
