#!/usr/bin/env python3
"""What getting samples ready costs beside the same work in Python, in one run: shards are made of a manifest, and then, in turns, one
core reads them, decodes, resamples to 16 kHz and computes the 128 log-mel features that EAT and SSLAM hear,

  pal      pal-bench data --threads 1
  python   webdataset, soundfile and torchaudio (transforms kept between samples, as a careful script would), in one process with one thread

Needs pal's programs, and a Python with webdataset, soundfile and torchaudio. Exit code 1 where pal is not twice as fast, or where the
two do not see the same number of frames."""

import argparse
import io
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

BOUND = 2.0
RATE = 16000


def fail(message):
    print(f"bench_data: error: {message}", file=sys.stderr)
    sys.exit(2)


def python_turn(shards, samples):
    import soundfile
    import torch
    import torchaudio
    import webdataset

    torch.set_num_threads(1)
    resamplers, frames, done = {}, 0, 0
    begin = time.monotonic()
    while done < samples:
        for sample in webdataset.WebDataset([str(path) for path in shards], shardshuffle=False):
            content = next(value for key, value in sample.items() if key.rpartition(".")[2] in ("wav", "flac", "ogg", "opus", "mp3"))
            wave, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
            wave = torch.from_numpy(wave).mean(1)
            if rate != RATE:
                if rate not in resamplers:
                    resamplers[rate] = torchaudio.transforms.Resample(rate, RATE)
                wave = resamplers[rate](wave)
            wave = wave - wave.mean()
            features = torchaudio.compliance.kaldi.fbank(wave[None], htk_compat=True, sample_frequency=RATE, use_energy=False,
                                                         window_type="hanning", num_mel_bins=128, dither=0.0, frame_shift=10)
            frames += features.shape[0]
            done += 1
            if done == samples:
                break
    return time.monotonic() - begin, frames


def pal_turn(program, index, samples):
    done = subprocess.run([program, "data", "--manifest", index, "--samples", str(samples), "--threads", "1", "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(done.stderr)
    result = json.loads(done.stdout)
    return result["seconds"], result["frames"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--bin", type=pathlib.Path, default=root / "build/release/bin", help="folder of pal's programs (default: build/release/bin)")
    parser.add_argument("--manifest", type=pathlib.Path, default=root / "assets/clips/train.jsonl", help="recordings, one a sample (default: assets/clips/train.jsonl)")
    parser.add_argument("--samples", type=int, default=200, help="in a turn; the shards are gone through again and again (default 200)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default 5)")
    a = parser.parse_args()
    try:
        import soundfile, torchaudio, webdataset  # noqa: F401, E401
    except ImportError as error:
        fail(f"{error}; pip install webdataset soundfile torchaudio")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "shards"
        made = subprocess.run([a.bin / "pal-data", "shard", "--manifest", a.manifest, "--out", folder, "--shard-mb", "20"], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            fail(made.stderr)
        shards = sorted(folder.glob("*.tar"))
        python_turn(shards, 5)  # imports and caches
        rounds = []
        print(f"{'round':>5} {'python s':>9} {'pal s':>8} {'python/pal':>11} {'frames':>15}")
        for number in range(1, a.rounds + 1):
            python, pal = python_turn(shards, a.samples), pal_turn(a.bin / "pal-bench", folder / "index.jsonl", a.samples)
            rounds.append((python, pal))
            print(f"{number:>5} {python[0]:>9.2f} {pal[0]:>8.2f} {python[0] / pal[0]:>11.2f} {python[1]:>7} {pal[1]:>7}", flush=True)
    ratio = statistics.median(python[0] for python, _ in rounds) / statistics.median(pal[0] for _, pal in rounds)
    # Resamplers round the last sample differently, which may make one frame more or less.
    same = all(abs(python[1] - pal[1]) <= a.samples for python, pal in rounds)
    print(f"{a.samples} samples of {len(shards)} shards: pal is {ratio:.2f} times as fast (of medians); bound {BOUND}: {'holds' if ratio >= BOUND else 'DOES NOT HOLD'}")
    if not same:
        print("the numbers of frames differ by more than one a sample")
    sys.exit(0 if ratio >= BOUND and same else 1)


if __name__ == "__main__":
    main()
