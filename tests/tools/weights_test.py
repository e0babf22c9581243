"""pal-inspect weights: what became of every tensor; and pal-bench load, what loading costs."""

import json
import pathlib
import shutil
import struct
import tempfile
import unittest

from program import ASSETS, SOURCE, run

GGUF = SOURCE / "assets" / "smollm2-135m-instruct.gguf"


def rename_tensor(path, old, new):
    """In a safetensors file; names of the same length."""
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    content[8:8 + length] = content[8:8 + length].replace(f'"{old}"'.encode(), f'"{new}"'.encode())
    path.write_bytes(content)


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Weights(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def report(self, *arguments, code=0):
        result = run("pal-inspect", "weights", *arguments, "--json")
        self.assertEqual(result.returncode, code, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["fits"], code == 0)
        return {tensor["name"]: tensor for tensor in report["tensors"]}

    def test_an_encoders_tensors_are_matched_or_skipped_with_the_reason(self):
        tensors = self.report("--encoder", "yamnet", "--weights", ASSETS)
        self.assertEqual({tensor["fate"] for tensor in tensors.values()}, {"matched", "skipped"})
        self.assertEqual(tensors["classifier.weight"]["note"], "AudioSet's classes")

    def test_what_does_not_fit_is_exit_2_with_a_table_wherever_it_is_loaded(self):
        broken = self.folder / "broken.safetensors"
        shutil.copy(ASSETS, broken)
        rename_tensor(broken, "stem.weight", "stem.wright")
        for program in (["pal-inspect", "weights", "--encoder", "yamnet", "--weights", broken],
                        ["pal-inspect", "encode", "--encoder", "yamnet", "--weights", broken, "--audio", SOURCE / "assets/clips/none.wav", "--out", self.folder / "out.safetensors"]):
            result = run(*program)
            self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
            self.assertRegex(result.stdout + result.stderr, r"missing +1  stem\.weight +\[32, 1, 3, 3\]")
            self.assertRegex(result.stdout + result.stderr, r"unexpected +1  stem\.wright +- +\[32, 1, 3, 3\] F32")
        tensors = self.report("--encoder", "yamnet", "--weights", broken, code=2)
        self.assertEqual((tensors["stem.weight"]["fate"], tensors["stem.wright"]["fate"]), ("missing", "unexpected"))

    def test_the_real_decoders_layers_share_lines(self):
        result = run("pal-inspect", "weights", "--llm", GGUF)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("blk.{0-29}.attn_q.weight", result.stdout)
        self.assertLess(len(result.stdout.splitlines()), 20)
        every = run("pal-inspect", "weights", "--llm", GGUF, "--all")
        self.assertEqual(len(every.stdout.splitlines()), 2 + len(self.report("--llm", GGUF)))

    def test_a_checkpoint_is_compared_with_the_model_of_its_config(self):
        done = run("pal-train", "--config", "configs/quickstart/smoke.yaml", "--output", self.folder / "run", "--set", "data.validation=''")
        self.assertEqual(done.returncode, 0, done.stderr)
        tensors = self.report("--checkpoint", self.folder / "run" / "final")
        self.assertTrue(all(tensor["fate"] == "matched" for tensor in tensors.values()))
        self.assertTrue(any(name.startswith("connectors.") for name in tensors))

    def test_the_cost_of_loading_is_counted(self):
        result = run("pal-bench", "load", "--llm", GGUF, "--dtype", "float32", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        cost = json.loads(result.stdout)
        self.assertGreater(cost["seconds"], 0)
        # The decoder lies in memory of its own once, and little else does.
        self.assertGreaterEqual(cost["anonymous_bytes"], 0.99 * cost["weight_bytes"])
        self.assertLess(cost["peak_bytes"], 1.5 * cost["weight_bytes"])


if __name__ == "__main__":
    unittest.main()
