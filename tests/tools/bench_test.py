"""pal-bench and pal-inspect model: what they print, and that the two agree."""

import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree

from program import ASSETS, run

SMOKE = "configs/quickstart/smoke.yaml"
STREAM = "model.streams=[{name: detail, encoder: sound, connector: {type: mlp, hidden: 1152}, integration: INTEGRATION}]"  # as pal-bench makes it of SMOKE's
LAL = "lal, layers: {from: 4}"
BATCH = ["--samples", 2, "--text-tokens", 20, "--audio-tokens", 60, "--steps", 2, "--rounds", 2]


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        result = run("pal-bench", "--config", SMOKE, "--integrations", "plits,lal,pal", "--json", *BATCH)
        assert result.returncode == 0, result.stderr
        cls.report = json.loads(result.stdout)
        cls.by_name = {r["integration"]: r for r in cls.report["results"]}

    def test_each_integration_has_its_throughput_memory_and_arithmetic(self):
        self.assertEqual(list(self.by_name), ["plits", "lal", "pal"])
        for result in self.by_name.values():
            seconds = result["step_seconds"]
            self.assertTrue(0 < seconds["min"] <= seconds["median"] <= seconds["max"])
            self.assertAlmostEqual(result["samples_per_second"], 2 / seconds["median"])
            self.assertAlmostEqual(result["model_tflops_per_second"], result["model_flops"] / seconds["median"] / 1e12)
            self.assertGreater(result["peak_bytes"], result["activation_bytes"] + result["weight_bytes"])

    def test_audio_that_is_only_keys_and_values_costs_less(self):
        self.assertLess(self.by_name["lal"]["activation_bytes"], self.by_name["plits"]["activation_bytes"])
        self.assertLess(self.by_name["lal"]["model_flops"], self.by_name["pal"]["model_flops"])
        self.assertLess(self.by_name["pal"]["model_flops"], self.by_name["plits"]["model_flops"])

    def test_a_step_is_held_against_the_least_that_the_machine_could_take(self):
        peaks = self.report["peaks"]
        for result in self.by_name.values():
            floor = result["model_flops"] / peaks["flops_per_second"] + result["optimizer_traffic_bytes"] / peaks["bytes_per_second"]
            self.assertAlmostEqual(result["floor_seconds"], floor)
            self.assertGreater(result["step_seconds"]["max"], floor)
            self.assertEqual(list(result["phase_seconds"]), sorted(["connectors", "forward", "backward", "optimizer"]))
            self.assertGreater(min(result["phase_seconds"].values()), 0)
        trained = self.by_name["lal"]["weight_bytes"] - self.by_name["lal"]["optimizer_traffic_bytes"] / 7  # float32: seven numbers a parameter
        self.assertGreater(trained, 0)  # what is left is the encoder, which does not learn
        self.assertLess(trained, 20e6)

    def test_loading_and_encoding_are_timed_too(self):
        self.assertGreater(self.report["hearing_seconds"]["load"], 0)
        self.assertGreater(self.report["hearing_seconds"]["encode"], 0)

    def test_the_batch_and_what_is_trained_stand_beside_the_figures(self):
        self.assertEqual(self.report["batch"], {"samples": 2, "text_tokens": 20, "audio_tokens": 60})
        self.assertEqual((self.report["stage"], self.report["timed_steps"]), ("tune", 4))
        self.assertEqual(self.report["trainable"], ["connectors.*", "llm.*"])

    def test_the_table_gives_ratios_to_the_first(self):
        result = run("pal-bench", "--config", SMOKE, "--integrations", "lal,plits", "--stage", "align", *BATCH)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("stage 'align'", result.stdout)
        self.assertRegex(result.stdout, r"\nplits / lal: throughput \d")

    def test_steps_in_a_bucket_say_how_much_of_it_is_filling(self):
        self.assertNotIn("padding_share", self.by_name["pal"])
        result = run("pal-bench", "--config", SMOKE, "--integrations", "lal,pal", "--graph-round", 64, "--json", *BATCH)
        self.assertEqual(result.returncode, 0, result.stderr)
        lal, pal = json.loads(result.stdout)["results"]
        self.assertAlmostEqual(lal["padding_share"], 24 / 64)  # 40 of text
        self.assertAlmostEqual(pal["padding_share"], 68 / 128)  # and 20 of the summaries
        table = run("pal-bench", "--config", SMOKE, "--integrations", "lal,pal", "--graph-round", 64, *BATCH)
        self.assertIn("lal: 37.5% of the rows fill up a bucket", table.stdout)

    def test_inspect_model_states_the_same_bytes(self):
        result = run("pal-inspect", "model", "--config", SMOKE, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        stages = {stage["stage"]: stage for stage in json.loads(result.stdout)["stages"]}
        self.assertEqual(stages["tune"]["weight_bytes"], self.by_name["pal"]["weight_bytes"])
        steps = 8 * 100  # the optimizer's step counts, one a tensor
        self.assertLessEqual(abs(stages["tune"]["optimizer_bytes"] - self.by_name["pal"]["optimizer_bytes"]), steps)
        self.assertLess(stages["align"]["optimizer_bytes"], stages["tune"]["optimizer_bytes"])

    def test_inspect_model_predicts_the_peak(self):
        for integration, tokens in (("pal", "60,10"), ("plits", "60"), ("lal", "60")):
            streams = [] if integration == "pal" else ["--set", STREAM.replace("INTEGRATION", LAL if integration == "lal" else "plits")]
            result = run("pal-inspect", "model", "--config", SMOKE, "--samples", 2, "--text-tokens", 20, "--stream-tokens", tokens, "--device", "cpu", *streams, "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            predicted = json.loads(result.stdout)["stages"][1]
            for key in ("peak_bytes", "beyond_weights_and_optimizer_bytes", "activation_bytes"):
                self.assertAlmostEqual(predicted[key] / self.by_name[integration][key], 1, delta=0.1, msg=f"{integration}: {key}")
            self.assertLess(predicted["kept_bytes"], predicted["activation_bytes"])
            self.assertIn(predicted["peak_phase"], ("forward", "backward", "optimizer"))

    def test_wrong_input_is_refused(self):
        for arguments, words in [
            (["--integrations", "plits,lall"], ["lall", "plits, lal or pal"]),
            (["--stage", "tuna"], ["tuna", "align, tune"]),
            (["--samples", "0"], ["0 samples"]),
            (["--audio-tokens", "9999"], ["2048"]),
            (["--rounds", "0"], ["--rounds"]),
            (["--config", "configs/quickstart/lal.yaml"], ["not those of PAL"]),
            (["--set", "stages=[]"], ["no stages"]),
        ]:
            base = [] if "--config" in arguments else ["--config", SMOKE]
            result = run("pal-bench", *base, *arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), f"{arguments}: {result.stderr}")
            for word in words:
                self.assertIn(word, result.stderr)


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Generate(unittest.TestCase):
    SAMPLES, TEXT, AUDIO, NEW, LAYERS = 2, 12, 24, 5, 6
    BATCH = ["--samples", SAMPLES, "--text-tokens", TEXT, "--audio-tokens", AUDIO, "--runs", 1, "--rounds", 2]

    def test_answers_are_held_against_reading_weights_and_cache_once_a_token(self):
        result = run("pal-bench", "generate", "--config", SMOKE, "--json", "--new-tokens", self.NEW, *self.BATCH)
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual([r["integration"] for r in report["results"]], ["plits", "lal", "pal"])
        slot = 2 * 2 * 16 * 4  # keys and values of 2 heads of 16 in float32
        lal_layers, summary = self.LAYERS - 4, self.AUDIO // 6
        prompt_slots = {"plits": self.LAYERS * (self.AUDIO + self.TEXT), "lal": self.LAYERS * self.TEXT + lal_layers * self.AUDIO}
        prompt_slots["pal"] = prompt_slots["lal"] + self.LAYERS * summary
        for r in report["results"]:
            expected = self.SAMPLES * slot * (prompt_slots[r["integration"]] + self.LAYERS * (self.NEW - 1))
            self.assertEqual(r["cache_bytes"], expected)
            self.assertGreater(r["beyond_weights_bytes"], r["cache_bytes"])
            self.assertGreater(r["token_traffic_bytes"], 4 * 49152 * 64)  # the head at least
            self.assertAlmostEqual(r["token_floor_seconds"], r["token_traffic_bytes"] / report["read_bytes_per_second"])
            self.assertAlmostEqual(r["seconds"]["median"], (r["seconds"]["min"] + r["seconds"]["max"]) / 2)  # of two
            self.assertAlmostEqual(r["tokens_per_second"], self.SAMPLES * self.NEW / r["seconds"]["median"])

    def test_wrong_input_is_refused(self):
        for arguments, words in [(["--new-tokens", "0"], ["0 tokens"]), (["--new-tokens", "3000"], ["2048"]), (["--integrations", "lall"], ["lall"])]:
            result = run("pal-bench", "generate", "--config", SMOKE, *self.BATCH, *arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), f"{arguments}: {result.stderr}")
            for word in words:
                self.assertIn(word, result.stderr)


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Lengths(unittest.TestCase):
    BATCH = ["--samples", 1, "--text-tokens", 12, "--steps", 1]

    def test_costs_stand_by_length_as_json_and_as_a_plot(self):
        with tempfile.TemporaryDirectory() as folder:
            plot = pathlib.Path(folder) / "cost.svg"
            result = run("pal-bench", "lengths", "--config", SMOKE, "--json", "--seconds", "20,2", "--svg", plot, *self.BATCH)
            self.assertEqual(result.returncode, 0, result.stderr)
            svg = xml.etree.ElementTree.parse(plot).getroot()
        results = json.loads(result.stdout)["results"]
        self.assertEqual([(r["audio_seconds"], r["integration"]) for r in results], [(s, i) for s in (2, 20) for i in ("plits", "lal", "pal")])
        flops = {(r["integration"], r["audio_seconds"]): r["model_flops"] for r in results}
        self.assertGreater(flops["plits", 20], 2 * flops["plits", 2])  # yamnet: 4 and 41 tokens beside 12 of text
        self.assertLess(flops["lal", 20] - flops["lal", 2], flops["plits", 20] - flops["plits", 2])
        lines = svg.findall(".//{http://www.w3.org/2000/svg}polyline")
        self.assertEqual(len(lines), 2 * 3)  # time and memory of each
        for line in lines:
            first, last = ([float(n) for n in point.split(",")] for point in line.get("points").split())
            self.assertLess(first[0], last[0])
        texts = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
        self.assertTrue({"plits", "lal", "pal", "seconds of audio a sample"} <= texts)

    def test_wrong_input_is_refused_before_the_work(self):
        for arguments, words in [(["--seconds", "0"], ["--seconds"]), (["--seconds", "2,3000"], ["2048"]), (["--svg", "no/such/folder/cost.svg"], ["no/such/folder"])]:
            result = run("pal-bench", "lengths", "--config", SMOKE, *self.BATCH, *arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), f"{arguments}: {result.stderr}")
            for word in words:
                self.assertIn(word, result.stderr)


if __name__ == "__main__":
    unittest.main()
