"""docs/reproducing.md: its table is what its code prints, and its code counts what pal-bench counts."""

import json
import re
import subprocess
import sys
import unittest

from program import ASSETS, SOURCE, run

DOCUMENT = (SOURCE / "docs" / "reproducing.md").read_text()
CODE = re.search(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)[1]

LLM = "{vocab_size: 49152, hidden_size: 256, intermediate_size: 512, num_hidden_layers: 6, num_attention_heads: 4, num_key_value_heads: 2, " \
      "head_dim: 64, max_position_embeddings: 8192}"
STREAMS = "[{name: detail, encoder: sound, connector: {type: mlp}, integration: lal, layers: {from: 2}}, " \
          "{name: summary, encoder: sound, connector: {type: qformer, queries: 12}, integration: plits}]"
STAGES = "[{name: align, trainable: ['connectors.*'], steps: 2, learning_rate: 1e-3}, " \
         "{name: tune, trainable: ['connectors.*', 'llm.*'], steps: 2, learning_rate: 1e-4}]"
SMALL = {"D": 256, "LAYERS": 6, "FFN": 512, "KV": 128, "VOCAB": 49152, "ENCODER": 1024, "FIRST": 2, "TEXT": 24, "TARGETS": 23, "AUDIO": 60, "SUMMARY": 12}


class Reproducing(unittest.TestCase):
    def test_the_table_is_what_the_code_prints(self):
        printed = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
        self.assertEqual(len(printed.splitlines()), 3)
        self.assertIn(printed, DOCUMENT)

    @unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
    def test_the_code_counts_what_pal_bench_counts(self):
        estimate = {}
        exec(CODE, estimate)
        estimate.update(SMALL)
        for stage in ("align", "tune"):
            result = run("pal-bench", "--config", "configs/bench/smollm2-135m.yaml", "--set", f"model.llm.random={LLM}", "--set", f"model.streams={STREAMS}",
                         "--set", f"stages={STAGES}", "--stage", stage, "--samples", 2, "--text-tokens", 24, "--audio-tokens", 60, "--steps", 1,
                         "--rounds", 1, "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            for counted in json.loads(result.stdout)["results"]:
                name = counted["integration"].upper()
                expected = 2 * (estimate["decoder"](*estimate["rows_and_audio"](name), stage) + estimate["connectors"](name))
                self.assertEqual(counted["model_flops"], expected, (stage, name))


if __name__ == "__main__":
    unittest.main()
