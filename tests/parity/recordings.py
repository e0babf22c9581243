"""What the encoders' parity tests share: recordings made on the spot, and pal-inspect run on them."""

import os
import pathlib
import subprocess
import wave

import numpy
import safetensors.torch
import torch
import torchaudio.functional

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PAL_BIN", ROOT / "build/release/bin"))
RATES = (8000, 16000, 22050, 44100, 48000)


def relative_distance(a, b):
    a, b = a.double(), b.double()
    return float((a - b).norm() / b.norm())


def recording(rate, seconds, seed):
    """A chirp in noise, as a 16-bit file holds it: [n]."""
    random = numpy.random.default_rng(seed)
    t = numpy.arange(round(rate * seconds)) / rate
    chirp = 0.3 * numpy.sin(2 * numpy.pi * (200 + 0.1 * rate * t / seconds) * t)
    return numpy.round((chirp + 0.05 * random.standard_normal(t.size)).clip(-1, 1) * 32767).astype("<i2")


def write_wav(path, samples, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def clip(folder, rate, seconds, heard_at, seed=1):
    """The path of a new recording, and its samples at `heard_at` Hz by torchaudio."""
    samples = recording(rate, seconds, seed)
    path = folder / f"clip{rate}_{seconds}.wav"
    write_wav(path, samples, rate)
    return path, torchaudio.functional.resample(torch.tensor(samples.astype("f4") / 32768), rate, heard_at)


def inspect(folder, command, *arguments):
    """pal-inspect's process (its text in stdout and stderr), and the tensors that it wrote; None where it wrote none."""
    out = folder / "out.safetensors"
    out.unlink(missing_ok=True)
    done = subprocess.run([BIN / "pal-inspect", command, *map(str, arguments), "--out", out], capture_output=True, text=True)
    return done, safetensors.torch.load_file(out) if out.exists() else None
