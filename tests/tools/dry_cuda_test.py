"""What needs no GPU of what happens on one: launches, memory and waiting, by a CUDA that computes nothing (tests/dry_cuda/run.py).

Who changes what a step launches records anew: dry_cuda_test.py --record."""

import json
import pathlib
import sys
import tempfile
import unittest

from program import ASSETS, BIN, SOURCE

sys.path.insert(0, str(SOURCE / "tests" / "dry_cuda"))
from run import LIBRARY, difference, dry_run  # noqa: E402

RECORDED = pathlib.Path(__file__).with_name("dry_cuda.json")
INTEGRATIONS = ("plits", "lal", "pal")
TOKENS_OF = (1, 8)  # samples that are answered at once
SMOKE = "configs/quickstart/smoke.yaml"
ONE_B = "configs/bench/llama-3.2-1b.yaml"


def dry(program, *arguments, devices=1, timeout=600):
    return dry_run([BIN / program, *arguments], devices, cwd=SOURCE, capture_output=True, text=True, timeout=timeout)


def step(integration):
    """What one step of a small model (3 layers, bfloat16) asks of the device."""
    reports = [dry("small_step", integration, times, "cuda")[1] for times in (1, 5)]
    counts = difference(*reversed(reports))
    return {kind: {name: count / 4 for name, count in counts[kind].items()} for kind in counts}, reports[1]["faults"]


def token(samples):
    """What a graph of one more token of each answer launches, of a model of Llama-3.2-1B's shape (16 layers)."""
    done, report = dry("pal-bench", "generate", "--config", ONE_B, "--device", "cuda", "--samples", samples, "--text-tokens", 16, "--audio-tokens", 512, "--new-tokens", 12,
                       "--runs", 1, "--rounds", 1)
    launched = report["graph_launches"]
    return sum(report["replayed"].values()) / launched if launched else 0, done, report["faults"]


def summary(counts):
    products = sum(count for name, count in counts["launches"].items() if name.startswith("cublas"))
    return {"kernels": sum(counts["launches"].values()) - products, "products": products, "copies": sum(counts["copies"].values())}


class DryCuda(unittest.TestCase):
    def ended_well(self, done, report):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(report["faults"], [])

    def test_a_step_launches_as_much_as_recorded(self):
        recorded = json.loads(RECORDED.read_text())
        for integration in INTEGRATIONS:
            with self.subTest(integration=integration):
                counts, faults = step(integration)
                self.assertEqual(faults, [])
                self.assertEqual(summary(counts), recorded[integration], f"who means to change it records anew; launched were {json.dumps(counts['launches'], indent=1)}")

    def test_the_host_waits_once_a_step_and_sends_from_pinned_memory_alone(self):
        for integration in INTEGRATIONS:
            with self.subTest(integration=integration):
                counts, _ = step(integration)
                self.assertEqual(counts["waits"], {"cudaMemcpyAsync, device to pageable": 1, "cudaStreamSynchronize": 1})

    def test_a_steps_peak_is_within_a_tenth_of_what_is_predicted(self):
        shape = ["--samples", 16, "--text-tokens", 64]
        settings = ["--set", "stages.tune.clip_norm=0", "--set", "stages.tune.master_weights=false"]
        for audio in (512, 1500):
            done, report = dry("pal-bench", "--config", ONE_B, "--device", "cuda", *shape, "--audio-tokens", audio, "--steps", 1, "--rounds", 1, "--steps-only", *settings, "--json")
            self.ended_well(done, report)
            for result in json.loads(done.stdout)["results"]:
                with self.subTest(integration=result["integration"], audio=audio):
                    self.assertLess(abs(result["predicted_peak_bytes"] / result["peak_bytes"] - 1), 0.1, result)

    def test_training_waits_for_norms_and_loss_alone_also_where_clips_are_encoded_in_every_step(self):
        reports = []
        for steps in (2, 8):
            with tempfile.TemporaryDirectory() as folder:
                done, report = dry("pal-train", "--config", SMOKE, "--output", f"{folder}/run", "--device", "cuda", "--set", "model.dtype=bfloat16", "--set", "train.save_every=1000",
                                   "--set", "data.augment.gain=6", "--set", "stages.align.steps=1", "--set", f"stages.tune.steps={steps}")
            self.ended_well(done, report)
            reports.append(report)
        waits = difference(*reversed(reports))["waits"]
        self.assertEqual({name: count / 6 for name, count in waits.items()}, {"cudaMemcpyAsync, device to pageable": 2, "cudaStreamSynchronize": 2})

    def test_training_by_graphs_of_which_one_is_kept_ends_while_attention_is_watched(self):
        with tempfile.TemporaryDirectory() as folder:
            done, report = dry("pal-train", "--config", SMOKE, "--output", f"{folder}/run", "--device", "cuda", "--set", "model.dtype=bfloat16", "--set", "train.graphs.round=64",
                               "--set", "train.graphs.keep=1", "--set", "train.attention_every=1")
            self.ended_well(done, report)
            self.assertNotIn("is not known", done.stderr)
            self.assertGreater(report["graph_launches"], 0)
            self.assertTrue((pathlib.Path(folder) / "run" / "final").exists())

    def test_two_processes_exchange_by_nccl_and_end_without_a_warning(self):
        steps, processes = 24, 2
        for shard, expected in (("none", {"ncclAllReduce": 2}), ("optimizer", {"ncclAllReduce": 1, "ncclReduceScatter": 1, "ncclAllGather": 1}),
                                ("gradients", {"ncclAllReduce": 1, "ncclReduceScatter": 1, "ncclAllGather": 1})):
            with self.subTest(shard=shard), tempfile.TemporaryDirectory() as folder:
                done, report = dry("pal-train", "--config", SMOKE, "--output", f"{folder}/run", "--device", "cuda", "--nproc", processes, "--set", "model.dtype=bfloat16",
                                   "--set", f"train.shard={shard}", devices=processes)
                self.ended_well(done, report)
                self.assertNotIn("arning: WARNING", done.stderr)
                counts = {name: count / steps / processes for name, count in report["launches"].items() if name.startswith("nccl") and name != "ncclBcast"}
                self.assertEqual(counts, expected)
                self.assertEqual(sorted(map(sorted, report["devices"])), [["device 0"], ["device 1"]])

    def test_ranks_of_an_evaluation_have_a_device_each_and_share_where_there_are_fewer(self):
        with tempfile.TemporaryDirectory() as folder:
            done, report = dry("pal-train", "--config", SMOKE, "--output", f"{folder}/run", "--device", "cuda", "--set", "model.dtype=bfloat16")
            self.ended_well(done, report)
            rank = lambda local, devices, *options: dry_run(["env", "RANK=1", f"LOCAL_RANK={local}", "WORLD_SIZE=2", BIN / "pal-eval", "--checkpoint", f"{folder}/run/final", "--device", "cuda",
                                                             "--output", f"{folder}/{devices}{len(options)}", *options], devices, cwd=SOURCE, capture_output=True, text=True, timeout=600)
            generate = ["--set", "eval.protocol=generate", "--set", "eval.generate.temperature=1"]  # drawn: the largest of zeros would be the token that ends an answer
            for devices, options, expected in ((2, [], "device 1"), (2, generate, "device 1"), (1, [], "device 0")):
                with self.subTest(devices=devices, options=options):
                    done, report = rank(1, devices, *options)
                    self.ended_well(done, report)
                    self.assertEqual(list(map(sorted, report["devices"])), [[expected]])
                    self.assertEqual(report["graph_launches"] > 0, options == generate)
            for local in ("-1", "two"):
                with self.subTest(local=local):
                    done, _ = rank(local, 1)
                    self.assertEqual((done.returncode, "LOCAL_RANK: expected" in done.stderr), (2, True), done.stderr)

    def test_answers_come_by_graphs_that_launch_as_much_as_recorded(self):
        recorded = json.loads(RECORDED.read_text())
        for samples in TOKENS_OF:
            with self.subTest(samples=samples):
                launches, done, faults = token(samples)
                self.assertEqual((done.returncode, faults), (0, []), done.stderr)
                self.assertEqual(launches, recorded["token"][str(samples)])


if __name__ == "__main__":
    reason = None
    if not LIBRARY.exists():
        reason = f"no {LIBRARY}: this build has no CUDA kernels"
    elif not ASSETS.exists():
        reason = "assets/ is not there; tools/setup.sh fetches it"
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    if sys.argv[1:] == ["--record"]:
        steps = {name: step(name) for name in INTEGRATIONS}
        if any(faults for _, faults in steps.values()):
            sys.exit(f"not recorded: {[faults for _, faults in steps.values()]}")
        launches = {str(samples): token(samples)[0] for samples in TOKENS_OF}
        RECORDED.write_text(json.dumps({name: summary(counts) for name, (counts, _) in steps.items()} | {"token": launches}, indent=2) + "\n")
        sys.exit(0)
    unittest.main()
