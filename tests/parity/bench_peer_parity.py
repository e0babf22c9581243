"""pal-bench --peer: the Python program that it compares with does the work that it says."""

import json
import pathlib
import sys
import unittest

import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tools"))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "src" / "bench"))
from program import ASSETS, run  # noqa: E402
from pytorch_peer import Lal, Plits  # noqa: E402

BENCH = ["pal-bench", "--config", "configs/quickstart/smoke.yaml", "--samples", 2, "--text-tokens", 12, "--audio-tokens", 24, "--steps", 1, "--rounds", 2]


def llama(layers):
    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=100, hidden_size=32, intermediate_size=48, num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2)
    return transformers.LlamaForCausalLM(config).double()


class Peer(unittest.TestCase):
    AUDIO, SUMMARY, TEXT = 7, 3, 5

    def setUp(self):
        torch.manual_seed(1)
        self.audio = torch.randn(2, self.AUDIO, 32, dtype=torch.float64)
        self.summary = torch.randn(2, self.SUMMARY, 32, dtype=torch.float64)
        self.tokens = torch.randint(0, 100, (2, self.TEXT))

    def losses(self, layers, heard):
        llm = llama(layers)
        rows = torch.cat([self.summary, llm.model.embed_tokens(self.tokens)], dim=1)
        labels = torch.nn.functional.pad(self.tokens, (self.SUMMARY, 0), value=-100)
        labels[:, self.SUMMARY] = -100  # in text, the first token is no target
        lal = Lal(llm, heard, self.AUDIO, self.SUMMARY + self.TEXT, self.SUMMARY)(self.audio, rows, self.tokens)
        return lal, Plits(llm)(self.audio, rows, labels), llm(inputs_embeds=rows, labels=labels).loss

    def test_lal_in_one_layer_is_plits(self):
        lal, plits, without = self.losses(layers=1, heard=[0])
        torch.testing.assert_close(lal, plits, rtol=1e-6, atol=0)  # transformers takes the loss in float32
        self.assertGreater(abs(lal - without), 1e-4)

    def test_lal_in_no_layer_is_the_llm_alone(self):
        lal, _, without = self.losses(layers=3, heard=[])
        torch.testing.assert_close(lal, without, rtol=1e-6, atol=0)


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Bench(unittest.TestCase):
    def test_each_integration_is_timed_beside_its_peer(self):
        result = run(*BENCH, "--json", "--peer", sys.executable, "--peer-modes", "eager")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual([(r["integration"], r["program"]) for r in report["results"]],
                         [(integration, program) for integration in ("plits", "lal", "pal") for program in ("pal", "peer, eager")])
        own, peer = report["results"][:2]
        ratio = report["against_peer"][0]["throughput"]
        self.assertGreater(peer["step_seconds"]["min"], 0)
        self.assertLessEqual(peer["step_seconds"]["min"] / own["step_seconds"]["max"], ratio["min"])
        self.assertLessEqual(ratio["max"], peer["step_seconds"]["max"] / own["step_seconds"]["min"])

    def test_what_is_wrong_with_the_peer_is_told(self):
        for options, words in [(["--peer", sys.executable, "--peer-modes", "fast"], ["fast", "eager, compiled"]),
                               (["--peer", "/bin/false"], ["the peer (/bin/false)", "is left out"]),
                               (["--peer", "/no/python"], ["/no/python"])]:
            with self.subTest(options=options):
                result = run(*BENCH, *options)
                self.assertEqual(result.returncode, 2, result.stderr)
                for word in words:
                    self.assertIn(word, result.stderr)

    def test_a_peer_that_fails_costs_us_no_figure(self):
        result = run(*BENCH, "--json", "--peer", "/bin/false")
        self.assertEqual(result.returncode, 2, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual([(r["integration"], r["program"]) for r in report["results"]], [(integration, "pal") for integration in ("plits", "lal", "pal")])
        self.assertEqual(report["against_peer"], [])


if __name__ == "__main__":
    unittest.main()
