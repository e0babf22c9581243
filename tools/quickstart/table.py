"""Prints the quickstart's table: held-out accuracy, the same checkpoint with its audio withheld, chance, and a paired test.

    python3 tools/quickstart/table.py RUN...     (folders with eval/results.json and eval-withheld/results.json)
"""

import json
import math
import pathlib
import sys

NOTE = """
Held-out clips are those of one whole package (Debian scratch) of which nothing was trained on; p: exact McNemar test of the
same clips with and without audio, two-sided. What these numbers can show: the whole pipeline runs on real weights and real
recordings, and the answers come from the audio. What they cannot: the paper's figures, or a ranking of integrations; the data
set is small (120 clips to train, {n} to test), its classes come from file names, and the intervals are wide.
Predictions, decoding settings and the checkpoint's hash: {places}"""


def mcnemar(with_audio: dict[str, bool], without: dict[str, bool]) -> float:
    """Two-sided exact p-value over the clips that only one of the two answered rightly."""
    if with_audio.keys() != without.keys():
        raise SystemExit("table: the two evaluations scored different clips; delete both and start again")
    gained = sum(with_audio[key] and not without[key] for key in with_audio)
    lost = sum(without[key] and not with_audio[key] for key in with_audio)
    tail = sum(math.comb(gained + lost, k) for k in range(min(gained, lost) + 1)) / 2 ** (gained + lost)
    return min(1.0, 2 * tail)


def correct(results: dict) -> dict[str, bool]:
    return {one["id"]: one["correct"] for one in results["predictions"]}


def percent(score: dict) -> str:
    return f"{100 * score['score']:.0f} % [{100 * score['low']:.0f}, {100 * score['high']:.0f}]"


def main() -> None:
    rows, n = [], 0
    for run in map(pathlib.Path, sys.argv[1:]):
        heard, withheld = (json.loads((run / name / "results.json").read_text()) for name in ("eval", "eval-withheld"))
        seconds = sum(map(int, (run / "train_seconds").read_text().split()))
        n = heard["score"]["n"]
        answers = heard["settings"]["decoding"]["answers"]
        rows.append((run.name, percent(heard["score"]), percent(withheld["score"]), f"{100 / len(answers):.0f} %",
                     f"{mcnemar(correct(heard), correct(withheld)):.2g}", f"{seconds // 60} min {seconds % 60} s"))
    header = ("integration", "held-out accuracy", "audio withheld", "chance", "p", "training")
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    print()
    for row in [header, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print(NOTE.format(n=n, places=" ".join(f"{run}/eval/results.json" for run in sys.argv[1:])))


if __name__ == "__main__":
    main()
