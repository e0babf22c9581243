"""Checkpoints as PyTorch writes them, and as fairseq fills them: EAT from a *.pt gives the tokens of the same weights in safetensors, and
nothing in the file is run.

    python tests/parity/torch_file_parity.py      (with the test environment's Python)

  PAL_BIN   the folder of the programs (default: build/release/bin)
"""

import argparse
import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest

import numpy
import safetensors.torch
import torch
from recordings import BIN, ROOT

HUGGING_FACE = ROOT / "tests/golden/eat_tiny_model.safetensors"
IMAGE = "modality_encoders.IMAGE."


class Harm:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def stand_in(module, name):
    """A class of a library that is not there, as a pickle names it."""
    parts = module.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    made = type(name, (), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


DictConfig = stand_in("omegaconf.dictconfig", "DictConfig")
AverageMeter = stand_in("fairseq.logging.meters", "AverageMeter")


def fairseq_name(name):
    name = name.removeprefix("model.")
    if name.startswith("blocks."):
        return name
    return IMAGE + name.replace("pre_norm.", "context_encoder.norm.")


def fairseq_model(weights, finetuned=False):
    """state["model"] of a pretrained model with its teacher and decoder, or of a classifier."""
    head = {name.removeprefix("model."): tensor for name, tensor in weights.items() if name.startswith(("model.fc_norm.", "model.head."))}
    trunk = collections.OrderedDict((fairseq_name(name), tensor) for name, tensor in weights.items() if name.removeprefix("model.") not in head)
    if finetuned:
        return collections.OrderedDict([("model." + name, tensor) for name, tensor in trunk.items()] + list(head.items()))
    trunk["_ema"] = collections.OrderedDict((name, torch.zeros_like(tensor)) for name, tensor in trunk.items())
    trunk[IMAGE + "decoder.blocks.0.0.weight"] = torch.zeros(48, 3, 3, 3)
    trunk._metadata = {"": {"version": 1}}  # as modules have it: pickled as the state of the dict
    return trunk


def checkpoint(model, harm):
    """What fairseq saves around it."""
    config, meter = DictConfig(), AverageMeter()
    config.__dict__.update(_content={"lr": 0.0005, "layers": 12}, _parent=None, harm=Harm(harm))
    meter.__dict__.update(val=numpy.float64(1.5), count=numpy.int64(3), history=numpy.arange(4.0))
    return {
        "args": argparse.Namespace(arch="data2vec_multi", lr=[0.0005], harm=Harm(harm), seed=numpy.int64(1)),
        "cfg": {"_name": None, "model": config, "common": {"fp16": True}},
        "model": model,
        "criterion": None,
        "optimizer_history": [{"criterion_name": "ModelCriterion", "num_updates": 7, "lr_scheduler_state": {"best": None}}],
        "task_state": {},
        "extra_state": {"metrics": [("default", "loss", meter)], "val_loss": numpy.float32(0.25), "previous_training_time": 1.5, "set": {1, 2}},
        "last_optimizer_state": {"state": {0: {"step": 7, "exp_avg": torch.ones(3), "big": 1 << 80}}, "param_groups": [{"betas": (0.9, 0.98)}]},
        "harm": Harm(harm),
    }


class TorchFileParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.weights = safetensors.torch.load_file(HUGGING_FACE)
        io = safetensors.torch.load_file(ROOT / "tests/golden/eat_tiny_io.safetensors")
        cls.features = cls.folder / "features.safetensors"
        safetensors.torch.save_file({"features": io["input"]}, cls.features)
        cls.expected = cls.encode(HUGGING_FACE)
        assert float((cls.expected - io["features"].flatten(0, 1)).abs().max()) < 1e-4

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def encode(cls, weights):
        out = cls.folder / "tokens.safetensors"
        out.unlink(missing_ok=True)
        subprocess.run([BIN / "pal-inspect", "encode", "--encoder", "eat", "--heads", "4", "--weights", weights, "--features", cls.features,
                        "--out", out], check=True, stdout=subprocess.DEVNULL)
        return safetensors.torch.load_file(out)["tokens"]

    def convert(self, path):
        """The finished process, and the file that it was to write."""
        out = self.folder / "converted.safetensors"
        out.unlink(missing_ok=True)
        return subprocess.run([BIN / "pal-convert", "fairseq", "--checkpoint", path, "--out", out], capture_output=True, text=True, check=False), out

    def converted(self, path):
        done, out = self.convert(path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return safetensors.torch.load_file(out)

    def test_fairseq_checkpoints_give_the_same_tokens_and_nothing_of_them_is_run(self):
        path, harm = self.folder / "fairseq.pt", self.folder / "harm"
        for protocol in (2, 3, 4, 5):
            with self.subTest(protocol=protocol):
                torch.save(checkpoint(fairseq_model(self.weights), harm), path, pickle_protocol=protocol)
                self.assertTrue(torch.equal(self.encode(path), self.expected))
                converted = self.converted(path)
                self.assertFalse(harm.exists())
                trunk = {name for name in self.weights if not name.startswith(("model.fc_norm.", "model.head."))}
                self.assertEqual(set(converted), trunk)
                for name in trunk:
                    self.assertTrue(torch.equal(converted[name], self.weights[name]), name)
                torch.load(path, weights_only=False)
                self.assertTrue(harm.exists(), "the file does no harm to whoever unpickles it, so the test shows nothing")
                harm.unlink()

    def test_a_finetuned_checkpoint_keeps_its_classifier(self):
        path = self.folder / "finetuned.pt"
        torch.save(checkpoint(fairseq_model(self.weights, finetuned=True), self.folder / "harm"), path)
        self.assertTrue(torch.equal(self.encode(path), self.expected))
        converted = self.converted(path)
        self.assertEqual(set(converted), set(self.weights))
        self.assertTrue(torch.equal(self.encode(self.folder / "converted.safetensors"), self.expected))

    def test_element_types_strides_and_shared_storages(self):
        model = fairseq_model(self.weights, finetuned=True)
        types_ = (torch.float16, torch.bfloat16, torch.float64, torch.float32)
        for i, (name, tensor) in enumerate(model.items()):
            tensor = tensor.to(types_[i % 4])
            if i % 3 == 1:  # a view of a larger storage
                tensor = torch.cat([tensor, tensor])[len(tensor):]
            if tensor.dim() > 1 and i % 3 == 2:  # other strides
                tensor = tensor.transpose(0, -1).contiguous().transpose(0, -1)
            model[name] = torch.nn.Parameter(tensor, requires_grad=i % 2 == 0) if i % 5 == 0 else tensor
        both = torch.cat([model["model.blocks.0.norm1.weight"].detach(), model["model.blocks.0.norm1.weight"].detach()])
        model["model.blocks.0.norm1.weight"], model["model.blocks.1.norm1.weight"] = both[:48], both[48:]
        path = self.folder / "mixed.pt"
        torch.save({"model": model}, path)
        converted = self.converted(path)
        back = {name: tensor for name, tensor in fairseq_model(converted, finetuned=True).items()}
        self.assertEqual(set(back), set(model))
        for name, tensor in model.items():
            self.assertEqual(back[name].dtype, tensor.dtype, name)
            self.assertTrue(torch.equal(back[name], tensor.detach()), name)

    def test_what_cannot_be_read_ends_in_exit_code_2_and_writes_nothing(self):
        legacy, cut, other, missing = (self.folder / name for name in ("legacy.pt", "cut.pt", "other.pt", "missing.pt"))
        state = checkpoint(fairseq_model(self.weights), self.folder / "harm")
        torch.save(state, legacy, _use_new_zipfile_serialization=False)
        torch.save(state, cut)
        cut.write_bytes(cut.read_bytes()[:-1000])
        torch.save({"model": {"weight": torch.zeros(2)}}, other)
        del state["model"]["blocks.1.norm2.bias"]
        state["model"]["blocks.0.mlp.fc2.weight"] = torch.zeros(48, 7)
        torch.save(state, missing)
        for path, fragments in ((legacy, ["before 1.6"]), (cut, ["zip"]), (other, ["an EAT or SSLAM encoder was expected"]),
                                (missing, ["1 missing, 1 wrong shape", "1  model.blocks.1.norm2.bias      [48]       -", "model.blocks.0.mlp.fc2.weight  [48, 192]  [48, 7] F32"]),
                                (self.folder / "absent.pt", ["is missing"])):
            with self.subTest(path=path.name):
                done, out = self.convert(path)
                self.assertEqual(done.returncode, 2, done.stderr)
                for fragment in [str(path), *fragments]:
                    self.assertIn(fragment, done.stderr)
                self.assertFalse(out.exists())
        self.assertFalse((self.folder / "harm").exists())


if __name__ == "__main__":
    unittest.main()
