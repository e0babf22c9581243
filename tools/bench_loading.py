#!/usr/bin/env python3
"""What loading a large LLM costs beside reading its files: makes a sharded bfloat16 folder of Llama-3.2-3B's shape with random
weights, and then, in turns, `cat`s its files and loads them with `pal-bench load`, each time from a cold page cache.

Two bounds are checked (exit code 1 where one does not hold):
  time    the median load takes at most 1.3 times the median `cat`
  memory  the most that a load holds at any moment beyond what the program starts with, mapped files included, stays under the
          weights and one shard

The folder is removed at the end. Needs Linux, `fincore` (util-linux) and pal's programs."""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

TIME_BOUND = 1.3
BYTES = 2  # of a bfloat16
BLOCK = 64 << 20
MIB = 1 << 20


def fail(message):
    print(f"bench_loading: error: {message}", file=sys.stderr)
    sys.exit(2)


def llama_config(a):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16", "vocab_size": a.vocab,
            "hidden_size": a.hidden, "intermediate_size": a.ffn, "num_hidden_layers": a.layers, "num_attention_heads": a.heads,
            "num_key_value_heads": a.kv_heads, "head_dim": a.head_dim, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
            "max_position_embeddings": 131072, "rope_theta": 500000.0, "hidden_act": "silu", "attention_bias": False,
            "mlp_bias": False}


def llama_tensors(a):
    """(name, shape) in the order in which Hugging Face fills shards."""
    yield "model.embed_tokens.weight", [a.vocab, a.hidden]
    queries, keys = a.heads * a.head_dim, a.kv_heads * a.head_dim
    for layer in range(a.layers):
        for name, shape in [("input_layernorm", [a.hidden]), ("mlp.down_proj", [a.hidden, a.ffn]), ("mlp.gate_proj", [a.ffn, a.hidden]),
                            ("mlp.up_proj", [a.ffn, a.hidden]), ("post_attention_layernorm", [a.hidden]),
                            ("self_attn.k_proj", [keys, a.hidden]), ("self_attn.o_proj", [a.hidden, queries]),
                            ("self_attn.q_proj", [queries, a.hidden]), ("self_attn.v_proj", [keys, a.hidden])]:
            yield f"model.layers.{layer}.{name}.weight", shape
    yield "model.norm.weight", [a.hidden]


def size_of(shape):
    size = BYTES
    for dimension in shape:
        size *= dimension
    return size


def into_shards(tensors, most):
    shards, used = [[]], 0
    for name, shape in tensors:
        if shards[-1] and used + size_of(shape) > most:
            shards.append([])
            used = 0
        shards[-1].append((name, shape))
        used += size_of(shape)
    return shards


def random_block():
    """Bfloat16 numbers of either sign from 2^-9 to 2^-6: as small as weights are, and never NaN."""
    block = bytearray(os.urandom(BLOCK))
    high = bytes((value & 0x80) | 0x3B + (value & 1) for value in range(256))
    block[1::2] = block[1::2].translate(high)
    return memoryview(bytes(block))


def write_shard(path, tensors, block):
    header, position = {"__metadata__": {"format": "pt"}}, 0
    tensors = sorted(tensors)  # as safetensors lays them out
    for name, shape in tensors:
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [position, position + size_of(shape)]}
        position += size_of(shape)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        while position > 0:
            position -= out.write(block[:min(position, BLOCK)])
        out.flush()
        os.fsync(out.fileno())


def make_folder(folder, a):
    tensors = list(llama_tensors(a))
    total = sum(size_of(shape) for _, shape in tensors)
    if shutil.disk_usage(folder).free < total + (1 << 30):
        fail(f"{folder}: {total / 1e9:.1f} GB and 1 GB to spare are needed; choose another --folder, or set TMPDIR")
    shards, block, places, paths = into_shards(tensors, a.shard_mb * 10**6), random_block(), {}, []
    for number, shard in enumerate(shards, 1):
        paths.append(folder / f"model-{number:05}-of-{len(shards):05}.safetensors")
        write_shard(paths[-1], shard, block)
        places.update({name: paths[-1].name for name, _ in shard})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}))
    (folder / "config.json").write_text(json.dumps(llama_config(a)))
    return paths


def make_cold(paths):
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    words = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", *paths], capture_output=True, text=True,
                           check=True).stdout.split()
    if any(word != "0" for word in words):
        fail(f"the page cache still holds {' + '.join(words)} bytes of the files; does something else read them?")


def timed(command, **options):
    start = time.monotonic()
    done = subprocess.run(command, check=False, **options)
    seconds = time.monotonic() - start
    if done.returncode != 0:
        fail(f"{command[0]} ended with exit code {done.returncode}: {done.stderr.decode(errors='replace')}")
    return seconds, done.stdout


def measure(folder, paths, program, a):
    rounds = []
    for number in range(a.rounds):
        make_cold(paths)
        cat, _ = timed(["cat", *paths], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        make_cold(paths)
        process, out = timed([program, "load", "--llm", folder, "--dtype", a.dtype, "--json"], capture_output=True)
        rounds.append({"cat_seconds": cat, "process_seconds": process, "load": json.loads(out), "load_average": os.getloadavg()[0]})
        print(f"round {number + 1} of {a.rounds}", file=sys.stderr)
    return rounds


def summary(rounds, paths):
    cat = statistics.median(r["cat_seconds"] for r in rounds)
    each = [r["load"]["seconds"] / r["cat_seconds"] for r in rounds]
    ratio = statistics.median(r["load"]["seconds"] for r in rounds) / cat
    weights, shard = rounds[0]["load"]["weight_bytes"], max(path.stat().st_size for path in paths)
    peak = max(r["load"]["peak_bytes"] for r in rounds)
    return {"ratio": ratio, "ratio_min": min(each), "ratio_max": max(each), "ratio_bound": TIME_BOUND,
            "ratio_of_whole_process": statistics.median(r["process_seconds"] for r in rounds) / cat,
            "weight_bytes": weights, "largest_shard_bytes": shard, "peak_bytes": peak, "peak_bound": weights + shard,
            "time_holds": ratio <= TIME_BOUND, "memory_holds": peak < weights + shard}


def print_table(rounds, s, paths):
    total = sum(path.stat().st_size for path in paths)
    print(f"{len(paths)} shards, {total / 1e9:.2f} GB, the largest {s['largest_shard_bytes'] / 1e9:.2f} GB; {os.cpu_count()} CPUs")
    print(f"{'round':>5} {'cat s':>8} {'load s':>8} {'process s':>10} {'load/cat':>9} {'peak MiB':>10} {'own MiB':>10} {'mapped MiB':>11} {'load avg':>9}")
    for number, r in enumerate(rounds, 1):
        load = r["load"]
        print(f"{number:>5} {r['cat_seconds']:>8.2f} {load['seconds']:>8.2f} {r['process_seconds']:>10.2f} "
              f"{load['seconds'] / r['cat_seconds']:>9.2f} {load['peak_bytes'] / MIB:>10.0f} {load['anonymous_bytes'] / MIB:>10.0f} "
              f"{load['file_bytes'] / MIB:>11.0f} {r['load_average']:>9.1f}")
    print(f"time: load / cat, of medians {s['ratio']:.2f} (rounds {s['ratio_min']:.2f} to {s['ratio_max']:.2f}); bound {TIME_BOUND}: "
          f"{'holds' if s['time_holds'] else 'DOES NOT HOLD'}; the whole process / cat {s['ratio_of_whole_process']:.2f}")
    print(f"host memory: peak {s['peak_bytes'] / MIB:.0f} MiB; bound {s['peak_bound'] / MIB:.0f} MiB (weights {s['weight_bytes'] / MIB:.0f} and "
          f"one shard {s['largest_shard_bytes'] / MIB:.0f}): {'holds' if s['memory_holds'] else 'DOES NOT HOLD'}")
    print("peak: the most resident at once beyond the start, of its own and mapped files; own, mapped: at the end")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "build/release/bin",
                        help="folder of pal-bench (default: build/release/bin)")
    parser.add_argument("--folder", type=pathlib.Path, help="where the files are made, in a folder of their own (default: TMPDIR or /tmp)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of cat and load (default 5)")
    parser.add_argument("--dtype", default="bfloat16", help="what is loaded into (default bfloat16)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    shape = parser.add_argument_group("shape (default: Llama-3.2-3B)")
    for name, value in {"hidden": 3072, "layers": 28, "heads": 24, "kv-heads": 8, "head-dim": 128, "ffn": 8192, "vocab": 128256,
                        "shard-mb": 4900}.items():
        shape.add_argument(f"--{name}", type=int, default=value, help=f"default {value}")
    a = parser.parse_args()
    if min(a.rounds, a.hidden, a.layers, a.heads, a.kv_heads, a.head_dim, a.ffn, a.vocab, a.shard_mb) < 1:
        fail("numbers must be at least 1")
    return a


def main():
    a = arguments()
    program = a.bin / "pal-bench"
    if not program.exists():
        fail(f"{program}: is missing; tools/setup.sh builds it, --bin names another folder")
    if shutil.which("fincore") is None:
        fail("fincore is missing; it is part of util-linux")
    with tempfile.TemporaryDirectory(prefix="pal-loading-", dir=a.folder) as name:
        folder = pathlib.Path(name)
        paths = make_folder(folder, a)
        rounds = measure(folder, paths, program, a)
        result = summary(rounds, paths)
        if a.json:
            print(json.dumps({"summary": result, "rounds": rounds, "shards": [path.stat().st_size for path in paths]}))
        else:
            print_table(rounds, result, paths)
    sys.exit(0 if result["time_holds"] and result["memory_holds"] else 1)


if __name__ == "__main__":
    main()
